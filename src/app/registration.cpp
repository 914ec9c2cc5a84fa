#include "app/registration.hpp"

#include <atomic>
#include <utility>

#include "mesh/backoff.hpp"
#include "net/port.hpp"
#include "observe/log.hpp"

namespace weft::app {

struct Registration::Core {
    Core(net::Loop& on_loop, const net::GrpcClient& registry, api::registry::Instance of, RegistrationOptions with)
        : loop(on_loop),
          add(net::remote_port<api::registry::Register>(registry)),
          renew(net::remote_port<api::registry::Renew>(registry)),
          remove(net::remote_port<api::registry::Deregister>(registry)),
          instance(std::move(of)),
          options(std::move(with)) {}

    net::Loop& loop;
    const mesh::Port<api::registry::Register> add;
    const mesh::Port<api::registry::Renew> renew;
    const mesh::Port<api::registry::Deregister> remove;
    const api::registry::Instance instance;
    const RegistrationOptions options;
    const observe::Log log{"registration"};
    std::atomic<bool> stopped{false};
    std::atomic<std::uint64_t> lease_id{0};
    bool drained = false;  // of the loop's thread

    static constexpr mesh::Backoff backoff = {.min_ns = 20 * ns_per_ms, .max_ns = 500 * ns_per_ms};
    static constexpr std::int64_t timeout_ns = ns_per_s;

    static Task<void> keep(std::shared_ptr<Core> core) {
        co_await net::switch_to(core->loop);
        std::uint32_t failures = 0;
        while (!core->stopped) {
            const auto lease_ms = co_await settled(core->lease_id == 0 ? join(core) : stay(core));
            std::int64_t wait_ns = 0;
            if (lease_ms) {
                failures = 0;
                wait_ns = static_cast<std::int64_t>(*lease_ms) * ns_per_ms / 3;
            } else if (lease_ms.error().code == ErrorCode::not_found && core->lease_id.exchange(0) != 0) {
                continue;  // at once: while it is not registered nobody finds it
            } else {
                if (failures == 3) core->log.warn("no registry", {{"why", lease_ms.error().message}});
                wait_ns = mesh::backoff_ns(backoff, failures++, mix64(static_cast<std::uint64_t>(monotonic_ns())));
            }
            co_await core->loop.sleep_for(wait_ns);
        }
    }

    static Task<std::uint64_t> join(std::shared_ptr<Core> core) {
        auto instance = core->instance;
        instance.drained = core->drained;  // a registry that was started again doesn't know
        const auto reply = co_await core->add(mesh::Context::with_timeout(timeout_ns),
                                              {std::move(instance), core->options.lease_ms});
        core->lease_id = reply.lease_id;
        core->drained = reply.drained;
        co_return reply.lease_ms;
    }

    static Task<std::uint64_t> stay(std::shared_ptr<Core> core) {
        const auto ready = core->options.ready();
        const auto reply = co_await core->renew(
            mesh::Context::with_timeout(timeout_ns),
            {core->lease_id, ready.has_value(), ready ? std::string() : ready.error().message});
        core->drained = reply.drained;
        co_return reply.lease_ms;
    }
};

Registration::Registration(net::LoopGroup& loops, net::GrpcClient registry, api::registry::Instance instance,
                           RegistrationOptions options)
    : core_(std::make_shared<Core>(loops.next(), registry, std::move(instance), std::move(options))) {
    core_->loop.post([core = core_] { spawn(Core::keep(core), [](const Result<void>&) {}); });
}

Registration::~Registration() { core_->stopped = true; }

Task<void> Registration::leave(mesh::Context context) {
    const auto core = core_;
    core->stopped = true;
    const auto lease_id = core->lease_id.exchange(0);
    if (lease_id != 0) (void)co_await core->remove(context, {lease_id});
}

}  // namespace weft::app
