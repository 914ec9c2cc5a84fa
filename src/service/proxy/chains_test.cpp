#include "service/proxy/chains.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace weft::service::proxy {
namespace {

using Id = std::optional<std::uint64_t>;
using enum Chains::Standing;

TEST(Chains, most_of_those_that_are_no_fallbacks_decide) {
    const struct {
        const char* name;
        std::vector<bool> fallbacks;
        std::vector<Id> said;
        Id want;
    } table[] = {
        {"one", {false}, {5}, 5},
        {"most", {false, false, false}, {1, 5, 5}, 5},
        {"a tie: the first", {false, false, false, false}, {1, 5, 5, 1}, 1},
        {"a tie of those with most", {false, false, false, false, false}, {7, 5, 1, 1, 5}, 5},
        {"fallbacks do not vote", {true, true, false}, {1, 1, 5}, 5},
        {"unless nobody else does", {false, true, true, true}, {{}, 1, 5, 5}, 5},
        {"who won't say has no vote", {false, false, false}, {{}, {}, 5}, 5},
        {"nobody says", {false, true}, {{}, {}}, {}},
    };
    for (const auto& [name, fallbacks, said, want] : table) {
        SCOPED_TRACE(name);
        std::vector<std::size_t> order(said.size());
        std::iota(order.begin(), order.end(), 0);
        do {
            Chains chains({}, fallbacks, {});
            for (const std::size_t i : order) chains.say(i, said[i]);
            EXPECT_EQ(chains.id(), want);
            for (std::size_t i = 0; i < said.size(); ++i) {
                EXPECT_EQ(chains.standing(i), !said[i] ? untold : said[i] == want ? ours : other);
                EXPECT_EQ(chains.may_use(i), !said[i] || said[i] == want);
            }
        } while (std::ranges::next_permutation(order).found);
    }
}

TEST(Chains, nobody_waits_for_a_vote_that_changes_nothing) {
    Chains first({}, {false, false}, {});
    first.say(0, 1);
    EXPECT_EQ(first.id(), 1U) << "it wins a tie";
    EXPECT_EQ(first.standing(1), awaited);
    Chains second({}, {false, false}, {});
    second.say(1, 5);
    EXPECT_EQ(second.id(), Id()) << "the first one wins a tie";
    EXPECT_EQ(second.standing(1), awaited);
    EXPECT_FALSE(second.may_use(1));
    second.fail(0);
    EXPECT_EQ(second.id(), 5U);
    EXPECT_EQ(second.standing(0), silent);
    EXPECT_FALSE(second.may_use(0));
    Chains three({}, {false, false, false}, {});
    three.say(2, 5);
    EXPECT_EQ(three.id(), Id());
    three.say(1, 5);
    EXPECT_EQ(three.id(), 5U);
    // A fallback does not decide while another one may.
    Chains fallback({}, {false, true}, {});
    fallback.say(1, 5);
    EXPECT_EQ(fallback.id(), Id());
    fallback.say(0, {});
    EXPECT_EQ(fallback.id(), 5U);
}

TEST(Chains, what_was_decided_stays_whatever_is_said_later) {
    Chains chains({}, {false, false, false}, {});
    for (const std::size_t i : {0U, 1U, 2U}) chains.say(i, 5);
    for (const std::size_t i : {0U, 1U, 2U}) chains.fail(i);
    EXPECT_EQ(chains.standing(0), ours) << "it said so when it answered last";
    for (const std::size_t i : {0U, 1U, 2U}) {
        chains.say(i, 1);
        EXPECT_EQ(chains.id(), 5U);
        EXPECT_EQ(chains.standing(i), other);
        EXPECT_EQ(chains.of(i), 1U);
    }
    chains.say(1, 5);
    EXPECT_EQ(chains.standing(1), ours);
}

TEST(Chains, the_one_that_is_named_is_no_matter_of_votes) {
    Chains chains(31'337, {false, false, false, false}, 1);
    EXPECT_EQ(chains.id(), 31'337U);
    chains.say(0, 1);
    chains.say(1, 1);
    chains.say(2, {});
    EXPECT_EQ(chains.id(), 31'337U);
    EXPECT_EQ(chains.standing(0), other);
    EXPECT_EQ(chains.standing(2), untold);
    EXPECT_FALSE(chains.may_use(2)) << "it may be of any";
    EXPECT_EQ(chains.standing(3), awaited);
    chains.say(3, 31'337);
    EXPECT_TRUE(chains.may_use(3));
}

TEST(Chains, a_reload_keeps_what_clients_were_told_while_anyone_may_be_of_it) {
    Chains chains({}, {false, false, true}, 5);
    EXPECT_EQ(chains.id(), 5U);
    chains.say(0, 1);
    EXPECT_EQ(chains.standing(0), other);
    chains.say(1, 1);
    EXPECT_EQ(chains.id(), 5U) << "the fallback may be of it";
    Chains left = chains;
    left.say(2, 1);
    EXPECT_EQ(left.id(), 1U) << "nobody is of it any more";
    EXPECT_EQ(left.standing(0), ours);
    left.say(2, 5);
    EXPECT_EQ(left.id(), 1U);
    chains.say(2, 5);
    chains.say(2, 1);
    EXPECT_EQ(chains.id(), 5U) << "it was said, and told";
}

TEST(Chains, under_any_order_of_answers_and_failures) {
    std::mt19937 random(7);
    std::size_t waited = 0;
    for (int round = 0; round < 2'000; ++round) {
        SCOPED_TRACE("round " + std::to_string(round));
        const std::size_t count = 1 + random() % 6;
        std::vector<bool> fallbacks(count);
        std::vector<Id> said(count);
        for (std::size_t i = 0; i < count; ++i) {
            fallbacks[i] = random() % 3 == 0;
            if (random() % 8 != 0) said[i] = random() % 3;
        }
        // All words together, and then in some order.
        Chains together({}, fallbacks, {});
        for (std::size_t i = 0; i < count; ++i) together.say(i, said[i]);
        std::vector<std::size_t> order(count);
        std::iota(order.begin(), order.end(), 0);
        std::ranges::shuffle(order, random);
        Chains chains({}, fallbacks, {});
        for (const std::size_t i : order) {
            chains.say(i, said[i]);
            if (!chains.id()) ++waited;
            if (chains.id()) EXPECT_EQ(chains.id(), together.id());
        }
        EXPECT_EQ(chains.id(), together.id());
        const Id decided = chains.id();
        for (int step = 0; step < 20 && decided; ++step) {
            const std::size_t who = random() % count;
            if (random() % 2 == 0) {
                chains.fail(who);
            } else {
                chains.say(who, random() % 3);
            }
            ASSERT_EQ(chains.id(), decided);
            if (chains.of(who) && chains.of(who) != decided) ASSERT_FALSE(chains.may_use(who));
        }
    }
    EXPECT_GT(waited, 1'000U) << "some were undecided on the way";
}

}  // namespace
}  // namespace weft::service::proxy
