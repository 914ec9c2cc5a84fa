#pragma once
// Recursive Length Prefix: Ethereum's serialisation of byte strings and lists of them (Yellow Paper, appendix B).
//
//   item   = string | list
//   string = one byte below 0x80, itself | 0x80+n, n bytes (n <= 55) | 0xb7+k, k bytes of n, n bytes
//   list   = 0xc0+n, n bytes of items    (n <= 55) | 0xf7+k, k bytes of n, n bytes of items
//
// Every value has exactly one encoding; the reader refuses all others.

#include <cstdint>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/u256.hpp"

namespace weft::rlp {

/// Appends items to a byte string.
class Writer {
  public:
    Writer& string(BytesView bytes);
    /// A number: its big-endian bytes without leading zeros.
    Writer& number(std::uint64_t value);
    Writer& number(const U256& value);
    /// An item that is encoded already.
    Writer& raw(BytesView encoded);
    /// Opens a list; its items follow, then end_list(token).
    [[nodiscard]] std::size_t begin_list();
    Writer& end_list(std::size_t token);

    [[nodiscard]] const Bytes& bytes() const { return out_; }
    [[nodiscard]] Bytes take() { return std::move(out_); }
    void clear() { out_.clear(); }

  private:
    Bytes out_;
};

/// Size of the encoding of a string.
[[nodiscard]] std::size_t size_of_string(BytesView bytes);

/// Reads items from a view, in order. It copies nothing: what it gives points into the view.
class Reader {
  public:
    Reader() = default;
    explicit Reader(BytesView input) : rest_(input) {}

    [[nodiscard]] bool done() const { return rest_.empty(); }
    /// Whether the next item is a list. False at the end.
    [[nodiscard]] bool next_is_list() const { return !rest_.empty() && rest_[0] >= 0xc0; }
    /// @errors invalid_argument  the next item is no string, or not encoded as the only encoding says, or cut off.
    [[nodiscard]] Result<BytesView> string();
    /// A reader over the next item's items.
    /// @errors as string().
    [[nodiscard]] Result<Reader> list();
    /// The next item with its prefix.
    [[nodiscard]] Result<BytesView> item();
    /// @errors invalid_argument  also for leading zeros or more than 8 (32) bytes.
    [[nodiscard]] Result<std::uint64_t> u64();
    [[nodiscard]] Result<U256> u256();
    /// A string of exactly N bytes.
    template <class Fixed>
    [[nodiscard]] Result<Fixed> fixed() {
        auto bytes = string();
        if (!bytes) return std::unexpected(std::move(bytes).error());
        if (bytes->size() != Fixed::size) return fail(ErrorCode::invalid_argument, "rlp: string of wrong length");
        return Fixed::from(*bytes);
    }
    /// @errors invalid_argument  something is left.
    [[nodiscard]] Result<void> end() const;
    [[nodiscard]] BytesView rest() const { return rest_; }

  private:
    BytesView rest_;
};

}  // namespace weft::rlp
