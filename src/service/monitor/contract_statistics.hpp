#pragma once
// What contracts did since the monitor has watched, in bounded memory.

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/contract.hpp"
#include "api/monitor.hpp"
#include "service/monitor/top_counts.hpp"

namespace weft::service::monitor {

/// Bounded: at most contracts_max contracts. A new one takes the place of the one that has been called least.
class ContractStatistics {
  public:
    static constexpr std::size_t contracts_max = 2'000;
    static constexpr std::size_t selectors_max = 32;
    static constexpr std::size_t reasons_max = 16;
    static constexpr std::size_t slots_max = 64;

    void add(const std::vector<api::contract::ContractActivity>& block);
    /// Nothing: not seen, or not any more.
    [[nodiscard]] std::optional<api::contract::ContractActivity> find(const Address& address) const;
    /// The most active first.
    [[nodiscard]] std::vector<api::contract::ContractActivity> top(std::size_t count,
                                                                   api::monitor::ContractOrder order) const;

  private:
    struct Totals {
        std::uint64_t transactions = 0;
        std::uint64_t calls = 0;
        std::uint64_t gas = 0;
        std::uint64_t failures = 0;
        std::uint64_t slots_created = 0;
        std::uint64_t slots_cleared = 0;
        std::uint64_t slots_updated = 0;
        TopCounts<std::string> reasons{reasons_max};
        TopCounts<std::string> selectors{selectors_max};
        TopCounts<U256> slots{slots_max};
    };
    [[nodiscard]] Totals& of(const Address& address);
    [[nodiscard]] static api::contract::ContractActivity describe(const Address& address, const Totals& totals);

    std::unordered_map<Address, Totals> contracts_;
};

}  // namespace weft::service::monitor
