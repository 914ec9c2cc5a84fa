#pragma once
// The client's side of a benchmark over HTTP.

#include <string>
#include <utility>

#include "net/http_client.hpp"
#include "net/loop.hpp"

namespace weft::app {

/// A loop on a thread of its own, with a client.
struct BenchClient {
    net::LoopGroup loops{1};
    net::HttpClient http{(loops.start(), loops.loop(0)), {.idle_connections_max = 256}};
    ~BenchClient() { loops.stop(); }
};

[[nodiscard]] inline net::Fetch post_to(const net::Endpoint& server, std::string body) {
    net::Fetch out;
    out.method = "POST";
    out.endpoint = server;
    out.body = std::move(body);
    return out;
}

}  // namespace weft::app
