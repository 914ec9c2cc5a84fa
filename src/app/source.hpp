#pragma once
// Where instances come from, if not from a registry: a file, or DNS. Each is a port like the registry's List, with an
// index and long polls, so that whoever follows it (app/watch.hpp) can't tell the difference. What can't be read keeps
// the last good view.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/registry.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "mesh/service.hpp"
#include "net/loop.hpp"

namespace weft::app {

struct SourceOptions {
    /// Between two looks at a file, which is read if it is another.
    std::int64_t file_interval_ns = 500 * ns_per_ms;
    /// Between two look-ups of an address, whose time to live getaddrinfo doesn't tell.
    std::int64_t dns_interval_ns = 5 * ns_per_s;
    /// That of an SRV record is brought into this range.
    std::int64_t ttl_ns_min = ns_per_s;
    std::int64_t ttl_ns_max = 60 * ns_per_s;
    std::size_t instances_max = 10'000;
};

/// @param text   file:PATH                   a YAML list, see read_instances()
///               dns:SERVICE=HOST:PORT       A and AAAA
///               srv:SERVICE=NAME[@SERVER]   SRV: those of the best priority are healthy, the others spare. Asked of
///                                           SERVER (IP:PORT) instead of the system's
/// @param loops  must outlive the port.
/// @errors       invalid_argument  no source.
[[nodiscard]] Result<mesh::Port<api::registry::List>> make_source(net::LoopGroup& loops, std::string_view text,
                                                                  SourceOptions options = {});

/// Instances of a file like
///
///     - id: node-0
///       service: node
///       address: 127.0.0.1:9000
///       weight: 2                # 0: drained; may be missing, as what follows
///       labels: {zone: east, version: 0.1.0}
///
/// @errors invalid_argument  "FILE:LINE: what".
[[nodiscard]] Result<std::vector<api::registry::Instance>> read_instances(std::string_view text, std::string_view file);

struct SrvRecord {
    std::string target;
    std::uint16_t port = 0;
    std::uint16_t priority = 0;
    std::uint16_t weight = 0;
    std::uint32_t ttl_s = 0;
};
/// The records of a reply.
/// @errors data_loss  it is none.
/// @source RFC 1035, 4; RFC 2782.
[[nodiscard]] Result<std::vector<SrvRecord>> parse_srv(BytesView reply);

}  // namespace weft::app
