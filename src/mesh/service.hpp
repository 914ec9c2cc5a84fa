#pragma once
// A service is a function from a request to a Task of its reply. Port is how a caller holds one: it can't tell whether
// the service is in its own process, behind a balancer, or wrapped in layers.

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "base/task.hpp"
#include "base/time.hpp"

namespace weft::mesh {

/// What travels with every call.
struct Context {
    /// monotonic_ns() after which nobody waits for the reply.
    std::int64_t deadline_ns = 0;
    /// Joins the spans of one request; 0 if untraced.
    std::uint64_t trace_id = 0;

    [[nodiscard]] static Context with_timeout(std::int64_t timeout_ns) { return {monotonic_ns() + timeout_ns, 0}; }
    [[nodiscard]] std::int64_t remaining_ns() const { return deadline_ns - monotonic_ns(); }
};

/// A request type names its reply and its method, e.g. "weft.Storage/Account".
template <class Request>
concept Operation = requires {
    typename Request::Reply;
    { Request::method } -> std::convertible_to<std::string_view>;
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
