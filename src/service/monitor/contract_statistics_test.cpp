#include "service/monitor/contract_statistics.hpp"

#include <gtest/gtest.h>

#include "base/bytes.hpp"

namespace weft::service::monitor {
namespace {

using api::contract::ContractActivity;
using api::monitor::ContractOrder;

TEST(top_counts, keeps_the_frequent_among_any_number_of_keys) {
    constexpr std::size_t places = 20;
    TopCounts<U256> counts(places);
    std::uint64_t total = 0;
    std::uint64_t seed = 7;
    for (int round = 0; round < 5'000; ++round) {
        for (std::uint64_t key = 1; key <= 3; ++key) counts.add(key, key);
        counts.add(U256(1'000 + (seed = mix64(seed)) % 100'000), 1);
        total += 1 + 2 + 3 + 1;
    }
    EXPECT_EQ(counts.size(), places);
    const auto top = counts.top(3);
    ASSERT_EQ(top.size(), 3U);
    for (std::uint64_t i = 0; i < 3; ++i) {
        const std::uint64_t key = 3 - i;
        EXPECT_EQ(top[i].first, U256(key));
        EXPECT_GE(top[i].second.count, key * 5'000);
        EXPECT_LE(top[i].second.count, key * 5'000 + total / places);
    }
}

ContractActivity activity(std::uint8_t address, std::uint64_t calls, std::uint64_t gas) {
    ContractActivity out;
    out.address = Address{{address}};
    out.transactions = calls;
    out.calls = calls;
    out.gas = gas;
    return out;
}

TEST(contract_statistics, adds_up_and_orders) {
    ContractStatistics statistics;
    auto busy = activity(1, 10, 100);
    busy.selectors = {{"0xaa", 7, 70}, {"0xbb", 3, 30}};
    busy.slots = {{U256(5), 2}};
    auto costly = activity(2, 1, 5'000);
    costly.failures = {{"out of gas", 1, 5'000}};
    auto growing = activity(3, 2, 50);
    growing.slots_created = 9;
    growing.slots_cleared = 2;
    statistics.add({busy, costly, growing});
    statistics.add({busy});
    const auto found = statistics.find(Address{{1}});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->calls, 20U);
    EXPECT_EQ(found->gas, 200U);
    ASSERT_EQ(found->selectors.size(), 2U);
    EXPECT_EQ(found->selectors[0].name, "0xaa");
    EXPECT_EQ(found->selectors[0].count, 14U);
    EXPECT_EQ(found->selectors[0].gas, 140U);
    EXPECT_EQ(found->slots.at(0).count, 4U);
    const struct {
        ContractOrder order;
        std::uint8_t first;
    } table[] = {{ContractOrder::gas, 2}, {ContractOrder::calls, 1}, {ContractOrder::failures, 2},
                 {ContractOrder::growth, 3}};
    for (const auto& test : table) {
        const auto top = statistics.top(1, test.order);
        ASSERT_EQ(top.size(), 1U);
        EXPECT_EQ(top[0].address, (Address{{test.first}}));
    }
    EXPECT_EQ(statistics.top(10, ContractOrder::gas).size(), 3U);
    EXPECT_FALSE(statistics.find(Address{{9}}));
}

TEST(contract_statistics, is_bounded_and_keeps_the_busy) {
    ContractStatistics statistics;
    statistics.add({activity(1, 1'000, 1)});
    for (std::uint64_t i = 0; i < 2 * ContractStatistics::contracts_max; ++i) {
        auto one = activity(2, 1, 1);
        one.address = Address::from(BytesView(U256(i).to_hash().view()).last(20));
        statistics.add({one});
    }
    EXPECT_EQ(statistics.top(10 * ContractStatistics::contracts_max, ContractOrder::calls).size(),
              ContractStatistics::contracts_max);
    EXPECT_TRUE(statistics.find(Address{{1}}));
}

}  // namespace
}  // namespace weft::service::monitor
