#include "app/bench_consensus.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <thread>

#include "app/bench_finality.hpp"
#include "app/bench_load.hpp"
#include "app/cpu_time.hpp"
#include "app/process.hpp"
#include "app/run_file.hpp"
#include "app/validators.hpp"
#include "base/hex.hpp"
#include "base/time.hpp"
#include "consensus/pbft/rules.hpp"
#include "crypto/secp256k1.hpp"
#include "evm/call.hpp"
#include "net/reserved_address.hpp"

namespace weft::app {

namespace {

constexpr std::int64_t start_ns_max = 120 * ns_per_s;
constexpr std::chrono::milliseconds look_time(50);
/// Far above what the validators reach: the block's gas is not what is measured.
constexpr const char* gas_limit = "300000000";
/// What a sender signs beforehand for each second of a load without rate; a system that takes more ends early.
constexpr int signed_a_second = 8'000;
constexpr double share_of_most = 0.7;
/// One after the other on an idle chain, far enough apart that none waits for the period of the block before it.
constexpr double single_rate = 0.5;
constexpr int single_count = 8;

std::uint64_t number_in(const std::string& path, std::string_view key) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with(key)) return std::strtoull(line.c_str() + key.size(), nullptr, 10);
    }
    return 0;
}

/// What the nodes' processes have used so far.
struct Used {
    double cpu_s = 0;
    double written_mib = 0;
    double memory_mib = 0;  // of the largest
};

class System {
  public:
    System(const System&) = delete;
    static Result<std::unique_ptr<System>> start(std::uint64_t validators, const std::string& folder, int accounts) {
        std::unique_ptr<System> out(new System(folder));
        WEFT_TRY(out->kept_, net::ReservedAddress::make("127.0.0.1:0"));
        const std::string& address = out->kept_->text();
        WEFT_TRY(out->server_, net::Endpoint::parse(address));
        const std::string self = std::filesystem::read_symlink("/proc/self/exe");
        WEFT_TRY(auto process,
                 Process::start({self, "up", "--validators", std::to_string(validators), "--data", folder, "--http",
                                 address, "--gas-limit", gas_limit, "--accounts", std::to_string(accounts),
                                 "--silent"}));
        out->process_ = std::make_unique<Process>(std::move(process));
        WEFT_CHECK(out->wait_for(validators));
        WEFT_CHECK(wait_until_ready(out->server_, start_ns_max));
        for (std::uint64_t i = 0; i < validators; ++i) {
            WEFT_TRY(const auto key, read_key(fmt::format("{}/node-{}/validator.key", folder, i)));
            if (!key) return fail(ErrorCode::not_found, "a validator without a key");
            out->validators_.push_back(*crypto::address_of(*key));
        }
        std::ranges::sort(out->validators_);
        return out;
    }
    ~System() {
        go_on();
        if (process_) {
            process_->signal(SIGINT);
            const std::int64_t end = monotonic_ns() + start_ns_max;
            while (!process_->reap() && monotonic_ns() < end) std::this_thread::sleep_for(look_time);
        }
        process_.reset();
        std::error_code none;
        std::filesystem::remove_all(folder_, none);
    }

    [[nodiscard]] const net::Endpoint& server() const { return server_; }
    [[nodiscard]] std::size_t down_count() const { return still_.size(); }
    [[nodiscard]] std::size_t count() const { return validators_.size(); }

    /// The last validators stand still, as a machine that hangs: its peers are not told.
    Result<void> hold(std::uint64_t count) {
        WEFT_TRY(const auto nodes, processes());
        for (std::size_t i = nodes.size() - std::min<std::size_t>(count, nodes.size()); i < nodes.size(); ++i) {
            ::kill(nodes[i].pid, SIGSTOP);
            still_.push_back(nodes[i].pid);
        }
        return wait_for(nodes.size() - still_.size());
    }

    Result<Used> used() const {
        WEFT_TRY(const auto nodes, processes());
        Used out;
        for (const auto& node : nodes) {
            const std::string folder = fmt::format("/proc/{}/", node.pid);
            out.cpu_s += cpu_seconds(node.pid);
            out.written_mib += static_cast<double>(number_in(folder + "io", "write_bytes:")) / (1 << 20);
            const auto kib = number_in(folder + "status", "VmRSS:");
            out.memory_mib = std::max(out.memory_mib, static_cast<double>(kib) / 1024);
        }
        return out;
    }

