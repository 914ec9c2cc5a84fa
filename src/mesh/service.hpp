#pragma once
// A service is a function from a request to a Task of its reply. Port is how a caller holds one: it can't tell whether
// the service is in its own process, behind a balancer, or wrapped in layers.

#include <concepts>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/task.hpp"
#include "base/time.hpp"

namespace weft::mesh {

/// Who makes a call, as the edge of the system saw it.
struct Caller {
    /// What it said of itself, e.g. a header.
    std::map<std::string, std::string> metadata;
    /// Who it is: set by who has checked that (mesh/layer/authenticate.hpp), empty until then.
    std::string principal;
};

/// What travels with every call.
struct Context {
    /// monotonic_ns() after which nobody waits for the reply.
    std::int64_t deadline_ns = 0;
    /// Joins the spans of one request; 0 if untraced.
    std::uint64_t trace_id = 0;
    /// 0 is the most important; the others are refused before it under load.
    std::uint32_t priority = 0;
    /// Null within the system. Stays in its process.
    std::shared_ptr<const Caller> caller = nullptr;

    [[nodiscard]] static Context with_timeout(std::int64_t timeout_ns) {
        return {.deadline_ns = monotonic_ns() + timeout_ns};
    }
    [[nodiscard]] std::int64_t remaining_ns() const { return deadline_ns - monotonic_ns(); }
};

/// A request type names its reply and its method, e.g. "weft.Storage/Account".
template <class Request>
concept Operation = requires {
    typename Request::Reply;
    { Request::method } -> std::convertible_to<std::string_view>;
};

/// What performs R: a port, a lambda, a service wrapped in layers.
template <class S, class R>
concept ServiceOf =
    Operation<R> && std::copy_constructible<S> && requires(const S& service, Context context, R request) {
        { service(context, std::move(request)) } -> std::same_as<Task<typename R::Reply>>;
    };

template <Operation Request>
class Port {
  public:
    using Reply = typename Request::Reply;
    using Function = std::function<Task<Reply>(Context, Request)>;

    Port() = default;
    Port(Function function)
        : function_(std::make_shared<Function>(std::move(function))) {}  // NOLINT: any callable is a port

    /// The port, or a copy of it, outlives the call: the function is not kept alive by the task it made.
    Task<Reply> operator()(Context context, Request request) const { return (*function_)(context, std::move(request)); }
    [[nodiscard]] explicit operator bool() const { return function_ != nullptr; }

  private:
    std::shared_ptr<const Function> function_;
};

}  // namespace weft::mesh
