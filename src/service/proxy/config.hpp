#pragma once
// What the gateway in front of foreign nodes is told: its upstreams and its rules.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "net/cors.hpp"
#include "net/http.hpp"
#include "net/jsonrpc.hpp"
#include "service/proxy/guard.hpp"

namespace weft::service::proxy {

struct UpstreamConfig {
    /// Unique; in metrics, logs and the status page.
    std::string id;
    /// http://, https://, ws://, wss:// or unix:/path.
    std::string url;
    std::uint32_t weight = 1;
    /// Used only while no other upstream can be.
    bool fallback = false;
    /// PEM file of the authorities that https:// and wss:// trust; empty: the system's.
    std::string ca_file;
    /// Sent with each request: a provider's key, for example.
    std::vector<std::pair<std::string, std::string>> headers;
    /// Connections to an HTTP upstream; calls beyond them wait.
    std::size_t connections_max = 512;
    /// Calls of one HTTP request; 1: no batches. They are gathered for a time, or, if that is 0, in a turn of the loop.
    std::size_t batch_items_max = 1;
    std::int64_t batch_window_ns = 0;
};

/// What a method does otherwise than its kind.
struct MethodRule {
    /// Answers that must be equal before one is given.
    std::uint32_t quorum = 1;
    /// Of a transaction: upstreams it is sent to at once; 0 means its kind's.
    std::uint32_t parallel = 0;
    std::int64_t timeout_ns = 0;  // 0: its kind's
    /// Nothing: denied if is_private() says so.
    std::optional<bool> denied;
    /// Calls that one counts as, against its caller's limits.
    std::uint32_t cost = 1;
};

struct ProxyConfig {
    std::vector<UpstreamConfig> upstreams;
    /// The chain that upstreams must be of; nothing: the one that most of them are of.
    std::optional<std::uint64_t> chain_id = {};
    /// By name, or by prefix with a '*' at the end.
    std::map<std::string, MethodRule, std::less<>> rules;
    /// Of one call, all its attempts.
    std::int64_t request_timeout_ns = 30 * ns_per_s;
    /// Of one attempt.
    std::int64_t attempt_timeout_ns = 10 * ns_per_s;
    std::uint32_t attempts_max = 4;
    /// Another upstream is asked, too, when one takes longer than this share of all answers did; 0: never.
    double hedge_quantile = 0.95;
    std::int64_t hedge_min_ns = 20 * ns_per_ms;
    std::int64_t hedge_max_ns = 2 * ns_per_s;
    /// Upstreams that a signed transaction is sent to at once.
    std::uint32_t broadcast = 3;
    /// How often an HTTP upstream's head is asked for.
    std::int64_t poll_ns = 500 * ns_per_ms;
    /// How often each upstream is asked for its chain though nothing speaks for another one.
    std::int64_t chain_every_ns = 30 * ns_per_s;
    /// A head that was heard of so lately needs no question.
    std::int64_t head_fresh_ns = 250 * ns_per_ms;
    /// Blocks behind the best head after which an upstream gets no calls.
    std::uint64_t lag_max = 16;
    /// Final below the head where the upstreams know no "finalized".
    std::uint64_t finality_depth = 64;
    /// Bytes of answers that are kept; 0: none.
    std::size_t cache_bytes_max = 256 * 1024 * 1024;
    /// How long an answer about a block that is not final is kept.
    std::int64_t unfinal_ttl_ns = ns_per_s;
    /// Blocks of one eth_getLogs to an upstream; wider ones are split. 0: never before an upstream refuses.
    std::uint64_t logs_blocks_max = 0;
    std::size_t body_bytes_max = 128 * 1024 * 1024;  // of an upstream's answer
    net::RpcLimits limits;
    GuardConfig guard;
    net::HttpOptions http;
    net::Cors cors;
};

}  // namespace weft::service::proxy
