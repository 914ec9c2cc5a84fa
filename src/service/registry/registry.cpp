#include "service/registry/registry.hpp"

#include <algorithm>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/random.h>

#include "net/port.hpp"
#include "observe/log.hpp"
#include "service/registry/check.hpp"

namespace weft::service::registry {

namespace {

/// Calls @p function on the loop and comes back to where it was called, whether it failed or not.
template <class Function, class T = typename std::invoke_result_t<Function&>::value_type>
Task<T> on(net::Loop& loop, Function function) {
    Executor* home = Executor::current();
    co_await net::switch_to(loop);
    Result<T> result = function();
    if (home != nullptr) co_await net::switch_to(*home);
    co_return std::move(result);
}

/// Far above any lease_max_ns, far below what overflows as nanoseconds.
constexpr std::uint64_t lease_ms_max = 1ULL << 32;

std::uint64_t make_epoch() {
    // Random, because two registries may follow one another within a tick of any clock. Never 0, which means "any", and
    // small enough to start lease ids from: 2^63 lie above it.
    std::uint64_t random = 0;
    WEFT_ASSERT(::getrandom(&random, sizeof random, 0) == sizeof random);
    return random >> 1 | 1;
}

}  // namespace

struct Registry::Core : std::enable_shared_from_this<Core> {
    /// A List that waits for a change.
    struct Waiter {
        api::registry::List request;
        std::int64_t until_ns = 0;
        Promise<api::registry::ListReply> promise = {};
    };

    Core(net::Loop& on_loop, RegistryOptions with)
        : loop(on_loop),
          options(with),
          tick(on_loop, [this] { apply(mesh::LeaseTick{}); }),
          late(on_loop, [this] { answer_late(); }) {
        table.next_lease_id = epoch;
    }

    net::Loop& loop;
    const RegistryOptions options;
    const std::uint64_t epoch = make_epoch();
    const observe::Log log{"registry"};
    // What follows is of the loop's thread.
    mesh::LeaseState table;
    std::map<std::string, api::registry::Instance> instances;  // what the table does not keep: pid, check
    std::map<std::string, std::map<std::uint64_t, std::uint64_t>> heads;  // by service and lease, as their checks told
    std::list<Waiter> waiting;
    net::Timer tick;  // at the next lease's expiry
    net::Timer late;  // at the end of the next wait
    bool stopped = false;

    mesh::LeaseEffects apply(const mesh::LeaseEvent& event) {
        auto effects = mesh::step(options.leases, table, event, monotonic_ns());
        publish(effects);
        return effects;
    }

    void publish(const mesh::LeaseEffects& effects) {
        for (const auto& id : effects.expired) log.warn("lease expired", {{"instance", id}});
        for (const auto& id : effects.gone) instances.erase(id);
        if (effects.changed) answer_waiting();
        if (const auto expiry = mesh::next_expiry_ns(table)) {
            tick.set(*expiry);
        } else {
            tick.cancel();
        }
    }

    static bool is_of(const api::registry::List& request, const std::string& service) {
        return request.service.empty() || request.service == service;
    }
    static bool is_wanted(const api::registry::List& request, const mesh::Instance& instance) {
        if (!is_of(request, instance.service)) return false;
        const auto has = [&](const api::registry::Label& wanted) {
            return std::ranges::any_of(request.labels, [&](const auto& one) {
                return one.name == wanted.name &&
                       std::ranges::find(instance.labels, std::pair(one.name, one.value)) != instance.labels.end();
            });
        };
        return std::ranges::all_of(request.labels, has);
    }

    api::registry::ListReply list(const api::registry::List& request) {
        const bool can_follow = request.changes && request.epoch == epoch;
        const auto changes =
            can_follow ? mesh::changes_since(table, request.index) : mesh::all_leases(table, request.service);
        api::registry::ListReply reply;
        reply.index = table.index;
        reply.epoch = epoch;
        reply.partial = changes.partial;
        for (const auto* removal : changes.removed) {
            if (is_of(request, removal->service)) reply.removed.push_back(removal->id);
        }
        for (const auto* lease : changes.leases) {
            if (!is_wanted(request, lease->instance)) continue;
            auto instance = instances.at(lease->instance.id);
            instance.healthy = lease->instance.healthy;
            instance.detail = lease->detail;
            instance.alive = lease->reached;
            instance.drained = lease->drained;
            reply.instances.push_back(std::move(instance));
        }
        return reply;
    }

    /// Something has changed that was asked for. What has gone may have been.
    bool has_news(const api::registry::List& request) const {
        if (request.wait_ms == 0 || request.epoch != epoch) return true;
        if (request.index == table.index) return false;
        const auto changes = mesh::changes_since(table, request.index);
        return !changes.partial ||
               std::ranges::any_of(changes.removed,
                                   [&](const mesh::Removal* removal) { return is_of(request, removal->service); }) ||
               std::ranges::any_of(changes.leases,
                                   [&](const mesh::Lease* lease) { return is_wanted(request, lease->instance); });
    }

