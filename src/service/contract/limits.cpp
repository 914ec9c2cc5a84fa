#include "service/contract/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>

namespace weft::service::contract {

namespace {

constexpr std::int32_t server_error_code = -32000;
constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
/// A request may get lost; see evm/limiter.hpp.
constexpr std::int64_t again_ns = 2 * ns_per_ms;

/// As Go prints a duration: "5s", "1.5s", "250ms".
std::string duration_text(std::int64_t time_ns) {
    const std::int64_t ms = time_ns / ns_per_ms;
    if (ms < 1000) return fmt::format("{}ms", ms);
    if (ms % 1000 == 0) return fmt::format("{}s", ms / 1000);
    return fmt::format("{}s", static_cast<double>(ms) / 1000);
}

std::string size_text(std::uint64_t size) {
    return size % (1 << 20) == 0 ? fmt::format("{} MiB", size >> 20) : fmt::format("{} bytes", size);
}

}  // namespace

Error to_error(evm::Limiter::Reason reason, const Limits& limits, std::int64_t time_ns, bool is_trace) {
    using Reason = evm::Limiter::Reason;
    const auto exceeded = [](std::string message) {
        return Error{ErrorCode::resource_exhausted, std::move(message), {}, server_error_code};
    };
    switch (reason) {
        case Reason::time:
            if (is_trace) return exceeded("execution timeout");
            return exceeded(fmt::format("execution aborted (timeout = {})", duration_text(time_ns)));
        case Reason::memory:
            return exceeded(fmt::format("execution aborted (memory limit = {})", size_text(limits.memory)));
        case Reason::depth: return exceeded(fmt::format("execution aborted (call depth limit = {})", limits.depth));
        case Reason::trace_size:
            return exceeded(fmt::format("trace is too large (limit = {})", size_text(limits.trace_size)));
        case Reason::caller_left: return {ErrorCode::deadline_exceeded, "deadline exceeded", {}, 0};
        case Reason::stopping: return {ErrorCode::unavailable, "the service is stopping", {}, 0};
        case Reason::none: break;
    }
    return {ErrorCode::internal, "execution aborted", {}, 0};
}

Watchdog::Watchdog() : thread_([this] { run(); }) {}

Watchdog::~Watchdog() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void Watchdog::run() {
    std::unique_lock lock(mutex_);
    while (!ending_) {
        std::int64_t next_ns = never;
        const std::int64_t now_ns = monotonic_ns();
        for (auto& entry : entries_) {
            if (entry.due_ns <= now_ns) {
                entry.limiter->request(entry.reason);
                entry.due_ns = now_ns + again_ns;
            }
            next_ns = std::min(next_ns, entry.due_ns);
        }
        wakes_at_ns_ = next_ns;
        if (next_ns == never) {
            changed_.wait(lock);
        } else {
            changed_.wait_for(lock, std::chrono::nanoseconds(next_ns - now_ns));
        }
    }
}

void Watchdog::set(Entry& entry, std::int64_t time_ns) {
    using Reason = evm::Limiter::Reason;
    const std::int64_t own_ns = time_ns == 0 ? never : monotonic_ns() + time_ns;
    entry.due_ns = std::min(own_ns, entry.caller_deadline_ns);
    entry.reason = own_ns <= entry.caller_deadline_ns ? Reason::time : Reason::caller_left;
    if (stopping_) {
        entry.due_ns = 0;
        entry.reason = Reason::stopping;
    }
    // Most are due later than the one that is waited for: then the thread need not be woken.
    if (entry.due_ns < wakes_at_ns_) changed_.notify_one();
}

void Watchdog::stop_all() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (auto& entry : entries_) set(entry, 0);
    changed_.notify_one();
}

Watchdog::Watch::Watch(Watchdog& dog, evm::Limiter& limiter, std::int64_t caller_deadline_ns, std::int64_t time_ns)
    : dog_(dog) {
    const std::lock_guard lock(dog_.mutex_);
    entry_ = dog_.entries_.insert(dog_.entries_.end(), {&limiter, 0, evm::Limiter::Reason::none, caller_deadline_ns});
    dog_.set(*entry_, time_ns);
}

Watchdog::Watch::~Watch() {
    const std::lock_guard lock(dog_.mutex_);
    dog_.entries_.erase(entry_);
}

void Watchdog::Watch::restart(std::int64_t time_ns) {
    const std::lock_guard lock(dog_.mutex_);
    dog_.set(*entry_, time_ns);
}

}  // namespace weft::service::contract
