#include "observe/health.hpp"

#include <map>
#include <mutex>
#include <vector>

#include "base/json.hpp"

namespace weft::observe {

struct Health::State {
    mutable std::mutex mutex;
    std::map<std::string, std::string, std::less<>> reasons;  // by dependency; "" is ready
    std::vector<std::pair<std::string, std::function<Result<void>()>>> checks;
    std::string dead;

    /// What each check says now. The functions are called without the lock: they may take their time, or ask us.
    [[nodiscard]] std::map<std::string, std::string, std::less<>> ask() const {
        std::unique_lock lock(mutex);
        auto out = reasons;
        const auto asked = checks;
        lock.unlock();
        for (const auto& [name, check] : asked) {
            const auto answer = check();
            out[name] = answer ? "" : answer.error().message.empty() ? "not ready" : answer.error().message;
        }
        return out;
    }
};

Health::Health() : state_(std::make_unique<State>()) {}
Health::~Health() = default;

void Health::expect(std::string_view name) { set_not_ready(name, "starting"); }
void Health::set_ready(std::string_view name) {
    const std::lock_guard lock(state_->mutex);
    state_->reasons[std::string(name)].clear();
}
void Health::set_not_ready(std::string_view name, std::string reason) {
    const std::lock_guard lock(state_->mutex);
    state_->reasons[std::string(name)] = reason.empty() ? "not ready" : std::move(reason);
}
void Health::add_check(std::string name, std::function<Result<void>()> check) {
    const std::lock_guard lock(state_->mutex);
    state_->checks.emplace_back(std::move(name), std::move(check));
}
void Health::set_dead(std::string reason) {
    const std::lock_guard lock(state_->mutex);
    if (state_->dead.empty()) state_->dead = reason.empty() ? "dead" : std::move(reason);
}

bool Health::live() const {
    const std::lock_guard lock(state_->mutex);
    return state_->dead.empty();
}

bool Health::ready() const {
    if (!live()) return false;
    for (const auto& [name, reason] : state_->ask()) {
        if (!reason.empty()) return false;
    }
    return true;
}

std::string Health::to_json() const {
    const auto reasons = state_->ask();
    std::string dead;
    {
        const std::lock_guard lock(state_->mutex);
        dead = state_->dead;
    }
    bool all_ready = dead.empty();
    for (const auto& [name, reason] : reasons) all_ready = all_ready && reason.empty();
    json::Writer out;
    out.begin_object();
    out.string("status", !dead.empty() ? "dead" : all_ready ? "ready" : "not ready");
    if (!dead.empty()) out.string("reason", dead);
    out.key("checks").begin_object();
    for (const auto& [name, reason] : reasons) out.string(name, reason.empty() ? "ok" : reason);
    out.end_object().end_object();
    return out.take();
}

}  // namespace weft::observe
