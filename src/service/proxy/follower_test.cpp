#include "service/proxy/follower.hpp"

#include <gtest/gtest.h>

#include <random>
#include <utility>

namespace weft::service::proxy {
namespace {

/// Block @p number of a branch; branches share what is below @p fork.
std::string name(std::uint64_t number, char branch, std::uint64_t fork) {
    return (number < fork ? std::string("m") : std::string(1, branch)) + std::to_string(number);
}
FollowedBlock block(std::uint64_t number, char branch = 'm', std::uint64_t fork = 0) {
    return {number, name(number, branch, fork), name(number - 1, branch, fork), "{}"};
}

std::string text(const FollowerEffects& effects) {
    std::string out;
    for (const auto& one : effects.emitted) out += (one.removed ? "-" : "+") + one.block.hash + " ";
    return out;
}

TEST(Follower, FollowsInOrderAndOnce) {
    Follower follower;
    EXPECT_EQ(text(follower.saw(block(10), 0, true)), "+m10 ");
    EXPECT_EQ(text(follower.saw(block(11), 0, true)), "+m11 ");
    EXPECT_EQ(text(follower.saw(block(11), 1, true)), "");
    EXPECT_EQ(text(follower.saw(block(10), 1, true)), "");
    EXPECT_EQ(text(follower.saw(block(12), 1, true)), "+m12 ");
}

TEST(Follower, FillsAGap) {
    Follower follower;
    static_cast<void>(follower.saw(block(10), 0, true));
    auto effects = follower.saw(block(13), 1, true);
    EXPECT_EQ(text(effects), "");
    EXPECT_EQ(effects.wanted, "m12");
    effects = follower.saw(block(12), 9, true);
    EXPECT_EQ(effects.wanted, "m11");
    EXPECT_EQ(text(follower.saw(block(11), 9, true)), "+m11 +m12 +m13 ");
}

TEST(Follower, NewBlocksWhileAGapIsFilled) {
    Follower follower;
    static_cast<void>(follower.saw(block(10), 0, true));
    EXPECT_EQ(follower.saw(block(12), 0, true).wanted, "m11");
    EXPECT_EQ(text(follower.saw(block(13), 0, true)), "");
    EXPECT_EQ(text(follower.saw(block(11), 0, true)), "+m11 +m12 +m13 ");
}

TEST(Follower, TakesBackWhatIsReplaced) {
    Follower follower;
    for (std::uint64_t i = 10; i <= 12; ++i) static_cast<void>(follower.saw(block(i, 'a', 11), 0, true));
    EXPECT_EQ(follower.saw(block(13, 'b', 11), 1, true).wanted, "b12");
    EXPECT_EQ(follower.saw(block(12, 'b', 11), 9, true).wanted, "b11");
    EXPECT_EQ(text(follower.saw(block(11, 'b', 11), 9, true)), "-a12 -a11 +b11 +b12 +b13 ");
}

TEST(Follower, KnowsWhoIsOnAnotherBranch) {
    Follower follower;
    EXPECT_EQ(follower.has(10, "m10"), std::nullopt);
    for (std::uint64_t i = 10; i <= 12; ++i) static_cast<void>(follower.saw(block(i, 'a', 11), 0, true));
    EXPECT_EQ(follower.has(12, "a12"), true);
    EXPECT_EQ(follower.has(12, "b12"), false);
    EXPECT_EQ(follower.has(13, "a13"), std::nullopt);
    // Until the branch has a root nobody was told of it.
    static_cast<void>(follower.saw(block(13, 'b', 11), 1, true));
    EXPECT_EQ(follower.has(12, "a12"), true);
    EXPECT_EQ(follower.has(13, "b13"), std::nullopt);
    static_cast<void>(follower.saw(block(12, 'b', 11), 9, true));
    static_cast<void>(follower.saw(block(11, 'b', 11), 9, true));
    EXPECT_EQ(follower.has(12, "a12"), false);
    EXPECT_EQ(follower.has(12, "b12"), true);
    EXPECT_EQ(follower.has(10, "m10"), true);
}

TEST(Follower, ABranchAsLongIsFollowedOnlyIfOurSourceWentThere) {
    Follower follower;
    static_cast<void>(follower.saw(block(10), 0, true));
    static_cast<void>(follower.saw(block(11, 'a', 11), 0, true));
    EXPECT_EQ(text(follower.saw(block(11, 'b', 11), 1, true)), "");
    EXPECT_EQ(text(follower.saw(block(11, 'b', 11), 0, true)), "-a11 +b11 ");
}

TEST(Follower, JumpsWhenTheGapIsTooWide) {
    Follower follower({4});
    static_cast<void>(follower.saw(block(10), 0, true));
    auto effects = follower.saw(block(100), 0, true);
    for (int i = 0; effects.wanted && i < 10; ++i) {
        effects = follower.saw(block(std::stoull(effects.wanted->substr(1))), 0, true);
    }
    EXPECT_TRUE(effects.jumped);
    EXPECT_EQ(text(effects), "+m97 +m98 +m99 +m100 ");
    EXPECT_EQ(text(follower.saw(block(101), 0, true)), "+m101 ");
}

TEST(Follower, WhatIsJumpedBackOverIsTakenBack) {
    Follower follower;
    for (std::uint64_t i = 10; i <= 12; ++i) static_cast<void>(follower.saw(block(i), 0, true));
    // The root of the branch is below all that is known.
    const auto effects = follower.saw(block(9, 'b', 5), 0, true);
    EXPECT_TRUE(effects.jumped);
    EXPECT_EQ(text(effects), "-m12 -m11 -m10 +b9 ");
    EXPECT_EQ(follower.has(10, "m10"), std::nullopt);
}

TEST(Follower, WithoutReadersAGapIsNoMatter) {
    Follower follower;
    static_cast<void>(follower.saw(block(10), 0, false));
    const auto effects = follower.saw(block(20), 0, false);
    EXPECT_FALSE(effects.wanted);
    EXPECT_FALSE(effects.jumped);
    EXPECT_EQ(follower.tip()->number, 20U);
}

TEST(Follower, AMissingAncestorIsAskedForAgain) {
    Follower follower;
    static_cast<void>(follower.saw(block(10), 0, true));
    EXPECT_EQ(follower.saw(block(12), 0, true).wanted, "m11");
    EXPECT_FALSE(follower.missed("m11").wanted);
    EXPECT_EQ(follower.waiting(), 0U);
    EXPECT_EQ(follower.saw(block(13), 0, true).wanted, "m12");
}

/// Upstreams of different speed on a chain that reorganises: what comes out is always a chain.
TEST(Follower, WhateverComesInAChainComesOut) {
    std::mt19937 random(5);
    std::size_t taken_back = 0;
    std::size_t reached = 0;
    for (int round = 0; round < 300; ++round) {
        Follower follower({16});
        // The tree: block -> parent. Heads of three upstreams walk along it.
        std::map<std::string, FollowedBlock> tree;
        std::vector<std::vector<std::string>> paths;  // the canonical chain at each time
        std::vector<std::string> canonical;
        for (std::uint64_t i = 0; i < 3; ++i) canonical.push_back("g" + std::to_string(i));
        for (std::uint64_t i = 1; i < 3; ++i) tree[canonical[i]] = {i, canonical[i], canonical[i - 1], "{}"};
        for (int step = 0; step < 60; ++step) {
            if (random() % 6 == 0 && canonical.size() > 6) canonical.resize(canonical.size() - 1 - random() % 3);
            const std::string hash = "r" + std::to_string(step);
            tree[hash] = {canonical.size(), hash, canonical.back(), "{}"};
            canonical.push_back(hash);
            paths.push_back(canonical);
        }
        std::vector<std::string> out;
        const auto check = [&](const FollowerEffects& effects) {
            bool jumps = effects.jumped;
            for (const auto& one : effects.emitted) {
                if (one.removed) {
                    ASSERT_FALSE(out.empty());
                    ASSERT_EQ(out.back(), one.block.hash);
                    out.pop_back();
                    ++taken_back;
                    continue;
                }
                if (std::exchange(jumps, false)) out.clear();
                if (!out.empty()) ASSERT_EQ(out.back(), one.block.parent);
                out.push_back(one.block.hash);
            }
        };
        for (std::size_t time = 0; time < paths.size(); ++time) {
            const std::size_t behind = random() % 4;
            const auto& path = paths[time >= behind ? time - behind : 0];
            auto effects = follower.saw(tree[path.back()], random() % 3, true);
            check(effects);
            for (int fetches = 0; effects.wanted && fetches < 20; ++fetches) {
                effects = random() % 8 == 0 || !tree.contains(*effects.wanted)
                              ? follower.missed(*effects.wanted)
                              : follower.saw(tree[*effects.wanted], 9, true);
                check(effects);
                ASSERT_FALSE(HasFatalFailure());
            }
            ASSERT_LE(follower.waiting(), 16U);
        }
        if (follower.tip() != nullptr && follower.tip()->number + 4 >= canonical.size()) ++reached;
    }
    EXPECT_GT(taken_back, 100U);
    EXPECT_GT(reached, 250U);
}

}  // namespace
}  // namespace weft::service::proxy