    void answer(std::list<Waiter> waiters) {
        for (auto& waiter : waiters) waiter.promise.set(list(waiter.request));
    }

    /// An answered caller may ask again at once, from within set(): the list walked here is no longer the one it adds
    /// to.
    void answer_waiting() {
        std::list<Waiter> due;
        for (auto at = waiting.begin(); at != waiting.end();) {
            const auto next = std::next(at);
            if (has_news(at->request)) due.splice(due.end(), waiting, at);
            at = next;
        }
        set_late();
        answer(std::move(due));
    }

    void answer_late() {
        const std::int64_t now_ns = monotonic_ns();
        std::list<Waiter> due;
        for (auto at = waiting.begin(); at != waiting.end();) {
            const auto next = std::next(at);
            if (at->until_ns <= now_ns) due.splice(due.end(), waiting, at);
            at = next;
        }
        set_late();
        answer(std::move(due));
    }

    void set_late() {
        if (waiting.empty()) return late.cancel();
        late.set(std::ranges::min_element(waiting, {}, &Waiter::until_ns)->until_ns);
    }

    Result<Future<api::registry::ListReply>> list_or_wait(std::int64_t deadline_ns, api::registry::List request) {
        if (stopped) return fail(ErrorCode::unavailable, "the registry has stopped");
        const std::int64_t now_ns = monotonic_ns();
        // A little before the caller's deadline, so that the answer still reaches it.
        const std::int64_t left_ns = std::max<std::int64_t>(0, deadline_ns - now_ns);
        const auto wanted_ms = std::min(request.wait_ms, static_cast<std::uint64_t>(options.wait_ns_max / ns_per_ms));
        const auto wait_ns = std::min(static_cast<std::int64_t>(wanted_ms) * ns_per_ms, left_ns - left_ns / 8);
        Waiter waiter{std::move(request), now_ns + wait_ns};
        auto future = waiter.promise.future();
        if (has_news(waiter.request) || wait_ns <= 0) {
            waiter.promise.set(list(waiter.request));
            return future;
        }
        if (waiting.size() >= options.waiting_max) {
            return fail(ErrorCode::resource_exhausted, "too many calls wait for the registry");
        }
        waiting.push_back(std::move(waiter));
        set_late();
        return future;
    }

    Result<api::registry::RegisterReply> add(api::registry::Register request) {
        if (stopped) return fail(ErrorCode::unavailable, "the registry has stopped");
        const auto& from = request.instance;
        WEFT_TRY(auto how, parse_check(from.check));
        if (from.labels.size() > options.labels_max) return fail(ErrorCode::invalid_argument, "too many labels");
        mesh::Instance instance{from.id, from.service, from.address, from.weight, from.started_unix_ms, false};
        for (const auto& [name, value] : from.labels) instance.labels.emplace_back(name, value);
        const auto lease_ns = static_cast<std::int64_t>(std::min(request.lease_ms, lease_ms_max)) * ns_per_ms;
        auto effects =
            mesh::step(options.leases, table, mesh::LeaseRegister{instance, lease_ns, from.drained}, monotonic_ns());
        if (!effects.refused) instances.insert_or_assign(from.id, from);
        publish(effects);
        if (effects.refused) return std::unexpected(*std::move(effects.refused));
        log.info("registered", {{"instance", from.id}, {"address", from.address}});
        if (how.kind == CheckKind::lease) {
            (void)apply(mesh::LeaseChecked{effects.lease_id, true, "", true});
        } else {
            spawn(check(shared_from_this(), effects.lease_id, from, std::move(how)), [](const Result<void>&) {});
        }
        return reply_of(effects);
    }

    Result<api::registry::RegisterReply> renew(const api::registry::Renew& request) {
        if (stopped) return fail(ErrorCode::unavailable, "the registry has stopped");
        auto effects = apply(mesh::LeaseRenew{request.lease_id, request.ready, request.detail});
        if (effects.refused) return std::unexpected(*std::move(effects.refused));
        return reply_of(effects);
    }

    Result<api::Empty> remove(const api::registry::Deregister& request) {
        if (stopped) return fail(ErrorCode::unavailable, "the registry has stopped");
        auto effects = apply(mesh::LeaseDeregister{request.lease_id});
        if (effects.refused) return std::unexpected(*std::move(effects.refused));
        return api::Empty{};
    }

