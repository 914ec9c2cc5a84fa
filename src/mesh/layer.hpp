#pragma once
// A layer is a service around a service: it gets a call, and what it wraps, and decides what to do with both. Layers
// compose at compile time, and a route is made a Port once, so between them there is no virtual call:
//
//     Port<Head> head = timeout(timers, ns_per_s) | retry(timers, is_repeatable) | breaker(timers) | remote;
//
// The order of nesting, outermost first, with what each must be outside of and why:
//
//     trace         sees everything, also what is refused
//     authenticate  nothing is done for a stranger; sets the principal that the next ones count by
//     rate limit    by client, before anything is spent
//     shed          by priority, before anything is spent
//     timeout       bounds all attempts together; inner layers see the deadline in the context
//     fallback      answers for whatever fails below it; for what is slow if there is a timeout below it, too
//     cache         a hit costs no place in a bulkhead and no attempt
//     coalesce      one call for all who miss at once
//     bulkhead      a call that waits in back-off keeps its place: retries must not let more in
//     retry         each attempt is a call of its own to what follows
//     hedge         a hedge is no retry: if both fail, that is one failure
//     breaker       counts each attempt, and refuses before it is made ("certainly unsent", so it may be retried)
//     deadline      refuses what can't arrive in time
//
// A layer's call ends before the layer is destroyed, as with any port. What goes on after it, an attempt that came too
// late, holds a copy of what it calls.

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

#include "mesh/service.hpp"
#include "mesh/timers.hpp"

namespace weft::mesh {

/// Layers say that they are ones: `using IsLayer = void;`. They are copied with the routes they are in, and what they
/// count is shared by the copies.
template <class L>
concept Layer = std::copy_constructible<L> && requires {
    typename L::IsLayer;
};

template <class L, class R, class Inner>
concept LayerFor = Layer<L> && ServiceOf<Inner, R> &&
    requires(const L& layer, const Inner& inner, Context context, R request) {
    { layer(inner, context, std::move(request)) } -> std::same_as<Task<typename R::Reply>>;
};

/// A service within a layer.
template <Layer L, class Inner>
class Layered {
  public:
    Layered(L layer, Inner inner) : core_(std::make_shared<const Core>(std::move(layer), std::move(inner))) {}

    template <Operation R>
    requires LayerFor<L, R, Inner> Task<typename R::Reply>
    operator()(Context context, R request) const {
        return core_->layer(core_->inner, std::move(context), std::move(request));
    }

  private:
    struct Core {
        L layer;
        Inner inner;
    };
    std::shared_ptr<const Core> core_;
};

/// Two layers as one.
template <Layer Outer, Layer Inner>
struct Stack {
    using IsLayer = void;
    Outer outer;
    Inner inner;
};

template <Layer Outer, Layer Inner>
[[nodiscard]] Stack<Outer, Inner> operator|(Outer outer, Inner inner) {
    return {std::move(outer), std::move(inner)};
}
template <Layer L, class Service>
requires(!Layer<Service>) [[nodiscard]] auto operator|(L layer, Service service) {
    return Layered<L, Service>(std::move(layer), std::move(service));
}
template <Layer Outer, Layer Inner, class Service>
requires(!Layer<Service>) [[nodiscard]] auto operator|(Stack<Outer, Inner> stack, Service service) {
    return std::move(stack.outer) | (std::move(stack.inner) | std::move(service));
}

/// State of a layer, shared by its copies and by the threads that call it.
template <class T>
class Shared {
  public:
    explicit Shared(T value) : core_(std::make_shared<Core>()) { core_->value = std::move(value); }
    /// What @p work gives, which nobody else's work on it overlaps. It must not call out.
    template <class Work>
    auto with(Work work) const {
        const std::scoped_lock lock(core_->mutex);
        return work(core_->value);
    }

  private:
    struct Core {
        std::mutex mutex;
        T value;
    };
    std::shared_ptr<Core> core_;
};

/// The first of several results that come at different times, from any thread.
template <class T>
class First {
  public:
    First() : core_(std::make_shared<Core>()) {}
    /// Once, before the first is offered.
    [[nodiscard]] Future<T> future() const { return core_->promise.future(); }
    [[nodiscard]] bool decided() const { return core_->decided.test(); }
    /// Whether it is the first.
    bool offer(Result<T> result) const {
        if (core_->decided.test_and_set()) return false;
        core_->promise.set(std::move(result));
        return true;
    }

  private:
    struct Core {
        std::atomic_flag decided;
        Promise<T> promise;
    };
    std::shared_ptr<Core> core_;
};

/// A call that may outlive who made it.
template <Operation R, ServiceOf<R> S>
Task<typename R::Reply> owning(S service, Context context, R request) {
    co_return co_await service(std::move(context), std::move(request));
}

/// Whether the operation may be handled twice. Of a route that has several: by method.
using Repeatable = bool (*)(std::string_view method);

/// Nobody has answered: neither the service nor its rules.
[[nodiscard]] inline bool is_lost(const Error& error) {
    return error.code == ErrorCode::unavailable || error.code == ErrorCode::cancelled;
}
inline constexpr std::int32_t detail_unsent = 1;
/// Certainly not handled.
[[nodiscard]] inline bool is_unsent(const Error& error) {
    return error.code == ErrorCode::unavailable && error.detail == detail_unsent;
}
[[nodiscard]] inline std::unexpected<Error> fail_unsent(std::string message) {
    return std::unexpected<Error>(Error{ErrorCode::unavailable, std::move(message), {}, detail_unsent});
}
/// Says something about the service's state, not about the request.
[[nodiscard]] inline bool is_fault(const Error& error) {
    switch (error.code) {
        case ErrorCode::unavailable:
        case ErrorCode::deadline_exceeded:
        case ErrorCode::resource_exhausted:
        case ErrorCode::internal:
        case ErrorCode::unknown:
        case ErrorCode::data_loss: return true;
        default: return false;
    }
}

}  // namespace weft::mesh
