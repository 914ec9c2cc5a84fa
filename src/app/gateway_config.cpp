#include "app/gateway_config.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>

#include "mesh/attempts.hpp"

namespace weft::app {

namespace {

using service::proxy::CallerLimits;
using service::proxy::KeyConfig;
using service::proxy::MethodRule;
using service::proxy::UpstreamConfig;

/// Reads nodes into values, and knows where it is when something is wrong.
class Reader {
  public:
    explicit Reader(std::string_view file) : file_(file) {}

    using Member = std::function<Result<void>(const YAML::Node&)>;
    using Members = std::map<std::string_view, Member>;

    [[nodiscard]] std::unexpected<Error> wrong(const YAML::Node& at, std::string_view what) const {
        return fail(ErrorCode::invalid_argument, fmt::format("{}:{}: {}", file_, at.Mark().line + 1, what));
    }

    [[nodiscard]] Result<void> map(const YAML::Node& node, const Members& members) const {
        if (!node.IsMap()) return wrong(node, "want a map");
        for (const auto& entry : node) {
            const auto name = entry.first.Scalar();
            const auto member = members.find(name);
            if (member == members.end()) {
                std::vector<std::string_view> names;
                for (const auto& [known, reads] : members) names.push_back(known);
                return wrong(entry.first, fmt::format("unknown key {}; want one of {}", name, fmt::join(names, ", ")));
            }
            WEFT_CHECK(member->second(entry.second));
        }
        return {};
    }

    [[nodiscard]] Result<void> each(const YAML::Node& node, const Member& item) const {
        if (!node.IsSequence()) return wrong(node, "want a list");
        for (const auto& one : node) WEFT_CHECK(item(one));
        return {};
    }

    [[nodiscard]] Member text(std::string& out) const {
        return [this, &out](const YAML::Node& node) -> Result<void> {
            if (!node.IsScalar()) return wrong(node, "want a text");
            out = node.Scalar();
            return {};
        };
    }

    [[nodiscard]] Member flag(bool& out) const {
        return [this, &out](const YAML::Node& node) -> Result<void> {
            const std::string value = node.IsScalar() ? node.Scalar() : "";
            if (value != "true" && value != "false") return wrong(node, "want true or false");
            out = value == "true";
            return {};
        };
    }

    template <class Number>
    [[nodiscard]] Member number(Number& out, std::uint64_t min, std::uint64_t max, std::uint64_t unit = 1) const {
        return [this, &out, min, max, unit](const YAML::Node& node) -> Result<void> {
            const std::string value = node.IsScalar() ? node.Scalar() : "";
            std::uint64_t got = 0;
            const auto read = std::from_chars(value.data(), value.data() + value.size(), got);
            if (read.ec != std::errc() || read.ptr != value.data() + value.size() || got < min || got > max) {
                return wrong(node, fmt::format("want a number from {} to {}", min, max));
            }
            out = static_cast<Number>(got * unit);
            return {};
        };
    }

    /// "250ms", "10s", "2m".
    [[nodiscard]] Member duration(std::int64_t& out) const {
        return [this, &out](const YAML::Node& node) -> Result<void> {
            const std::string value = node.IsScalar() ? node.Scalar() : "";
            std::int64_t got = 0;
            const auto read = std::from_chars(value.data(), value.data() + value.size(), got);
            const std::string_view unit(read.ptr, static_cast<std::size_t>(value.data() + value.size() - read.ptr));
            const std::int64_t factor = unit == "ms"  ? ns_per_ms
                                        : unit == "s" ? ns_per_s
                                        : unit == "m" ? 60 * ns_per_s
                                                      : 0;
            constexpr std::int64_t most = 1'000'000;
            if (read.ec != std::errc() || factor == 0 || got < 0 || got > most) {
                return wrong(node, "want a duration like 250ms, 10s or 2m");
            }
            out = got * factor;
            return {};
        };
    }

    [[nodiscard]] Member texts(std::vector<std::string>& out) const {
        return [this, &out](const YAML::Node& node) -> Result<void> {
            out.clear();
            if (node.IsScalar()) {
                out.push_back(node.Scalar());
                return {};
            }
            return each(node, [&](const YAML::Node& item) -> Result<void> {
                if (!item.IsScalar()) return wrong(item, "want a text");
                out.push_back(item.Scalar());
                return {};
            });
        };
    }

