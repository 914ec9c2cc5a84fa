#pragma once
// weft bench gateway: what one proxied JSON-RPC call costs, beside nginx and HAProxy, and how long a new head takes to
// many subscribers.

#include <string>
#include <vector>

#include "base/result.hpp"

namespace weft::app {

struct BenchGatewayOptions {
    std::string nginx = "/usr/sbin/nginx";
    std::string haproxy = "/usr/sbin/haproxy";
    int seconds = 4;
    std::vector<int> connections = {64, 512};
    std::size_t subscribers = 10'000;
    /// The proxy has a processor of its own.
    bool apart = false;
};

/// All processes of the first part share one processor, unless options say otherwise: so nothing is lost to waking
/// another one up, and the figures repeat; but how long a call takes says more of the processor's turns then than of
/// the proxy. A peer whose program is not there is named and left out.
/// @errors unavailable  wrk is not installed, or a process does not start.
[[nodiscard]] Result<void> bench_gateway(const BenchGatewayOptions& options);

}  // namespace weft::app
