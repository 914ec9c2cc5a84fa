#pragma once
// Which rules hold in which block. A fork is a diff to the one before it (fork.cpp), and a chain is the blocks and
// times at which it takes up each.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/u256.hpp"
#include "chain/block.hpp"
#include "evm/revision.hpp"

namespace weft::chain {

/// In order of activation. Up to gray_glacier by block number, paris by total difficulty, the others by timestamp.
enum class Fork : std::uint8_t {
    frontier,
    homestead,
    dao,
    tangerine_whistle,
    spurious_dragon,
    byzantium,
    constantinople,
    petersburg,
    istanbul,
    muir_glacier,
    berlin,
    london,
    arrow_glacier,
    gray_glacier,
    paris,
    shanghai,
    cancun,
    prague,
    osaka,
    bpo1,
    bpo2,
    bpo3,
    bpo4,
    bpo5,
};
inline constexpr auto fork_count = static_cast<std::size_t>(Fork::bpo5) + 1;

/// Name of a fork as genesis files spell it, e.g. "byzantium", "arrowGlacier", "bpo1".
[[nodiscard]] std::string_view to_string(Fork fork);

/// @source EIP-7840.
struct BlobSchedule {
    std::uint64_t target = 0;
    std::uint64_t max = 0;
    std::uint64_t base_fee_update_fraction = 0;
    bool operator==(const BlobSchedule&) const = default;
};

/// Everything about the rules of one block that isn't gas inside the EVM.
struct Rules {
    Fork fork = Fork::frontier;  // the newest one active
    evm::Revision revision = evm::Revision::frontier;
    bool dao_fork = false;                       // this very block moves the DAO's ether
    U256 block_reward;                           // wei; 0 from Paris
    std::optional<std::uint64_t> bomb_delay;     // of the difficulty bomb, in blocks; none from Paris
    BlobSchedule blobs;                          // zero before Cancun
    std::uint64_t blobs_per_transaction_max = 0; // EIP-7594: 6 from Osaka; else as the block's
    std::uint64_t refund_quotient = 2;           // EIP-3529: 5 from London
    std::uint64_t block_size_max = ~0ULL;        // EIP-7934, bytes of RLP
    std::uint64_t transaction_gas_max = ~0ULL;   // EIP-7825

    [[nodiscard]] bool at_least(evm::Revision other) const { return revision >= other; }
};

/// A chain whose validators agree on each block; genesis files have it as Besu's "qbft".
struct QbftConfig {
    std::uint64_t period_s = 1;      // blockperiodseconds: between blocks, at least
    std::uint64_t heartbeat_s = 60;  // emptyblockperiodseconds: between blocks when nothing waits
    std::uint64_t timeout_s = 1;     // requesttimeoutseconds: of the first round
    std::uint64_t epoch = 30'000;    // epochlength: blocks after which votes on validators are forgotten
    bool operator==(const QbftConfig&) const = default;
};

struct ChainConfig {
    std::uint64_t chain_id = 1;
    /// Block number or timestamp; nullopt: never. That of paris is only for show: the merge comes with difficulty.
    std::array<std::optional<std::uint64_t>, fork_count> activation{};
    /// Block schedules that replace the default ones of cancun, prague and the bpo forks.
    std::array<std::optional<BlobSchedule>, fork_count> blob_schedule{};
    std::optional<U256> terminal_total_difficulty;
    Address deposit_contract{{0x00, 0x00, 0x00, 0x00, 0x21, 0x9a, 0xb5, 0x40, 0x35, 0x6c,
                              0xbb, 0x83, 0x9c, 0xbe, 0x05, 0x30, 0x3d, 0x77, 0x05, 0xfa}};
    bool dao_fork_support = false;
    std::optional<QbftConfig> qbft;

    [[nodiscard]] std::optional<std::uint64_t>& at(Fork fork) { return activation[static_cast<std::size_t>(fork)]; }
    [[nodiscard]] const std::optional<std::uint64_t>& at(Fork fork) const {
        return activation[static_cast<std::size_t>(fork)];
    }
    bool operator==(const ChainConfig&) const = default;

    /// Whether a block whose parent's total difficulty is this belongs to proof of stake.
    [[nodiscard]] bool merged_after(const U256& parent_total_difficulty) const {
        return terminal_total_difficulty && parent_total_difficulty >= *terminal_total_difficulty;
    }
};

/// @param merged  whether the block is one of proof of stake; of a valid header: difficulty is zero and number isn't,
///                or the chain begins merged (see merged()).
[[nodiscard]] Rules rules_at(const ChainConfig& config, std::uint64_t number, std::uint64_t timestamp, bool merged);
/// The rules a header claims to follow.
[[nodiscard]] Rules rules_of(const ChainConfig& config, const Header& header);
/// Whether a header is one of proof of stake: its difficulty is zero and the chain has a terminal total difficulty.
[[nodiscard]] bool is_merged(const ChainConfig& config, const Header& header);

/// The fork active at a block, and the first fork after it that is scheduled (for eth_config and fork ids).
[[nodiscard]] std::optional<Fork> next_fork(const ChainConfig& config, std::uint64_t timestamp);

/// A chain that has every fork up to @p fork from block 0; chain id 1.
[[nodiscard]] ChainConfig config_of(Fork fork);
[[nodiscard]] ChainConfig mainnet_config();

/// @param name  as fixtures spell a fork, e.g. "Shanghai", "EIP158", "BPO1".
[[nodiscard]] std::optional<Fork> fork_from_fixture_name(std::string_view name);
/// @param name  a fork, or a transition such as "BerlinToLondonAt5" or "CancunToPragueAtTime15k". Chain id 1.
[[nodiscard]] std::optional<ChainConfig> config_from_fixture_name(std::string_view name);
/// Rules of a fork in itself, for state tests.
[[nodiscard]] Rules rules_of_fork(Fork fork);
[[nodiscard]] evm::Revision revision_of(Fork fork);

/// EIP-1559: the base fee of the block after @p parent; of the first such block if the parent has none.
[[nodiscard]] U256 next_base_fee(const Header& parent);
/// The excess blob gas of the block after @p parent, by the child's rules. @source EIP-4844, EIP-7691, EIP-7918.
[[nodiscard]] std::uint64_t next_excess_blob_gas(const Rules& child_rules, const Header& parent);
/// @source EIP-4844, get_base_fee_per_blob_gas.
[[nodiscard]] U256 blob_base_fee(const Rules& rules, std::uint64_t excess_blob_gas);
/// factor * e^(numerator / denominator), rounded down. Saturates.
[[nodiscard]] U256 fake_exponential(const U256& factor, const U256& numerator, const U256& denominator);

/// Difficulty of a proof-of-work block. @source Yellow Paper, section 4.4.4; EIP-2, 100, 649, 1234, 2384, 3554, 4345,
/// 5133.
[[nodiscard]] U256 next_difficulty(const ChainConfig& config, std::uint64_t timestamp, const Header& parent);

}  // namespace weft::chain
