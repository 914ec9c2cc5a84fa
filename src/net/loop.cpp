#include "net/loop.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <string>
#include <thread>

#include "net/loop_core.hpp"

namespace weft::net {

namespace {

/// That this process may use, which may be fewer than there are.
std::size_t usable_processors() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<std::size_t>(std::max(1, CPU_COUNT(&set)));
    return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace

Timer::Timer(Loop& loop, std::move_only_function<void()> fire, bool also_at_stop)
    : loop_(&loop), also_at_stop_(also_at_stop), fire_(std::move(fire)) {}

void Timer::set(std::int64_t at_ns) {
    cancel();
    if (!loop_->core().stopped) loop_->core().wheel.insert(*this, at_ns);
}

void Timer::cancel() {
    if (next_ == nullptr) return;
    WEFT_ASSERT(loop_ == nullptr || loop_->inside() || !loop_->running());
    TimerWheel::remove(*this);
}

LoopCore::LoopCore(Loop& of)
    : loop(of),
      wheel(monotonic_ns()),
      now_ns(monotonic_ns()),
      events_(new epoll_event[events_max]),
      read_buffer_(new char[read_buffer_size]) {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    WEFT_ASSERT(epoll_ >= 0 && wake_ >= 0);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = this;  // the wake-up
    WEFT_ASSERT(epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) == 0);
}

LoopCore::~LoopCore() {
    stopped = true;
    wheel.stop();
    graves_.clear();
    while (!posted_here_.empty() || !posted_elsewhere_.empty()) {
        auto here = std::move(posted_here_);
        auto elsewhere = std::move(posted_elsewhere_);
        posted_here_.clear();
        posted_elsewhere_.clear();
    }
    close(wake_);
    close(epoll_);
}

void LoopCore::add(int fd, std::uint32_t events, Pollable& pollable) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &pollable;
    WEFT_ASSERT(epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0);
}

void LoopCore::modify(int fd, std::uint32_t events, Pollable& pollable) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &pollable;
    WEFT_ASSERT(epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) == 0);
}

void LoopCore::remove(int fd, Pollable& pollable) {
    epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
    // This turn may hold an event for it still.
    for (std::size_t i = event_at_; i < event_count_; ++i) {
        if (events_[i].data.ptr == &pollable) events_[i].data.ptr = nullptr;
    }
}

void LoopCore::forget_flush(Flushable& flushable) {
    std::replace(dirty_.begin(), dirty_.end(), &flushable, static_cast<Flushable*>(nullptr));
}

std::string LoopCore::take_buffer() {
    if (spare_buffers_.empty()) return {};
    std::string out = std::move(spare_buffers_.back());
    spare_buffers_.pop_back();
    return out;
}

void LoopCore::give_buffer(std::string buffer) {
    if (spare_buffers_.size() >= spare_buffers_max || buffer.capacity() > spare_buffer_bytes_max ||
        buffer.capacity() < 64)
        return;
    buffer.clear();
    spare_buffers_.push_back(std::move(buffer));
}

void LoopCore::wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(wake_, &one, sizeof one);
}

void LoopCore::post(std::move_only_function<void()> work) {
    if (loop.inside()) {
        posted_here_.push_back(std::move(work));
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        posted_elsewhere_.push_back(std::move(work));
    }
    // Sequential consistency: either this thread sees the loop asleep, or the loop sees what was posted.
    something_posted_.store(true);
    if (asleep_.load() && asleep_.exchange(false)) wake();
}

void LoopCore::stop() {
    stop_asked.store(true);
    wake();
}