    /// Blocks that did not come from the validator whose turn was first.
    [[nodiscard]] std::size_t later_rounds(const std::vector<Address>& proposers) const {
        std::size_t out = 0;
        for (std::size_t i = 1; i < proposers.size(); ++i) {
            consensus::Block parent;
            parent.proposer = proposers[i - 1];
            if (validators_[consensus::pbft::proposer_index(validators_, parent, 0)] != proposers[i]) ++out;
        }
        return out;
    }

  private:
    explicit System(std::string folder) : folder_(std::move(folder)) {}

    Result<std::vector<ProcessStatus>> processes() const {
        WEFT_TRY(auto status, find_running(folder_));
        std::erase_if(status.processes, [](const auto& it) { return it.service != "node"; });
        return std::move(status.processes);
    }
    /// Until exactly so many nodes serve.
    Result<void> wait_for(std::size_t healthy) const {
        const std::int64_t end = monotonic_ns() + start_ns_max;
        while (monotonic_ns() < end) {
            if (const auto ended = process_->reap()) {
                return fail(ErrorCode::unavailable, "weft up " + ended->to_string());
            }
            if (const auto nodes = processes()) {
                const auto now = std::ranges::count(*nodes, "serving", &ProcessStatus::health);
                if (static_cast<std::size_t>(now) == healthy) return {};
            }
            std::this_thread::sleep_for(look_time);
        }
        return fail(ErrorCode::deadline_exceeded, fmt::format("not {} nodes serve", healthy));
    }
    void go_on() {
        for (const auto pid : still_) ::kill(pid, SIGCONT);
        still_.clear();
    }

    std::string folder_;
    std::optional<net::ReservedAddress> kept_;  // where the gateway is to listen
    net::Endpoint server_;
    std::unique_ptr<Process> process_;
    consensus::Validators validators_;
    std::vector<pid_t> still_;
};

void print_head() {
    fmt::print("{:>10} {:>4} {:<18} {:>8} {:>8} {:>5} {:>8} {:>8} {:>8} {:>6} {:>8} {:>6} {:>8} {:>7} {:>7} {:>8}\n",
               "validators", "down", "load", "sent", "final", "lost", "tx/s", "p50 ms", "p99 ms", "blocks", "tx/block",
               "late", "RSS MiB", "CPU s", "load s", "disk MiB");
}

class Bench {
  public:
    Bench(const BenchConsensusOptions& options, System& system, std::vector<BenchKey> keys)
        : options_(options), system_(system), keys_(std::move(keys)), nonces_(keys_.size()) {}

    Result<void> measure() {
        if (options_.only != "transfers") WEFT_CHECK(deploy());
        WEFT_CHECK(loads());
        if (options_.down == 0) return {};
        WEFT_CHECK(system_.hold(options_.down));
        return loads();
    }
    [[nodiscard]] std::size_t lost() const { return lost_; }

  private:
    using Make = BenchTransaction (Bench::*)(std::size_t lane, std::uint64_t nonce) const;

