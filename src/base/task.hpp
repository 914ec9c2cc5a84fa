#pragma once
// Task<T>: a Result<T> later. A lazy coroutine with symmetric transfer, on the standard library alone.
//
// Inside a task, `co_await x` takes a Result<T>, a Task<T> or a Future<T>, and gives the value or ends the task with
// the error: an error goes up the chain of awaiting tasks without resuming them, and their frames are destroyed by
// their owners, as by an early return. `co_await settled(task)` gives the Result itself, for code that handles the
// error.
//
// Who runs a task: it starts on the thread that awaits it. When a Future completes, the task goes on where it waited:
// on the Executor that was current there, or, with none, on the thread that completed the Future.

#include <atomic>
#include <coroutine>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/result.hpp"

namespace weft {

/// Something that runs what is posted to it, later, on its own thread. Thread-safe.
class Executor {
  public:
    virtual ~Executor() = default;
    virtual void post(std::move_only_function<void()> work) = 0;
    /// The executor whose thread this is, or null.
    [[nodiscard]] static Executor* current();

  protected:
    static void set_current(Executor* executor);
};

template <class T>
class Task;

namespace detail {

/// Frames are recycled per thread: a request's tasks are of few sizes and short lives.
void* allocate_frame(std::size_t size);
void free_frame(void* frame, std::size_t size) noexcept;

/// For allocate_shared: what lives as long as a request, and is made as often, comes from where frames do.
template <class T>
struct FrameAllocator {
    using value_type = T;
    FrameAllocator() = default;
    template <class U>
    FrameAllocator(const FrameAllocator<U>&) {}  // NOLINT: allocators convert
    T* allocate(std::size_t count) { return static_cast<T*>(allocate_frame(count * sizeof(T))); }
    void deallocate(T* memory, std::size_t count) noexcept { free_frame(memory, count * sizeof(T)); }
    bool operator==(const FrameAllocator&) const = default;
};

struct PromiseBase {
    std::coroutine_handle<> continuation;
    /// The awaiting task if an error shall end it too; null if it wants the Result.
    PromiseBase* ends_with_error = nullptr;
    Error* (*error_of)(PromiseBase&) = nullptr;
    void (*fail_with)(PromiseBase&, Error&&) = nullptr;

    static void* operator new(std::size_t size) { return allocate_frame(size); }
    static void operator delete(void* frame, std::size_t size) noexcept { free_frame(frame, size); }

    /// Passes an error up to the first task that wants it; returns what to resume.
    static std::coroutine_handle<> finish(PromiseBase* promise) {
        while (promise->ends_with_error != nullptr) {
            Error* error = promise->error_of(*promise);
            if (error == nullptr) break;
            PromiseBase* parent = promise->ends_with_error;
            parent->fail_with(*parent, std::move(*error));
            promise = parent;
        }
        return promise->continuation ? promise->continuation : std::noop_coroutine();
    }
};

struct FinalAwaiter {
    bool await_ready() noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> handle) noexcept {
        return PromiseBase::finish(&handle.promise());
    }
    void await_resume() noexcept {}
};

template <class T>
struct ResultAwaiter {
    Result<T> result;
    bool await_ready() noexcept { return result.has_value(); }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> handle) {
        auto& promise = handle.promise();
        promise.fail_with(promise, std::move(result.error()));
        return PromiseBase::finish(&promise);
    }
    T await_resume() {
        if constexpr (!std::is_void_v<T>) return *std::move(result);
    }
};

template <class T>
struct TaskPromiseBase : PromiseBase {
    std::optional<Result<T>> result;

