// advisor: a service of one's own in a weft system. It tells what a transaction should offer, from what the last blocks
// cost.
//
//     advisor serve --registry 127.0.0.1:9000 --id advisor-0     as many as you like
//     advisor ask --registry 127.0.0.1:9000 --calls 1000         a client that finds them
//
// docs/own-service.md goes through it.

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include "api/storage.hpp"
#include "app/discovered.hpp"
#include "app/loop_timers.hpp"
#include "app/registration.hpp"
#include "app/signals.hpp"
#include "base/time.hpp"
#include "mesh/compose/compose.hpp"
#include "mesh/compose/contract.hpp"
#include "mesh/layer/bulkhead.hpp"
#include "mesh/layer/cache.hpp"
#include "mesh/layer/fallback.hpp"
#include "mesh/layer/hedge.hpp"
#include "mesh/layer/rate_limit.hpp"
#include "mesh/layer/shed.hpp"
#include "mesh/layer/timeout.hpp"
#include "net/port.hpp"

namespace weft::example {
namespace {

// The operation: what goes in, what comes out. Their members are the fields of its messages, in this order.
struct Advice {
    U256 fee_cap;       // wei a gas, at most
    U256 priority_fee;  // of it, for the validator
    std::uint64_t block = 0;
    /// Of earlier: the chain could not be asked now.
    bool stale = false;
    std::string advisor;
};
struct Advise {
    using Reply = Advice;
    static constexpr std::string_view method = "example.Advisor/Advise";
    /// Of the transactions in the last blocks so many percent offered less.
    std::uint64_t percentile = 50;
};

using api::storage::FeeHistory;
using api::storage::FeeHistoryReply;
namespace compose = mesh::compose;

constexpr std::uint64_t blocks_looked_at = 20;
constexpr std::uint64_t millionth_of_percent = 1'000'000;

Result<FeeHistory> question_of(const Advise& asked) {
    FeeHistory out;
    out.block_count = blocks_looked_at;
    out.percentiles = {asked.percentile * millionth_of_percent};
    return out;
}

/// The median over the blocks of what their transactions offered, and room for the base fee to double.
Result<Advice> advice_of(FeeHistoryReply seen) {
    if (seen.base_fees.empty()) return fail(ErrorCode::failed_precondition, "no block has a base fee");
    Advice out;
    std::ranges::sort(seen.rewards);
    if (!seen.rewards.empty()) out.priority_fee = seen.rewards[seen.rewards.size() / 2];
    out.fee_cap = seen.base_fees.back() + seen.base_fees.back() + out.priority_fee;
    out.block = seen.oldest_block + seen.gas_used.size() - 1;
    return out;
}

const compose::Contract<Advise, Advice> contract{
    .name = "advice",
    .requires_of = [](const Advise& asked) { return asked.percentile <= 100; },
    .ensures = [](const Advise&, const Advice& given) { return given.fee_cap >= given.priority_fee; },
};

/// What the service does: two functions around an operation of the chain, wherever that is performed.
mesh::Port<Advise> behaviour(mesh::Port<FeeHistory> history) {
    const auto steps = compose::map<Advise>(question_of) >> compose::flow<FeeHistory>(std::move(history)) >>
                       compose::map<FeeHistoryReply>(advice_of);
    return compose::to_port<Advise>(compose::under(contract, steps));
}

/// What it said last, for when it can't ask.
class Memory {
  public:
    mesh::Port<Advise> remembering(mesh::Port<Advise> port) const {
        return {[port = std::move(port), last = last_](mesh::Context context, Advise asked) -> Task<Advice> {
            Advice given = co_await port(std::move(context), asked);
            last.with([&](auto& of) { of[asked.percentile] = given; });
            co_return given;
        }};
    }
    mesh::Port<Advise> recalling() const {
        return {[last = last_](mesh::Context, Advise asked) -> Task<Advice> {
            auto found = last.with([&](auto& of) -> Result<Advice> {
                const auto at = of.find(asked.percentile);
                if (at == of.end()) return fail(ErrorCode::unavailable, "the chain can't be asked now");
                return at->second;
            });
            if (found) found->stale = true;
            co_return std::move(found);
        }};
    }

