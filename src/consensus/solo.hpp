#pragma once
// One validator alone: when to seal, and what the next block's header says that the chain's rules leave open. A pure
// machine: the driver tells it what happened and what time it is, and does what it answers.
//
// Three ways of sealing, which can be on together: at once when a transaction waits (automine), every so often
// (interval), and by order. A development chain's settings of the next block are used up by it.
//
// Invariants:
//   1. Timestamps grow from block to block.
//   2. With automine on and a transaction waiting that can run, the answer to every event is to seal.
//   3. An interval that is missed (a long block, a stopped machine) is not made up for.

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/u256.hpp"

namespace weft::consensus::solo {

struct Config {
    /// Whether orders about time, fees and sealing are taken.
    bool development = false;
};

struct State {
    bool automine = true;
    std::int64_t interval_ms = 0;  // 0: none
    std::int64_t next_interval_ms = 0;  // unix time of the next sealing by interval
    std::int64_t offset_s = 0;     // the chain's clock less the machine's
    std::optional<std::uint64_t> block_interval_s;  // timestamps this far apart, whatever the clock says
    Address coinbase;
    std::optional<std::uint64_t> gas_limit;
    // Of the next block alone.
    std::optional<std::uint64_t> next_timestamp;
    std::optional<U256> next_base_fee;
    std::optional<Hash> next_prev_randao;
    // The parent's.
    std::uint64_t head_timestamp = 0;
};

/// Changes what is there.
struct Settings {
    std::optional<bool> automine;
    std::optional<std::uint64_t> interval_ms;
    std::optional<Address> coinbase;
    std::optional<std::uint64_t> gas_limit;
    std::optional<U256> next_base_fee;
    std::optional<Hash> next_prev_randao;
    std::optional<std::uint64_t> next_timestamp;
    std::optional<std::uint64_t> block_interval_s;  // 0: by the clock again
    std::optional<std::int64_t> add_seconds;
    std::optional<std::uint64_t> set_time;
};

/// @param now_ms  unix time.
/// @errors permission_denied  not a development chain; invalid_argument  a timestamp not after the head's.
[[nodiscard]] Result<void> configure(const Config& config, State& state, const Settings& settings, std::int64_t now_ms);

/// What the driver should do next.
struct Decision {
    bool seal = false;
    /// Unix time at which to ask again; nothing: when something happens.
    std::optional<std::int64_t> ask_again_ms;
};
/// @param waiting  transactions that wait and have not been tried on this head.
[[nodiscard]] Decision decide(State& state, std::size_t waiting, std::int64_t now_ms);

/// What the next block's header says besides what the rules derive from its parent.
struct Plan {
    std::uint64_t timestamp = 0;
    Address coinbase;
    std::optional<std::uint64_t> gas_limit;
    std::optional<U256> base_fee;
    std::optional<Hash> prev_randao;
};
[[nodiscard]] Plan plan(const State& state, std::int64_t now_ms);

/// A block with this timestamp is the new head: the settings of the next block are used up.
void sealed(State& state, std::uint64_t timestamp, std::int64_t now_ms);

/// The chain was taken back: only the head changes.
void rewound(State& state, std::uint64_t head_timestamp);

}  // namespace weft::consensus::solo
