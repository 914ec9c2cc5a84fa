#pragma once
// One WebSocket to an upstream that carries all calls, each under an id of ours, and tells of new heads. Connects again
// by itself.

#include <memory>

#include "net/tls_web.hpp"
#include "service/proxy/link.hpp"

namespace weft::service::proxy {

class WebSocketLink final : public Link {
  public:
    /// @param tls  what a wss:// upstream is trusted by.
    WebSocketLink(net::Loop& loop, const UpstreamConfig& config, std::shared_ptr<const net::TlsClient> tls,
                  std::size_t body_bytes_max, std::function<void(std::string_view header)> on_head,
                  std::function<void()> on_change);
    ~WebSocketLink() override;

    void call(const LinkCall& call, std::int64_t deadline_ns, Done done) override;
    [[nodiscard]] bool tells_heads() const override;
    [[nodiscard]] std::size_t connections() const override;

  private:
    struct Core;
    std::shared_ptr<Core> core_;
};

}  // namespace weft::service::proxy
