#include "service/proxy/link.hpp"

#include "net/endpoint.hpp"
#include "service/proxy/batching_link.hpp"
#include "service/proxy/http_links.hpp"
#include "service/proxy/websocket_link.hpp"

namespace weft::service::proxy {

Result<std::unique_ptr<Link>> make_link(net::Loop& loop, const UpstreamConfig& config, std::size_t body_bytes_max,
                                        std::function<void(std::string_view header)> on_head,
                                        std::function<void()> on_change) {
    if (config.url.starts_with("unix:")) {
        WEFT_TRY(auto endpoint, net::Endpoint::parse(config.url));
        return std::make_unique<HttpLinks>(loop, config, net::Url{"http", std::move(endpoint), "/"}, nullptr,
                                           body_bytes_max);
    }
    WEFT_TRY(auto url, net::Url::parse(config.url));
    std::shared_ptr<const net::TlsClient> tls;
    if (url.scheme == "https" || url.scheme == "wss") {
        tls = net::TlsClient::system();
        if (!config.ca_file.empty()) {
            WEFT_TRY(tls, net::TlsClient::make({.ca_file = config.ca_file}));
        }
    }
    if (url.scheme == "ws" || url.scheme == "wss") {
        return std::make_unique<WebSocketLink>(loop, config, std::move(tls), body_bytes_max, std::move(on_head),
                                               std::move(on_change));
    }
    auto links = std::make_unique<HttpLinks>(loop, config, std::move(url), std::move(tls), body_bytes_max);
    if (config.batch_items_max < 2) return links;
    return std::make_unique<BatchingLink>(loop, std::move(links), config.batch_items_max, config.batch_window_ns);
}

}  // namespace weft::service::proxy
