#include "app/bench_evm.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "app/cpu_time.hpp"
#include "app/fixture_file.hpp"
#include "app/process.hpp"
#include "base/time.hpp"
#include "chain/execute.hpp"
#include "evm/code.hpp"
#include "evm/execute.hpp"
#include "evm/status.hpp"
#include "evm/tracer.hpp"

namespace weft::app {

namespace {

/// More than any case burns, and small enough for every place that holds gas.
constexpr std::uint64_t gas_limit = std::uint64_t{1} << 50;
/// A measurement lasts at least this long.
constexpr double batch_seconds_min = 0.02;
constexpr int batches_a_round = 3;

class StepCounter final : public evm::Tracer {
  public:
    [[nodiscard]] bool wants_steps() const override { return true; }
    void on_step(const evm::TraceStep& /*step*/) override { ++count; }
    std::uint64_t count = 0;
};

/// One contract with one input, ready to run again and again.
class Case {
  public:
    Case(std::string name, const json::Value& test, std::size_t index, chain::Fork fork)
        : name_(std::move(name)), pre_(fixture_state(test["pre"])), reader_(pre_.trie, pre_.codes), state_(reader_) {
        const json::Value& env = test["env"];
        const json::Value& transaction = test["transaction"];
        environment_.revision = chain::rules_at(chain::config_of(fork), 1, 1, fork >= chain::Fork::paris).revision;
        environment_.block.number = fixture_u64(env["currentNumber"]);
        environment_.block.timestamp = fixture_u64(env["currentTimestamp"]);
        environment_.block.gas_limit = fixture_u64(env["currentGasLimit"]);
        environment_.block.coinbase = fixture_address(env["currentCoinbase"]);
        environment_.block.prev_randao = fixture_hash(env["currentRandom"]);
        environment_.block.base_fee = fixture_u256(env["currentBaseFee"]);
        input_ = fixture_bytes(transaction["data"].items()[index]);
        message_.sender = fixture_address(transaction["sender"]);
        message_.recipient = message_.code_address = fixture_address(transaction["to"]);
        message_.gas = gas_limit;
        message_.input = input_;
        environment_.transaction.origin = message_.sender;
        state_.begin_block(environment_.block.number, environment_.revision);
    }

    /// Counts what one run does and translates the code, as a node has done for code that is called often.
    /// @errors failed_precondition  the code does not end well.
    Result<void> prepare() {
        StepCounter counter;
        environment_.tracer = &counter;
        const auto result = run();
        environment_.tracer = nullptr;
        if (result.status != evm::Status::success) {
            return fail(ErrorCode::failed_precondition, name_ + ": " + evm::describe(result));
        }
        instructions_ = counter.count;
        gas_ = gas_limit - result.gas_left;
        (void)state_.code(message_.recipient)->translate(environment_.revision);
        return {};
    }

    /// What count_instructions() has counted: it is looked for by this name.
    [[gnu::noinline]] void run_counted() { (void)run(); }

    evm::CallResult run() {
        state_.begin_transaction();
        const auto checkpoint = state_.checkpoint();
        auto result = evm::execute(state_, environment_, message_);
        state_.revert(checkpoint);
        return result;
    }

    /// Keeps the least CPU time of a run.
    void measure() {
        for (int batch = 0; batch < batches_a_round; ++batch) {
            const std::int64_t start = thread_cpu_ns();
            for (std::uint64_t i = 0; i < runs_; ++i) (void)run();
            const double seconds = static_cast<double>(thread_cpu_ns() - start) * 1e-9;
            if (seconds < batch_seconds_min) {
                runs_ = seconds <= 0 ? runs_ * 10
                                     : static_cast<std::uint64_t>(static_cast<double>(runs_) *
                                                                  std::max(1.5, 1.2 * batch_seconds_min / seconds));
                --batch;
                continue;
            }
            seconds_ = std::min(seconds_, seconds / static_cast<double>(runs_));
        }
    }

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] std::uint64_t instructions() const { return instructions_; }
    [[nodiscard]] std::uint64_t gas() const { return gas_; }
    [[nodiscard]] double seconds() const { return seconds_; }
    /// Folder and file: inputs of one contract count as one.
    [[nodiscard]] std::string contract() const { return name_.substr(0, name_.rfind('/')); }
    [[nodiscard]] std::string folder() const { return name_.substr(0, name_.find('/')); }

