#pragma once
// An algebra of services: a >> b (a's reply is b's request), a & b (both at once, both replies), a | b (b if a fails),
// repeat(a, until) and, in aggregate.hpp, one request to many. What is composed is a service again, and types that do
// not fit are an error of compilation.
//
// A Flow is a service seen from outside its operation: what goes in, what comes out. flow<R>(service) makes one of a
// port or of a service in layers, and to_port<R>() makes a port of a flow.
//
// Laws (compose_test.cpp), where == is "the same reply or the same error for the same request, whatever the services do
// and in whatever order they end":
//
//     (a >> b) >> c == a >> (b >> c)      identity >> a == a == a >> identity      failing >> a == failing
//     (a | b) | c == a | (b | c)          failing | a == a      a | failing == a, where a gives a reply
//     (a & b) & c == a & (b & c)          but for the nesting of the pairs; it fails as the first of them does
//     f >> (a | b) == (f >> a) | (f >> b) where f gives the same each time and does not fail
//     repeat(a, always, n) == a
//     each part sees the deadline of the whole
//
// Not laws: a | b == b | a, and (a | b) >> c == (a >> c) | (b >> c), whose left side doesn't try b when c fails.

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "mesh/layer.hpp"

namespace weft::mesh::compose {

template <class In, class Out>
class Flow {
  public:
    using Input = In;
    using Output = Out;
    using Function = std::function<Task<Out>(Context, In)>;

    Flow(Function function) : function_(std::make_shared<const Function>(std::move(function))) {}  // NOLINT: as a port
    /// The flow, or a copy, outlives the call.
    Task<Out> operator()(Context context, In input) const { return (*function_)(std::move(context), std::move(input)); }

  private:
    std::shared_ptr<const Function> function_;
};

template <class F>
concept AnyFlow = requires {
    typename F::Input;
    typename F::Output;
}
&&std::same_as<F, Flow<typename F::Input, typename F::Output>>;

template <Operation R, ServiceOf<R> S>
[[nodiscard]] Flow<R, typename R::Reply> flow(S service) {
    return {[service = std::move(service)](Context context, R request) {
        return service(std::move(context), std::move(request));
    }};
}
template <Operation R>
[[nodiscard]] Port<R> to_port(Flow<R, typename R::Reply> from) {
    return {std::move(from)};
}
/// A function that can't wait: between two services whose types nearly fit.
template <class In, class Work>
[[nodiscard]] auto map(Work work) {
    using Out = typename std::invoke_result_t<Work, In>::value_type;
    return Flow<In, Out>(
        [work = std::move(work)](Context, In input) -> Task<Out> { co_return work(std::move(input)); });
}
template <class T>
[[nodiscard]] Flow<T, T> identity() {
    return {[](Context, T value) -> Task<T> { co_return value; }};
}

namespace detail {

template <class A, class B>
Task<typename B::Output> pipe(A a, B b, Context context, typename A::Input input) {
    auto between = co_await a(context, std::move(input));
    co_return co_await b(std::move(context), std::move(between));
}

template <class A, class B>
Task<typename A::Output> choose(A a, B b, Context context, typename A::Input input) {
    auto first = co_await settled(a(context, input));
    if (first) co_return std::move(first);
    co_return co_await b(std::move(context), std::move(input));
}

/// Both begin before either is awaited; the one that fails first doesn't wait for the other.
template <class A, class B>
struct Both {
    using Output = std::pair<typename A::Output, typename B::Output>;
    First<Output> first;
    std::mutex mutex;
    std::optional<typename A::Output> a;
    std::optional<typename B::Output> b;

    template <class T>
    void on(std::optional<T>& place, Result<T> result) {
        if (!result) {
            first.offer(std::unexpected(std::move(result).error()));
            return;
        }
        std::optional<Output> output;
        {
            const std::scoped_lock lock(mutex);
            place.emplace(*std::move(result));
            if (a && b) output.emplace(*std::move(a), *std::move(b));
        }
        if (output) first.offer(*std::move(output));
    }
};

template <class F>
Task<typename F::Output> call_of(F flow, Context context, typename F::Input input) {
    co_return co_await flow(std::move(context), std::move(input));
}

template <class A, class B>
Task<typename Both<A, B>::Output> join(A a, B b, Context context, typename A::Input input) {
    auto both = std::make_shared<Both<A, B>>();
    auto answer = both->first.future();
    spawn(call_of(std::move(a), context, input),
          [both](Result<typename A::Output> result) { both->on(both->a, std::move(result)); });
    spawn(call_of(std::move(b), std::move(context), std::move(input)),
          [both](Result<typename B::Output> result) { both->on(both->b, std::move(result)); });
    co_return co_await std::move(answer).wait();
}

template <class A, class Until>
Task<typename A::Output> iterate(A a, Until until, std::uint32_t times_max, Context context, typename A::Input value) {
    for (std::uint32_t i = 0; i < times_max; ++i) {
        value = co_await a(context, std::move(value));
        if (until(std::as_const(value))) co_return std::move(value);
    }
    co_return fail(ErrorCode::resource_exhausted, "no end after " + std::to_string(times_max) + " times");
}

}  // namespace detail

template <AnyFlow A, AnyFlow B>
requires std::same_as<typename A::Output, typename B::Input>
[[nodiscard]] Flow<typename A::Input, typename B::Output> operator>>(A a, B b) {
    return {[a = std::move(a), b = std::move(b)](Context context, typename A::Input input) {
        return detail::pipe(a, b, std::move(context), std::move(input));
    }};
}

/// @errors of the last that was tried.
template <AnyFlow A, AnyFlow B>
requires std::same_as<A, B>
[[nodiscard]] A operator|(A a, B b) {
    return {[a = std::move(a), b = std::move(b)](Context context, typename A::Input input) {
        return detail::choose(a, b, std::move(context), std::move(input));
    }};
}

/// @errors of the one that fails first, at once.
template <AnyFlow A, AnyFlow B>
requires std::same_as<typename A::Input, typename B::Input>
[[nodiscard]] Flow<typename A::Input, std::pair<typename A::Output, typename B::Output>> operator&(A a, B b) {
    return {[a = std::move(a), b = std::move(b)](Context context, typename A::Input input) {
        return detail::join(a, b, std::move(context), std::move(input));
    }};
}

/// Feeds a its own reply until @p until says yes of one. @errors resource_exhausted  after times_max times.
template <AnyFlow A, std::predicate<const typename A::Output&> Until>
requires std::same_as<typename A::Input, typename A::Output>
[[nodiscard]] A repeat(A a, Until until, std::uint32_t times_max) {
    return {[a = std::move(a), until = std::move(until), times_max](Context context, typename A::Input input) {
        return detail::iterate(a, until, times_max, std::move(context), std::move(input));
    }};
}

}  // namespace weft::mesh::compose
