#include "service/storage/recent_changes.hpp"

#include <gtest/gtest.h>

namespace weft::service::storage {
namespace {

RecentChanges::Changes changes_of(std::size_t slots) {
    auto out = std::make_shared<chain::StateChanges>();
    chain::AccountChange account;
    for (std::size_t i = 0; i < slots; ++i) account.slots.push_back({U256(i), U256(1)});
    out->accounts.push_back(std::move(account));
    return out;
}

TEST(recent_changes, gives_what_lies_between_two_versions) {
    RecentChanges recent(1);
    for (std::uint64_t version = 5; version <= 9; ++version) recent.add(version, changes_of(version));
    ASSERT_TRUE(recent.between(6, 8));
    ASSERT_EQ(recent.between(6, 8)->size(), 2U);
    EXPECT_EQ(recent.between(6, 8)->front()->accounts[0].slots.size(), 7U);
    EXPECT_EQ(recent.between(4, 9)->size(), 5U);
    EXPECT_TRUE(recent.between(8, 8)->empty());
}

TEST(recent_changes, says_so_when_it_does_not_know) {
    RecentChanges recent(1);
    EXPECT_FALSE(recent.between(1, 2));
    for (std::uint64_t version = 5; version <= 9; ++version) recent.add(version, changes_of(1));
    EXPECT_FALSE(recent.between(3, 9)) << "4 is not known";
    EXPECT_FALSE(recent.between(8, 10)) << "10 is not there yet";
    EXPECT_FALSE(recent.between(9, 8));
    recent.add(12, changes_of(1));
    EXPECT_FALSE(recent.between(8, 12)) << "10 and 11 are not known";
    EXPECT_TRUE(recent.between(11, 12));
}

TEST(recent_changes, a_new_line_begins_with_nothing) {
    RecentChanges recent(7);
    recent.add(1, changes_of(1));
    recent.begin_line();
    EXPECT_NE(recent.line(), 7U);
    EXPECT_FALSE(recent.between(0, 1));
}

TEST(recent_changes, is_bounded_in_versions_and_keys) {
    RecentChanges recent(1);
    const std::uint64_t last = RecentChanges::versions_max + 10;
    for (std::uint64_t version = 1; version <= last; ++version) recent.add(version, changes_of(0));
    EXPECT_TRUE(recent.between(last - RecentChanges::versions_max, last));
    EXPECT_FALSE(recent.between(last - RecentChanges::versions_max - 1, last));
    recent.add(last + 1, changes_of(RecentChanges::keys_max));
    EXPECT_FALSE(recent.between(last, last + 1)) << "too large to keep";
    recent.add(last + 2, changes_of(1));
    EXPECT_TRUE(recent.between(last + 1, last + 2));
}

/// Each block deploys as much as 200 gas a byte and a large gas limit let it.
TEST(recent_changes, is_bounded_in_bytes_of_code) {
    RecentChanges recent(1);
    auto large = std::make_shared<chain::StateChanges>();
    large->codes.assign(40, {Hash{}, nullptr, Bytes(24'576)});
    for (std::uint64_t version = 1; version <= 100; ++version) recent.add(version, large);
    std::uint64_t kept = 1;
    while (recent.between(100 - kept - 1, 100)) ++kept;
    EXPECT_EQ(kept, 16U) << "2 MiB each, as bytes and analysed";
    recent.begin_line();
    recent.add(1, large);
    EXPECT_TRUE(recent.between(0, 1)) << "those of the old line count no more";
}

}  // namespace
}  // namespace weft::service::storage
