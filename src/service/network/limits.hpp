#pragma once
// The bounds of the peer protocol, in one place. Tests make some of them smaller.

#include <cstddef>
#include <cstdint>

#include "base/time.hpp"

namespace weft::service::network {

struct Limits {
    std::size_t inbound_max = 40;   // unpinned peers that dialled in
    std::size_t outbound_max = 10;  // unpinned peers dialled
    std::size_t per_ip_max = 3;     // unpinned peers of one IP address
    std::size_t per_net_max = 8;    // unpinned peers of one /24
    std::size_t pending_max = 50;   // connections before their hello
    std::int64_t reconnect_ns = 30 * ns_per_s;  // between two unpinned connections from one IP address

    std::int64_t handshake_ns = 5 * ns_per_s;  // until the peer's hello is here
    std::int64_t idle_ns = 15 * ns_per_s;      // without a frame: a ping
    std::int64_t silent_ns = 30 * ns_per_s;    // without a frame: the end
    std::int64_t probe_ns = 2 * ns_per_s;      // for the old one of two connections with one peer to answer
    std::int64_t request_ns = 5 * ns_per_s;    // transactions, headers
    std::int64_t bodies_ns = 10 * ns_per_s;    // blocks

    /// Bytes that wait in each lane of one peer: consensus, blocks, requests, transactions.
    std::size_t lane_bytes_max[4] = {256 << 10, 16 << 20, 4 << 20, 1 << 20};
    /// Token bucket of what an unpinned peer, or one with a bad score, may send.
    std::size_t inbound_bytes_per_s = 5 << 20;
    std::size_t inbound_burst_bytes = 10 << 20;
    /// And of what is sent to a peer that is no pinned validator.
    std::size_t outbound_bytes_per_s = 5 << 20;
    std::size_t outbound_burst_bytes = 10 << 20;
    /// What a peer sent and this node still works on; it is not read from meanwhile.
    std::size_t working_bytes_max = 16 << 20;
    std::size_t working_count_max = 512;

    std::int64_t redial_min_ns = 100 * ns_per_ms;
    std::int64_t redial_max_ns = 10 * ns_per_s;
    std::int64_t batch_ns = 3 * ns_per_ms;    // transactions wait this long for others
    std::int64_t arrive_ns = 500 * ns_per_ms;  // an announced transaction may still come by itself
    /// Between two times that one message is passed on: several peers may bring it, and its validator repeats it after
    /// half a second.
    std::int64_t relay_again_ns = 400 * ns_per_ms;
    std::int64_t tick_ns = 500 * ns_per_ms;   // between looks at the head, pings, deadlines
};

}  // namespace weft::service::network