    TaskPromiseBase() {
        error_of = [](PromiseBase& self) -> Error* {
            auto& own = static_cast<TaskPromiseBase&>(self).result;
            return own && !own->has_value() ? &own->error() : nullptr;
        };
        fail_with = [](PromiseBase& self, Error&& error) {
            static_cast<TaskPromiseBase&>(self).result.emplace(std::unexpected(std::move(error)));
        };
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    FinalAwaiter final_suspend() noexcept { return {}; }
    [[noreturn]] void unhandled_exception() { assertion_failed("a task threw", __FILE__, __LINE__); }

    template <class U>
    ResultAwaiter<U> await_transform(Result<U> value) {
        return {std::move(value)};
    }
    template <class Awaitable>
        requires requires(Awaitable&& a, PromiseBase& p) { std::forward<Awaitable>(a).awaiter_in(p); }
    auto await_transform(Awaitable&& awaitable) {
        return std::forward<Awaitable>(awaitable).awaiter_in(*this);
    }
};

template <class T>
struct TaskPromise : TaskPromiseBase<T> {
    Task<T> get_return_object();
    template <class U>
        requires std::constructible_from<Result<T>, U&&>
    void return_value(U&& value) {
        this->result.emplace(std::forward<U>(value));
    }
};

/// A Task<void> ends with co_return (or by its end); to end it with an error, co_await the error.
template <>
struct TaskPromise<void> : TaskPromiseBase<void> {
    Task<void> get_return_object();
    void return_void() {
        if (!result) result.emplace();
    }
};

}  // namespace detail

template <class T>
class [[nodiscard]] Task {
  public:
    using promise_type = detail::TaskPromise<T>;
    using Value = T;
    using Handle = std::coroutine_handle<promise_type>;

    Task() = default;
    explicit Task(Handle handle) : handle_(handle) {}
    Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
    Task& operator=(Task&& other) noexcept {
        if (this != &other) {
            if (handle_) handle_.destroy();
            handle_ = std::exchange(other.handle_, {});
        }
        return *this;
    }
    ~Task() {
        if (handle_) handle_.destroy();
    }

    struct Awaiter {
        Handle child;
        detail::PromiseBase* parent;  // null: the awaiting task wants the Result
        bool await_ready() noexcept { return false; }
        Handle await_suspend(std::coroutine_handle<> waiting) noexcept {
            child.promise().continuation = waiting;
            child.promise().ends_with_error = parent;
            return child;
        }
    };
    struct ValueAwaiter : Awaiter {
        T await_resume() {
            if constexpr (!std::is_void_v<T>) return **std::move(this->child.promise().result);
        }
    };
    struct SettledAwaiter : Awaiter {
        Result<T> await_resume() { return *std::move(this->child.promise().result); }
    };

    ValueAwaiter awaiter_in(detail::PromiseBase& parent) const { return {{handle_, &parent}}; }
    SettledAwaiter settled_awaiter() const { return {{handle_, nullptr}}; }
    [[nodiscard]] Handle handle() const { return handle_; }

  private:
    Handle handle_;
};

namespace detail {
template <class T>
Task<T> TaskPromise<T>::get_return_object() {
    return Task<T>(std::coroutine_handle<TaskPromise<T>>::from_promise(*this));
}
inline Task<void> TaskPromise<void>::get_return_object() {
    return Task<void>(std::coroutine_handle<TaskPromise<void>>::from_promise(*this));
}

template <class T>
struct Settled {
    Task<T> task;
    auto awaiter_in(PromiseBase&) const { return task.settled_awaiter(); }
};
}  // namespace detail

/// `Result<T> result = co_await settled(task)`: the error comes back instead of ending the awaiting task.
template <class T>
[[nodiscard]] detail::Settled<T> settled(Task<T> task) {
    return {std::move(task)};
}

namespace detail {

/// One value, set once from any thread, awaited once. 0 = empty, 1 = set, otherwise the waiting Waiter's address.
struct FutureStateBase {
    struct Waiter {
        std::coroutine_handle<> handle;
        Executor* executor;
    };
    std::atomic<std::uintptr_t> state{0};

    void publish();
    /// False if the value is there already (then do not suspend).
    bool suspend(Waiter& waiter) {
        std::uintptr_t expected = 0;
        return state.compare_exchange_strong(expected, reinterpret_cast<std::uintptr_t>(&waiter),
                                             std::memory_order_acq_rel);
    }
    [[nodiscard]] bool ready() const { return state.load(std::memory_order_acquire) == 1; }
};

template <class T>
struct FutureState : FutureStateBase {
    std::optional<Result<T>> result;
};

}  // namespace detail

template <class T>
class Future {
  public:
    Future() = default;
    explicit Future(std::shared_ptr<detail::FutureState<T>> state) : state_(std::move(state)) {}

