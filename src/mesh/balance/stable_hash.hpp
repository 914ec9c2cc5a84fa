#pragma once
// A hash that is the same in every process and release: callers that hash agree on who is responsible for a key.

#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"

namespace weft::mesh {

/// Not for hostile keys: whoever knows it can choose keys of one instance.
/// @source  FNV-1a, mixed once more because its high bits alone are poor.
[[nodiscard]] constexpr std::uint64_t stable_hash(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3ULL;
    return mix64(hash);
}

/// What consistent hashing knows of an instance: its name and its share of the keys.
struct Hashed {
    /// stable_hash() of its id, not of its place in a list, or every change would move every key.
    std::uint64_t id = 0;
    std::uint32_t weight = 1;
};

}  // namespace weft::mesh
