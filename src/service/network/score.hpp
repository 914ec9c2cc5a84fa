#pragma once
// What a peer is worth, and how much of its bytes are read. Time is a parameter.

#include <cmath>
#include <cstdint>

#include "base/time.hpp"

namespace weft::service::network {

/// Blame for what a peer itself did, which fades: nine tenths of it are left a minute later.
class Score {
  public:
    static constexpr double limited_below = -80;  // it is read from no faster than its token bucket lets
    static constexpr double dropped_below = -100;

    [[nodiscard]] double at(std::int64_t now_ns) const {
        const double minutes = static_cast<double>(now_ns - since_ns_) / (60.0 * ns_per_s);
        return points_ * std::pow(0.9, minutes);
    }
    void blame(double points, std::int64_t now_ns) {
        points_ = at(now_ns) - points;
        since_ns_ = now_ns;
    }

  private:
    double points_ = 0;
    std::int64_t since_ns_ = 0;
};

/// Points for each fault. Five malformed messages end a connection, and so does a minute of unanswered requests.
namespace fault {
inline constexpr double malformed = 25;    // what no correct peer sends: undecodable, or refused by consensus
inline constexpr double unanswered = 10;   // a request it said that it could answer
inline constexpr double useless = 5;       // an answer that does not answer
inline constexpr double undelivered = 1;   // a transaction that it announced and does not have
}  // namespace fault

/// So many bytes a second on average, so many at once.
class TokenBucket {
  public:
    TokenBucket(std::size_t bytes_per_s, std::size_t burst, std::int64_t now_ns)
        : rate_(static_cast<double>(bytes_per_s)),
          burst_(static_cast<double>(burst)),
          tokens_(burst_),
          since_ns_(now_ns) {}

    /// Takes what has come already; returns for how long nothing more should: 0, or until the debt is paid.
    [[nodiscard]] std::int64_t take(std::size_t bytes, std::int64_t now_ns) {
        const double grown = static_cast<double>(now_ns - since_ns_) / ns_per_s * rate_;
        tokens_ = std::fmin(burst_, tokens_ + grown) - static_cast<double>(bytes);
        since_ns_ = now_ns;
        return tokens_ >= 0 ? 0 : static_cast<std::int64_t>(-tokens_ / rate_ * ns_per_s) + 1;
    }

  private:
    double rate_;
    double burst_;
    double tokens_;
    std::int64_t since_ns_;
};

}  // namespace weft::service::network
