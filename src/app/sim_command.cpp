// weft sim: the protocols as they ship, over a virtual clock, network and disk.

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "app/command.hpp"
#include "app/cpu_time.hpp"
#include "base/time.hpp"
#include "model/pbft_cluster.hpp"
#include "model/pbft_search.hpp"

namespace weft::app {

namespace {

struct SimOptions {
    std::uint64_t seed = 1;
    std::uint64_t seeds = 1000;
    bool trace = false;
    bool mutants = false;
    std::string mutant;
    std::string search;  // "bfs", "walk", or empty: seeds
    model::PbftSearchOptions scope;
};

double cpu_seconds_since(std::int64_t start_ns) { return static_cast<double>(process_cpu_ns() - start_ns) * 1e-9; }

model::PbftRun run_once(const SimOptions& options, const model::PbftOptions& drawn) {
    return options.mutant.empty() ? model::run_pbft(drawn) : model::run_pbft_mutant(options.mutant, drawn);
}

/// How to see a failure again, and the fewest faults that still show it.
void report(const SimOptions& options, const model::PbftOptions& drawn, const model::PbftRun& run) {
    fmt::print("FAILED: {}\n    {}\n", run.failure, drawn.to_string());
    fmt::print("    shrunk to {}\n", model::shrink_pbft(drawn, options.mutant).to_string());
    if (options.mutant.empty()) fmt::print("    weft sim pbft --seed {} --seeds 1 --trace\n", drawn.seed);
}

bool can_search_tell(const std::string& mutant) {
    const auto& known = model::pbft_search_mutants();
    return std::ranges::find(known, mutant) != known.end();
}

int run_seeds(const SimOptions& options) {
    std::map<std::string, std::uint64_t> probes;
    std::uint64_t events = 0;
    std::uint64_t heights = 0;
    std::int64_t virtual_ms = 0;
    const std::int64_t start = process_cpu_ns();
    const bool is_terminal = ::isatty(STDERR_FILENO) == 1;
    for (std::uint64_t i = 0; i < options.seeds; ++i) {
        const auto drawn = model::draw_pbft_options(options.seed + i);
        const auto run = run_once(options, drawn);
        const bool is_same = run_once(options, drawn).hash == run.hash;
        if (!run.failure.empty() || !is_same) {
            if (!is_same) fmt::print("FAILED: two runs of seed {} differ\n", drawn.seed);
            if (!run.failure.empty()) report(options, drawn, run);
            return exit_failed;
        }
        events += 2 * run.events;
        heights += run.heights;
        virtual_ms += 2 * run.virtual_ms;
        for (const auto& [name, count] : run.probes) probes[name] += count;
        if (is_terminal && i % 100 == 99) fmt::print(stderr, "\r{} of {} seeds", i + 1, options.seeds);
    }
    if (is_terminal) fmt::print(stderr, "\r");
    const double seconds = std::max(cpu_seconds_since(start), 1e-9);
    fmt::print("{} seeds, each twice with equal hashes: every property held\n", options.seeds);
    fmt::print("{} heights; {:.2f} million events a second of CPU; {:.0f} times real time\n", heights,
               static_cast<double>(events) / seconds / 1e6, static_cast<double>(virtual_ms) / 1000 / seconds);
    for (const auto& [name, count] : probes) fmt::print("  {:<26} {}\n", name, count);
    return exit_done;
}

int trace_seed(const SimOptions& options) {
    const auto drawn = model::draw_pbft_options(options.seed);
    const auto run = model::run_pbft(drawn, true);
    fmt::print("{}\n", drawn.to_string());
    for (const auto& line : run.trace) fmt::print("{}\n", line);
    fmt::print("{}\n", run.failure.empty() ? "every property held" : "FAILED: " + run.failure);
    return run.failure.empty() ? exit_done : exit_failed;
}

int try_mutants(const SimOptions& options) {
    int survivors = 0;
    for (const auto& name : model::pbft_mutants()) {
        const std::int64_t start = process_cpu_ns();
        std::string failure;
        std::uint64_t tried = 0;
        while (tried < options.seeds && failure.empty()) {
            failure = model::run_pbft_mutant(name, model::draw_pbft_options(options.seed + tried++)).failure;
        }
        const char* unit = "seeds";
        if (failure.empty() && can_search_tell(name)) {
            const auto found = model::search_pbft({}, name);
            failure = found.failure;
            tried = found.states;
            unit = "states";
        }
        const double seconds = cpu_seconds_since(start);
        if (failure.empty()) ++survivors;
        fmt::print("{:<22} {} {:>5} {:<6} {:>7.2f} s  {}\n", name, failure.empty() ? "survived" : "found in", tried,
                   unit, seconds, failure);
    }
    return survivors == 0 ? exit_done : exit_failed;
}

/// Looks for a state in which the rules fail, and says what was looked at.
int search(SimOptions& options) {
    if (!options.mutant.empty() && !can_search_tell(options.mutant)) {
        fmt::print(stderr, "a search can't tell {} from the right rules; it can: {}\n", options.mutant,
                   fmt::join(model::pbft_search_mutants(), ", "));
        return exit_usage;
    }
    options.scope.walks = options.search == "walk";
    options.scope.seed = options.seed;
    const std::int64_t start = process_cpu_ns();
    const auto found = model::search_pbft(options.scope, options.mutant);
    const double seconds = cpu_seconds_since(start);
    fmt::print("{} validators, {} of them liars, {} rounds, {} crashes: ", options.scope.n, (options.scope.n - 1) / 3,
               options.scope.rounds, options.scope.crashes);
    if (options.scope.walks) {
        fmt::print("{} random walks of {} steps", found.depth, found.states);
    } else {
        fmt::print("{} states, {}", found.states, found.is_exhausted ? "which are all" : "and more that were not seen");
    }
    fmt::print("\n{} transitions, {} states of one engine, {} states with a final block, {} good rounds; {:.2f} s\n",
               found.transitions, found.engine_states, found.final_states, found.good_rounds, seconds);
    for (const auto& line : found.path) fmt::print("  {}\n", line);
    fmt::print("{}\n", found.failure.empty() ? "agreement held, and every good round decided"
                                             : "FAILED: " + found.failure);
    return found.failure.empty() ? exit_done : exit_failed;
}

}  // namespace

void define_sim(CLI::App& command, int& status) {
    command.require_subcommand(1);
    auto* pbft = command.add_subcommand("pbft", "validators that crash, lie, lose messages and records");
    auto options = std::make_shared<SimOptions>();
    pbft->add_option("--seed", options->seed, "the first seed; it draws the cluster and its faults")
        ->capture_default_str();
    pbft->add_option("--seeds", options->seeds, "how many, one after the other")->capture_default_str();
    pbft->add_flag("--trace", options->trace, "print every event of the first seed");
    pbft->add_flag("--mutants", options->mutants, "how soon each wrong variant of the rules is found out");
    pbft->add_option("--mutant", options->mutant, "run one wrong variant in place of the engine")
        ->check(CLI::IsMember(model::pbft_mutants()));
    pbft->add_option("--search", options->search, "every order of events in one height, or random ones, for no seed")
        ->check(CLI::IsMember({"bfs", "walk"}));
    pbft->add_option("--validators", options->scope.n, "of a search")
        ->check(CLI::Range(4U, model::search_validators_max))
        ->capture_default_str();
    pbft->add_option("--rounds", options->scope.rounds, "of a search")
        ->check(CLI::Range(1U, model::search_rounds_max))
        ->capture_default_str();
    pbft->add_option("--crashes", options->scope.crashes, "of correct validators in a search")
        ->check(CLI::Range(0U, 3U))
        ->capture_default_str();
    pbft->add_option("--states", options->scope.states_max, "after which a search stops; of walks, steps")
        ->capture_default_str();
    pbft->callback([options, &status] {
        status = !options->search.empty() ? search(*options)
                 : options->mutants ? try_mutants(*options)
                 : options->trace ? trace_seed(*options)
                                  : run_seeds(*options);
    });
}

}  // namespace weft::app
