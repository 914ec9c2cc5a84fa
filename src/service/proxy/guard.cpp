#include "service/proxy/guard.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "base/hex.hpp"
#include "crypto/sha2.hpp"
#include "net/http_codec.hpp"
#include "service/proxy/method.hpp"

namespace weft::service::proxy {

namespace {

constexpr std::int64_t day_s = 86'400;

/// Keys are found by their digests: how long that takes says nothing of a key.
std::string digest_of(std::string_view key) {
    return to_hex_digits(crypto::sha256({reinterpret_cast<const std::uint8_t*>(key.data()), key.size()}).view());
}

/// Of "10.0.0.1:5000", "[::1]:5000", "[::ffff:10.0.0.1]:5000" (10.0.0.1) or "unix".
std::string_view host_of(std::string_view peer) {
    if (peer.starts_with('[')) {
        const auto host = peer.substr(1, peer.find(']') - 1);
        constexpr std::string_view mapped = "::ffff:";
        const bool is_mapped = host.starts_with(mapped) && host.find('.') != std::string_view::npos;
        return is_mapped ? host.substr(mapped.size()) : host;
    }
    const auto colon = peer.rfind(':');
    return colon == std::string_view::npos ? peer : peer.substr(0, colon);
}

/// Who shares a limit. Whoever has an address of IPv6 has the 2^64 besides it: they are one caller.
std::string limit_of(const std::string& address) {
    in6_addr bytes{};
    if (inet_pton(AF_INET6, address.c_str(), &bytes) != 1 || IN6_IS_ADDR_V4MAPPED(&bytes)) return address;
    std::fill(bytes.s6_addr + 8, bytes.s6_addr + 16, std::uint8_t{0});
    char text[INET6_ADDRSTRLEN] = "";
    inet_ntop(AF_INET6, &bytes, text, sizeof text);
    return std::string(text) + "/64";
}

/// A key in a header, or, because a wallet can be given nothing but an URL, as the path.
std::string_view key_of(const net::Request& request) {
    const std::string_view authorization = request.header("authorization");
    if (authorization.size() > 7 && (authorization.starts_with("Bearer ") || authorization.starts_with("bearer "))) {
        return net::trim(authorization.substr(7));
    }
    if (const auto key = request.header("x-api-key"); !key.empty()) return key;
    const bool is_one_segment = request.path.size() > 1 && request.path.find('/', 1) == std::string_view::npos;
    return is_one_segment ? request.path.substr(1) : std::string_view();
}

}  // namespace

Caller::Caller(std::string name, const CallerLimits& limits, std::vector<std::string> methods, bool is_anonymous)
    : name_(std::move(name)),
      methods_(std::move(methods)),
      is_anonymous_(is_anonymous),
      limited_(limits.per_second > 0),
      per_day_(limits.per_day) {
    if (!limited_) return;
    rate_ = mesh::make_rate_limit(limits.per_second, limits.burst > 0 ? limits.burst : limits.per_second * 2);
}

bool Caller::may_call(std::string_view method) const {
    return methods_.empty() ||
           std::ranges::any_of(methods_, [&](const auto& pattern) { return matches(pattern, method); });
}

std::int64_t Caller::take(std::uint32_t cost, std::int64_t now_ns, std::int64_t unix_s) {
    if (per_day_ == 0 && !limited_) return 0;
    const std::scoped_lock lock(mutex_);
    if (per_day_ > 0) {
        const std::int64_t day = unix_s / day_s;
        if (day != day_) {
            day_ = day;
            today_ = 0;
        }
        if (today_ + cost > per_day_) return ((day + 1) * day_s - unix_s) * ns_per_s;
    }
    if (limited_) {
        const auto decision = mesh::decide(rate_, state_, now_ns, cost);
        if (decision.wait_ns != 0) return decision.wait_ns;
        state_ = decision.state;
    }
    today_ += cost;
    return 0;
}

Result<std::unique_ptr<Guard>> Guard::make(GuardConfig config) {
    std::unique_ptr<Guard> out(new Guard(std::move(config)));
    for (const auto& key : out->config_.keys) {
        if (key.name.empty()) return fail(ErrorCode::invalid_argument, "a key has no name");
        if (key.key.empty() == key.key_sha256.empty()) {
            return fail(ErrorCode::invalid_argument, "key " + key.name + ": want either key or key_sha256");
        }
        std::string digest = digest_of(key.key);
        if (key.key.empty()) {
            const auto given = fixed_from_hex<Hash>("0x" + key.key_sha256);
            if (!given) {
                return fail(ErrorCode::invalid_argument, "key " + key.name + ": key_sha256 has 64 hexadecimal digits");
            }
            digest = to_hex_digits(given->view());
        }
        if (!out->by_digest_.emplace(digest, std::make_shared<Caller>(key.name, key.limits, key.methods)).second) {
            return fail(ErrorCode::invalid_argument, "key " + key.name + " is another's, too");
        }
    }
    out->anyone_ = std::make_shared<Caller>("", CallerLimits{}, std::vector<std::string>{}, true);
    return out;
}

Credentials::Credentials(const net::Request& request)
    : path(request.path),
      peer(request.peer),
      authorization(request.header("authorization")),
      api_key(request.header("x-api-key")),
      forwarded_for(request.header("x-forwarded-for")) {}

Result<CallerPtr> Guard::admit(const Credentials& shown, std::int64_t unix_s) {
    const auto headers = std::to_array<net::Header>({{"authorization", shown.authorization},
                                                     {"x-api-key", shown.api_key},
                                                     {"x-forwarded-for", shown.forwarded_for}});
    net::Request request;
    request.path = shown.path;
    request.peer = shown.peer;
    request.headers = headers;
    return admit(request, unix_s);
}

std::string Guard::client_address(const net::Request& request) const {
    std::string_view at = host_of(request.peer);
    const auto trusted = [&](std::string_view address) {
        return std::ranges::find(config_.trusted_proxies, address) != config_.trusted_proxies.end();
    };
    if (!trusted(at)) return std::string(at);
    // From the right: each trusted proxy added whom it was called by; what is further left anybody may have written.
    std::string_view chain = request.header("x-forwarded-for");
    while (!chain.empty()) {
        const auto comma = chain.rfind(',');
        const auto last = net::trim(comma == std::string_view::npos ? chain : chain.substr(comma + 1));
        if (last.empty() || last.size() > 64) break;
        at = last;
        if (!trusted(at) || comma == std::string_view::npos) break;
        chain = chain.substr(0, comma);
    }
    return std::string(at);
}

Result<CallerPtr> Guard::admit(const net::Request& request, std::int64_t unix_s) {
    const bool wants_key = !config_.keys.empty() || config_.jwt;
    const std::string_view key = wants_key ? key_of(request) : std::string_view();
    if (!key.empty()) {
        if (!config_.keys.empty()) {
            if (const auto found = by_digest_.find(digest_of(key)); found != by_digest_.end()) return found->second;
        }
        if (config_.jwt && std::ranges::count(key, '.') == 2) {
            WEFT_TRY(auto claims, config_.jwt->check(key, unix_s));
            if (claims.subject.empty()) return fail(ErrorCode::unauthenticated, "the token names no subject");
            return subjects_.get(claims.subject, config_.jwt_limits);
        }
        // A path may be meant for something else than a key.
        const bool in_header = request.path.substr(std::min<std::size_t>(request.path.size(), 1)) != key;
        if (in_header || !config_.open) return fail(ErrorCode::unauthenticated, "the key is not known");
    }
    if (wants_key && !config_.open) return fail(ErrorCode::unauthenticated, "an API key or a token is needed");
    if (config_.open_limits.per_second == 0 && config_.open_limits.per_day == 0) return anyone_;
    return addresses_.get(limit_of(client_address(request)), config_.open_limits);
}

CallerPtr Guard::Recent::get(const std::string& name, const CallerLimits& limits) {
    const std::scoped_lock lock(mutex_);
    if (const auto found = by_name_.find(name); found != by_name_.end()) {
        order_.splice(order_.begin(), order_, found->second);
        return order_.front();
    }
    order_.push_front(std::make_shared<Caller>(name, limits, std::vector<std::string>{}, are_anonymous_));
    by_name_.emplace(order_.front()->name(), order_.begin());
    if (order_.size() > max_) {
        by_name_.erase(order_.back()->name());
        order_.pop_back();
    }
    return order_.front();
}

}  // namespace weft::service::proxy
