#include "service/registry/registry.hpp"

#include <algorithm>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include <sys/random.h>

#include "net/port.hpp"
#include "observe/log.hpp"

namespace weft::service::registry {

namespace {

/// grpc/health/v1/health.proto.
struct HealthCheckRequest {
    std::string service;
};
struct HealthCheckResponse {
    std::uint64_t status = 0;
    static constexpr std::uint64_t serving = 1;
};

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
    std::map<std::string, api::registry::Instance> instances;  // what the table does not keep: pid, labels
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
        if (effects.changed) {
            std::erase_if(instances, [&](const auto& entry) { return !table.leases.contains(entry.first); });
            answer_waiting();
        }
        if (const auto expiry = mesh::next_expiry_ns(table)) {
            tick.set(*expiry);
        } else {
            tick.cancel();
        }
    }

    api::registry::ListReply list(const std::string& service) const {
        api::registry::ListReply reply;
        reply.index = table.index;
        reply.epoch = epoch;
        for (const auto& [id, lease] : table.leases) {
            if (!service.empty() && lease.instance.service != service) continue;
            auto instance = instances.at(id);
            instance.healthy = lease.instance.healthy;
            instance.detail = lease.detail;
            reply.instances.push_back(std::move(instance));
        }
        return reply;
    }

    bool has_news(const api::registry::List& request) const {
        return request.wait_ms == 0 || request.epoch != epoch || request.index != table.index;
    }

    void answer(std::list<Waiter> waiters) const {
        for (auto& waiter : waiters) waiter.promise.set(list(waiter.request.service));
    }

    /// An answered caller may ask again at once, from within set(): the list walked here is no longer the one it adds
    /// to.
    void answer_waiting() {
        late.cancel();
        answer(std::exchange(waiting, {}));
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
            waiter.promise.set(list(waiter.request.service));
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
        mesh::Instance instance{from.id, from.service, from.address, from.weight, from.started_unix_ms, false};
        for (const auto& [name, value] : from.labels) instance.labels.emplace_back(name, value);
        const auto lease_ns = static_cast<std::int64_t>(std::min(request.lease_ms, lease_ms_max)) * ns_per_ms;
        auto effects = mesh::step(options.leases, table, mesh::LeaseRegister{instance, lease_ns}, monotonic_ns());
        if (!effects.refused) instances.insert_or_assign(from.id, from);
        publish(effects);
        if (effects.refused) return std::unexpected(*std::move(effects.refused));
        log.info("registered", {{"instance", from.id}, {"address", from.address}});
        spawn(check(shared_from_this(), effects.lease_id, from.address), [](const Result<void>&) {});
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
        return {effects.lease_id, static_cast<std::uint64_t>(effects.lease_ns / ns_per_ms)};
    }

    bool holds(std::uint64_t lease_id) const {
        return std::ranges::any_of(table.leases, [&](const auto& entry) { return entry.second.id == lease_id; });
    }

    /// Asks an instance how it is, again and again until its lease has ended.
    static Task<void> check(std::shared_ptr<Core> core, std::uint64_t lease_id, std::string address) {
        net::GrpcChannel channel(core->loop, address, {.connect_timeout_ns = core->options.check_timeout_ns,
                                                       .backoff_max_ns = core->options.check_interval_ns});
        const Bytes request = wire::encode(HealthCheckRequest{});
        while (!core->stopped && core->holds(lease_id)) {
            const auto context = mesh::Context::with_timeout(core->options.check_timeout_ns);
            const auto answer = co_await settled(channel.call(context, "grpc.health.v1.Health/Check", request));
            if (core->stopped) co_return;
            core->apply(judge(lease_id, answer));
            co_await core->loop.sleep_for(core->options.check_interval_ns);
        }
    }

    static mesh::LeaseChecked judge(std::uint64_t lease_id, const Result<Bytes>& answer) {
        if (!answer) return {lease_id, false, answer.error().message};
        const auto response = wire::decode<HealthCheckResponse>(*answer);
        if (!response) return {lease_id, false, response.error().message};
        if (response->status != HealthCheckResponse::serving) return {lease_id, false, "says that it is not serving"};
        return {lease_id, true, ""};
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
}

}  // namespace weft::service::registry
