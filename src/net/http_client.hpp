#pragma once
// A small HTTP/1.1 client: health checks and upstreams. Keeps connections alive; answers up to a limit.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/task.hpp"
#include "mesh/service.hpp"
#include "net/endpoint.hpp"
#include "net/loop.hpp"

namespace weft::net {

struct Fetch {
    std::string method = "GET";
    Endpoint endpoint;
    bool secure = false;  // over TLS
    std::string target = "/";
    std::string body;
    std::string content_type = "application/json";
    std::vector<std::pair<std::string, std::string>> headers = {};

    /// @errors invalid_argument  as Url::parse.
    [[nodiscard]] static Result<Fetch> get(std::string_view url);
    [[nodiscard]] static Result<Fetch> post(std::string_view url, std::string body);
};

struct Reply {
    int status = 0;
    std::string content_type;
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
    /// The first header of that name (any case), or empty.
    [[nodiscard]] std::string_view header(std::string_view name) const;
};

class TlsClient;

struct HttpClientOptions {
    std::size_t idle_connections_max = 32;  // kept for each endpoint
    std::int64_t idle_timeout_ns = 15 * ns_per_s;
    std::size_t header_bytes_max = 64 * 1024;
    std::size_t body_bytes_max = 64 * 1024 * 1024;
    /// What https:// trusts; null: the system's authorities. See tls_web.hpp.
    std::shared_ptr<const TlsClient> tls = nullptr;
};

/// Of one loop; fetch() may be called from anywhere and goes on where it was called.
class HttpClient {
  public:
    explicit HttpClient(Loop& loop, HttpClientOptions options = {});
    ~HttpClient();
    HttpClient(HttpClient&&) noexcept;

    /// @errors unavailable  no connection, or it broke (detail 1: certainly before anything was sent);
    ///         deadline_exceeded; resource_exhausted  the answer is too long; data_loss  it is no HTTP.
    Task<Reply> fetch(mesh::Context context, Fetch request);

  private:
    struct Core;
    std::shared_ptr<Core> core_;
};

}  // namespace weft::net