    double machine_instructions = 0;  // of one run; 0: not counted

  private:
    std::string name_;
    FixtureState pre_;
    chain::TrieStateReader reader_;
    chain::State state_;
    evm::Environment environment_;
    evm::Message message_;
    Bytes input_;
    std::uint64_t instructions_ = 0;
    std::uint64_t gas_ = 0;
    std::uint64_t runs_ = 1;
    double seconds_ = std::numeric_limits<double>::infinity();
};

using Cases = std::vector<std::unique_ptr<Case>>;

/// "main/sha1_divs/5311": the file's folder and name, then the input's label.
Result<Cases> load(const BenchEvmOptions& options) {
    const auto fork = chain::fork_from_fixture_name(options.fork);
    if (!fork) return fail(ErrorCode::invalid_argument, "--fork " + options.fork + ": no fork of that name");
    WEFT_TRY(const auto files, fixture_files(options.paths));
    Cases out;
    for (const auto& file : files) {
        const std::string base = file.parent_path().filename().string() + "/" + file.stem().string();
        if (!options.only.empty() && !options.only.starts_with(base + "/")) continue;
        WEFT_TRY(const auto content, read_fixture_file(file));
        for (const auto& [name, test] : content.members()) {
            const auto& inputs = test["transaction"]["data"].items();
            if (inputs.empty())
                return fail(ErrorCode::invalid_argument, file.string() + ": " + name + " is no state test");
            for (std::size_t i = 0; i < inputs.size(); ++i) {
                const auto* const label = test["_info"]["labels"].find(std::to_string(i));
                const std::string full = base + "/" + (label != nullptr ? label->text() : std::to_string(i));
                if (options.only.empty() || options.only == full)
                    out.push_back(std::make_unique<Case>(full, test, i, *fork));
            }
        }
    }
    if (out.empty()) return fail(ErrorCode::not_found, "no state test with inputs in the given paths");
    return out;
}

/// Runs a program to its end, and gives what it printed.
/// @errors unavailable  it can't be run, or ends with a failure: with the last it said.
Result<std::string> run_program(const std::vector<std::string>& arguments) {
    WEFT_TRY(auto process, Process::start(arguments));
    std::string text;
    char buffer[4096];
    const auto drain = [&] {
        for (ssize_t size = 0; (size = ::read(process.output_fd(), buffer, sizeof buffer)) > 0;) {
            text.append(buffer, static_cast<std::size_t>(size));
        }
    };
    while (true) {
        pollfd ready[2] = {{process.end_fd(), POLLIN, 0}, {process.output_fd(), POLLIN, 0}};
        (void)::poll(ready, 2, 1000);
        drain();
        const auto ended = process.reap();
        if (!ended) continue;
        drain();
        if (!ended->by_signal && ended->number == 0) return text;
        const auto tail = text.size() > 300 ? text.substr(text.size() - 300) : text;
        return fail(ErrorCode::unavailable, arguments[0] + " " + ended->to_string() + ": " + tail);
    }
}

/// Another engine's figures, by case.
struct Peer {
    std::string name;
    std::string program;
    std::map<std::string, std::map<std::string, double>> variants;  // of a variant: seconds by case
    std::string best;                                               // variant
};

double unit_seconds(const std::string& unit) {
    if (unit == "ns") return 1e-9;
    if (unit == "us") return 1e-6;
    return unit == "ms" ? 1e-3 : 1;
}

/// One round of a peer's program over a folder.
Result<void> measure(Peer& peer, const std::string& path) {
    const auto out = std::filesystem::temp_directory_path() / fmt::format("weft-bench-{}.json", ::getpid());
    const auto done = run_program({peer.program, path, "--benchmark_filter=/execute/", "--benchmark_min_time=0.06",
                                   "--benchmark_out=" + out.string(), "--benchmark_out_format=json"});
    auto content = done ? read_fixture_file(out) : weft::Result<json::Value>(std::unexpected(done.error()));
    std::error_code ignored;
    std::filesystem::remove(out, ignored);
    if (!content) return fail(ErrorCode::unavailable, peer.name + ": " + content.error().message);
    const std::string folder = std::filesystem::canonical(path, ignored).filename();
    for (const auto& row : (*content)["benchmarks"].items()) {
        const std::string& name = row["name"].text();
        const auto middle = name.find("/execute/");
        if (middle == std::string::npos || row["error_occurred"].as_boolean()) continue;
        const double seconds =
            std::strtod(row["cpu_time"].text().c_str(), nullptr) * unit_seconds(row["time_unit"].text());
        std::string key = name.substr(middle + 9);
        // It names folders as seen from the path.
        if (std::ranges::count(key, '/') == 1) key = folder + "/" + key;
        auto& least = peer.variants[name.substr(0, middle)][key];
        if (least == 0 || seconds < least) least = seconds;
    }
    return {};
}

double geometric_mean(const std::vector<double>& values) {
    double sum = 0;
    for (const double value : values) sum += std::log(value);
    return std::exp(sum / static_cast<double>(values.size()));
}

/// The mean of @p ratio over the contracts of a folder, each contract with the mean of its inputs; 0: nothing to mean.
double mean_of(const Cases& cases, const std::string& folder, const std::function<double(const Case&)>& ratio) {
    std::map<std::string, std::vector<double>> contracts;
    for (const auto& it : cases) {
        if (it->folder() != folder) continue;
        if (const double value = ratio(*it); value > 0) contracts[it->contract()].push_back(value);
    }
    std::vector<double> means;
    for (const auto& [name, values] : contracts) means.push_back(geometric_mean(values));
    return means.empty() ? 0 : geometric_mean(means);
}

/// A peer's time of a case in its best variant; 0 if it has none.
double peer_seconds(const Peer& peer, const Case& it) {
    const auto variant = peer.variants.find(peer.best);
    if (variant == peer.variants.end()) return 0;
    const auto found = variant->second.find(it.name());
    return found == variant->second.end() ? 0 : found->second;
}

void choose_variant(Peer& peer, const Cases& cases) {
    double least = std::numeric_limits<double>::infinity();
    for (const auto& [variant, times] : peer.variants) {
        std::vector<double> known;
        for (const auto& it : cases) {
            if (const auto found = times.find(it->name()); found != times.end()) known.push_back(found->second);
        }
        if (known.empty()) continue;
        const double mean = geometric_mean(known);
        if (mean < least) {
            least = mean;
            peer.best = variant;
        }
    }
}

/// This program without debug information, of which valgrind 3.19 can't read what clang 19 writes.
class StrippedSelf {
  public:
    /// @errors unavailable  objcopy is not there.
    static Result<StrippedSelf> make() {
        StrippedSelf out;
        const std::string self = std::filesystem::read_symlink("/proc/self/exe");
        WEFT_CHECK(run_program({"objcopy", "--strip-debug", self, out.path_}));
        return out;
    }
    StrippedSelf(StrippedSelf&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    StrippedSelf& operator=(StrippedSelf&&) = delete;
    ~StrippedSelf() {
        std::error_code ignored;
        if (!path_.empty()) std::filesystem::remove(path_, ignored);
    }
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    StrippedSelf() : path_(std::filesystem::temp_directory_path() / fmt::format("weft-counted-{}", ::getpid())) {}
    std::string path_;
};

/// Machine instructions of one run, counted by callgrind in a process of its own.
Result<double> count_instructions(const BenchEvmOptions& options, const std::string& program, const Case& it) {
    std::vector<std::string> arguments = {"valgrind",
                                          "--tool=callgrind",
                                          "--callgrind-out-file=/dev/null",
                                          "--toggle-collect=*run_counted*",
                                          program,
                                          "evm",
                                          "bench",
                                          "--fork",
                                          options.fork,
                                          "--only",
                                          it.name()};
    arguments.insert(arguments.end(), options.paths.begin(), options.paths.end());
    WEFT_TRY(const auto text, run_program(arguments));
    const auto at = text.find("Collected : ");
    if (at == std::string::npos) return fail(ErrorCode::unavailable, "valgrind gave no count: " + text);
    return std::strtod(text.c_str() + at + 12, nullptr);
}

std::vector<std::string> folders_of(const Cases& cases) {
    std::vector<std::string> out;
    for (const auto& it : cases) {
        if (out.empty() || out.back() != it->folder()) out.push_back(it->folder());
    }
    return out;
}

void print_table(const Cases& cases, const std::vector<Peer>& peers) {
    fmt::print("{:<40} {:>10} {:>12} {:>11} {:>9} {:>9} {:>9}", "case", "EVM instr", "gas", "us", "Mgas/s", "ns/instr",
               "machine");
    for (const auto& peer : peers) fmt::print(" {:>11} {:>6}", peer.name, "ratio");
    fmt::print("\n");
    for (const auto& it : cases) {
        const auto count = static_cast<double>(std::max<std::uint64_t>(it->instructions(), 1));
        fmt::print("{:<40} {:>10} {:>12} {:>11.2f} {:>9.0f} {:>9.2f} {:>9}", it->name(), it->instructions(), it->gas(),
                   it->seconds() * 1e6, static_cast<double>(it->gas()) / it->seconds() / 1e6,
                   it->seconds() * 1e9 / count,
                   it->machine_instructions > 0 ? fmt::format("{:.1f}", it->machine_instructions / count) : "-");
        for (const auto& peer : peers) {
            if (const double seconds = peer_seconds(peer, *it); seconds > 0) {
                fmt::print(" {:>11.2f} {:>6.2f}", seconds * 1e6, it->seconds() / seconds);
            } else {
                fmt::print(" {:>11} {:>6}", "-", "-");
            }
        }
        fmt::print("\n");
    }
    for (const auto& peer : peers) {
        for (const auto& folder : folders_of(cases)) {
            const double mean = mean_of(cases, folder, [&](const Case& it) {
                const double seconds = peer_seconds(peer, it);
                return seconds > 0 ? it.seconds() / seconds : 0;
            });
            if (mean > 0) {
                fmt::print("{}: {:.2f} of the time of {} ({}), geometric mean over contracts\n", folder, mean,
                           peer.name, peer.best);
            }
        }
    }
}

void print_json(const Cases& cases, const std::vector<Peer>& peers) {
    json::Writer out;
    out.begin_object().key("cases").begin_array();
    for (const auto& it : cases) {
        out.begin_object().string("name", it->name()).key("evmInstructions").unsigned_integer(it->instructions());
        out.key("gas").unsigned_integer(it->gas()).key("seconds").real(it->seconds());
        if (it->machine_instructions > 0) out.key("machineInstructions").real(it->machine_instructions);
        out.key("peers").begin_object();
        for (const auto& peer : peers) {
            if (const double seconds = peer_seconds(peer, *it); seconds > 0) out.key(peer.name).real(seconds);
        }
        out.end_object().end_object();
    }
    out.end_array().end_object();
    fmt::print("{}\n", out.text());
}

Result<std::vector<Peer>> peers_of(const BenchEvmOptions& options) {
    std::vector<Peer> out;
    for (const auto& text : options.peers) {
        const auto equals = text.find('=');
        if (equals == std::string::npos) return fail(ErrorCode::invalid_argument, "--peer " + text + ": NAME=PROGRAM");
        out.push_back({text.substr(0, equals), text.substr(equals + 1), {}, {}});
    }
    return out;
}

}  // namespace

Result<void> bench_evm(const BenchEvmOptions& options) {
    WEFT_TRY(const auto cases, load(options));
    WEFT_TRY(auto peers, peers_of(options));
    for (const auto& it : cases) WEFT_CHECK(it->prepare());
    if (!options.only.empty()) {
        cases.front()->run_counted();
        return {};
    }
    if (peers.empty()) fmt::print(stderr, "no peer beside it (give one with --peer NAME=PROGRAM)\n");
    for (int round = 0; round < options.rounds; ++round) {
        fmt::print(stderr, "round {} of {} ...\n", round + 1, options.rounds);
        for (const auto& it : cases) it->measure();
        for (auto& peer : peers) {
            for (const auto& path : options.paths) WEFT_CHECK(measure(peer, path));
        }
    }
    for (auto& peer : peers) choose_variant(peer, cases);
    if (options.instructions) {
        fmt::print(stderr, "counting machine instructions ...\n");
        WEFT_TRY(const auto self, StrippedSelf::make());
        for (const auto& it : cases) {
            WEFT_TRY(it->machine_instructions, count_instructions(options, self.path(), *it));
        }
    }
    if (options.json) {
        print_json(cases, peers);
    } else {
        print_table(cases, peers);
    }
    return {};
}

}  // namespace weft::app
