#include "chain/fork.hpp"

#include <algorithm>

namespace weft::chain {

namespace {

using evm::Revision;

constexpr U256 ether(std::uint64_t count) { return U256(count) * U256(1'000'000'000'000'000'000ULL); }

constexpr std::uint64_t base_fee_initial = 1'000'000'000;
constexpr std::uint64_t base_fee_change_denominator = 8;
constexpr std::uint64_t elasticity = 2;
constexpr std::uint64_t blob_base_fee_min = 1;
constexpr std::uint64_t blob_base_cost = 1 << 13;  // EIP-7918
constexpr std::uint64_t block_size_limit = (10 << 20) - (2 << 20);  // EIP-7934: 10 MiB less a margin of 2

constexpr BlobSchedule cancun_blobs{3, 6, 3338477};     // EIP-4844
constexpr BlobSchedule prague_blobs{6, 9, 5007716};     // EIP-7691
constexpr BlobSchedule bpo1_blobs{10, 15, 8346193};     // EIP-7892
constexpr BlobSchedule bpo2_blobs{14, 21, 11684671};

/// What a fork changes of the one before it.
void apply_fork(Rules& rules, Fork fork) {
    rules.fork = fork;
    rules.revision = revision_of(fork);
    switch (fork) {
        case Fork::frontier:
            rules.block_reward = ether(5);
            rules.bomb_delay = 0;
            break;
        case Fork::byzantium:
            rules.block_reward = ether(3);
            rules.bomb_delay = 3'000'000;
            break;
        case Fork::constantinople:
            rules.block_reward = ether(2);
            rules.bomb_delay = 5'000'000;
            break;
        case Fork::muir_glacier: rules.bomb_delay = 9'000'000; break;
        case Fork::london:
            rules.refund_quotient = 5;
            rules.bomb_delay = 9'700'000;
            break;
        case Fork::arrow_glacier: rules.bomb_delay = 10'700'000; break;
        case Fork::gray_glacier: rules.bomb_delay = 11'400'000; break;
        case Fork::paris:
            rules.block_reward = {};
            rules.bomb_delay = std::nullopt;
            break;
        case Fork::cancun: rules.blobs = cancun_blobs; break;
        case Fork::prague: rules.blobs = prague_blobs; break;
        case Fork::osaka:
            rules.transaction_gas_max = transaction_gas_limit_max;
            rules.block_size_max = block_size_limit;
            rules.blobs_per_transaction_max = 6;
            break;
        case Fork::bpo1: rules.blobs = bpo1_blobs; break;
        case Fork::bpo2: rules.blobs = bpo2_blobs; break;
        default: break;
    }
}

bool is_active(const ChainConfig& config, Fork fork, std::uint64_t number, std::uint64_t timestamp, bool merged) {
    if (fork == Fork::frontier) return true;
    if (fork == Fork::paris) return merged;
    const auto& at = config.at(fork);
    if (fork > Fork::paris) return merged && at && timestamp >= *at;
    if (fork == Fork::petersburg && !at)
        return config.at(Fork::constantinople) && number >= *config.at(Fork::constantinople);
    return at && number >= *at;
}

}  // namespace

std::string_view to_string(Fork fork) {
    constexpr std::string_view names[fork_count] = {"frontier",
                                                    "homestead",
                                                    "dao",
                                                    "tangerineWhistle",
                                                    "spuriousDragon",
                                                    "byzantium",
                                                    "constantinople",
                                                    "petersburg",
                                                    "istanbul",
                                                    "muirGlacier",
                                                    "berlin",
                                                    "london",
                                                    "arrowGlacier",
                                                    "grayGlacier",
                                                    "paris",
                                                    "shanghai",
                                                    "cancun",
                                                    "prague",
                                                    "osaka",
                                                    "bpo1",
                                                    "bpo2",
                                                    "bpo3",
                                                    "bpo4",
                                                    "bpo5"};
    return names[static_cast<std::size_t>(fork)];
}

Revision revision_of(Fork fork) {
    constexpr Revision revisions[fork_count] = {
        Revision::frontier, Revision::homestead, Revision::homestead, Revision::tangerine_whistle,
        Revision::spurious_dragon, Revision::byzantium, Revision::constantinople, Revision::petersburg,
        Revision::istanbul, Revision::istanbul, Revision::berlin, Revision::london, Revision::london, Revision::london,
        Revision::paris, Revision::shanghai, Revision::cancun, Revision::prague, Revision::osaka, Revision::osaka,
        Revision::osaka, Revision::osaka, Revision::osaka, Revision::osaka};
    return revisions[static_cast<std::size_t>(fork)];
}

Rules rules_at(const ChainConfig& config, std::uint64_t number, std::uint64_t timestamp, bool merged) {
    Rules rules;
    for (std::size_t i = 0; i < fork_count; ++i) {
        const auto fork = static_cast<Fork>(i);
        // The merge brings what London has, also to a chain that names no block for some fork before it.
        if (!is_active(config, fork, number, timestamp, merged)) continue;
        apply_fork(rules, fork);
        if (config.blob_schedule[i]) rules.blobs = *config.blob_schedule[i];
    }
    if (rules.blobs_per_transaction_max == 0) rules.blobs_per_transaction_max = rules.blobs.max;
    rules.blobs_per_transaction_max = std::min(rules.blobs_per_transaction_max, rules.blobs.max);
    rules.dao_fork = config.dao_fork_support && config.at(Fork::dao) == number;
    return rules;
}

bool is_merged(const ChainConfig& config, const Header& header) {
    return header.difficulty.is_zero() && config.terminal_total_difficulty.has_value();
}

Rules rules_of(const ChainConfig& config, const Header& header) {
    return rules_at(config, header.number, header.timestamp, is_merged(config, header));
}

std::optional<Fork> next_fork(const ChainConfig& config, std::uint64_t timestamp) {
    std::optional<Fork> next;
    for (auto i = static_cast<std::size_t>(Fork::shanghai); i < fork_count; ++i) {
        const auto& at = config.activation[i];
        if (!at || *at <= timestamp) continue;
        if (!next || *at < *config.at(*next)) next = static_cast<Fork>(i);
    }
    return next;
}

ChainConfig config_of(Fork fork) {
    ChainConfig config;
    for (std::size_t i = 0; i <= static_cast<std::size_t>(fork); ++i) {
        if (static_cast<Fork>(i) != Fork::dao) config.activation[i] = 0;
    }
    if (fork == Fork::constantinople) config.at(Fork::petersburg) = ~0ULL;
    if (fork >= Fork::paris) config.terminal_total_difficulty = U256{};
    return config;
}

Rules rules_of_fork(Fork fork) { return rules_at(config_of(fork), 1, 1, fork >= Fork::paris); }

ChainConfig mainnet_config() {
    ChainConfig config;
    config.chain_id = 1;
    config.dao_fork_support = true;
    config.terminal_total_difficulty = U256(58'750'000'000ULL) * U256(1'000'000'000'000ULL);
    const std::pair<Fork, std::uint64_t> forks[] = {
        {Fork::frontier, 0}, {Fork::homestead, 1'150'000}, {Fork::dao, 1'920'000},
        {Fork::tangerine_whistle, 2'463'000}, {Fork::spurious_dragon, 2'675'000}, {Fork::byzantium, 4'370'000},
        {Fork::constantinople, 7'280'000}, {Fork::petersburg, 7'280'000}, {Fork::istanbul, 9'069'000},
        {Fork::muir_glacier, 9'200'000}, {Fork::berlin, 12'244'000}, {Fork::london, 12'965'000},
        {Fork::arrow_glacier, 13'773'000}, {Fork::gray_glacier, 15'050'000}, {Fork::shanghai, 1'681'338'455},
        {Fork::cancun, 1'710'338'135}, {Fork::prague, 1'746'612'311}, {Fork::osaka, 1'764'798'551},
        {Fork::bpo1, 1'765'290'071}, {Fork::bpo2, 1'767'747'671}};
    for (const auto& [fork, at] : forks) config.at(fork) = at;
    return config;
}

// --- fees

U256 next_base_fee(const Header& parent) {
    if (!parent.base_fee) return base_fee_initial;
    const U256& fee = *parent.base_fee;
    const std::uint64_t target = parent.gas_limit / elasticity;
    if (parent.gas_used == target || target == 0) return fee;
    if (parent.gas_used > target) {
        const U256 step = fee * U256(parent.gas_used - target) / U256(target) / U256(base_fee_change_denominator);
        return fee + std::max(step, U256(1));
    }
    return fee - fee * U256(target - parent.gas_used) / U256(target) / U256(base_fee_change_denominator);
}

U256 fake_exponential(const U256& factor, const U256& numerator, const U256& denominator) {
    U256 output;
    U256 term = factor * denominator;
    for (std::uint64_t i = 1; !term.is_zero(); ++i) {
        bool carry = false;
        output = U256::add(output, term, carry);
        // Far beyond what any balance could pay; the products below then still fit.
        if (carry || term.bit_length() + numerator.bit_length() > 256) return ~U256{};
        term = term * numerator / (denominator * U256(i));
    }
    return output / denominator;
}

U256 blob_base_fee(const Rules& rules, std::uint64_t excess_blob_gas) {
    if (rules.blobs.base_fee_update_fraction == 0) return {};
    return fake_exponential(blob_base_fee_min, excess_blob_gas, rules.blobs.base_fee_update_fraction);
}

std::uint64_t next_excess_blob_gas(const Rules& child_rules, const Header& parent) {
    const std::uint64_t excess = parent.excess_blob_gas.value_or(0);
    const std::uint64_t used = parent.blob_gas_used.value_or(0);
    const std::uint64_t target = child_rules.blobs.target * gas_per_blob;
    if (excess + used < target) return 0;
    if (child_rules.at_least(Revision::osaka) && child_rules.blobs.max > 0) {
        const U256 reserve = U256(blob_base_cost) * parent.base_fee.value_or(U256{});
        if (reserve > U256(gas_per_blob) * blob_base_fee(child_rules, excess)) {
            return excess + used * (child_rules.blobs.max - child_rules.blobs.target) / child_rules.blobs.max;
        }
    }
    return excess + used - target;
}

// --- proof of work

namespace {

constexpr std::uint64_t difficulty_min = 131'072;
constexpr std::uint64_t difficulty_divisor = 2048;
constexpr std::uint64_t bomb_period = 100'000;
constexpr std::uint64_t frontier_block_seconds = 13;
constexpr std::uint64_t decrease_max = 99;

/// parent + parent / 2048 * (up - down), not below the minimum.
U256 adjust(const U256& parent, std::uint64_t up, std::uint64_t down) {
    const U256 step = parent / U256(difficulty_divisor);
    U256 out = parent;
    if (up >= down) {
        out += step * U256(up - down);
    } else {
        const U256 less = step * U256(std::min(down - up, decrease_max));
        out = less > parent ? U256{} : parent - less;
    }
    return std::max(out, U256(difficulty_min));
}

}  // namespace

U256 next_difficulty(const ChainConfig& config, std::uint64_t timestamp, const Header& parent) {
    const std::uint64_t number = parent.number + 1;
    const Rules rules = rules_at(config, number, timestamp, false);
    const std::uint64_t seconds = timestamp - parent.timestamp;
    U256 difficulty;
    if (rules.at_least(Revision::byzantium)) {
        difficulty = adjust(parent.difficulty, parent.ommers_hash == empty_list_hash ? 1 : 2, seconds / 9);
    } else if (rules.at_least(Revision::homestead)) {
        difficulty = adjust(parent.difficulty, 1, seconds / 10);
    } else {
        difficulty =
            seconds < frontier_block_seconds ? adjust(parent.difficulty, 1, 0) : adjust(parent.difficulty, 0, 1);
    }
    const std::uint64_t delay = rules.bomb_delay.value_or(0);
    const std::uint64_t period = (number > delay ? number - delay : 0) / bomb_period;
    if (period > 1) difficulty += U256(1) << (period - 2);
    return difficulty;
}

}  // namespace weft::chain
