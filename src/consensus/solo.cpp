#include "consensus/solo.hpp"

#include <algorithm>

namespace weft::consensus::solo {

namespace {

constexpr std::int64_t ms_per_s = 1000;

std::int64_t chain_time_s(const State& state, std::int64_t now_ms) { return now_ms / ms_per_s + state.offset_s; }

}  // namespace

Result<void> configure(const Config& config, State& state, const Settings& settings, std::int64_t now_ms) {
    if (!config.development) return fail(ErrorCode::permission_denied, "not a development chain");
    if (settings.next_timestamp && *settings.next_timestamp <= state.head_timestamp) {
        return fail(ErrorCode::invalid_argument, "Timestamp " + std::to_string(*settings.next_timestamp) +
                                                     " is lower than or equal to previous block's timestamp " +
                                                     std::to_string(state.head_timestamp));
    }
    if (settings.automine) state.automine = *settings.automine;
    if (settings.interval_ms) {
        state.interval_ms = static_cast<std::int64_t>(*settings.interval_ms);
        state.next_interval_ms = now_ms + state.interval_ms;
    }
    if (settings.coinbase) state.coinbase = *settings.coinbase;
    if (settings.gas_limit) state.gas_limit = *settings.gas_limit;
    if (settings.next_base_fee) state.next_base_fee = *settings.next_base_fee;
    if (settings.next_prev_randao) state.next_prev_randao = *settings.next_prev_randao;
    if (settings.next_timestamp) state.next_timestamp = *settings.next_timestamp;
    if (settings.block_interval_s) {
        state.block_interval_s.reset();
        if (*settings.block_interval_s != 0) state.block_interval_s = *settings.block_interval_s;
    }
    if (settings.add_seconds) {
        // Blocks sealed faster than one a second put the head ahead of the clock: time goes on from the head then.
        const auto ahead = static_cast<std::int64_t>(state.head_timestamp) - chain_time_s(state, now_ms);
        state.offset_s += std::max<std::int64_t>(ahead, 0) + *settings.add_seconds;
    }
    if (settings.set_time) state.offset_s = static_cast<std::int64_t>(*settings.set_time) - now_ms / ms_per_s;
    return {};
}

Decision decide(State& state, std::size_t waiting, std::int64_t now_ms) {
    Decision out;
    out.seal = state.automine && waiting != 0;
    if (state.interval_ms != 0) {
        if (now_ms >= state.next_interval_ms) {
            out.seal = true;
            state.next_interval_ms = now_ms + state.interval_ms;
        }
        out.ask_again_ms = state.next_interval_ms;
    }
    return out;
}

Plan plan(const State& state, std::int64_t now_ms) {
    Plan out;
    out.coinbase = state.coinbase;
    out.gas_limit = state.gas_limit;
    out.base_fee = state.next_base_fee;
    out.prev_randao = state.next_prev_randao;
    if (state.next_timestamp) {
        out.timestamp = *state.next_timestamp;
    } else if (state.block_interval_s) {
        out.timestamp = state.head_timestamp + *state.block_interval_s;
    } else {
        out.timestamp = static_cast<std::uint64_t>(std::max<std::int64_t>(chain_time_s(state, now_ms), 0));
    }
    out.timestamp = std::max(out.timestamp, state.head_timestamp + 1);
    return out;
}

void sealed(State& state, std::uint64_t timestamp, std::int64_t now_ms) {
    // A timestamp that was ordered sets the chain's clock: the blocks after it go on from there.
    if (state.next_timestamp) state.offset_s = static_cast<std::int64_t>(timestamp) - now_ms / ms_per_s;
    state.next_timestamp.reset();
    state.next_base_fee.reset();
    state.next_prev_randao.reset();
    state.head_timestamp = timestamp;
}

void rewound(State& state, std::uint64_t head_timestamp) {
    state.head_timestamp = head_timestamp;
    if (state.next_timestamp && *state.next_timestamp <= head_timestamp) state.next_timestamp.reset();
}

}  // namespace weft::consensus::solo