int LoopCore::timeout_ms() const {
    if (!posted_here_.empty()) return 0;
    const std::int64_t next = wheel.next_ns();
    if (next == std::numeric_limits<std::int64_t>::max()) return -1;
    const std::int64_t wait_ns = next - monotonic_ns();
    if (wait_ns <= 0) return 0;
    return static_cast<int>(std::min<std::int64_t>((wait_ns + ns_per_ms - 1) / ns_per_ms, 60'000));
}

void LoopCore::wait(int timeout_ms) {
    if (timeout_ms != 0) {
        asleep_.store(true);
        if (something_posted_.load() || stop_asked.load()) timeout_ms = 0;
    }
    const int count = epoll_wait(epoll_, events_.get(), static_cast<int>(events_max), timeout_ms);
    asleep_.store(false, std::memory_order_relaxed);
    WEFT_ASSERT(count >= 0 || errno == EINTR);
    now_ns = monotonic_ns();
    event_count_ = count > 0 ? static_cast<std::size_t>(count) : 0;
    for (event_at_ = 0; event_at_ < event_count_;) {
        const epoll_event event = events_[event_at_++];
        if (event.data.ptr == this) {
            std::uint64_t wakes;
            [[maybe_unused]] const auto got = read(wake_, &wakes, sizeof wakes);
        } else if (event.data.ptr != nullptr) {
            static_cast<Pollable*>(event.data.ptr)->on_ready(event.events);
        }
    }
    event_count_ = 0;
}

bool LoopCore::run_posted() {
    running_now_.swap(posted_here_);
    if (something_posted_.load(std::memory_order_relaxed)) {
        something_posted_.store(false);
        const std::lock_guard lock(mutex_);
        if (running_now_.empty()) {
            running_now_.swap(posted_elsewhere_);
        } else {
            for (auto& work : posted_elsewhere_) running_now_.push_back(std::move(work));
            posted_elsewhere_.clear();
        }
    }
    const bool any = !running_now_.empty();
    for (auto& work : running_now_) {
        work();
        work = nullptr;
    }
    running_now_.clear();
    return any;
}

void LoopCore::end_turn() {
    for (std::size_t i = 0; i < dirty_.size(); ++i) {
        if (dirty_[i] != nullptr) dirty_[i]->flush();
    }
    dirty_.clear();
    while (!graves_.empty()) {
        auto graves = std::move(graves_);
        graves_.clear();
    }
}

void LoopCore::turn(bool may_wait) {
    wait(may_wait ? timeout_ms() : 0);
    run_posted();
    wheel.advance(now_ns);
    end_turn();
}

void LoopCore::run() {
    running.store(true);
    now_ns = monotonic_ns();
    while (!stop_asked.load(std::memory_order_relaxed)) turn(true);
    shut_down();
    running.store(false);
}

void LoopCore::shut_down() {
    stopped = true;
    while (!stop_hooks.empty()) {
        auto hook = std::move(stop_hooks.back().second);
        stop_hooks.pop_back();
        hook();
    }
    wheel.stop();
    // What was posted may post again; what never ends is left to the destructor.
    constexpr int rounds_max = 10'000;
    for (int round = 0; round < rounds_max; ++round) {
        const bool any = run_posted();
        end_turn();
        if (!any && dirty_.empty()) break;
    }
}

bool LoopCore::drain() {
    bool any = false;
    constexpr int rounds_max = 10'000;
    for (int round = 0; round < rounds_max && run_posted(); ++round) {
        any = true;
        end_turn();
    }
    return any;
}

Loop::Loop() : core_(std::make_unique<LoopCore>(*this)) {}
Loop::~Loop() {
    WEFT_ASSERT(!running());
    // Closures that were never run may hold sockets and timers of this loop.
    Executor* before = Executor::current();
    set_current(this);
    core_.reset();
    set_current(before == this ? nullptr : before);
}

void Loop::post(std::move_only_function<void()> work) { core_->post(std::move(work)); }
void Loop::stop() { core_->stop(); }
bool Loop::running() const { return core_->running.load(); }
bool Loop::stopping() const { return core_->stop_asked.load(std::memory_order_relaxed); }
std::int64_t Loop::now_ns() const { return core_->now_ns; }
namespace {
thread_local Loop* current_loop = nullptr;
}
Loop* Loop::current() { return current_loop; }

void Loop::run() {
    WEFT_ASSERT(!running());
    Executor* before = Executor::current();
    Loop* loop_before = std::exchange(current_loop, this);
    set_current(this);
    core_->run();
    set_current(before);
    current_loop = loop_before;
}

bool Loop::drain() {
    WEFT_ASSERT(!running());
    Executor* before = Executor::current();
    Loop* loop_before = std::exchange(current_loop, this);
    set_current(this);
    const bool any = core_->drain();
    set_current(before);
    current_loop = loop_before;
    return any;
}

std::uint64_t Loop::add_stop_hook(std::move_only_function<void()> hook) {
    core_->stop_hooks.emplace_back(++core_->last_hook, std::move(hook));
    return core_->last_hook;
}

void Loop::remove_stop_hook(std::uint64_t id) {
    std::erase_if(core_->stop_hooks, [id](const auto& hook) { return hook.first == id; });
}

namespace {

/// Of the loop's thread. Lies in the sleeping task's frame, so that a destroyed task takes its timer along.
struct Sleep {
    explicit Sleep(Loop& on) : loop(on), timer(on, [this] { waiting.resume(); }, true) {}
    Loop& loop;
    Timer timer;
    std::int64_t at_ns = 0;
    std::coroutine_handle<> waiting;

    struct Awaitable {
        Sleep* sleep;
        bool await_ready() const { return sleep->loop.core().stopped; }
        void await_suspend(std::coroutine_handle<> handle) const {
            sleep->waiting = handle;
            sleep->timer.set(sleep->at_ns);
        }
        void await_resume() const {}
        Awaitable awaiter_in(weft::detail::PromiseBase&) const { return *this; }
    };
    Awaitable until(std::int64_t at) {
        at_ns = at;
        return {this};
    }
};

}  // namespace

Task<void> Loop::sleep_until(std::int64_t at_ns) {
    Executor* home = Executor::current();
    co_await switch_to(*this);
    {
        Sleep sleep(*this);
        co_await sleep.until(at_ns);
    }
    const bool cancelled = core_->stopped;
    if (home != nullptr) co_await switch_to(*home);
    if (cancelled) co_await Result<void>(fail(ErrorCode::cancelled, "the loop stopped"));
}

Alarm::Alarm(Loop& loop) : loop_(loop), timer_(loop, [this] {
    if (loop_.core().stopped) {
        end(fail(ErrorCode::cancelled, "the loop stopped"));
    } else {
        end({});
    }
}, true) {}

void Alarm::end(Result<void> result) {
    timer_.cancel();
    if (auto waiting = std::exchange(waiting_, std::nullopt)) waiting->set(std::move(result));
}

Task<void> Alarm::wait_until(std::int64_t at_ns) {
    WEFT_ASSERT(!waiting_);
    if (loop_.core().stopped) co_await Result<void>(fail(ErrorCode::cancelled, "the loop stopped"));
    auto future = waiting_.emplace().future();
    timer_.set(at_ns);
    co_await std::move(future).wait();
}

void Alarm::cancel() { end(fail(ErrorCode::cancelled, "cancelled")); }

struct LoopGroup::State {
    std::vector<std::unique_ptr<Loop>> loops;
    std::vector<std::thread> threads;
    std::atomic<std::size_t> turn{0};
    std::atomic<bool> running{false};
};

LoopGroup::LoopGroup(std::size_t count) : state_(std::make_unique<State>()) {
    if (count == 0) count = usable_processors();
    for (std::size_t i = 0; i < count; ++i) state_->loops.push_back(std::make_unique<Loop>());
}

LoopGroup::~LoopGroup() { stop(); }

void LoopGroup::start() {
    WEFT_ASSERT(state_->threads.empty());
    state_->running.store(true);
    for (std::size_t i = 0; i < state_->loops.size(); ++i) {
        state_->threads.emplace_back([this, i] {
            pthread_setname_np(pthread_self(), ("loop-" + std::to_string(i)).c_str());
            state_->loops[i]->run();
        });
    }
}

void LoopGroup::stop() {
    WEFT_ASSERT(here() == nullptr);
    for (auto& loop : state_->loops) loop->stop();
    for (auto& thread : state_->threads) thread.join();
    state_->threads.clear();
    state_->running.store(false);
    // A loop that ended early may have been posted to by one that ended late.
    constexpr int rounds_max = 1'000;
    bool any = true;
    for (int round = 0; any && round < rounds_max; ++round) {
        any = false;
        for (auto& loop : state_->loops) any = loop->drain() || any;
    }
}

std::size_t LoopGroup::size() const { return state_->loops.size(); }
Loop& LoopGroup::loop(std::size_t index) { return *state_->loops.at(index); }
Loop& LoopGroup::next() {
    return *state_->loops[state_->turn.fetch_add(1, std::memory_order_relaxed) % state_->loops.size()];
}
bool LoopGroup::running() const { return state_->running.load(); }
Loop* LoopGroup::here() {
    Loop* current = Loop::current();
    for (auto& loop : state_->loops) {
        if (loop.get() == current) return current;
    }
    return nullptr;
}

}  // namespace weft::net
