#include "app/rpc_client.hpp"

#include <fmt/format.h>

#include "app/run_file.hpp"
#include "net/http_client.hpp"
#include "net/loop.hpp"

namespace weft::app {

Result<json::Value> ask(const std::string& url, std::string_view method, std::string_view parameters,
                        std::int64_t timeout_ns) {
    std::string to = url;
    if (to.empty()) {
        WEFT_TRY(const auto system, find_running(""));
        to = "http://" + system.http + "/";
    }
    WEFT_TRY(auto request, net::Fetch::post(to, fmt::format(R"({{"jsonrpc":"2.0","id":1,"method":{},"params":{}}})",
                                                            json::quote(method), parameters)));
    net::LoopGroup loops(1);
    net::HttpClient client(loops.loop(0));
    loops.start();
    const auto reply = run(client.fetch(mesh::Context::with_timeout(timeout_ns), std::move(request)));
    loops.stop();
    if (!reply) return std::unexpected(reply.error());
    WEFT_TRY(const json::Value body, json::parse(reply->body));
    if (const auto& error = body["error"]; !error.is_null()) {
        return fail(ErrorCode::failed_precondition, error["message"].text());
    }
    return body["result"];
}

}  // namespace weft::app
