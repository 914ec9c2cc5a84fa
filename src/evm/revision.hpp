#pragma once
// The rule sets of Ethereum's execution layer, in the order they came into force. A later one contains the earlier
// ones unless its table (gas.hpp, chain/fork.hpp) says otherwise.

#include <cstdint>
#include <string_view>

namespace weft::evm {

enum class Revision : std::uint8_t {
    frontier,
    homestead,
    tangerine_whistle,  // EIP-150
    spurious_dragon,    // EIP-158
    byzantium,
    constantinople,
    petersburg,
    istanbul,
    berlin,
    london,
    paris,
    shanghai,
    cancun,
    prague,
    osaka,
};

inline constexpr auto revision_count = static_cast<std::size_t>(Revision::osaka) + 1;

/// The name official test fixtures give a fork, e.g. "Prague".
[[nodiscard]] constexpr std::string_view to_string(Revision revision) {
    constexpr std::string_view names[revision_count] = {
        "Frontier", "Homestead", "EIP150", "EIP158", "Byzantium", "Constantinople", "ConstantinopleFix", "Istanbul",
        "Berlin", "London", "Paris", "Shanghai", "Cancun", "Prague", "Osaka"};
    return names[static_cast<std::size_t>(revision)];
}

}  // namespace weft::evm
