#pragma once
// JSON into values, as strictly as geth: quantities without leading zeros, data of even length, and geth's words for
// what is wrong.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/types.hpp"
#include "base/json.hpp"
#include "base/result.hpp"

namespace weft::service::gateway {

/// Reads one value. The errors are the text after "invalid argument 0: "; @p type is the name geth's users know the
/// type by, e.g. "common.Hash".
namespace read {

[[nodiscard]] Result<Address> address(const json::Value& value);
[[nodiscard]] Result<Hash> hash(const json::Value& value);
/// A quantity of 64 or 256 bits.
[[nodiscard]] Result<std::uint64_t> quantity(const json::Value& value, std::string_view type = "hexutil.Uint64");
[[nodiscard]] Result<U256> big(const json::Value& value, std::string_view type = "*hexutil.Big");
[[nodiscard]] Result<Bytes> data(const json::Value& value);
[[nodiscard]] Result<bool> boolean(const json::Value& value);
[[nodiscard]] Result<std::string> text(const json::Value& value);
/// A tag, a number, or (unless @p number_only) a hash or an object with blockHash or blockNumber (EIP-1898).
[[nodiscard]] Result<api::BlockRef> block(const json::Value& value, bool number_only = false);
/// A storage key: up to 32 bytes, short ones with zeros before. @errors also carry their code, as geth's do.
[[nodiscard]] Result<Hash> storage_key(std::string_view text);
/// A number in any dress: quantity, hexadecimal with leading zeros, decimal, JSON number. For the development methods,
/// whose callers agree on nothing.
[[nodiscard]] Result<U256> any_number(const json::Value& value);
[[nodiscard]] Result<std::uint64_t> any_u64(const json::Value& value);
/// Bytes with or without an even number of digits.
[[nodiscard]] Result<U256> any_word(const json::Value& value);

/// "json: cannot unmarshal WHAT into Go value of type TYPE"
[[nodiscard]] std::unexpected<Error> wrong_type(std::string_view what, std::string_view type);
/// "string", "number", ... as Go names a JSON value.
[[nodiscard]] std::string_view kind_name(const json::Value& value);

}  // namespace read

/// A call's positional arguments.
///
/// A getter ends with -32602 and "invalid argument I: ..." or "missing value for required argument I"; null counts as
/// missing.
class Params {
  public:
    explicit Params(const json::Value& values) : values_(&values) {}

    /// @errors invalid_argument  an object instead of an array, or more than @p count_max arguments.
    [[nodiscard]] Result<void> check_count(std::size_t count_max) const;

    [[nodiscard]] std::size_t size() const { return values_->items().size(); }
    /// The shared null if it isn't there.
    [[nodiscard]] const json::Value& at(std::size_t index) const;
    [[nodiscard]] bool has(std::size_t index) const { return !at(index).is_null(); }

    [[nodiscard]] Result<Address> address(std::size_t index) const {
        return get(index, [](auto& v) { return read::address(v); });
    }
    [[nodiscard]] Result<Hash> hash(std::size_t index) const {
        return get(index, [](auto& v) { return read::hash(v); });
    }
    [[nodiscard]] Result<std::uint64_t> quantity(std::size_t index) const {
        return get(index, [](auto& v) { return read::quantity(v); });
    }
    [[nodiscard]] Result<std::uint64_t> index_number(std::size_t index) const {
        return get(index, [](auto& v) { return read::quantity(v, "hexutil.Uint"); });
    }
    [[nodiscard]] Result<U256> big(std::size_t index) const { return get(index, [](auto& v) { return read::big(v); }); }
    [[nodiscard]] Result<Bytes> data(std::size_t index) const {
        return get(index, [](auto& v) { return read::data(v); });
    }
    [[nodiscard]] Result<bool> boolean(std::size_t index) const {
        return get(index, [](auto& v) { return read::boolean(v); });
    }
    [[nodiscard]] Result<std::string> text(std::size_t index) const {
        return get(index, [](auto& v) { return read::text(v); });
    }
    [[nodiscard]] Result<api::BlockRef> block(std::size_t index) const {
        return get(index, [](auto& v) { return read::block(v); });
    }
    [[nodiscard]] Result<api::BlockRef> block_number(std::size_t index) const {
        return get(index, [](auto& v) { return read::block(v, true); });
    }
    /// The newest block if it isn't given.
    [[nodiscard]] Result<api::BlockRef> block_or_latest(std::size_t index) const {
        if (!has(index)) return api::BlockRef{};
        return block(index);
    }
    [[nodiscard]] Result<U256> any_number(std::size_t index) const {
        return get(index, [](auto& v) { return read::any_number(v); });
    }
    [[nodiscard]] Result<std::uint64_t> any_u64(std::size_t index) const {
        return get(index, [](auto& v) { return read::any_u64(v); });
    }

    /// Reads argument @p index with @p reader, which gives a Result, and says which argument an error is about.
    template <class Reader>
    [[nodiscard]] auto get(std::size_t index, Reader&& reader) const
        -> decltype(reader(std::declval<const json::Value&>())) {
        const json::Value& value = at(index);
        if (value.is_null()) return missing(index);
        auto result = reader(value);
        if (!result) return std::unexpected(about(index, std::move(result).error()));
        return result;
    }

  private:
    [[nodiscard]] static std::unexpected<Error> missing(std::size_t index);
    [[nodiscard]] static Error about(std::size_t index, Error error);

    const json::Value* values_;
};

}  // namespace weft::service::gateway
