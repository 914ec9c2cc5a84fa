#pragma once
// How calls reach one upstream: a pool of kept-alive HTTP connections, one call each at a time, or one WebSocket that
// carries all of them at once.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/http_client.hpp"
#include "net/loop.hpp"
#include "service/proxy/config.hpp"

namespace weft::service::proxy {

struct LinkCall {
    std::string_view method;
    std::string_view id;      // raw JSON; a link of many calls puts its own in its place
    std::string_view params;  // raw JSON
    /// Whether it does no harm to make it twice.
    bool repeatable = false;
};

/// Of its loop's thread; ends with nothing under way, or drops it.
class Link {
  public:
    using Done = std::move_only_function<void(Result<net::Reply>)>;
    virtual ~Link() = default;

    /// Sends the call; @p done gets the reply's text, later and never from inside call().
    /// @errors given to @p done: unavailable (detail 1: certainly not sent), deadline_exceeded, resource_exhausted,
    ///         data_loss.
    virtual void call(const LinkCall& call, std::int64_t deadline_ns, Done done) = 0;
    /// Whether it tells of new heads by itself.
    [[nodiscard]] virtual bool tells_heads() const { return false; }
    [[nodiscard]] virtual std::size_t connections() const = 0;
};

/// @param on_head    called with the header (JSON) of each new head, where the upstream tells; empty: it need not.
/// @param on_change  a connection that tells of heads has come or gone.
/// @errors invalid_argument  the URL.
[[nodiscard]] Result<std::unique_ptr<Link>> make_link(net::Loop& loop, const UpstreamConfig& config,
                                                      std::size_t body_bytes_max,
                                                      std::function<void(std::string_view header)> on_head,
                                                      std::function<void()> on_change);

}  // namespace weft::service::proxy