  private:
    std::string file_;
};

void add_limits(const Reader& reader, CallerLimits& limits, Reader::Members& members) {
    members["per-second"] = reader.number(limits.per_second, 1, 1'000'000'000);
    members["burst"] = reader.number(limits.burst, 1, 1'000'000'000);
    members["per-day"] = reader.number(limits.per_day, 1, 1'000'000'000'000);
}

Result<void> read_upstream(const Reader& reader, const YAML::Node& node, GatewayFile& out) {
    UpstreamConfig upstream;
    upstream.id = fmt::format("upstream-{}", out.proxy.upstreams.size());
    const auto headers = [&](const YAML::Node& map) -> Result<void> {
        if (!map.IsMap()) return reader.wrong(map, "want a map of headers");
        for (const auto& entry : map) {
            const auto name = entry.first.Scalar();
            const auto value = entry.second.Scalar();
            if (name.empty() || (name + value).find_first_of("\r\n") != std::string::npos ||
                name.find_first_of(": ") != std::string::npos) {
                return reader.wrong(entry.first, "want a header's name and value");
            }
            upstream.headers.emplace_back(name, value);
        }
        return {};
    };
    WEFT_CHECK(reader.map(node, {{"url", reader.text(upstream.url)},
                                 {"id", reader.text(upstream.id)},
                                 {"weight", reader.number(upstream.weight, 1, 1'000)},
                                 {"fallback", reader.flag(upstream.fallback)},
                                 {"ca", reader.text(upstream.ca_file)},
                                 {"connections", reader.number(upstream.connections_max, 1, 65'536)},
                                 {"batch-items", reader.number(upstream.batch_items_max, 1, 10'000)},
                                 {"batch-window", reader.duration(upstream.batch_window_ns)},
                                 {"headers", headers}}));
    if (upstream.url.empty()) return reader.wrong(node, "an upstream needs an url");
    out.proxy.upstreams.push_back(std::move(upstream));
    return {};
}

Result<void> read_methods(const Reader& reader, const YAML::Node& node, GatewayFile& out) {
    if (!node.IsMap()) return reader.wrong(node, "want a map from a method, or a prefix with *, to its rule");
    for (const auto& entry : node) {
        MethodRule rule;
        bool denied = false;
        bool sets_denied = false;
        const auto read_denied = [&](const YAML::Node& value) -> Result<void> {
            sets_denied = true;
            return reader.flag(denied)(value);
        };
        WEFT_CHECK(reader.map(entry.second, {{"quorum", reader.number(rule.quorum, 1, mesh::attempts_limit)},
                                             {"broadcast", reader.number(rule.parallel, 1, mesh::attempts_limit)},
                                             {"timeout", reader.duration(rule.timeout_ns)},
                                             {"cost", reader.number(rule.cost, 0, 1'000'000)},
                                             {"denied", read_denied}}));
        if (sets_denied) rule.denied = denied;
        out.proxy.rules[entry.first.Scalar()] = rule;
    }
    return {};
}

Result<void> read_key(const Reader& reader, const YAML::Node& node, GatewayFile& out) {
    KeyConfig key;
    Reader::Members members{{"name", reader.text(key.name)},
                            {"key", reader.text(key.key)},
                            {"key-sha256", reader.text(key.key_sha256)},
                            {"methods", reader.texts(key.methods)}};
    add_limits(reader, key.limits, members);
    WEFT_CHECK(reader.map(node, members));
    out.proxy.guard.keys.push_back(std::move(key));
    return {};
}

Result<std::string> read_whole(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return fail(ErrorCode::not_found, path + ": can't be read");
    std::ostringstream out;
    out << file.rdbuf();
    return out.str();
}

Result<void> read_jwt(const Reader& reader, const YAML::Node& node, GatewayFile& out) {
    std::string secret_file;
    std::string key_file;
    Reader::Members members{{"secret-file", reader.text(secret_file)}, {"public-key-file", reader.text(key_file)}};
    add_limits(reader, out.proxy.guard.jwt_limits, members);
    WEFT_CHECK(reader.map(node, members));
    if (secret_file.empty() == key_file.empty()) {
        return reader.wrong(node, "jwt: want either secret-file or public-key-file");
    }
    auto text = read_whole(secret_file.empty() ? key_file : secret_file);
    if (!text) return reader.wrong(node, text.error().message);
    while (!secret_file.empty() && text->ends_with('\n')) text->pop_back();
    auto key = secret_file.empty() ? net::JwtKey::public_key(*text) : net::JwtKey::secret(*text);
    if (!key) return reader.wrong(node, "jwt: " + key.error().message);
    out.proxy.guard.jwt = std::make_shared<const net::JwtKey>(std::move(*key));
    return {};
}

Result<void> read_open(const Reader& reader, const YAML::Node& node, GatewayFile& out) {
    auto& guard = out.proxy.guard;
    if (node.IsScalar()) return reader.flag(guard.open)(node);
    guard.open = true;
    Reader::Members members;
    add_limits(reader, guard.open_limits, members);
    return reader.map(node, members);
}

Result<void> read_quantile(const Reader& reader, const YAML::Node& node, GatewayFile& out) {
    const std::string text = node.IsScalar() ? node.Scalar() : "";
    double value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size() || !(value >= 0 && value < 1)) {
        return reader.wrong(node, "want a share from 0 (never) to below 1, like 0.95");
    }
    out.proxy.hedge_quantile = value;
    return {};
}

Reader::Members members_of(const Reader& reader, GatewayFile& out) {
    constexpr std::uint64_t mib = 1024 * 1024;
    auto& proxy = out.proxy;
    const auto list = [&](auto read) {
        return [&reader, &out, read](const YAML::Node& node) {
            return reader.each(node, [&](const YAML::Node& item) { return read(reader, item, out); });
        };
    };
    const auto one = [&](auto read) {
        return [&reader, &out, read](const YAML::Node& node) { return read(reader, node, out); };
    };
    return {{"http", reader.texts(out.http)},
            {"https", reader.texts(out.https)},
            {"certificate", reader.text(out.tls.certificate_file)},
            {"certificate-key", reader.text(out.tls.key_file)},
            {"client-ca", reader.text(out.tls.client_ca_file)},
            {"upstreams", list(&read_upstream)},
            {"chain-id", reader.number(proxy.chain_id, 1, chain_id_max)},
            {"methods", one(&read_methods)},
            {"keys", list(&read_key)},
            {"jwt", one(&read_jwt)},
            {"open", one(&read_open)},
            {"trusted-proxies", reader.texts(proxy.guard.trusted_proxies)},
            {"cors", reader.texts(proxy.cors.origins)},
            {"timeout", reader.duration(proxy.request_timeout_ns)},
            {"attempt-timeout", reader.duration(proxy.attempt_timeout_ns)},
            {"attempts", reader.number(proxy.attempts_max, 1, mesh::attempts_limit)},
            {"hedge-quantile", one(&read_quantile)},
            {"broadcast", reader.number(proxy.broadcast, 1, mesh::attempts_limit)},
            {"poll", reader.duration(proxy.poll_ns)},
            {"lag-max", reader.number(proxy.lag_max, 1, 1'000'000)},
            {"finality-depth", reader.number(proxy.finality_depth, 1, 1'000'000)},
            {"cache-mib", reader.number(proxy.cache_bytes_max, 0, 1'048'576, mib)},
            {"unfinal-ttl", reader.duration(proxy.unfinal_ttl_ns)},
            {"logs-blocks", reader.number(proxy.logs_blocks_max, 1, 1'000'000'000)},
            {"batch-items", reader.number(proxy.limits.batch_items_max, 1, 1'000'000)},
            {"body-mib", reader.number(proxy.http.body_bytes_max, 1, 1'024, mib)},
            {"connections", reader.number(proxy.http.connections_max, 1, 10'000'000)},
            {"loops", reader.number(out.loops, 1, loops_max)}};
}

}  // namespace

Result<GatewayFile> parse_gateway_file(std::string_view file, std::string_view text) {
    YAML::Node root;
    try {
        root = YAML::Load(std::string(text));
    } catch (const YAML::Exception& wrong) {
        return fail(ErrorCode::invalid_argument, fmt::format("{}:{}: {}", file, wrong.mark.line + 1, wrong.msg));
    }
    const Reader reader(file);
    GatewayFile out;
    WEFT_CHECK(reader.map(root, members_of(reader, out)));
    if (!out.https.empty() && (out.tls.certificate_file.empty() || out.tls.key_file.empty())) {
        return reader.wrong(root, "https needs certificate and certificate-key");
    }
    return out;
}

Result<GatewayFile> read_gateway_file(const std::string& path) {
    WEFT_TRY(const auto text, read_whole(path));
    return parse_gateway_file(path, text);
}

std::string_view gateway_file_example() {
    return R"(http: 127.0.0.1:8545               # or a list; unix:/path, too
https: 0.0.0.0:8443
certificate: server.pem
certificate-key: server.key
client-ca: clients.pem             # mutual TLS
upstreams:
  - url: ws://127.0.0.1:8546
    id: own
    weight: 2
  - url: https://provider.example/v3/KEY
    fallback: true
    batch-items: 20                # calls of one request to it
    batch-window: 1ms
    headers: {Authorization: Bearer SECRET}
chain-id: 1                        # of the upstreams; without it the chain that most of them are of
methods:
  eth_getLogs: {quorum: 2, timeout: 20s, cost: 10}
  debug_*: {denied: true}
keys:
  - {name: shop, key: SECRET, per-second: 100, burst: 200, per-day: 1000000, methods: [eth_*, net_version]}
jwt: {public-key-file: issuer.pem, per-second: 50}
open: {per-second: 5, burst: 20}   # callers without key
trusted-proxies: [10.0.0.1]
cors: [https://app.example]
timeout: 30s
attempts: 4
hedge-quantile: 0.95
cache-mib: 256
loops: 4                           # threads; by the processors if it is not said
logs-blocks: 10000
)";
}

}  // namespace weft::app
