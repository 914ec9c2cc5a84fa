#include "app/discovered.hpp"

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "app/watch.hpp"
#include "chain/transaction.hpp"
#include "mesh/balance.hpp"
#include "mesh/layer.hpp"

namespace weft::app {

namespace {

struct Target {
    Target(net::LoopGroup& loops, mesh::Instance of, const net::GrpcChannelOptions& options)
        : instance(std::move(of)), client(loops, instance.address, options) {}
    const mesh::Instance instance;
    const net::GrpcClient client;
    std::atomic<std::uint32_t> outstanding{0};
    std::atomic<std::int64_t> suspect_until_ns{0};
};
using TargetPtr = std::shared_ptr<Target>;
struct Known {
    TargetPtr target;
    bool healthy = false;
};

std::uint64_t random_bits() {
    static std::atomic<std::uint64_t> count{0};
    return mix64(count.fetch_add(1, std::memory_order_relaxed) ^ static_cast<std::uint64_t>(monotonic_ns()) << 20);
}

}  // namespace

struct Discovered::State {
    State(net::LoopGroup& group, std::string name, DiscoveredOptions with)
        : loops(group),
          service(std::move(name)),
          options(std::move(with)),
          budget(make_retry_budget(options.retry, monotonic_ns())) {}

    net::LoopGroup& loops;
    const std::string service;
    const DiscoveredOptions options;
    std::unique_ptr<Watch> watch;
    std::mutex mutex;  // over what follows
    std::vector<Known> known;
    mesh::RetryBudget budget;
    std::size_t turn = 0;

    void update(const std::vector<mesh::Instance>& instances) {
        std::vector<Known> next;
        const std::scoped_lock lock(mutex);
        for (const auto& instance : instances) {
            if (!options.only.empty() && instance.id != options.only) continue;
            // The connection outlives a change of health, but not one of process.
            const auto same = std::ranges::find_if(known, [&](const Known& old) {
                const auto& was = old.target->instance;
                return was.id == instance.id && was.address == instance.address &&
                       was.started_ms == instance.started_ms;
            });
            next.push_back(
                {same != known.end() ? same->target : std::make_shared<Target>(loops, instance, options.channel),
                 instance.healthy});
        }
        known.swap(next);
    }

    /// The best of the healthy; if none is, of the others: the checks may be wrong, and there is nothing to lose.
    TargetPtr pick(std::int64_t now_ns) {
        const std::scoped_lock lock(mutex);
        ++turn;
        for (const bool healthy : {true, false}) {
            for (const bool trusted : {true, false}) {
                // Only those that count, so that among equals each has its turn.
                std::vector<TargetPtr> targets;
                std::vector<mesh::Candidate> candidates;
                for (const auto& [target, is_healthy] : known) {
                    const bool suspect = target->suspect_until_ns.load(std::memory_order_relaxed) > now_ns;
                    if (is_healthy != healthy || suspect == trusted) continue;
                    targets.push_back(target);
                    candidates.push_back(
                        {target->instance.weight, target->outstanding.load(std::memory_order_relaxed)});
                }
                if (options.is_sticky && !targets.empty()) {
                    return *std::ranges::min_element(targets, {}, [](const TargetPtr& it) { return it->instance.id; });
                }
                if (const auto best = mesh::pick_least_outstanding(candidates, turn)) return targets[*best];
            }
        }
        return nullptr;
    }

