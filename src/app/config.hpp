#pragma once
// What one system on this machine is: the options of `weft up` and the keys of weft.yaml, which are the same.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace weft::app {

/// Of each node: one process, one process for each of its five services, or all nodes and the gateway in one process.
enum class Layout : std::uint8_t { process, service, thread };
[[nodiscard]] std::string_view to_string(Layout layout);

struct SystemConfig {
    bool dev = false;
    Layout layout = Layout::process;
    std::string http = "127.0.0.1:8545";
    /// A second address for WebSocket alone; empty: 8546 if http is the default, otherwise none.
    std::string ws;
    /// Where everything is kept; empty: with dev a temporary directory that goes when weft ends, otherwise weft-data.
    std::string data;
    /// geth's genesis.json; empty: the development chain.
    std::string genesis;
    /// Nodes with a validator's key each; nothing: as many as there were, or 4. Not for dev, nor for a genesis without
    /// qbft.
    std::optional<std::uint64_t> validators;
    /// Where a node's peers reach it. `weft up` gives each of its nodes one.
    std::string p2p;
    /// File of the peers that a node dials; empty: `weft up` makes one of its own nodes.
    std::string peers;
    /// How a node without blocks joins others: by a snapshot of the state, or full, by executing every block.
    std::string sync = "snapshot";
    /// Blocks between two states that are served to peers, who take one if it is more blocks ahead than that.
    std::uint64_t snapshot_interval = 1024;
    /// Of these processes: callers of a zone prefer what is in it.
    std::string zone;
    /// Where gateway and contract services find nodes, see app/source.hpp; empty: the registry.
    std::string discovery;
    /// NAME=VALUE,...: what else they say of themselves to the registry.
    std::string labels;
    std::optional<std::uint64_t> chain_id;
    std::string hardfork = "osaka";
    std::optional<std::uint64_t> gas_limit;
    std::optional<std::uint64_t> base_fee;
    std::uint64_t accounts = 10;
    /// Of each account, in ether.
    std::uint64_t balance = 10'000;
    std::string mnemonic = "test test test test test test test test test test test junk";
    /// Milliseconds between blocks; nothing: each transaction is sealed at once.
    std::optional<std::uint64_t> block_time_ms;
    bool no_mining = false;
    /// Event loops of each process; 0: one a processor in one process, half as many in several, which share them.
    std::uint64_t loops = 0;
    // What one call, estimate, trace or simulation may cost; see service/contract/limits.hpp.
    std::uint64_t call_gas = 50'000'000;
    std::uint64_t call_time_ms = 5'000;
    std::uint64_t call_memory_mib = 512;
    std::uint64_t call_depth = 1024;
    std::uint64_t trace_size_mib = 60;
    /// Percent of the time that may go into executing blocks once more for the monitor's statistics of contracts.
    std::uint64_t monitor_share = 5;
    /// Threads of each contract service.
    std::uint64_t call_threads = 16;
    /// Processes of the contract service beside the node; 0: the node executes alone.
    std::uint64_t contracts = 0;
    bool silent = false;
    /// Log lines below it are dropped: debug, info, warn, error, off.
    std::string log_level = "info";
};

/// One option and key. It is spelled the same on the command line (--chain-id N) and in the file (chain-id: N).
struct Setting {
    std::string_view name;
    /// What a value looks like in help texts; empty for a flag.
    std::string_view placeholder;
    std::string_view help;
    /// @errors invalid_argument  not a value of this setting: what it wants instead.
    Result<void> (*set)(SystemConfig& config, std::string_view value);
    /// As set() takes it; nothing if it was not set.
    std::optional<std::string> (*get)(const SystemConfig& config);
    [[nodiscard]] bool is_flag() const { return placeholder.empty(); }
};
[[nodiscard]] std::span<const Setting> settings();

/// Reads a system file over @p config.
/// @param name  of the file, for messages.
/// @errors      invalid_argument  `weft.yaml:7: unknown key "htpp"`.
[[nodiscard]] Result<void> read_config(std::string_view text, std::string_view name, SystemConfig& config);
/// @errors not_found  no such file; and those of read_config.
[[nodiscard]] Result<void> read_config_file(const std::string& path, SystemConfig& config);
/// A system file that read_config makes the same configuration of.
[[nodiscard]] std::string to_yaml(const SystemConfig& config);

struct LabelText {
    std::string name;
    std::string value;
};
/// @errors invalid_argument  not NAME=VALUE, with commas between them.
[[nodiscard]] Result<std::vector<LabelText>> parse_labels(std::string_view text);

/// What depends on other settings: the WebSocket address.
void complete(SystemConfig& config);

/// A file's content.
/// @errors not_found, permission_denied, internal  "genesis.json: No such file or directory".
[[nodiscard]] Result<std::string> read_file(const std::string& path);

}  // namespace weft::app