    static api::registry::RegisterReply reply_of(const mesh::LeaseEffects& effects) {
        return {effects.lease_id, static_cast<std::uint64_t>(effects.lease_ns / ns_per_ms), effects.drained};
    }

    Result<api::Empty> drain(const api::registry::Drain& request) {
        if (stopped) return fail(ErrorCode::unavailable, "the registry has stopped");
        auto effects = apply(mesh::LeaseDrain{request.id, request.drained});
        if (effects.refused) return std::unexpected(*std::move(effects.refused));
        log.info(request.drained ? "drained" : "undrained", {{"instance", request.id}});
        return api::Empty{};
    }

    /// The highest head of a service that can be believed: of three and more one alone may lie.
    std::uint64_t best_head(const std::string& service) {
        std::vector<std::uint64_t> told;
        for (const auto& [lease, head] : heads[service]) told.push_back(head);
        std::ranges::sort(told, std::greater());
        if (told.empty()) return 0;
        return told.size() < 3 ? told[0] : told[1];
    }
    void forget_head(const std::string& service, std::uint64_t lease_id) {
        const auto of_service = heads.find(service);
        if (of_service == heads.end()) return;
        of_service->second.erase(lease_id);
        if (of_service->second.empty()) heads.erase(of_service);
    }

    /// Asks an instance how it is, again and again until its lease has ended.
    static Task<void> check(std::shared_ptr<Core> core, std::uint64_t lease_id, api::registry::Instance instance,
                            Check how) {
        const Checker checker(core->loop, std::move(how), instance.address, core->options.check_timeout_ns,
                              core->options.check_interval_ns);
        const bool has_head = checker.check().kind == CheckKind::rpc;
        while (!core->stopped && core->table.ids.contains(lease_id)) {
            const auto answer =
                co_await settled(checker.ask(has_head ? core->best_head(instance.service) : std::uint64_t{0}));
            if (core->stopped) co_return;
            if (has_head && answer && answer->head != 0) core->heads[instance.service][lease_id] = answer->head;
            if (has_head && !answer) core->forget_head(instance.service, lease_id);
            core->apply(answer ? mesh::LeaseChecked{lease_id, true, answer->detail, answer->serving}
                               : mesh::LeaseChecked{lease_id, false, answer.error().message, false});
            if (!core->table.ids.contains(lease_id)) break;
            co_await core->loop.sleep_for(core->options.check_interval_ns);
        }
        core->forget_head(instance.service, lease_id);
    }
};

Registry::Registry(net::LoopGroup& loops, RegistryOptions options)
    : core_(std::make_shared<Core>(loops.next(), options)) {}

Registry::~Registry() {
    // The timers and the waiting calls are of the loop's thread, and so is their end.
    auto& loop = core_->loop;
    loop.post([core = std::move(core_)] {
        core->stopped = true;
        core->tick.cancel();
        core->late.cancel();
        const auto dropped = std::exchange(core->waiting, {});
    });
}

mesh::Port<api::registry::Register> Registry::register_port() const {
    return {[core = core_](mesh::Context, api::registry::Register request) -> Task<api::registry::RegisterReply> {
        return on(core->loop, [core, request = std::move(request)]() mutable { return core->add(std::move(request)); });
    }};
}

mesh::Port<api::registry::Renew> Registry::renew_port() const {
    return {[core = core_](mesh::Context, api::registry::Renew request) -> Task<api::registry::RegisterReply> {
        return on(core->loop, [core, request = std::move(request)] { return core->renew(request); });
    }};
}

mesh::Port<api::registry::Deregister> Registry::deregister_port() const {
    return {[core = core_](mesh::Context, api::registry::Deregister request) -> Task<api::Empty> {
        return on(core->loop, [core, request] { return core->remove(request); });
    }};
}

mesh::Port<api::registry::Drain> Registry::drain_port() const {
    return {[core = core_](mesh::Context, api::registry::Drain request) -> Task<api::Empty> {
        return on(core->loop, [core, request = std::move(request)] { return core->drain(request); });
    }};
}

mesh::Port<api::registry::List> Registry::list_port() const {
    const auto list = [](std::shared_ptr<Core> core, std::int64_t deadline_ns,
                         api::registry::List request) -> Task<api::registry::ListReply> {
        auto future = co_await on(core->loop, [&] { return core->list_or_wait(deadline_ns, std::move(request)); });
        co_return co_await std::move(future).wait();
    };
    return {[core = core_, list](mesh::Context context, api::registry::List request) {
        return list(core, context.deadline_ns, std::move(request));
    }};
}

void Registry::serve(net::GrpcServer& server) const {
    net::serve(server, register_port());
    net::serve(server, renew_port());
    net::serve(server, deregister_port());
    net::serve(server, list_port());
    net::serve(server, drain_port());
}

}  // namespace weft::service::registry
