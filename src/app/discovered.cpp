#include "app/discovered.hpp"

#include <mutex>
#include <optional>
#include <vector>

#include "app/random_bits.hpp"
#include "app/watch.hpp"
#include "chain/transaction.hpp"
#include "observe/log.hpp"

namespace weft::app {

namespace {

struct Target {
    Target(net::LoopGroup& loops, std::string at, const net::GrpcChannelOptions& options)
        : address(std::move(at)), client(loops, address, options) {}
    const std::string address;
    const net::GrpcClient client;
};
using TargetPtr = std::shared_ptr<Target>;

/// Where a call goes. Holds the connection, which may be of an instance that goes meanwhile.
struct Attempt {
    mesh::Pick pick;
    TargetPtr target;
};

/// With less time than that a call that got no answer says more of its caller than of whom it called.
constexpr std::int64_t fair_ns = ns_per_s;

/// What a call says of the instance it went to. Errors that the operation gives are answers.
mesh::CallEnd end_of(const Error& error, const mesh::Pick& pick, std::int64_t now_ns) {
    if (mesh::is_lost(error)) return mesh::CallEnd::lost;
    if (error.code != ErrorCode::deadline_exceeded) return mesh::CallEnd::answered;
    const bool fair = pick.kind == mesh::CallKind::even && now_ns - pick.begun_ns >= fair_ns;
    return fair ? mesh::CallEnd::failed : mesh::CallEnd::withdrawn;
}

}  // namespace

struct Discovered::State {
    State(net::LoopGroup& group, std::string name, DiscoveredOptions with)
        : loops(group),
          service(std::move(name)),
          options(std::move(with)),
          roster(options.roster),
          budget(make_retry_budget(options.retry, monotonic_ns())) {}

    net::LoopGroup& loops;
    const std::string service;
    const DiscoveredOptions options;
    const observe::Log log{"discovered"};
    std::unique_ptr<Watch> watch;
    std::mutex mutex;  // over what follows
    mesh::Roster roster;
    std::vector<TargetPtr> targets;  // one for each of the roster's instances
    mesh::RetryBudget budget;

    void update(std::vector<mesh::Instance> instances) {
        std::erase_if(instances, [&](const auto& it) { return !options.only.empty() && it.id != options.only; });
        std::vector<TargetPtr> next;
        const std::scoped_lock lock(mutex);
        const auto moved = roster.update(std::move(instances), monotonic_ns());
        for (std::size_t i = 0; i < moved.size(); ++i) {
            // The connection outlives a change of health, but not one of process.
            next.push_back(moved[i] ? targets[*moved[i]]
                                    : std::make_shared<Target>(loops, roster.instances()[i].address, options.channel));
        }
        targets.swap(next);
    }

    std::optional<Attempt> pick(mesh::CallKind kind, std::optional<std::uint64_t> avoid, std::int64_t now_ns) {
        const std::scoped_lock lock(mutex);
        const auto picked = roster.pick(kind, avoid, now_ns, random_bits());
        if (!picked) return std::nullopt;
        return Attempt{*picked, targets[picked->index]};
    }
    void end(const Attempt& attempt, mesh::CallEnd how, std::int64_t now_ns) {
        auto change = mesh::BreakerChange::none;
        {
            const std::scoped_lock lock(mutex);
            change = roster.end(attempt.pick, how, now_ns);
        }
        if (change == mesh::BreakerChange::none) return;
        log.info(change == mesh::BreakerChange::opened ? "ejected" : "back",
                 {{"service", service}, {"address", attempt.target->address}});
    }
    Error nobody() {
        const std::scoped_lock lock(mutex);
        const auto what = roster.instances().empty() ? "no instance of " + service + " is known"
                                                     : "every instance of " + service + " is drained";
        return {ErrorCode::unavailable, what, {}, 0};
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
    return state_->roster.healthy_count();
}

Task<Bytes> Discovered::call(std::shared_ptr<Discovered> self, mesh::Context context, std::string_view method,
                             BytesView request, CallReport* report) {
    State& state = *self->state_;
    const bool repeatable = state.options.repeatable(method);
    const auto kind = kind_of(method);
    std::optional<Error> last;
    std::optional<std::uint64_t> failed_at;
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
    for (std::uint32_t attempts = 0;; ++attempts) {
        if (const auto attempt = state.pick(kind, failed_at, now_ns)) {
            if (report != nullptr) ++report->attempts;
            auto answer = co_await settled(attempt->target->client.call(context, method, request));
            now_ns = monotonic_ns();
            state.end(*attempt, answer ? mesh::CallEnd::answered : end_of(answer.error(), attempt->pick, now_ns),
                      now_ns);
            if (answer || !mesh::is_lost(answer.error())) {
                // The channel's "certainly not handled", which a deadline has too, is no word for clients.
                if (!answer && answer.error().detail == mesh::detail_unsent) answer.error().detail = 0;
                co_return std::move(answer);
            }
            failed_at = attempt->pick.number;
            last = std::move(answer).error();
            last->message = state.service + " at " + attempt->target->address + ": " + last->message;
            const bool certain = mesh::is_unsent(*last);
            last->code = ErrorCode::unavailable;
            last->detail = 0;  // towards clients it would be a protocol's code
            if (!certain && !repeatable) co_return std::unexpected(*std::move(last));
            if (!certain && report != nullptr) report->earlier_unknown = true;
            end_retry();
            retrying = state.may_retry(now_ns);
            if (!retrying) co_return std::unexpected(*std::move(last));
        } else if (!last) {
            last = state.nobody();
        }
        const auto wait_ns = mesh::backoff_ns(state.options.backoff, attempts, random_bits());
        if (now_ns + wait_ns >= std::min(context.deadline_ns, patience_end_ns))
            co_return std::unexpected(*std::move(last));
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
