#pragma once
// A node for benchmarks of gateways: it answers each call with as little as it can, so that what is measured is the
// gateway. It runs in the benchmark's own process, or, so that its time can be told from others', in a forked one.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include <sys/types.h>

#include "base/result.hpp"
#include "net/endpoint.hpp"

namespace weft::app {

/// HTTP and WebSocket on one address; new heads when told.
class BenchOrigin {
  public:
    /// @errors as net::HttpServer::listen.
    [[nodiscard]] static Result<std::unique_ptr<BenchOrigin>> start();
    ~BenchOrigin();

    [[nodiscard]] net::Endpoint address() const;
    /// The next block, to all subscribers; returns when it was sent.
    void make_head();

  private:
    struct State;
    explicit BenchOrigin(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

}  // namespace weft::app
