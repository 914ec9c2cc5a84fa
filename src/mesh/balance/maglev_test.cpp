#include "mesh/balance/maglev.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace weft::mesh {
namespace {

std::vector<Hashed> members_of(std::size_t count) {
    std::vector<Hashed> members;
    for (std::size_t i = 0; i < count; ++i) members.push_back({stable_hash("node-" + std::to_string(i)), 1});
    return members;
}

std::vector<std::uint32_t> entries_of(const Maglev& maglev, std::size_t members) {
    std::vector<std::uint32_t> entries(members);
    for (const auto index : maglev.table) ++entries.at(index);
    return entries;
}

TEST(maglev, equals_differ_by_one_entry_at_most) {
    for (const std::size_t count : {1, 2, 7, 100, 1'000}) {
        const auto entries = entries_of(make_maglev(members_of(count)), count);
        EXPECT_LE(std::ranges::max(entries) - std::ranges::min(entries), 1U) << count;
    }
    EXPECT_TRUE(make_maglev({}).table.empty());
    EXPECT_FALSE(pick_maglev(Maglev{}, {}, 1));
}

TEST(maglev, shares_follow_the_weights) {
    auto members = members_of(10);
    members[3].weight = 5;
    members[4].weight = 0;
    const auto entries = entries_of(make_maglev(members), 10);
    for (std::size_t i = 0; i < 10; ++i) EXPECT_NEAR(entries[i], maglev_size * members[i].weight / 13.0, 6) << i;
}

TEST(maglev, who_goes_moves_little_more_than_its_own_keys) {
    const auto members = members_of(100);
    const auto all = make_maglev(members);
    const auto fewer = make_maglev(std::span(members).first(99));
    int own = 0, others = 0;
    for (std::size_t i = 0; i < maglev_size; ++i) {
        if (all.table[i] == 99) {
            ++own;
        } else if (all.table[i] != fewer.table[i]) {
            ++others;
        }
    }
    EXPECT_NEAR(own, maglev_size / 100, 1);
    EXPECT_LT(others, static_cast<int>(maglev_size) / 50);
}

TEST(maglev, the_order_of_the_list_does_not_matter) {
    auto members = members_of(30);
    const auto table = make_maglev(members);
    const auto ids = members;
    std::ranges::reverse(members);
    const auto reversed = make_maglev(members);
    for (std::size_t i = 0; i < maglev_size; ++i) {
        ASSERT_EQ(ids[table.table[i]].id, members[reversed.table[i]].id);
    }
}

TEST(maglev, a_change_of_health_moves_only_the_keys_of_the_ill) {
    const auto maglev = make_maglev(members_of(10));
    const std::vector<Candidate> well(10);
    auto ill = well;
    ill[7].usable = false;
    std::vector<int> heirs(10);
    for (std::uint64_t key = 0; key < 50'000; ++key) {
        const auto before = *pick_maglev(maglev, well, mix64(key));
        const auto after = *pick_maglev(maglev, ill, mix64(key));
        if (before != 7) {
            ASSERT_EQ(before, after);
        } else {
            ++heirs[after];
        }
    }
    EXPECT_EQ(heirs[7], 0);
    for (const std::size_t i : {0, 1, 2, 3, 4, 5, 6, 8, 9}) EXPECT_NEAR(heirs[i], 5'000 / 9, 120) << i;
    for (std::size_t i = 0; i < 10; ++i) ill[i].usable = i == 4;
    for (std::uint64_t key = 0; key < 1'000; ++key) EXPECT_EQ(pick_maglev(maglev, ill, mix64(key)), 4U);
    ill[4].usable = false;
    EXPECT_FALSE(pick_maglev(maglev, ill, 1));
}

}  // namespace
}  // namespace weft::mesh
