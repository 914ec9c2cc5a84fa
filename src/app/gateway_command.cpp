// weft gateway: in front of Ethereum nodes, weft's or anyone's.

#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "app/command.hpp"
#include "app/signals.hpp"
#include "net/loop.hpp"
#include "observe/log.hpp"
#include "service/proxy/proxy.hpp"

namespace weft::app {

namespace {

struct GatewayOptions {
    std::vector<std::string> upstreams;
    std::vector<std::string> fallbacks;
    std::string http = "127.0.0.1:8545";
    std::string log_level = "info";
    service::proxy::ProxyConfig config;
    std::vector<std::string> quorum;
    std::int64_t timeout_ms = 30'000;
    std::size_t cache_mib = 256;
};

Result<void> add_rules(const std::vector<std::string>& given, service::proxy::ProxyConfig& config) {
    for (const auto& text : given) {
        const auto equals = text.find('=');
        const int count = equals == std::string::npos ? 0 : std::atoi(text.c_str() + equals + 1);
        if (count < 1 || count > 16) {
            return fail(ErrorCode::invalid_argument, "--quorum: want METHOD=N with N from 1 to 16, not " + text);
        }
        config.rules[text.substr(0, equals)].quorum = static_cast<std::uint32_t>(count);
    }
    return {};
}

Result<void> run_gateway(GatewayOptions options) {
    const StopSignals signals;
    observe::set_log_level(*observe::level_from(options.log_level));
    auto& config = options.config;
    const auto add = [&](const std::string& url, bool fallback) {
        service::proxy::UpstreamConfig upstream;
        upstream.id = fmt::format("{}-{}", fallback ? "fallback" : "upstream", config.upstreams.size());
        upstream.url = url;
        upstream.fallback = fallback;
        config.upstreams.push_back(std::move(upstream));
    };
    for (const auto& url : options.upstreams) add(url, false);
    for (const auto& url : options.fallbacks) add(url, true);
    WEFT_CHECK(add_rules(options.quorum, config));
    config.request_timeout_ns = options.timeout_ms * ns_per_ms;
    config.cache_bytes_max = options.cache_mib * 1024 * 1024;
    net::LoopGroup loops(1);
    loops.start();
    service::proxy::Proxy proxy(loops, std::move(config));
    auto done = proxy.listen(options.http);
    if (done) {
        fmt::print("listening on http://{}\n", proxy.local_address().to_string());
        std::fflush(stdout);
        signals.wait();
        static_cast<void>(weft::run(proxy.stop()));
    }
    loops.stop();
    return done;
}

}  // namespace

void define_gateway(CLI::App& command, int& status) {
    auto options = std::make_shared<GatewayOptions>();
    command.add_option("--upstream", options->upstreams, "a node: http://, ws:// or unix:/path; may be given again")
        ->required()
        ->type_name("URL");
    command.add_option("--fallback", options->fallbacks, "a node that is used only while no --upstream can be")
        ->type_name("URL");
    command.add_option("--http", options->http, "where to listen (default 127.0.0.1:8545)")->type_name("HOST:PORT");
    command.add_option("--quorum", options->quorum, "equal answers that a method needs, e.g. eth_getLogs=2")
        ->type_name("METHOD=N");
    command.add_option("--timeout", options->timeout_ms, "of a call with all its attempts (default 30000)")
        ->type_name("MS");
    command.add_option("--cache", options->cache_mib, "memory for answers that stay true (default 256); 0: none")
        ->type_name("MIB");
    command
        .add_option("--logs-blocks", options->config.logs_blocks_max,
                    "blocks of one eth_getLogs to an upstream; wider ones are split")
        ->type_name("N");
    command.add_option("--log-level", options->log_level, "debug, info, warn or error")
        ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
    command.callback([options, &status] {
        const auto done = run_gateway(*options);
        status = done ? exit_done : fail_with(done.error());
    });
}

}  // namespace weft::app
