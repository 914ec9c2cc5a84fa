#pragma once
// What is known of Ethereum's methods: which block one speaks of, and whether it may be asked twice.

#include <cstdint>
#include <string_view>

namespace weft::service::proxy {

enum class Kind : std::uint8_t {
    by_block,      // a function of the block that a parameter names
    by_hash,       // of a block's or transaction's hash
    logs,          // eth_getLogs
    constant,      // the same for ever: eth_chainId
    realtime,      // of this moment: eth_gasPrice
    head,          // eth_blockNumber
    raw,           // eth_sendRawTransaction: repeatable, since its hash tells
    change,        // not to be made twice
    filter,        // lives in the gateway: eth_newFilter and its relatives
    subscription,  // eth_subscribe, eth_unsubscribe
    unknown,       // passed on, never made twice
};

struct Method {
    std::string_view name;
    Kind kind = Kind::unknown;
    /// Index of the parameter that names the block; -1: none.
    std::int8_t block = -1;
    /// Needs the state of its block, which pruned nodes lack for old blocks.
    bool state = false;
    /// Runs code: takes long.
    bool heavy = false;
    /// Of realtime: the same for all who ask within a moment, who may share an answer.
    bool shared = false;
};

/// Never null: a method nobody knows has kind `unknown` and an empty name.
[[nodiscard]] const Method& method_of(std::string_view name);

/// Whether a rule for @p pattern, a name or a prefix with a '*' at the end, is one for this method.
[[nodiscard]] constexpr bool matches(std::string_view pattern, std::string_view method) {
    if (!pattern.ends_with('*')) return method == pattern;
    return method.starts_with(pattern.substr(0, pattern.size() - 1));
}

/// Whether asking twice does no harm.
[[nodiscard]] constexpr bool is_repeatable(Kind kind) { return kind != Kind::change && kind != Kind::unknown; }

/// What changes a development chain behind the back of its numbers: time, state, or the chain itself taken back.
[[nodiscard]] bool is_development(std::string_view name);

/// What nobody should reach through a gateway unless a rule says so: keys, peers, miners, the consensus client's door.
[[nodiscard]] bool is_private(std::string_view name);

}  // namespace weft::service::proxy
