#include "app/config.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "net/endpoint.hpp"
#include "observe/log.hpp"

namespace weft::app {

namespace {

std::unexpected<Error> wants(std::string_view what) {
    return fail(ErrorCode::invalid_argument, fmt::format("wants {}", what));
}

Result<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return wants("a whole number");
    return value;
}

/// "2", "0.5": milliseconds of a decimal number of seconds.
Result<std::uint64_t> milliseconds(std::string_view text) {
    double seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    if (!whole || !(seconds >= 0.001) || seconds > 1e6) return wants("seconds from 0.001 to 1000000");
    return static_cast<std::uint64_t>(seconds * 1000 + 0.5);
}

template <std::string SystemConfig::*Member>
constexpr Setting text_setting(std::string_view name, std::string_view placeholder, std::string_view help) {
    return {name, placeholder, help,
            [](SystemConfig& config, std::string_view value) -> Result<void> {
                config.*Member = value;
                return {};
            },
            [](const SystemConfig& config) -> std::optional<std::string> {
                if ((config.*Member).empty()) return std::nullopt;
                return config.*Member;
            }};
}

template <std::string SystemConfig::*Member>
constexpr Setting address_setting(std::string_view name, std::string_view help) {
    Setting setting = text_setting<Member>(name, "HOST:PORT", help);
    setting.set = [](SystemConfig& config, std::string_view value) -> Result<void> {
        if (!net::Endpoint::parse(value)) return wants("HOST:PORT");
        config.*Member = value;
        return {};
    };
    return setting;
}

template <auto Member>
constexpr Setting number_setting(std::string_view name, std::string_view placeholder, std::string_view help) {
    return {name, placeholder, help,
            [](SystemConfig& config, std::string_view value) -> Result<void> {
                WEFT_TRY(config.*Member, number(value));
                return {};
            },
            [](const SystemConfig& config) -> std::optional<std::string> {
                if constexpr (requires { (config.*Member).has_value(); }) {
                    if (!(config.*Member)) return std::nullopt;
                    return std::to_string(*(config.*Member));
                } else {
                    return std::to_string(config.*Member);
                }
            }};
}

template <bool SystemConfig::*Member>
constexpr Setting flag_setting(std::string_view name, std::string_view help) {
    return {name, "", help,
            [](SystemConfig& config, std::string_view value) -> Result<void> {
                if (value != "true" && value != "false") return wants("true or false");
                config.*Member = value == "true";
                return {};
            },
            [](const SystemConfig& config) -> std::optional<std::string> {
                if (!(config.*Member)) return std::nullopt;
                return "true";
            }};
}

Result<void> set_layout(SystemConfig& config, std::string_view value) {
    for (const Layout layout : {Layout::process, Layout::service, Layout::thread}) {
        if (value != to_string(layout)) continue;
        config.layout = layout;
        return {};
    }
    return wants("process, service or thread");
}
std::optional<std::string> get_layout(const SystemConfig& config) { return std::string(to_string(config.layout)); }

Result<void> set_block_time(SystemConfig& config, std::string_view value) {
    WEFT_TRY(config.block_time_ms, milliseconds(value));
    return {};
}
std::optional<std::string> get_block_time(const SystemConfig& config) {
    if (!config.block_time_ms) return std::nullopt;
    return fmt::format("{}.{:03}", *config.block_time_ms / 1000, *config.block_time_ms % 1000);
}

Result<void> set_hardfork(SystemConfig& config, std::string_view value) {
    if (value != "prague" && value != "osaka") return wants("prague or osaka");
    config.hardfork = value;
    return {};
}

Result<void> set_sync(SystemConfig& config, std::string_view value) {
    if (value != "snapshot" && value != "full") return wants("snapshot or full");
    config.sync = value;
    return {};
}

Result<void> set_accounts(SystemConfig& config, std::string_view value) {
    constexpr std::uint64_t accounts_max = 1'000;  // a millisecond each to derive
    WEFT_TRY(const std::uint64_t count, number(value));
    if (count > accounts_max) return wants("a whole number up to 1000");
    config.accounts = count;
    return {};
}

Result<void> set_call_time(SystemConfig& config, std::string_view value) {
    if (value == "0") {
        config.call_time_ms = 0;
        return {};
    }
    WEFT_TRY(config.call_time_ms, milliseconds(value));
    return {};
}
std::optional<std::string> get_call_time(const SystemConfig& config) {
    if (config.call_time_ms == 0) return "0";
    return fmt::format("{}.{:03}", config.call_time_ms / 1000, config.call_time_ms % 1000);
}

template <auto Member, std::uint64_t least, std::uint64_t most>
Result<void> set_within(SystemConfig& config, std::string_view value) {
    WEFT_TRY(const std::uint64_t found, number(value));
    if (found < least || found > most) {
        return fail(ErrorCode::invalid_argument, fmt::format("wants a whole number from {} to {}", least, most));
    }
    config.*Member = found;
    return {};
}

Result<void> set_labels(SystemConfig& config, std::string_view value) {
    if (!parse_labels(value)) return wants("NAME=VALUE,...");
    config.labels = value;
    return {};
}

Result<void> set_contracts(SystemConfig& config, std::string_view value) {
    constexpr std::uint64_t contracts_max = 64;
    WEFT_TRY(const std::uint64_t count, number(value));
    if (count > contracts_max) return wants("a whole number up to 64");
    config.contracts = count;
    return {};
}

Result<void> set_log_level(SystemConfig& config, std::string_view value) {
    if (!observe::level_from(value)) return wants("debug, info, warn, error or off");
    config.log_level = value;
    return {};
}

using C = SystemConfig;
constexpr Setting with_set(Setting setting, Result<void> (*set)(SystemConfig&, std::string_view)) {
    setting.set = set;
    return setting;
}

constexpr auto all_settings = std::to_array<Setting>({
    flag_setting<&C::dev>("dev",
                          "a development chain: seals each transaction at once, and takes orders (evm_*, anvil_*)"),
    {"layout", "process|service|thread",
     "supervised: one process a node (default), or one for each of its services; or all in one process", set_layout,
     get_layout},
    address_setting<&C::http>("http", "where JSON-RPC is served, over HTTP and WebSocket (default 127.0.0.1:8545)"),
    address_setting<&C::ws>("ws",
                            "a second address, for WebSocket alone (default 127.0.0.1:8546 if http is the default)"),
    text_setting<&C::data>(
        "data", "DIR",
        "where the chain is kept (default ./weft-data; with dev a temporary directory, removed at the end)"),
    text_setting<&C::genesis>("genesis", "FILE", "a genesis.json as geth reads it, instead of the development chain"),
    with_set(number_setting<&C::validators>(
                 "validators", "N", "nodes that agree on each block (default 4; with dev one node seals alone)"),
             set_within<&C::validators, 1, 100>),
    address_setting<&C::p2p>("p2p", "where a node's peers reach it (default a free port of 127.0.0.1)"),
    text_setting<&C::peers>("peers", "FILE", "peers of a node that joins others: lines of ID@HOST:PORT"),
    with_set(text_setting<&C::sync>("sync", "snapshot|full",
                                    "how a node without blocks joins others: by a snapshot of the state if that is far "
                                    "ahead (default), or by executing every block"),
             set_sync),
    with_set(number_setting<&C::snapshot_interval>("snapshot-interval", "BLOCKS",
                                                   "between two states that are served to peers (default 1024)"),
             set_within<&C::snapshot_interval, 1, 1 << 20>),
    text_setting<&C::zone>("zone", "NAME", "where these processes are: callers prefer what is in their own zone"),
    text_setting<&C::discovery>("discovery", "file:PATH|dns:SERVICE=HOST:PORT|srv:SERVICE=NAME",
                                "where services find each other, instead of the registry; the parts of a node in "
                                "a file alone, which has their ids"),
    with_set(text_setting<&C::labels>("labels", "NAME=VALUE,...", "what else they say of themselves to the registry"),
             set_labels),
    number_setting<&C::chain_id>("chain-id", "N", "chain id (default 31337, or the genesis file's)"),
    with_set(
        text_setting<&C::hardfork>("hardfork", "prague|osaka", "newest rules of the development chain (default osaka)"),
        set_hardfork),
    number_setting<&C::gas_limit>("gas-limit", "N", "gas limit of a block"),
    number_setting<&C::base_fee>("base-fee", "WEI", "base fee of the first block"),
    with_set(number_setting<&C::accounts>("accounts", "N", "development accounts (default 10)"), set_accounts),
    number_setting<&C::balance>("balance", "ETH", "what each of them has (default 10000)"),
    text_setting<&C::mnemonic>("mnemonic", "WORDS", "sentence that their keys are made of"),
    {"block-time", "SECONDS", "seal a block every so often instead of at each transaction", set_block_time,
     get_block_time},
    flag_setting<&C::no_mining>("no-mining", "seal blocks only when told to (evm_mine)"),
    number_setting<&C::loops>("loops", "N", "event loops of each process (default: by the processors)"),
    with_set(number_setting<&C::contracts>("contracts", "N",
                                           "processes that answer calls, estimates and traces beside the node "
                                           "(default 0: the node does)"),
             set_contracts),
    number_setting<&C::call_gas>("call-gas", "GAS",
                                 "most gas of a call, estimate, trace or simulation (default 50000000; 0: no bound)"),
    {"call-time", "SECONDS", "most time that one may execute (default 5; 0: no bound)", set_call_time, get_call_time},
    with_set(number_setting<&C::call_memory_mib>("call-memory", "MIB",
                                                 "most memory of the contracts that one runs (default 512)"),
             set_within<&C::call_memory_mib, 2, 1 << 20>),
    with_set(number_setting<&C::call_depth>("call-depth", "N", "most calls inside one another (default 1024)"),
             set_within<&C::call_depth, 1, 1024>),
    with_set(number_setting<&C::trace_size_mib>("trace-size", "MIB", "largest trace (default 60)"),
             set_within<&C::trace_size_mib, 1, 60>),
    with_set(number_setting<&C::monitor_share>("monitor-share", "PERCENT",
                                               "of the time, at most, to look into blocks again for statistics of "
                                               "contracts (default 5; 100: into every block; 0: none)"),
             set_within<&C::monitor_share, 0, 100>),
    with_set(
        number_setting<&C::call_threads>("call-threads", "N", "threads that execute them in a process (default 16)"),
        set_within<&C::call_threads, 1, 256>),
    flag_setting<&C::silent>("silent", "print nothing but errors"),
    with_set(text_setting<&C::log_level>("log-level", "LEVEL", "debug, info, warn, error or off (default info)"),
             set_log_level),
});

std::unexpected<Error> at_line(std::string_view file, const YAML::Mark& mark, std::string_view what) {
    return fail(ErrorCode::invalid_argument, fmt::format("{}:{}: {}", file, mark.line + 1, what));
}

Result<void> read_member(std::string_view file, const YAML::Node& key, const YAML::Node& value, SystemConfig& config) {
    if (!key.IsScalar()) return at_line(file, key.Mark(), "a key must be a word");
    const auto& name = key.Scalar();
    const auto* setting = std::ranges::find(all_settings, name, &Setting::name);
    if (setting == all_settings.end()) return at_line(file, key.Mark(), fmt::format("unknown key \"{}\"", name));
    if (!value.IsScalar()) return at_line(file, key.Mark(), fmt::format("{}: wants one value", name));
    if (auto done = setting->set(config, value.Scalar()); !done) {
        return at_line(file, value.Mark(),
                       fmt::format("{}: {}, not \"{}\"", name, done.error().message, value.Scalar()));
    }
    return {};
}

}  // namespace