    struct Awaiter {
        std::shared_ptr<detail::FutureState<T>> state;
        detail::PromiseBase* parent;
        detail::FutureStateBase::Waiter waiter{};
        bool await_ready() noexcept { return state->ready() && state->result->has_value(); }
        bool await_suspend(std::coroutine_handle<> handle) {
            waiter = {handle, Executor::current()};
            return state->suspend(waiter);
        }
        Result<T> await_resume() { return *std::move(state->result); }
    };
    /// A future is awaited through a small task, which makes its error end the awaiting task like any other.
    [[nodiscard]] Task<T> wait() && {
        auto state = std::move(state_);
        Result<T> result = co_await Raw{std::move(state)};
        co_return co_await std::move(result);
    }
    [[nodiscard]] bool valid() const { return state_ != nullptr; }
    [[nodiscard]] bool ready() const { return state_->ready(); }

  private:
    struct Raw {
        std::shared_ptr<detail::FutureState<T>> state;
        Awaiter awaiter_in(detail::PromiseBase& parent) const { return {state, &parent}; }
    };
    std::shared_ptr<detail::FutureState<T>> state_;
};

template <>
inline Task<void> Future<void>::wait() && {
    auto state = std::move(state_);
    Result<void> result = co_await Raw{std::move(state)};
    co_await std::move(result);
}

/// The writing end of a Future. Dropped unset, it sets `cancelled`.
template <class T>
class Promise {
  public:
    Promise()
        : state_(std::allocate_shared<detail::FutureState<T>>(detail::FrameAllocator<detail::FutureState<T>>{})) {}
    Promise(Promise&&) noexcept = default;
    Promise& operator=(Promise&&) noexcept = default;
    ~Promise() {
        if (state_ && !done_) set(fail(ErrorCode::cancelled, "dropped before it was done"));
    }
    [[nodiscard]] Future<T> future() const { return Future<T>(state_); }
    /// Once only.
    void set(Result<T> result) {
        WEFT_ASSERT(state_ && !done_);
        done_ = true;
        // Whoever waits may go on at once, in here or on another thread, and end what this promise is part of.
        const auto state = std::move(state_);
        state->result.emplace(std::move(result));
        state->publish();
    }

  private:
    std::shared_ptr<detail::FutureState<T>> state_;
    bool done_ = false;
};

namespace detail {

/// Runs by itself and frees itself; for the two ends of a chain of tasks.
struct Detached {
    struct promise_type : PromiseBase {
        Detached get_return_object() noexcept { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() noexcept {}
        [[noreturn]] void unhandled_exception() { assertion_failed("a task threw", __FILE__, __LINE__); }
        template <class Awaitable>
        auto await_transform(Awaitable&& awaitable) {
            return std::forward<Awaitable>(awaitable).awaiter_in(*this);
        }
    };
};

template <class T, class Done>
Detached start(Task<T> task, Done done) {
    Result<T> result = co_await settled(std::move(task));
    done(std::move(result));
}

}  // namespace detail

/// make_shared for what lives as long as a request and is made as often: its memory is recycled, as frames are.
template <class T, class... Arguments>
[[nodiscard]] std::shared_ptr<T> make_recycled(Arguments&&... arguments) {
    return std::allocate_shared<T>(detail::FrameAllocator<T>{}, std::forward<Arguments>(arguments)...);
}

/// Starts a task on this thread now; @p done gets its Result, on whichever thread the task ends.
template <class T, class Done>
void spawn(Task<T> task, Done done) {
    detail::start(std::move(task), std::move(done));
}

/// Runs a task and blocks this thread until it has ended. For main(), tests and worker threads, never inside a task.
template <class T>
[[nodiscard]] Result<T> run(Task<T> task) {
    std::optional<Result<T>> out;
    std::atomic<bool> done{false};
    spawn(std::move(task), [&](Result<T> result) {
        out.emplace(std::move(result));
        done.store(true, std::memory_order_release);
        done.notify_one();
    });
    done.wait(false, std::memory_order_acquire);
    return *std::move(out);
}

}  // namespace weft
