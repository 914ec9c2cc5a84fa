#pragma once
// A pool of kept-alive connections to one HTTP upstream.

#include <deque>
#include <memory>
#include <vector>

#include "net/endpoint.hpp"
#include "net/http_link.hpp"
#include "net/tls_web.hpp"
#include "service/proxy/link.hpp"

namespace weft::service::proxy {

class HttpLinks final : public Link {
  public:
    /// @param tls  what an https:// upstream is trusted by; null: plain.
    HttpLinks(net::Loop& loop, const UpstreamConfig& config, net::Url url, std::shared_ptr<const net::TlsClient> tls,
              std::size_t body_bytes_max);
    ~HttpLinks() override;

    void call(const LinkCall& call, std::int64_t deadline_ns, Done done) override;
    [[nodiscard]] std::size_t connections() const override;
    /// A body as it is.
    void send(std::string body, std::int64_t deadline_ns, Done done);
    static void append_call(std::string& out, const LinkCall& call);

  private:
    struct Pool;
    /// Outlived by connections that are being made.
    std::shared_ptr<Pool> pool_;
};

}  // namespace weft::service::proxy
