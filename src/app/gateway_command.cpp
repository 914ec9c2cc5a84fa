// weft gateway: in front of Ethereum nodes, weft's or anyone's.

#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "app/command.hpp"
#include "app/gateway_config.hpp"
#include "app/signals.hpp"
#include "mesh/attempts.hpp"
#include "net/loop.hpp"
#include "observe/log.hpp"
#include "service/proxy/proxy.hpp"

namespace weft::app {

namespace {

struct GatewayOptions {
    std::string config;
    std::vector<std::string> upstreams;
    std::vector<std::string> fallbacks;
    std::vector<std::string> http;
    std::string log_level = "info";
    std::vector<std::string> quorum;
    std::optional<std::int64_t> timeout_ms;
    std::optional<std::size_t> cache_mib;
    std::optional<std::uint64_t> logs_blocks;
    std::optional<std::size_t> loops;
    std::optional<std::uint64_t> chain_id;
};

Result<void> add_quorums(const std::vector<std::string>& given, service::proxy::ProxyConfig& config) {
    for (const auto& text : given) {
        const auto equals = text.find('=');
        const int count = equals == std::string::npos ? 0 : std::atoi(text.c_str() + equals + 1);
        if (count < 1 || count > static_cast<int>(mesh::attempts_limit)) {
            return fail(ErrorCode::invalid_argument,
                        fmt::format("--quorum: want METHOD=N with N from 1 to {}, not {}", mesh::attempts_limit, text));
        }
        config.rules[text.substr(0, equals)].quorum = static_cast<std::uint32_t>(count);
    }
    return {};
}

/// The file, and what the command line says besides.
Result<GatewayFile> read(const GatewayOptions& options) {
    GatewayFile out;
    if (!options.config.empty()) {
        WEFT_TRY(out, read_gateway_file(options.config));
    }
    auto& config = out.proxy;
    const auto add = [&](const std::string& url, bool fallback) {
        service::proxy::UpstreamConfig upstream;
        upstream.id = fmt::format("{}-{}", fallback ? "fallback" : "upstream", config.upstreams.size());
        upstream.url = url;
        upstream.fallback = fallback;
        config.upstreams.push_back(std::move(upstream));
    };
    for (const auto& url : options.upstreams) add(url, false);
    for (const auto& url : options.fallbacks) add(url, true);
    WEFT_CHECK(add_quorums(options.quorum, config));
    if (options.chain_id) config.chain_id = options.chain_id;
    if (options.timeout_ms) config.request_timeout_ns = *options.timeout_ms * ns_per_ms;
    if (options.cache_mib) config.cache_bytes_max = *options.cache_mib * 1024 * 1024;
    if (options.logs_blocks) config.logs_blocks_max = *options.logs_blocks;
    if (config.upstreams.empty()) {
        return fail(ErrorCode::invalid_argument, "no upstream: want --upstream URL, or --config FILE that names some");
    }
    if (options.loops) out.loops = *options.loops;
    if (!options.http.empty()) out.http = options.http;
    if (out.http.empty() && out.https.empty()) out.http = {"127.0.0.1:8545"};
    return out;
}

Result<void> listen(service::proxy::Proxy& proxy, const GatewayFile& file, std::shared_ptr<net::TlsServer>& tls) {
    for (const auto& address : file.http) WEFT_CHECK(proxy.listen(address));
    if (!file.https.empty()) {
        WEFT_TRY(tls, net::TlsServer::make(file.tls));
    }
    for (const auto& address : file.https) WEFT_CHECK(proxy.listen(address, tls));
    return {};
}

/// SIGHUP: the file and the certificates again. What can't be taken is told, and all stays as it was.
void reload(const GatewayOptions& options, service::proxy::Proxy& proxy, net::TlsServer* tls) {
    const observe::Log log("gateway");
    auto file = read(options);
    const auto done = file ? proxy.reload(std::move(file->proxy)) : Result<void>(std::unexpected(file.error()));
    if (!done) return log.error("not reloaded", {{"why", done.error().message}});
    if (tls != nullptr) {
        if (const auto read_again = tls->reload(); !read_again) {
            return log.error("certificates not reloaded", {{"why", read_again.error().message}});
        }
    }
    log.info("reloaded");
}

Result<void> run_gateway(const GatewayOptions& options) {
    const StopSignals signals;
    observe::set_log_level(*observe::level_from(options.log_level));
    WEFT_TRY(auto file, read(options));
    net::LoopGroup loops(file.loops);
    loops.start();
    Result<void> done;
    {
        service::proxy::Proxy proxy(loops, file.proxy);
        std::shared_ptr<net::TlsServer> tls;
        done = listen(proxy, file, tls);
        if (done) {
            fmt::print("listening on {}\n", proxy.local_address().to_string());
            std::fflush(stdout);
            while (signals.wait() == SIGHUP && !options.config.empty()) reload(options, proxy, tls.get());
            static_cast<void>(weft::run(proxy.stop()));
        }
        loops.stop();
    }
    return done;
}

}  // namespace

void define_gateway(CLI::App& command, int& status) {
    auto options = std::make_shared<GatewayOptions>();
    command
        .add_option("--config", options->config, "a file with upstreams, rules, keys and limits; SIGHUP reads it again")
        ->type_name("FILE");
    command
        .add_option("--upstream", options->upstreams, "a node: http(s)://, ws(s):// or unix:/path; may be given again")
        ->type_name("URL");
    command.add_option("--fallback", options->fallbacks, "a node that is used only while no --upstream can be")
        ->type_name("URL");
    command
        .add_option("--chain-id", options->chain_id,
                    "the chain that nodes must be of, or they are not used (default: that of most of them)")
        ->type_name("N")
        ->check(CLI::Range(std::uint64_t{1}, chain_id_max));
    command.add_option("--http", options->http, "where to listen (default 127.0.0.1:8545); may be given again")
        ->type_name("HOST:PORT");
    command.add_option("--quorum", options->quorum, "equal answers that a method needs, e.g. eth_getLogs=2")
        ->type_name("METHOD=N");
    command.add_option("--timeout", options->timeout_ms, "of a call with all its attempts (default 30000)")
        ->type_name("MS");
    command.add_option("--cache", options->cache_mib, "memory for answers that stay true (default 256); 0: none")
        ->type_name("MIB");
    command
        .add_option("--logs-blocks", options->logs_blocks,
                    "blocks of one eth_getLogs to an upstream; wider ones are split")
        ->type_name("N");
    command.add_option("--loops", options->loops, "threads (default: one a processor)")
        ->type_name("N")
        ->check(CLI::Range(std::size_t{1}, loops_max));
    command.add_option("--log-level", options->log_level, "debug, info, warn or error")
        ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
    command.footer("The file, by example:\n\n" + std::string(gateway_file_example()));
    command.callback([options, &status] {
        const auto done = run_gateway(*options);
        status = done ? exit_done : fail_with(done.error());
    });
}

}  // namespace weft::app
