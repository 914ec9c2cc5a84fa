#include <algorithm>

#include "service/proxy/engine.hpp"

namespace weft::service::proxy {

namespace {
/// The ones that are slow are not waited for longer, once another has answered.
constexpr std::int64_t slow_ns = 200 * ns_per_ms;
}  // namespace

struct Engine::Highest : std::enable_shared_from_this<Engine::Highest> {
    Highest(net::Loop& on, Spec of) : loop(on), spec(std::move(of)), timer(on, [this] { end(); }) {}

    void took(const Verdict& verdict) {
        --open;
        if (verdict.answer && !verdict.answer->is_error()) {
            if (const auto number = quantity_of(verdict.answer->parts.result); number && (!best || *number > highest)) {
                best = verdict.answer;
                highest = *number;
            }
        }
        if (open == 0 || (is_late && best)) end();
    }
    void end() {
        is_late = true;
        if ((open > 0 && !best) || std::exchange(ended, true)) return;
        timer.cancel();
        // From the loop: who waits may be the last to hold us.
        loop.post([self = shared_from_this()] { self->promise.set({}); });
    }

    net::Loop& loop;
    Spec spec;
    Needs needs;
    AnswerPtr best;
    std::uint64_t highest = 0;
    std::size_t open = 0;
    bool is_late = false;
    bool ended = false;
    Promise<void> promise;
    net::Timer timer;
};

/// The nonce after all transactions that wait: a transaction may wait at one upstream and not at another yet, and who
/// has just sent it would use its nonce twice. So several are asked, and the highest is right.
Task<AnswerPtr> Engine::ask_highest(Spec spec) {
    const auto asked = std::make_shared<Highest>(loop_, std::move(spec));
    asked->needs = {asked->spec.name, upstreams_.heads().served(), {}};
    const std::int64_t deadline = loop_.now_ns() + config_.attempt_timeout_ns;
    std::uint64_t tried = 0;
    for (std::uint32_t i = 0; i < std::max(config_.broadcast, 1U); ++i) {
        const auto target = upstreams_.pick(asked->needs, tried);
        if (!target || (i > 0 && !upstreams_.is_used(*target))) break;
        tried |= std::uint64_t{1} << *target;
        ++asked->open;
        upstreams_.call(*target, *asked->spec.method, {asked->spec.name, asked->spec.id, asked->spec.params},
                        asked->needs, deadline, [asked](const Verdict& verdict) { asked->took(verdict); });
    }
    if (asked->open > 0) {
        auto future = asked->promise.future();
        asked->timer.set(loop_.now_ns() + slow_ns);
        co_await std::move(future).wait();
    }
    if (asked->best) co_return asked->best;
    co_return co_await attempt(std::move(asked->spec));
}

}  // namespace weft::service::proxy
