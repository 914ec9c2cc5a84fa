#pragma once
// Byte strings and the fixed-size ones that have a meaning of their own.

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace weft {

using Bytes = std::vector<std::uint8_t>;
using BytesView = std::span<const std::uint8_t>;

/// N bytes compared as a big-endian number. Tag keeps an address from being passed for a hash.
template <std::size_t N, class Tag>
struct FixedBytes {
    static constexpr std::size_t size = N;
    std::array<std::uint8_t, N> bytes{};

    constexpr auto operator<=>(const FixedBytes&) const = default;
    [[nodiscard]] constexpr bool is_zero() const {
        for (const auto byte : bytes) {
            if (byte != 0) return false;
        }
        return true;
    }
    [[nodiscard]] constexpr BytesView view() const { return BytesView(bytes.data(), N); }
    constexpr operator BytesView() const { return view(); }  // NOLINT: a fixed byte string is a byte string
    [[nodiscard]] constexpr std::uint8_t* data() { return bytes.data(); }
    [[nodiscard]] constexpr const std::uint8_t* data() const { return bytes.data(); }

    /// Copies a view of exactly N bytes; a shorter one is put at the end (zeros before), of a longer one the last N
    /// count.
    [[nodiscard]] static constexpr FixedBytes from(BytesView view) {
        FixedBytes out;
        const std::size_t count = view.size() < N ? view.size() : N;
        for (std::size_t i = 0; i < count; ++i) out.bytes[N - count + i] = view[view.size() - count + i];
        return out;
    }
};

struct AddressTag;
struct HashTag;
using Address = FixedBytes<20, AddressTag>;
/// 32 bytes: a Keccak-256 hash, a storage key or value, a topic.
using Hash = FixedBytes<32, HashTag>;

[[nodiscard]] inline BytesView as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view as_text(BytesView view) {
    return {reinterpret_cast<const char*>(view.data()), view.size()};
}
[[nodiscard]] inline Bytes to_bytes(BytesView view) { return {view.begin(), view.end()}; }
inline void append(Bytes& to, BytesView view) { to.insert(to.end(), view.begin(), view.end()); }

/// Spreads the 8 bytes of @p value well enough for a hash table; not for hostile keys without @p seed kept secret.
[[nodiscard]] constexpr std::uint64_t mix64(std::uint64_t value) {
    value ^= value >> 32;
    value *= 0xd6e8feb86659fd93ULL;
    value ^= value >> 32;
    value *= 0xd6e8feb86659fd93ULL;
    return value ^ (value >> 32);
}

}  // namespace weft

template <std::size_t N, class Tag>
struct std::hash<weft::FixedBytes<N, Tag>> {
    std::size_t operator()(const weft::FixedBytes<N, Tag>& key) const noexcept {
        std::uint64_t sum = N;
        std::size_t i = 0;
        for (; i + 8 <= N; i += 8) {
            std::uint64_t word;
            std::memcpy(&word, key.bytes.data() + i, 8);
            sum = weft::mix64(sum ^ word);
        }
        std::uint64_t rest = 0;
        for (; i < N; ++i) rest = (rest << 8) | key.bytes[i];
        return weft::mix64(sum ^ rest);
    }
};
