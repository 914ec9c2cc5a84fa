#pragma once
// Ports for threads that block until they have an answer.

#include <utility>

#include "mesh/service.hpp"
#include "net/loop.hpp"

namespace weft::app {

namespace detail {

template <mesh::Operation R>
Task<typename R::Reply> call_on_loop(net::LoopGroup& loops, mesh::Port<R> port, mesh::Context context, R request) {
    if (loops.here() == nullptr) co_await net::switch_to(loops.next());
    co_return co_await port(context, std::move(request));
}

}  // namespace detail

/// The same port for threads of a pool, which block until it has answered: its answer is taken by a loop. Taken by the
/// pool it would wait for a thread of the pool, and with all of them waiting for answers, for ever.
///
/// @param loops  must outlive the port and run.
template <mesh::Operation R>
[[nodiscard]] mesh::Port<R> on_loop(net::LoopGroup& loops, mesh::Port<R> port) {
    return {[&loops, port = std::move(port)](mesh::Context context, R request) {
        return detail::call_on_loop(loops, port, context, std::move(request));
    }};
}

}  // namespace weft::app