std::string_view to_string(Layout layout) {
    switch (layout) {
        case Layout::process: return "process";
        case Layout::service: return "service";
        case Layout::thread: break;
    }
    return "thread";
}

std::span<const Setting> settings() { return all_settings; }

Result<void> read_config(std::string_view text, std::string_view name, SystemConfig& config) {
    YAML::Node root;
    try {
        root = YAML::Load(std::string(text));
    } catch (const YAML::Exception& wrong) {
        return at_line(name, wrong.mark, wrong.msg);
    }
    if (root.IsNull()) return {};
    if (!root.IsMap()) return at_line(name, root.Mark(), "wants lines of the form `key: value`");
    std::set<std::string> seen;
    for (const auto& member : root) {
        WEFT_CHECK(read_member(name, member.first, member.second, config));
        if (!seen.insert(member.first.Scalar()).second) {
            return at_line(name, member.first.Mark(), fmt::format("{}: stands here twice", member.first.Scalar()));
        }
    }
    return {};
}

Result<void> read_config_file(const std::string& path, SystemConfig& config) {
    WEFT_TRY(const std::string text, read_file(path));
    return read_config(text, path, config);
}

std::string to_yaml(const SystemConfig& config) {
    std::string out;
    for (const auto& setting : all_settings) {
        const auto value = setting.get(config);
        if (!value) continue;
        // Double quotes keep a number-like or empty text what it is; what must be escaped in them is escaped.
        std::string quoted;
        for (const char c : *value) {
            if (c == '"' || c == '\\') quoted += '\\';
            quoted += c;
        }
        out += fmt::format("{}: \"{}\"\n", setting.name, quoted);
    }
    return out;
}

Result<std::vector<LabelText>> parse_labels(std::string_view text) {
    std::vector<LabelText> out;
    while (!text.empty()) {
        const auto one = text.substr(0, text.find(','));
        text.remove_prefix(std::min(one.size() + 1, text.size()));
        const auto equals = one.find('=');
        if (equals == 0 || equals == std::string_view::npos) {
            return fail(ErrorCode::invalid_argument, fmt::format("\"{}\": a label is NAME=VALUE", one));
        }
        out.push_back({std::string(one.substr(0, equals)), std::string(one.substr(equals + 1))});
    }
    return out;
}

void complete(SystemConfig& config) {
    const SystemConfig standard;
    if (config.ws.empty() && config.http == standard.http) config.ws = "127.0.0.1:8546";
}

Result<std::string> read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    if (in) text << in.rdbuf();
    if (!in) {
        const int number_of_error = errno;
        const auto code = number_of_error == ENOENT   ? ErrorCode::not_found
                          : number_of_error == EACCES ? ErrorCode::permission_denied
                                                      : ErrorCode::internal;
        return fail(code, fmt::format("{}: {}", path, std::strerror(number_of_error)));
    }
    return std::move(text).str();
}

}  // namespace weft::app
