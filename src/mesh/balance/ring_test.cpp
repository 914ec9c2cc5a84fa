#include "mesh/balance/ring.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "verify/random.hpp"

namespace weft::mesh {
namespace {

std::vector<Hashed> members_of(std::size_t count) {
    std::vector<Hashed> members;
    for (std::size_t i = 0; i < count; ++i) members.push_back({stable_hash("node-" + std::to_string(i)), 1});
    return members;
}

// The vector of the FNV authors.
TEST(ring, hash_is_the_same_everywhere) { EXPECT_EQ(stable_hash("foobar"), mix64(0x85944171f73967e8ULL)); }

TEST(ring, shares_follow_the_weights) {
    auto members = members_of(10);
    members[3].weight = 5;
    members[4].weight = 0;
    const auto ring = make_ring(members);
    const std::vector<Candidate> candidates(10);
    std::vector<double> part(10);
    verify::Random random(6);
    for (int i = 0; i < 100'000; ++i) part[*pick_ring(ring, candidates, random.next())] += 1e-5;
    for (std::size_t i = 0; i < 10; ++i)
        EXPECT_NEAR(part[i], members[i].weight / 13.0, 0.35 * members[i].weight / 13.0);
    EXPECT_EQ(part[4], 0);
}

TEST(ring, who_comes_or_goes_moves_only_its_own_keys) {
    const auto members = members_of(20);
    const std::vector<Candidate> candidates(20);
    const auto all = make_ring(members);
    const auto fewer = make_ring(std::span(members).first(19));
    verify::Random random(7);
    int moved = 0;
    for (int i = 0; i < 20'000; ++i) {
        const auto key = random.next();
        const auto before = *pick_ring(all, candidates, key);
        const auto after = *pick_ring(fewer, std::span(candidates).first(19), key);
        if (before == 19) {
            ++moved;
        } else {
            ASSERT_EQ(before, after);
        }
    }
    EXPECT_NEAR(moved, 1'000, 350);
}

TEST(ring, the_order_of_the_list_does_not_matter) {
    auto members = members_of(20);
    const auto ring = make_ring(members);
    const auto ids = members;
    std::ranges::reverse(members);
    const auto reversed = make_ring(members);
    const std::vector<Candidate> candidates(20);
    for (std::uint64_t key = 1; key < 5'000; ++key) {
        const auto a = *pick_ring(ring, candidates, mix64(key));
        const auto b = *pick_ring(reversed, candidates, mix64(key));
        ASSERT_EQ(ids[a].id, members[b].id);
    }
}

TEST(ring, nobody_gets_more_than_the_bound_whatever_the_keys_are) {
    for (const std::uint32_t percent : {100U, 110U, 125U, 200U}) {
        SCOPED_TRACE(percent);
        verify::Random random(percent);
        auto members = members_of(16);
        std::vector<Candidate> candidates(16);
        for (std::size_t i = 0; i < 16; ++i) {
            candidates[i].weight = members[i].weight = 1 + static_cast<std::uint32_t>(random.below(4));
        }
        const auto ring = make_ring(members);
        std::vector<std::size_t> running;
        for (int i = 0; i < 50'000; ++i) {
            if (!running.empty() && random.below(2'000) < running.size()) {
                const auto at = random.below(running.size());
                --candidates[running[at]].outstanding;
                std::swap(running[at], running.back());
                running.pop_back();
                continue;
            }
            const auto total = load_total(candidates);
            // Most calls have one of three keys.
            const auto key = mix64(random.below(4) != 0 ? random.below(3) : random.next());
            const auto picked = pick_bounded(ring, candidates, total, key, percent);
            ASSERT_TRUE(picked);  // the bounds add up to more than there is
            ++candidates[*picked].outstanding;
            running.push_back(*picked);
            ASSERT_LE(candidates[*picked].outstanding, bound_of(candidates[*picked], total, percent));
        }
    }
}

TEST(ring, a_key_that_is_not_popular_stays_where_it_belongs) {
    const auto ring = make_ring(members_of(8));
    const std::vector<Candidate> candidates(8, {.outstanding = 10});
    for (std::uint64_t key = 1; key < 1'000; ++key) {
        EXPECT_EQ(pick_bounded(ring, candidates, load_total(candidates), mix64(key)),
                  pick_ring(ring, candidates, mix64(key)));
    }
}

TEST(ring, who_cannot_be_called_is_passed_over) {
    const auto ring = make_ring(members_of(3));
    std::vector<Candidate> candidates(3);
    candidates[0].usable = false;
    candidates[2].draining = true;
    for (std::uint64_t key = 0; key < 100; ++key) {
        EXPECT_EQ(pick_ring(ring, candidates, mix64(key)), 1U);
        EXPECT_EQ(pick_bounded(ring, candidates, load_total(candidates), mix64(key)), 1U);
    }
    candidates[1].weight = 0;
    EXPECT_FALSE(pick_ring(ring, candidates, 1));
    EXPECT_FALSE(pick_bounded(ring, candidates, load_total(candidates), 1));
    EXPECT_FALSE(pick_ring(make_ring({}), {}, 1));
    std::vector<Hashed> heavy = {{1, 4'000'000'000U}, {2, 1}};
    EXPECT_LE(make_ring(heavy).points.size(), ring_points_max);
}

}  // namespace
}  // namespace weft::mesh