    BenchTransaction transfer(std::size_t lane, std::uint64_t nonce) const {
        return sign_for_bench(keys_[lane], nonce, receiver(lane, nonce), U256(1), {}, 21'000);
    }
    BenchTransaction token_transfer(std::size_t lane, std::uint64_t nonce) const {
        return sign_token_transfer(keys_[lane], nonce, token_, receiver(lane, nonce), 1);
    }
    /// One of 200 accounts of the sender's own.
    Address receiver(std::size_t lane, std::uint64_t nonce) const {
        Address to = keys_[lane].address;
        to.bytes[0] = static_cast<std::uint8_t>(to.bytes[0] ^ (1 + nonce % 200));
        return to;
    }

    std::vector<BenchLane> sign(Make make, std::size_t lanes, std::size_t each) const {
        std::vector<BenchLane> out(lanes);
        for (std::size_t lane = 0; lane < lanes; ++lane) {
            for (std::size_t i = 0; i < each; ++i) out[lane].push_back((this->*make)(lane, nonces_[lane] + i));
        }
        return out;
    }

    Result<FinalityRun> run(const std::vector<BenchLane>& lanes, const FinalityLoad& load) {
        WEFT_TRY(auto out, run_to_finality(system_.server(), lanes, load));
        for (std::size_t lane = 0; lane < lanes.size(); ++lane) nonces_[lane] += out.sent_of[lane];
        lost_ += out.lost.size();
        for (const auto& hash : out.lost) fmt::print(stderr, "lost: {}\n", to_hex(hash));
        if (!out.complaint.empty()) fmt::print(stderr, "the server complained: {}\n", out.complaint.substr(0, 200));
        return out;
    }

    /// The token, and some of it for every sender.
    Result<void> deploy() {
        token_ = evm::create_address(keys_[0].address, nonces_[0]);
        BenchLane lane{sign_token(keys_[0], nonces_[0])};
        for (std::size_t i = 1; i < keys_.size(); ++i) {
            lane.push_back(sign_token_transfer(keys_[0], nonces_[0] + i, token_, keys_[i].address, 1'000'000'000));
        }
        WEFT_TRY(const auto done, run({lane}, {.duration_ns = start_ns_max}));
        if (!done.lost.empty()) return fail(ErrorCode::failed_precondition, "the token was not deployed");
        return {};
    }

    Result<void> loads() {
        if (options_.only != "erc20") WEFT_CHECK(loads_of("transfers", &Bench::transfer));
        if (options_.only != "transfers") WEFT_CHECK(loads_of("ERC-20", &Bench::token_transfer));
        const auto singles = sign(&Bench::transfer, 1, single_count);
        WEFT_CHECK(report("single", singles, {.rate = single_rate, .duration_ns = 60 * ns_per_s}));
        return {};
    }

    Result<void> loads_of(const std::string& what, Make make) {
        const double asked = options_.rate;
        WEFT_TRY(const double most, load_of(what + (asked == 0 ? ", most" : ""), make, asked));
        if (asked != 0) return {};
        WEFT_CHECK(load_of(what + ", 70 %", make, most * share_of_most));
        return {};
    }

    /// @return transactions a second.
    Result<double> load_of(const std::string& name, Make make, double rate) {
        const double wanted = (rate == 0 ? signed_a_second : rate) * options_.seconds;
        const std::size_t each = static_cast<std::size_t>(wanted) / keys_.size() + 1;
        return report(name, sign(make, keys_.size(), each),
                      {.rate = rate, .duration_ns = options_.seconds * ns_per_s});
    }

    Result<double> report(const std::string& name, const std::vector<BenchLane>& lanes, const FinalityLoad& load) {
        WEFT_TRY(const Used before, system_.used());
        const std::int64_t own_ns = process_cpu_ns();
        WEFT_TRY(const auto out, run(lanes, load));
        WEFT_TRY(const Used after, system_.used());
        const std::size_t blocks = out.proposers.size();
        fmt::print(
            "{:>10} {:>4} {:<18} {:>8} {:>8} {:>5} {:>8.1f} {:>8.0f} {:>8.0f} {:>6} {:>8.0f} {:>6} {:>8.0f} {:>7.1f} "
            "{:>7.1f} {:>8.1f}\n",
            system_.count(), system_.down_count(), name, out.sent, out.final_count, out.lost.size(), out.per_second(),
            out.quantile_ms(0.5), out.quantile_ms(0.99), blocks,
            blocks == 0 ? 0 : static_cast<double>(out.final_count) / static_cast<double>(blocks),
            system_.later_rounds(out.proposers), after.memory_mib, after.cpu_s - before.cpu_s,
            static_cast<double>(process_cpu_ns() - own_ns) / 1e9, after.written_mib - before.written_mib);
        std::fflush(stdout);
        return out.per_second();
    }

    const BenchConsensusOptions& options_;
    System& system_;
    std::vector<BenchKey> keys_;
    std::vector<std::uint64_t> nonces_;  // by sender
    Address token_;
    std::size_t lost_ = 0;
};

}  // namespace

Result<void> bench_consensus(const BenchConsensusOptions& options) {
    const auto senders = static_cast<std::size_t>(options.senders);
    WEFT_TRY(const auto keys, service::wallet::keys_of_mnemonic(bench_mnemonic, senders));
    std::string root = options.data;
    if (root.empty()) root = std::filesystem::temp_directory_path() / "weft-bench-consensus";
    fmt::print(stderr,
               "{} senders; finality from the request to the block seen through the gateway; late = blocks of others "
               "than the first in turn; RSS of the largest node; CPU of all nodes, load = of this program\n",
               options.senders);
    print_head();
    std::size_t lost = 0;
    for (const auto count : options.validators) {
        const std::string folder = fmt::format("{}-{}-{}", root, ::getpid(), count);
        WEFT_TRY(const auto system, System::start(count, folder, options.senders));
        Bench bench(options, *system, keys);
        WEFT_CHECK(bench.measure());
        lost += bench.lost();
    }
    if (lost != 0) return fail(ErrorCode::failed_precondition, fmt::format("{} transactions were lost", lost));
    return {};
}

}  // namespace weft::app