  private:
    mesh::Shared<std::map<std::uint64_t, Advice>> last_{{}};  // by percentile: 101 at most
};

/// The layers around it, outermost first; mesh/layer.hpp says why in this order.
mesh::Port<Advise> guarded(mesh::Timers& timers, mesh::Port<Advise> inner) {
    const auto key = [](const Advise& asked) { return std::to_string(asked.percentile); };
    const Memory memory;
    const auto shed = mesh::shed(timers);
    mesh::BulkheadOptions places{.running_max = 32, .waiting_max = 256};
    places.started = [shed](std::int64_t queued_ns) { shed.started(queued_ns); };
    return mesh::Port<Advise>(mesh::rate_limit(timers, mesh::make_rate_limit(50'000, 1'000)) | shed |
                              mesh::timeout(timers, ns_per_s) | mesh::fallback(memory.recalling()) |
                              mesh::cache<Advise>(timers, key, {.replies_max = 101, .ttl_ns = 200 * ns_per_ms}) |
                              mesh::coalesce<Advise>(key) | mesh::timeout(timers, 300 * ns_per_ms) |
                              mesh::bulkhead(timers, places) | memory.remembering(std::move(inner)));
}

mesh::Port<Advise> named(std::string id, mesh::Port<Advise> inner) {
    return {[id = std::move(id), inner = std::move(inner)](mesh::Context context, Advise asked) -> Task<Advice> {
        Advice given = co_await inner(std::move(context), asked);
        given.advisor = id;
        co_return given;
    }};
}

struct Options {
    std::string registry;
    std::string id = "advisor-0";
    std::string chain = "node";
    std::uint64_t calls = 1;
    std::uint64_t percentile = 50;
    std::int64_t pause_ms = 0;
};

Result<void> serve(const app::StopSignals& signals, const Options& options) {
    net::LoopGroup loops(1);
    loops.start();
    app::LoopTimers timers(loops);
    const net::GrpcClient registry(loops, options.registry);
    const auto chain = app::Discovered::make(loops, net::remote_port<api::registry::List>(registry), options.chain);
    net::GrpcServer server(loops);
    net::serve(server, named(options.id, guarded(timers, behaviour(app::discovered_port<FeeHistory>(chain)))));
    WEFT_CHECK(server.listen("127.0.0.1:0"));
    api::registry::Instance instance;
    instance.id = options.id;
    instance.service = "advisor";
    instance.address = server.local_address().to_string();
    instance.pid = static_cast<std::uint64_t>(::getpid());
    instance.started_unix_ms = static_cast<std::uint64_t>(unix_ms());
    app::Registration registration(loops, registry, instance);
    fmt::print("{} listens on {}\n", options.id, instance.address);
    std::fflush(stdout);
    signals.wait();
    (void)run(registration.leave(mesh::Context::with_timeout(ns_per_s)));
    (void)run(server.stop(ns_per_s));
    loops.stop();
    return {};
}

/// One call after another, from wherever the registry says that advisors are.
Result<void> ask(const app::StopSignals& signals, const Options& options) {
    net::LoopGroup loops(1);
    loops.start();
    app::LoopTimers timers(loops);
    const net::GrpcClient registry(loops, options.registry);
    app::DiscoveredOptions calling;
    calling.repeatable = [](std::string_view) { return true; };  // it only reads
    const auto advisors =
        app::Discovered::make(loops, net::remote_port<api::registry::List>(registry), "advisor", calling);
    // Retries and the choice of the instance are the discovered port's; a call that one of them sits on is made again.
    const mesh::HedgeConfig hedging{.calls_min = 20, .budget = {.per_call = 50, .per_second = 10'000}};
    const mesh::Port<Advise> port(mesh::timeout(timers, 5 * ns_per_s) |
                                  mesh::hedge(timers, calling.repeatable, hedging) |
                                  app::discovered_port<Advise>(advisors));
    std::map<std::string, std::uint64_t> by_advisor;
    std::uint64_t failed = 0;
    std::uint64_t stale = 0;
    std::int64_t slowest_ns = 0;
    std::optional<Advice> last;
    for (std::uint64_t i = 0; i < options.calls && signals.take() == 0; ++i) {
        const std::int64_t began_ns = monotonic_ns();
        auto given = run(port(mesh::Context::with_timeout(5 * ns_per_s), {options.percentile}));
        slowest_ns = std::max(slowest_ns, monotonic_ns() - began_ns);
        if (given) {
            ++by_advisor[given->advisor];
            stale += given->stale ? 1 : 0;
            last = *std::move(given);
        } else if (++failed <= 3) {
            fmt::print(stderr, "advisor: {}: {}\n", to_string(given.error().code), given.error().message);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(options.pause_ms));
    }
    loops.stop();
    if (last) {
        fmt::print("block {}: offer {} wei a gas at most, {} of it as tip\n", last->block, to_decimal(last->fee_cap),
                   to_decimal(last->priority_fee));
    }
    fmt::print("{} failed, {} of earlier, slowest {:.1f} ms;", failed, stale, static_cast<double>(slowest_ns) / 1e6);
    for (const auto& [id, count] : by_advisor) fmt::print(" {} {}", id, count);
    fmt::print("\n");
    return failed == 0 ? Result<void>() : fail(ErrorCode::unavailable, fmt::format("{} calls failed", failed));
}

}  // namespace
}  // namespace weft::example

int main(int argc, char** argv) {
    using namespace weft;
    const app::StopSignals signals;
    example::Options options;
    Result<void> done;
    CLI::App program("what a transaction should offer");
    program.require_subcommand(1);
    const auto command = [&](const char* name, const char* what, auto work) {
        auto* sub = program.add_subcommand(name, what);
        sub->add_option("--registry", options.registry, "of the system: `weft registry list` tells")->required();
        sub->callback([&done, &signals, &options, work] { done = work(signals, options); });
        return sub;
    };
    auto* serving = command("serve", "answer until a signal comes", example::serve);
    serving->add_option("--id", options.id, "of this instance; not two alike");
    serving->add_option("--chain", options.chain, "what answers fee histories: node, or storage in layout service");
    auto* asking = command("ask", "call, and say how it went", example::ask);
    asking->add_option("--calls", options.calls, "one after another");
    asking->add_option("--pause", options.pause_ms, "between two calls")->type_name("MS");
    asking->add_option("--percentile", options.percentile, "0 (what the cheapest offered) to 100");
    CLI11_PARSE(program, argc, argv);
    if (!done) std::cerr << "advisor: " << done.error().message << '\n';
    return done ? 0 : 1;
}
