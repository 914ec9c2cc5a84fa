#pragma once
// A span for each call that is traced (observe/trace.hpp).

#include "mesh/layer.hpp"
#include "observe/trace.hpp"

namespace weft::mesh {

struct TraceLayer {
    using IsLayer = void;
    observe::SpanLog* log;
    std::string service;

    template <Operation R, ServiceOf<R> Inner>
    Task<typename R::Reply> operator()(const Inner& inner, Context context, R request) const {
        observe::Span span(*log, service, R::method, {{0, context.trace_id}, 0, context.trace_id != 0});
        auto reply = co_await settled(inner(std::move(context), std::move(request)));
        if (!reply) {
            span.set_failed();
            span.attribute("error", to_string(reply.error().code));
        }
        co_return std::move(reply);
    }
};

/// @param log  outlives the route.
[[nodiscard]] inline TraceLayer trace(observe::SpanLog& log, std::string service) { return {&log, std::move(service)}; }

}  // namespace weft::mesh
