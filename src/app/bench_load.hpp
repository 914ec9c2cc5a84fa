#pragma once
// Load on a JSON-RPC server, and what it cost the server: the parts that benchmarks of nodes share.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/json.hpp"
#include "base/result.hpp"
#include "base/u256.hpp"
#include "net/endpoint.hpp"

namespace weft::app {

/// User and system time of a process and all that it started, in seconds, so far.
[[nodiscard]] double cpu_seconds(pid_t root);

/// One call on a connection of its own.
/// @errors as net::HttpClient::fetch; failed_precondition  the reply is a JSON-RPC error: its message.
[[nodiscard]] Result<json::Value> call_once(const net::Endpoint& server, std::string_view method,
                                            std::string_view params);

/// Waits until the server answers eth_chainId.
/// @errors deadline_exceeded  it did not within the time.
[[nodiscard]] Result<void> wait_until_ready(const net::Endpoint& server, std::int64_t timeout_ns);

struct ReadRun {
    double per_second = 0;
    double cpu_us = 0;  // of the server, a request
    double p50_ms = 0;
    double p99_ms = 0;
};
/// The same request for some seconds over some connections, by wrk.
/// @errors unavailable  wrk is not installed, or gave no figure.
[[nodiscard]] Result<ReadRun> run_reads(const net::Endpoint& server, pid_t root, std::string_view body, int connections,
                                        int seconds);

struct SendRun {
    std::uint64_t sent = 0;      // acknowledged with a hash
    std::uint64_t included = 0;  // in the chain at the end
    double per_second = 0;       // included, from the first request to the last inclusion
    double cpu_us = 0;           // of the server, a transaction included
};
/// Signed transactions end to end: each list in order over a connection of its own, all lists at once, until every
/// acknowledged one is in the chain or nothing has moved for three seconds.
/// @param senders  of the lists; their nonces tell how many are included.
[[nodiscard]] Result<SendRun> run_sends(const net::Endpoint& server, pid_t root,
                                        const std::vector<std::vector<std::string>>& bodies,
                                        const std::vector<Address>& senders, std::uint64_t nonce_before);

}  // namespace weft::app
