#include "service/registry/check.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/hex.hpp"
#include "base/json.hpp"
#include "base/time.hpp"
#include "base/wire.hpp"

namespace weft::service::registry {

namespace {

/// grpc/health/v1/health.proto.
struct HealthCheckRequest {
    std::string service;
};
struct HealthCheckResponse {
    std::uint64_t status = 0;
    static constexpr std::uint64_t serving = 1;
};

constexpr std::string_view head_request =
    R"({"jsonrpc":"2.0","id":1,"method":"eth_getBlockByNumber","params":["latest",false]})";
/// Of an answer to a check.
constexpr std::size_t answer_bytes_max = 1024 * 1024;

std::string_view next_word(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    const auto word = text.substr(0, text.find(' '));
    text.remove_prefix(word.size());
    return word;
}

std::optional<std::uint64_t> number_after(std::string_view word, std::string_view name) {
    if (!word.starts_with(name)) return std::nullopt;
    word.remove_prefix(name.size());
    std::uint64_t value = 0;
    const auto [end, wrong] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (wrong != std::errc() || end != word.data() + word.size()) return std::nullopt;
    return value;
}

}  // namespace

Result<Check> parse_check(std::string_view text) {
    const std::string_view whole = text;
    const auto refuse = [&] {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("no check: \"{}\"; grpc, http /PATH, rpc [lag=BLOCKS] [age=SECONDS] or lease", whole));
    };
    Check check;
    const auto kind = next_word(text);
    if (kind == "http") {
        check.kind = CheckKind::http;
        check.path = next_word(text);
        if (!check.path.starts_with('/')) return refuse();
    } else if (kind == "rpc") {
        check.kind = CheckKind::rpc;
        for (auto word = next_word(text); !word.empty(); word = next_word(text)) {
            if (const auto lag = number_after(word, "lag=")) {
                check.lag_blocks = *lag;
            } else if (const auto age = number_after(word, "age=")) {
                check.age_s = *age;
            } else {
                return refuse();
            }
        }
    } else if (kind == "lease") {
        check.kind = CheckKind::lease;
    } else if (!kind.empty() && kind != "grpc") {
        return refuse();
    }
    if (!next_word(text).empty()) return refuse();
    return check;
}

Checker::Checker(net::Loop& loop, Check check, std::string address, std::int64_t timeout_ns, std::int64_t interval_ns)
    : check_(std::move(check)), timeout_ns_(timeout_ns) {
    if (check_.kind == CheckKind::grpc) {
        channel_ = std::make_unique<net::GrpcChannel>(
            loop, std::move(address),
            net::GrpcChannelOptions{.connect_timeout_ns = timeout_ns, .backoff_max_ns = interval_ns});
        return;
    }
    client_ = std::make_unique<net::HttpClient>(
        loop, net::HttpClientOptions{.idle_connections_max = 1, .body_bytes_max = answer_bytes_max});
    url_ = address.find("://") == std::string::npos ? "http://" + address : address;
    if (check_.kind == CheckKind::rpc) return;
    const auto path = url_.find('/', url_.find("://") + 3);
    url_ = url_.substr(0, path) + check_.path;
}

Task<Checked> Checker::ask(std::uint64_t best_head) const {
    const auto context = mesh::Context::with_timeout(timeout_ns_);
    switch (check_.kind) {
        case CheckKind::grpc: return ask_grpc(context);
        case CheckKind::http: return ask_http(context);
        case CheckKind::rpc: return ask_rpc(context, best_head);
        case CheckKind::lease: break;
    }
    return []() -> Task<Checked> { co_return Checked{.serving = true}; }();
}

Task<Checked> Checker::ask_grpc(mesh::Context context) const {
    const Bytes request = wire::encode(HealthCheckRequest{});
    const Bytes answer = co_await channel_->call(context, "grpc.health.v1.Health/Check", request);
    const auto response = co_await wire::decode<HealthCheckResponse>(answer);
    if (response.status != HealthCheckResponse::serving) co_return Checked{.detail = "says that it is not serving"};
    co_return Checked{.serving = true};
}

Task<Checked> Checker::ask_http(mesh::Context context) const {
    const auto reply = co_await client_->fetch(context, co_await net::Fetch::get(url_));
    if (reply.status < 200 || reply.status >= 300) co_return Checked{.detail = fmt::format("answers {}", reply.status)};
    co_return Checked{.serving = true};
}

Task<Checked> Checker::ask_rpc(mesh::Context context, std::uint64_t best_head) const {
    const auto reply = co_await client_->fetch(context, co_await net::Fetch::post(url_, std::string(head_request)));
    if (reply.status != 200) co_return Checked{.detail = fmt::format("answers {}", reply.status)};
    co_return co_await judge_head(check_, reply.body, best_head, static_cast<std::uint64_t>(unix_ms()) / 1'000);
}

Result<Checked> judge_head(const Check& check, std::string_view body, std::uint64_t best_head, std::uint64_t unix_s) {
    const auto reply = json::parse(body);
    if (!reply) return fail(ErrorCode::data_loss, "does not answer in JSON");
    if (const auto& error = (*reply)["error"]; !error.is_null()) return Checked{.detail = error["message"].text()};
    const auto& block = (*reply)["result"];
    const auto number = quantity_from_hex(block["number"].text());
    const auto time_s = quantity_from_hex(block["timestamp"].text());
    if (!number || !time_s) return fail(ErrorCode::data_loss, "does not answer with a block");
    Checked out{.serving = true, .head = *number};
    if (best_head > *number && best_head - *number > check.lag_blocks) {
        return Checked{.detail = fmt::format("{} blocks behind", best_head - *number), .head = *number};
    }
    if (check.age_s > 0 && unix_s > *time_s && unix_s - *time_s > check.age_s) {
        return Checked{.detail = fmt::format("its head is {} s old", unix_s - *time_s), .head = *number};
    }
    return out;
}

}  // namespace weft::service::registry
