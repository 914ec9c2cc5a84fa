#pragma once
// One thread, one loop: what happens on a connection happens on its loop's thread, so nothing here needs a lock but the
// queue of posted work.
//
// A turn: wait for sockets, timers or posted work; run what is ready; then send what the turn wrote, one system call a
// connection. A task that awaits something goes on in a later turn of the same loop.

#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/task.hpp"
#include "base/time.hpp"

namespace weft::net {

class Loop;
class LoopCore;

/// Calls a function once at a time. Of its loop's thread; destroyed or cancelled it never fires.
class Timer {
  public:
    /// @param also_at_stop  fires when the loop stops, too, so that whoever waits for it goes on.
    Timer(Loop& loop, std::move_only_function<void()> fire, bool also_at_stop = false);
    ~Timer() { cancel(); }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    /// Fires in the first turn at or after @p at_ns (monotonic, in steps of about a millisecond, never early); replaces
    /// what was set before. A loop that is stopping ignores it.
    void set(std::int64_t at_ns);
    void cancel();
    [[nodiscard]] bool armed() const { return next_ != nullptr; }

  private:
    friend class TimerWheel;
    Timer() = default;  // a wheel's list heads
    Timer* next_ = nullptr;
    Timer* previous_ = nullptr;
    std::uint64_t tick_ = 0;
    Loop* loop_ = nullptr;
    bool also_at_stop_ = false;
    std::move_only_function<void()> fire_;
};

/// The event loop. Lives until nothing uses it: sockets, timers, and whoever may still post to it.
class Loop final : public Executor {
  public:
    Loop();
    ~Loop() override;
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    /// Runs @p work in the loop's next turn; from any thread. After the loop has ended it is kept and not run, until
    /// drain() or the destructor.
    void post(std::move_only_function<void()> work) override;
    /// Runs on the calling thread until stop(). Before it returns, every stop hook has run, every sleep has ended with
    /// `cancelled`, and what they posted has run.
    void run();
    /// From any thread, more than once.
    void stop();
    /// After run() has returned: runs on the calling thread what was posted since. Returns false if there was nothing.
    bool drain();

    /// Whether this is the loop's thread.
    [[nodiscard]] bool inside() const { return Executor::current() == this; }
    [[nodiscard]] bool running() const;
    /// After stop().
    [[nodiscard]] bool stopping() const;
    /// The loop whose thread this is, or null.
    [[nodiscard]] static Loop* current();
    /// Time at the start of this turn.
    [[nodiscard]] std::int64_t now_ns() const;

    /// From any thread; the task goes on where it waited.
    /// @errors cancelled  the loop stopped.
    Task<void> sleep_until(std::int64_t at_ns);
    Task<void> sleep_for(std::int64_t duration_ns) { return sleep_until(monotonic_ns() + duration_ns); }

    /// Calls @p hook on the loop's thread when the loop stops; the id takes it back. On the loop's thread, or before
    /// run().
    std::uint64_t add_stop_hook(std::move_only_function<void()> hook);
    void remove_stop_hook(std::uint64_t id);

    /// Sockets and the end of turns; for this room's own files.
    [[nodiscard]] LoopCore& core() { return *core_; }

  private:
    std::unique_ptr<LoopCore> core_;
};

/// A sleep that somebody else may end. Of its loop's thread.
class Alarm {
  public:
    explicit Alarm(Loop& loop);
    /// One wait at a time.
    /// @errors cancelled  cancel() was called, the loop stopped, or the alarm was destroyed.
    Task<void> wait_until(std::int64_t at_ns);
    void cancel();

  private:
    void end(Result<void> result);
    Loop& loop_;
    std::optional<Promise<void>> waiting_;
    Timer timer_;
};

/// Loops on threads of their own.
class LoopGroup {
  public:
    /// @param count  threads; 0 means one for each processor that the process may use.
    explicit LoopGroup(std::size_t count);
    ~LoopGroup();
    LoopGroup(const LoopGroup&) = delete;
    LoopGroup& operator=(const LoopGroup&) = delete;

