#pragma once
// Which logs a subscription or a filter wants; what eth_getLogs matches by, applied here to logs as JSON.

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace weft::service::proxy {

class LogFilter {
  public:
    /// @param criteria  an object with address and topics; raw JSON, or empty for all logs.
    /// @errors invalid_argument  what is wrong with it.
    [[nodiscard]] static Result<LogFilter> parse(std::string_view criteria);

    [[nodiscard]] bool matches(std::string_view log) const;

    /// Addresses or topics of one filter, in one place: geth's bound is a thousand.
    static constexpr std::size_t values_max = 1'000;
    static constexpr std::size_t topics_max = 4;

  private:
    using Set = std::vector<std::string>;  // raw JSON strings in lower case; empty: any
    Set addresses_;
    std::vector<Set> topics_;
};

}  // namespace weft::service::proxy
