#include "app/bench_node.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include "app/bench_load.hpp"
#include "app/bench_transactions.hpp"
#include "app/process.hpp"
#include "base/hex.hpp"
#include "base/time.hpp"
#include "net/reserved_address.hpp"

namespace weft::app {

namespace {

constexpr std::int64_t start_timeout_ns = 30 * ns_per_s;

using Key = BenchKey;

struct Row {
    std::string what;
    std::vector<std::string> cells;  // one a system
    std::vector<double> figures;
};

struct System {
    std::string name;
    std::vector<std::string> command;
    net::Endpoint server = {};
    std::optional<net::ReservedAddress> kept = {};  // where it is to listen
    std::unique_ptr<Process> process = {};
};

Result<void> start(System& system) {
    WEFT_TRY(system.kept, net::ReservedAddress::make("127.0.0.1:0"));
    const std::string& address = system.kept->text();
    WEFT_TRY(system.server, net::Endpoint::parse(address));
    auto command = system.command;
    for (auto& word : command) {
        if (word == "ADDRESS") word = address;
        if (word == "PORT") word = address.substr(address.rfind(':') + 1);
    }
    WEFT_TRY(auto process, Process::start(command));
    system.process = std::make_unique<Process>(std::move(process));
    return wait_until_ready(system.server, start_timeout_ns);
}

void stop(System& system) {
    if (!system.process) return;
    ::kill(system.process->pid(), SIGINT);
    for (int i = 0; i < 200 && !system.process->reap(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    system.process.reset();
}

std::string cell(double per_second, double cpu_us) { return fmt::format("{:>8.0f}/s {:>6.1f} us", per_second, cpu_us); }

class Bench {
  public:
    Bench(const BenchNodeOptions& options, std::vector<Key> keys) : options_(options), keys_(std::move(keys)) {
        for (const auto& key : keys_) senders_.push_back(key.address);
    }

    Result<void> measure(System& system) {
        nonce_ = 0;
        WEFT_CHECK(transfers(system));
        WEFT_CHECK(tokens(system));
        const std::string account = to_hex(senders_[0]);
        const std::string call = fmt::format(R"([{{"to":"{}","data":"0x70a08231{}"}},"latest"])", to_hex(token_),
                                             to_hex_digits(Hash::from(senders_[1])));
        WEFT_CHECK(reads(system, "eth_blockNumber", "[]"));
        WEFT_CHECK(reads(system, "eth_getBalance", fmt::format(R"(["{}","latest"])", account)));
        return reads(system, "eth_call", call);
    }

    void print(const std::vector<System>& systems) const {
        fmt::print("{:<18}", "");
        for (const auto& system : systems) fmt::print("{:>24}", system.name);
        fmt::print("\n");
        for (const auto& row : rows_) {
            fmt::print("{:<18}", row.what);
            for (const auto& text : row.cells) fmt::print("{:>24}", text);
            fmt::print("\n");
        }
    }

    void print_json(const std::vector<System>& systems) const {
        json::Writer out;
        out.begin_object();
        for (const auto& row : rows_) {
            out.key(row.what).begin_object();
            for (std::size_t i = 0; i < row.figures.size(); ++i) out.key(systems[i].name).real(row.figures[i]);
            out.end_object();
        }
        out.end_object();
        fmt::print("{}\n", out.text());
    }

  private:
    void add(const std::string& what, std::string text, double figure) {
        auto found = std::ranges::find(rows_, what, &Row::what);
        if (found == rows_.end()) found = rows_.insert(rows_.end(), Row{what, {}, {}});
        found->cells.push_back(std::move(text));
        found->figures.push_back(figure);
    }

    template <class Make>
    Result<void> sends(System& system, const std::string& what, Make make) {
        const int each = options_.transactions / static_cast<int>(keys_.size());
        std::vector<std::vector<std::string>> bodies;
        for (const auto& key : keys_) {
            auto& list = bodies.emplace_back();
            for (int i = 0; i < each; ++i) list.push_back(make(key, nonce_ + static_cast<std::uint64_t>(i)));
        }
        WEFT_TRY(const auto result, run_sends(system.server, system.process->pid(), bodies, senders_, nonce_));
        nonce_ += static_cast<std::uint64_t>(each);
        // What a server left waiting is sealed by order, so that the next row starts clean.
        if (result.included < result.sent) (void)call_once(system.server, "hardhat_mine", "[\"0x40\"]");
        std::string text = cell(result.per_second, result.cpu_us);
        if (result.included < result.sent) text += fmt::format(" ({} lost)", result.sent - result.included);
        add(what, std::move(text), result.per_second);
        return {};
    }

    Result<void> transfers(System& system) {
        return sends(system, "ETH transfers", [&](const Key& key, std::uint64_t nonce) {
            Address to = key.address;
            to.bytes[0] = static_cast<std::uint8_t>(to.bytes[0] ^ (1 + nonce % 200));
            return sign_for_bench(key, nonce, to, U256(1), {}, 21'000).body;
        });
    }

    /// Deploys the token and gives each sender some, then transfers.
    Result<void> tokens(System& system) {
        const auto post = [&](const std::string& body) -> Result<std::string> {
            const auto parsed = json::parse(body);
            WEFT_TRY(const auto result,
                     call_once(system.server, "eth_sendRawTransaction", json::to_string((*parsed)["params"])));
            return result.text();
        };
        // A server that strands transactions leaves nonces behind what was sent: go on from what it has.
        WEFT_TRY(const auto at, call_once(system.server, "eth_getTransactionCount",
                                          fmt::format(R"(["{}","latest"])", to_hex(senders_[0]))));
        WEFT_TRY(std::uint64_t nonce, quantity_from_hex(at.text()));
        if (nonce != nonce_)
            return fail(ErrorCode::failed_precondition, system.name + " stranded transactions of the first run");
        WEFT_TRY(const std::string hash, post(sign_token(keys_[0], nonce++).body));
        WEFT_TRY(token_, wait_for_contract(system, hash));
        for (std::size_t i = 1; i < keys_.size(); ++i) {
            const auto gift = sign_token_transfer(keys_[0], nonce++, token_, senders_[i], 1'000'000'000);
            WEFT_CHECK(post(gift.body));
        }
        // The other senders' nonces catch up with the first one's, so that one number serves all.
        for (std::size_t i = 1; i < keys_.size(); ++i) {
            for (std::uint64_t own = nonce_; own < nonce; ++own) {
                WEFT_CHECK(post(sign_for_bench(keys_[i], own, senders_[i], U256(0), {}, 21'000).body));
            }
        }
        nonce_ = nonce;
        (void)call_once(system.server, "hardhat_mine", "[\"0x40\"]");
        return sends(system, "ERC-20 transfers", [&](const Key& key, std::uint64_t n) {
            Address to = key.address;
            to.bytes[1] = static_cast<std::uint8_t>(to.bytes[1] ^ (1 + n % 200));
            return sign_token_transfer(key, n, token_, to, 1).body;
        });
    }

    static Result<Address> wait_for_contract(System& system, const std::string& hash) {
        const std::int64_t start = monotonic_ns();
        while (monotonic_ns() - start < 10 * ns_per_s) {
            // A server that stranded it gets a hint.
            if (monotonic_ns() - start > ns_per_s) (void)call_once(system.server, "evm_mine", "[]");
            WEFT_TRY(const auto receipt, call_once(system.server, "eth_getTransactionReceipt", "[\"" + hash + "\"]"));
            if (receipt["contractAddress"].is_string())
                return fixed_from_hex<Address>(receipt["contractAddress"].text());
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        return fail(ErrorCode::deadline_exceeded, system.name + " did not deploy the token");
    }

    Result<void> reads(System& system, const std::string& method, const std::string& params) {
        const std::string body = fmt::format(R"({{"jsonrpc":"2.0","id":1,"method":"{}","params":{}}})", method, params);
        WEFT_TRY(const auto result,
                 run_reads(system.server, system.process->pid(), body, options_.connections, options_.seconds));
        add(method, cell(result.per_second, result.cpu_us), result.per_second);
        return {};
    }

    const BenchNodeOptions& options_;
    std::vector<Key> keys_;
    std::vector<Address> senders_;
    std::vector<Row> rows_;
    Address token_;
    std::uint64_t nonce_ = 0;
};

}  // namespace

Result<void> bench_node(const BenchNodeOptions& options) {
    const auto senders = static_cast<std::size_t>(std::max(options.connections, 1));
    WEFT_TRY(auto keys, service::wallet::keys_of_mnemonic(bench_mnemonic, senders));
    const std::string self = std::filesystem::read_symlink("/proc/self/exe");
    const std::string count = std::to_string(keys.size());
    std::vector<System> systems;
    for (const std::string layout : {"thread", "process"}) {
        systems.push_back(
            {"weft (" + layout + ")",
             {self, "up", "--dev", "--layout", layout, "--http", "ADDRESS", "--accounts", count, "--silent"}});
    }
    if (!options.anvil.empty()) {
        systems.push_back({"anvil", {options.anvil, "--port", "PORT", "--accounts", count, "--silent"}});
    } else {
        fmt::print(stderr, "anvil: absent (give its program with --anvil)\n");
    }
    fmt::print(stderr, "{} transactions of each kind from {} senders at once, {} s of each read over {} connections; "
                       "us = CPU of the server, each\n",
               options.transactions, keys.size(), options.seconds, options.connections);
    Bench bench(options, std::move(keys));
    for (auto& system : systems) {
        fmt::print(stderr, "{} ...\n", system.name);
        auto done = start(system);
        if (done) done = bench.measure(system);
        stop(system);
        if (done) continue;
        // What the others did is still worth seeing.
        bench.print(systems);
        return fail(done.error().code, system.name + ": " + done.error().message);
    }
    if (options.json) {
        bench.print_json(systems);
    } else {
        bench.print(systems);
    }
    return {};
}

}  // namespace weft::app