    void start();
    /// Stops every loop, joins the threads, and runs what they posted to one another meanwhile. Safe with connections
    /// open. Not from one of the loops.
    void stop();
    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] Loop& loop(std::size_t index);
    /// The loops in turn.
    [[nodiscard]] Loop& next();
    /// The loop of this group whose thread this is, or null.
    [[nodiscard]] Loop* here();
    [[nodiscard]] bool running() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Threads for work that takes long (contract execution, key derivation), so that no loop waits for it.
class WorkerPool final : public Executor {
  public:
    /// @param queued_max  calls of run_on() that may wait; one more is refused.
    WorkerPool(std::size_t threads, std::size_t queued_max);
    /// Runs what is queued, then joins.
    ~WorkerPool() override;
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    /// Never refused: a task that waits to go on can't be dropped.
    void post(std::move_only_function<void()> work) override;
    /// False if the queue is full.
    [[nodiscard]] bool try_post(std::move_only_function<void()>&& work);
    [[nodiscard]] std::size_t queued() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

namespace detail {

struct SwitchAwaitable {
    Executor* target;
    bool await_ready() const noexcept { return Executor::current() == target; }
    void await_suspend(std::coroutine_handle<> handle) const {
        target->post([handle] { handle.resume(); });
    }
    void await_resume() const noexcept {}
    SwitchAwaitable awaiter_in(weft::detail::PromiseBase&) const { return *this; }
};

template <class T>
struct ResultValue {
    using Type = T;
};
template <class T>
struct ResultValue<Result<T>> {
    using Type = T;
};

/// Calls a function on the pool and resumes the awaiting task where it was.
template <class T, class Function>
struct PoolCall {
    WorkerPool* pool;
    Function function;
    std::optional<Result<T>> result;

    bool start(std::coroutine_handle<> handle) {
        Executor* home = Executor::current();
        const bool posted = pool->try_post([this, handle, home] {
            if constexpr (std::is_void_v<std::invoke_result_t<Function&>>) {
                function();
                result.emplace();
            } else {
                result.emplace(function());
            }
            if (home == nullptr || home == pool) {
                handle.resume();
            } else {
                home->post([handle] { handle.resume(); });
            }
        });
        if (!posted) result.emplace(fail(ErrorCode::resource_exhausted, "too much work is waiting"));
        return posted;
    }

    struct Awaiter {
        PoolCall* call;
        bool await_ready() const noexcept { return false; }
        bool await_suspend(std::coroutine_handle<> handle) const { return call->start(handle); }
        Result<T> await_resume() const { return *std::move(call->result); }
        Awaiter awaiter_in(weft::detail::PromiseBase&) const { return *this; }
    };
};

}  // namespace detail

/// `co_await switch_to(executor)`: the task goes on there.
[[nodiscard]] inline detail::SwitchAwaitable switch_to(Executor& executor) { return {&executor}; }

/// Calls @p function, which gives a T, a Result<T> or nothing, on the pool; the task goes on where it was.
/// @errors resource_exhausted  the pool's queue is full; and the function's own.
template <class Function, class T = typename detail::ResultValue<std::invoke_result_t<Function&>>::Type>
Task<T> run_on(WorkerPool& pool, Function function) {
    detail::PoolCall<T, Function> call{&pool, std::move(function), {}};
    Result<T> result = co_await typename detail::PoolCall<T, Function>::Awaiter{&call};
    if constexpr (std::is_void_v<T>) {
        co_await std::move(result);
    } else {
        co_return std::move(result);
    }
}

/// Runs a task there; its value or error comes back to where the caller was.
template <class T>
Task<T> run_at(Executor& where, Task<T> task) {
    Executor* home = Executor::current();
    co_await switch_to(where);
    Result<T> result = co_await settled(std::move(task));
    if (home != nullptr) co_await switch_to(*home);
    if constexpr (std::is_void_v<T>) {
        co_await std::move(result);
    } else {
        co_return std::move(result);
    }
}

/// The task's result, or `deadline_exceeded` if it has none by then; a late task runs on and its result is dropped.
template <class T>
Task<T> within(Loop& loop, std::int64_t deadline_ns, Task<T> task) {
    // Of the loop's thread, but for the end of its memory.
    struct State {
        explicit State(Loop& on)
            : timer(
                  on, [this] { end(fail(ErrorCode::deadline_exceeded, "deadline exceeded")); }, true) {}
        void end(Result<T> result) {
            timer.cancel();
            if (auto waiting = std::exchange(promise, std::nullopt)) waiting->set(std::move(result));
        }
        std::optional<Promise<T>> promise{std::in_place};
        Timer timer;
    };
    Executor* home = Executor::current();
    co_await switch_to(loop);
    auto state = std::make_shared<State>(loop);
    auto future = state->promise->future();
    state->timer.set(deadline_ns);
    spawn(std::move(task), [state, &loop](Result<T> result) {
        if (loop.inside()) {
            state->end(std::move(result));
        } else {
            loop.post([state, result = std::move(result)]() mutable { state->end(std::move(result)); });
        }
    });
    state.reset();
    Result<T> result = co_await settled(std::move(future).wait());
    if (home != nullptr) co_await switch_to(*home);
    if constexpr (std::is_void_v<T>) {
        co_await std::move(result);
    } else {
        co_return std::move(result);
    }
}

}  // namespace weft::net
