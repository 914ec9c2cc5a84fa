#pragma once
// Who may call, and how much: API keys, tokens, certificates; limits for each caller, or each address without one.

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mesh/limit.hpp"
#include "net/http.hpp"
#include "net/jwt.hpp"

namespace weft::service::proxy {

struct CallerLimits {
    /// Calls; 0: no limit. A method may cost several.
    std::uint32_t per_second = 0;
    /// At once, after silence; 0 means as many as in two seconds.
    std::uint32_t burst = 0;
    /// Calls of one day (UTC); 0: no limit.
    std::uint64_t per_day = 0;
};

struct KeyConfig {
    std::string name;
    /// In clear, or its SHA-256 in 64 hexadecimal digits.
    std::string key;
    std::string key_sha256;
    CallerLimits limits;
    /// Patterns of the methods it may call, with a '*' at the end of a prefix; empty: all.
    std::vector<std::string> methods;
};

struct GuardConfig {
    std::vector<KeyConfig> keys = {};
    std::shared_ptr<const net::JwtKey> jwt = {};
    CallerLimits jwt_limits = {};
    /// Callers without key or token; where there are keys or tokens, they are refused unless this is set.
    bool open = false;
    CallerLimits open_limits = {};
    /// Addresses of proxies whose X-Forwarded-For is believed.
    std::vector<std::string> trusted_proxies = {};
};

/// One who calls. Thread-safe.
class Caller {
  public:
    /// @param is_anonymous  has neither key nor token.
    Caller(std::string name, const CallerLimits& limits, std::vector<std::string> methods, bool is_anonymous = false);

    /// Of a key or a token; an address, or nothing, without one.
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] bool is_anonymous() const { return is_anonymous_; }
    [[nodiscard]] bool may_call(std::string_view method) const;
    /// Whether it may call some methods only, and so nothing that is not named as a method.
    [[nodiscard]] bool is_restricted() const { return !methods_.empty(); }
    /// Takes @p cost calls. @return 0, or how long to wait before trying again.
    [[nodiscard]] std::int64_t take(std::uint32_t cost, std::int64_t now_ns, std::int64_t unix_s);

  private:
    const std::string name_;
    const std::vector<std::string> methods_;
    const bool is_anonymous_;
    const bool limited_;
    const std::uint64_t per_day_;
    mesh::RateLimit rate_;
    std::mutex mutex_;  // over what follows
    std::int64_t state_ = 0;
    std::int64_t day_ = 0;
    std::uint64_t today_ = 0;
};
using CallerPtr = std::shared_ptr<Caller>;

/// What a request showed of who it came from, to be looked at again when the rules have changed.
struct Credentials {
    explicit Credentials(const net::Request& request);

    std::string path;
    std::string peer;
    std::string authorization;
    std::string api_key;
    std::string forwarded_for;
};

/// Thread-safe.
class Guard {
  public:
    /// @errors invalid_argument  a key without name or key, two keys that are the same.
    [[nodiscard]] static Result<std::unique_ptr<Guard>> make(GuardConfig config);

    /// @errors unauthenticated  401: no key where one is needed, or a wrong one.
    [[nodiscard]] Result<CallerPtr> admit(const net::Request& request, std::int64_t unix_s);
    [[nodiscard]] Result<CallerPtr> admit(const Credentials& shown, std::int64_t unix_s);
    /// The address that the call came from, seen through trusted proxies.
    [[nodiscard]] std::string client_address(const net::Request& request) const;

    static constexpr std::size_t addresses_max = 65'536;
    static constexpr std::size_t subjects_max = 65'536;

  private:
    explicit Guard(GuardConfig config) : config_(std::move(config)) {}
    /// Callers made as they come, the one longest unseen forgotten first.
    class Recent {
      public:
        Recent(std::size_t max, bool are_anonymous) : max_(max), are_anonymous_(are_anonymous) {}
        [[nodiscard]] CallerPtr get(const std::string& name, const CallerLimits& limits);

      private:
        const std::size_t max_;
        const bool are_anonymous_;
        std::mutex mutex_;  // over what follows
        std::list<CallerPtr> order_;
        std::unordered_map<std::string_view, std::list<CallerPtr>::iterator> by_name_;
    };

    GuardConfig config_;
    std::unordered_map<std::string, CallerPtr> by_digest_;
    Recent addresses_{addresses_max, true};
    Recent subjects_{subjects_max, false};
    CallerPtr anyone_;
};

}  // namespace weft::service::proxy