    void count_call() {
        const std::scoped_lock lock(mutex);
        mesh::on_call(options.retry, budget);
    }
    bool may_retry(std::int64_t now_ns) {
        const std::scoped_lock lock(mutex);
        return mesh::take_retry(options.retry, budget, now_ns);
    }
    void end_retry() {
        const std::scoped_lock lock(mutex);
        mesh::on_retry_end(budget);
    }
    void end_call() {
        const std::scoped_lock lock(mutex);
        mesh::on_call_end(budget);
    }
};

Discovered::Discovered(std::unique_ptr<State> state) : state_(std::move(state)) {}
Discovered::~Discovered() = default;

std::shared_ptr<Discovered> Discovered::make(net::LoopGroup& loops, mesh::Port<api::registry::List> list,
                                             std::string service, DiscoveredOptions options) {
    auto state = std::make_unique<State>(loops, service, std::move(options));
    auto made = std::shared_ptr<Discovered>(new Discovered(std::move(state)));
    made->state_->watch = std::make_unique<Watch>(
        loops, std::move(list), std::move(service),
        [weak = std::weak_ptr(made)](const std::vector<mesh::Instance>& instances) {
            if (const auto self = weak.lock()) self->state_->update(instances);
        });
    return made;
}

std::size_t Discovered::healthy_count() const {
    const std::scoped_lock lock(state_->mutex);
    return static_cast<std::size_t>(std::ranges::count_if(state_->known, [](const Known& one) { return one.healthy; }));
}

Task<Bytes> Discovered::call(std::shared_ptr<Discovered> self, mesh::Context context, std::string_view method,
                             BytesView request, CallReport* report) {
    State& state = *self->state_;
    const bool repeatable = is_repeatable(method);
    Error last{ErrorCode::unavailable, "no instance of " + state.service + " is known", {}, 0};
    std::int64_t now_ns = monotonic_ns();
    const std::int64_t patience_end_ns = now_ns + (is_fleeting(method) ? 0 : state.options.patience_ns);
    state.count_call();
    bool retrying = false;
    const auto end_retry = [&] {
        if (std::exchange(retrying, false)) state.end_retry();
    };
    const auto ended = [&](void*) {
        end_retry();
        state.end_call();
    };
    const std::unique_ptr<State, decltype(ended)> end(&state, ended);
    for (std::uint32_t attempt = 0;; ++attempt) {
        const TargetPtr target = state.pick(now_ns);
        if (target != nullptr) {
            if (report != nullptr) ++report->attempts;
            target->outstanding.fetch_add(1, std::memory_order_relaxed);
            auto answer = co_await settled(target->client.call(context, method, request));
            target->outstanding.fetch_sub(1, std::memory_order_relaxed);
            if (answer || !mesh::is_lost(answer.error())) {
                // The channel's "certainly not handled", which a deadline has too, is no word for clients.
                if (!answer && answer.error().detail == mesh::detail_unsent) answer.error().detail = 0;
                co_return std::move(answer);
            }
            now_ns = monotonic_ns();
            target->suspect_until_ns.store(now_ns + state.options.suspect_ns, std::memory_order_relaxed);
            last = std::move(answer).error();
            last.message = state.service + " at " + target->instance.address + ": " + last.message;
            const bool certain = mesh::is_unsent(last);
            last.code = ErrorCode::unavailable;
            last.detail = 0;  // towards clients it would be a protocol's code
            if (!certain && !repeatable) co_return std::unexpected(std::move(last));
            if (!certain && report != nullptr) report->earlier_unknown = true;
            end_retry();
            retrying = state.may_retry(now_ns);
            if (!retrying) co_return std::unexpected(std::move(last));
        }
        const auto wait_ns = mesh::backoff_ns(state.options.backoff, attempt, random_bits());
        if (now_ns + wait_ns >= std::min(context.deadline_ns, patience_end_ns))
            co_return std::unexpected(std::move(last));
        net::Loop* here = state.loops.here();
        co_await (here != nullptr ? *here : state.loops.next()).sleep_for(wait_ns);
        now_ns = monotonic_ns();
    }
}

namespace {

bool says_known_already(const Error& error) {
    return error.message.find("already known") != std::string::npos ||
           error.message.find("nonce too low") != std::string::npos;
}

Task<bool> is_known(std::shared_ptr<Discovered> validation, std::shared_ptr<Discovered> storage, mesh::Context context,
                    Hash hash) {
    const auto sealed = co_await settled(detail::call_discovered(storage, context, api::storage::GetTransaction{hash}));
    if (sealed && sealed->transaction != nullptr) co_return true;
    const auto pooled =
        co_await settled(detail::call_discovered(validation, context, api::validation::GetPooled{hash}));
    co_return pooled && pooled->transaction != nullptr;
}

Task<api::validation::SubmitReply> submit(std::shared_ptr<Discovered> validation, std::shared_ptr<Discovered> storage,
                                          mesh::Context context, api::validation::Submit request) {
    CallReport report;
    auto reply = co_await settled(detail::call_discovered(validation, context, request, &report));
    if (reply || !report.earlier_unknown || !says_known_already(reply.error())) co_return std::move(reply);
    // Either the first attempt went through, or another transaction took the nonce: the hash tells.
    const auto transaction = chain::decode_network_form(request.encoded);
    if (!transaction) co_return std::move(reply);
    const bool known = co_await is_known(std::move(validation), std::move(storage), context, transaction->hash);
    if (!known) co_return std::move(reply);
    co_return api::validation::SubmitReply{transaction->hash};
}

}  // namespace

mesh::Port<api::validation::Submit> submit_port(std::shared_ptr<Discovered> validation,
                                                std::shared_ptr<Discovered> storage) {
    return {[validation = std::move(validation), storage = std::move(storage)](mesh::Context context,
                                                                               api::validation::Submit request) {
        return submit(validation, storage, context, std::move(request));
    }};
}

}  // namespace weft::app
