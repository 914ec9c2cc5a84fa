// The names that official fixtures give forks and transitions between two of them.

#include <charconv>

#include "base/hex.hpp"
#include "chain/fork.hpp"

namespace weft::chain {

namespace {

constexpr std::pair<std::string_view, Fork> fixture_names[] = {
    {"Frontier", Fork::frontier}, {"Homestead", Fork::homestead}, {"Dao", Fork::dao},
    {"EIP150", Fork::tangerine_whistle}, {"TangerineWhistle", Fork::tangerine_whistle},
    {"EIP158", Fork::spurious_dragon}, {"SpuriousDragon", Fork::spurious_dragon}, {"Byzantium", Fork::byzantium},
    {"Constantinople", Fork::constantinople}, {"ConstantinopleFix", Fork::petersburg},
    {"Petersburg", Fork::petersburg}, {"Istanbul", Fork::istanbul}, {"MuirGlacier", Fork::muir_glacier},
    {"Berlin", Fork::berlin}, {"London", Fork::london}, {"ArrowGlacier", Fork::arrow_glacier},
    {"GrayGlacier", Fork::gray_glacier}, {"Paris", Fork::paris}, {"Merge", Fork::paris}, {"Shanghai", Fork::shanghai},
    {"Cancun", Fork::cancun}, {"Prague", Fork::prague}, {"Osaka", Fork::osaka}, {"BPO1", Fork::bpo1},
    {"BPO2", Fork::bpo2}, {"BPO3", Fork::bpo3}, {"BPO4", Fork::bpo4}, {"BPO5", Fork::bpo5}};

/// "5", "15k" or hexadecimal digits; nullopt for anything else.
std::optional<std::uint64_t> number_of(std::string_view text, int base) {
    std::uint64_t factor = 1;
    if (base == 10 && text.ends_with('k')) {
        factor = 1000;
        text.remove_suffix(1);
    }
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value * factor;
}

}  // namespace

std::optional<Fork> fork_from_fixture_name(std::string_view name) {
    for (const auto& [known, fork] : fixture_names) {
        if (known == name) return fork;
    }
    return std::nullopt;
}

std::optional<ChainConfig> config_from_fixture_name(std::string_view name) {
    if (const auto fork = fork_from_fixture_name(name)) return config_of(*fork);
    const auto to = name.find("To");
    const auto at = name.find("At", to);
    if (to == std::string_view::npos || at == std::string_view::npos) return std::nullopt;
    const auto before = fork_from_fixture_name(name.substr(0, to));
    const auto after = fork_from_fixture_name(name.substr(to + 2, at - to - 2));
    if (!before || !after) return std::nullopt;

    ChainConfig config = config_of(*before);
    config.at(Fork::petersburg) = *before >= Fork::petersburg ? std::optional<std::uint64_t>(0) : std::nullopt;
    auto when = name.substr(at + 2);
    if (when.starts_with("Diff")) {
        const auto difficulty = number_of(when.substr(4), 16);
        if (!difficulty) return std::nullopt;
        config.terminal_total_difficulty = U256(*difficulty);
        return config;
    }
    if (when.starts_with("Time")) when.remove_prefix(4);
    const auto value = number_of(when, 10);
    if (!value) return std::nullopt;
    if (*after >= Fork::paris) config.terminal_total_difficulty = U256{};
    for (auto i = static_cast<std::size_t>(*before) + 1; i <= static_cast<std::size_t>(*after); ++i) {
        const auto fork = static_cast<Fork>(i);
        if (fork == Fork::dao && *after != Fork::dao) continue;
        config.at(fork) = *value;
    }
    if (*after == Fork::constantinople) config.at(Fork::petersburg) = ~0ULL;
    config.dao_fork_support = *after == Fork::dao;
    return config;
}

}  // namespace weft::chain
