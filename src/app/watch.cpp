#include "app/watch.hpp"

#include <atomic>
#include <utility>

namespace weft::app {

struct Watch::Core {
    Core(net::Loop& on_loop, mesh::Port<api::registry::List> with_list, std::string of_service, Changed to,
         WatchOptions with)
        : loop(on_loop),
          list(std::move(with_list)),
          service(std::move(of_service)),
          changed(std::move(to)),
          options(with) {}

    net::Loop& loop;
    const mesh::Port<api::registry::List> list;
    const std::string service;
    const Changed changed;
    const WatchOptions options;
    std::atomic<bool> stopped{false};
    std::atomic<bool> connected{false};

    /// Beyond the poll: the registry answers a little before a call's deadline.
    static constexpr std::int64_t answer_ns = 3 * ns_per_s;

    static Task<void> follow(std::shared_ptr<Core> core) {
        co_await net::switch_to(core->loop);
        mesh::DiscoveryState state;
        while (!core->stopped) {
            const std::int64_t wait_ns = mesh::poll_ns(state, state.known ? core->options.poll_ns : 0, monotonic_ns());
            const auto wait_ms = static_cast<std::uint64_t>(wait_ns / ns_per_ms);
            const auto context = mesh::Context::with_timeout(wait_ns + wait_ns / 4 + answer_ns);
            auto answer = co_await settled(
                core->list(context, {core->service, state.index, state.failures == 0 ? wait_ms : 0, state.epoch, {},
                                     mesh::wants_changes(state)}));
            if (core->stopped) break;
            core->connected = answer.has_value();
            const auto effects =
                mesh::step(core->options.discovery, state, event_of(std::move(answer)), monotonic_ns());
            if (effects.changed) core->changed(state.instances);
            if (effects.wait_ns > 0) co_await core->loop.sleep_for(effects.wait_ns);
        }
    }

    static mesh::DiscoveryEvent event_of(Result<api::registry::ListReply> answer) {
        if (!answer) return mesh::ListFailed{mix64(static_cast<std::uint64_t>(monotonic_ns()))};
        mesh::Listed listed;
        listed.index = answer->index;
        listed.epoch = answer->epoch;
        listed.partial = answer->partial;
        listed.removed = std::move(answer->removed);
        for (const auto& instance : answer->instances) listed.instances.push_back(to_mesh(instance));
        return listed;
    }
};

mesh::Instance to_mesh(const api::registry::Instance& instance) {
    mesh::Instance out{instance.id,     instance.service,         instance.address,
                       instance.weight, instance.started_unix_ms, instance.healthy};
    if (instance.drained) out.weight = 0;
    for (const auto& [name, value] : instance.labels) out.labels.emplace_back(name, value);
    return out;
}

std::string to_text(const mesh::Instance& instance) {
    std::string out = instance.weight == 0 ? "drained" : "";
    for (const auto& [name, value] : instance.labels) {
        if (!out.empty()) out += ' ';
        out += name + "=" + value;
    }
    return out;
}

Watch::Watch(net::LoopGroup& loops, mesh::Port<api::registry::List> list, std::string service, Changed changed,
             WatchOptions options)
    : core_(std::make_shared<Core>(loops.next(), std::move(list), std::move(service), std::move(changed), options)) {
    core_->loop.post([core = core_] { spawn(Core::follow(core), [](const Result<void>&) {}); });
}

Watch::~Watch() { core_->stopped = true; }

bool Watch::connected() const { return core_->connected; }

}  // namespace weft::app
