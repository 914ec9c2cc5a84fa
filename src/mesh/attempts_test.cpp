#include "mesh/attempts.hpp"

#include <deque>
#include <set>

#include <gtest/gtest.h>

namespace weft::mesh {
namespace {

using enum AttemptOutcome;

/// Answers each wish for an attempt, as long as there are targets.
struct Bench {
    AttemptsConfig config;
    Attempts attempts;
    std::uint32_t targets = 3;
    std::uint32_t tried = 0;
    std::int64_t now = 0;
    AttemptsEffects last;

    const AttemptsEffects& give(const AttemptsEvent& event) {
        last = attempts.step(config, event, now, 7);
        while (last.begin) {
            if (last.anew) tried = 0;
            const bool has = tried < targets;
            if (has) ++tried;
            last = has ? attempts.step(config, AttemptBegun{}, now, 7)
                       : attempts.step(config, AttemptHasNoTarget{}, now, 7);
        }
        return last;
    }
    const AttemptsEffects& end(std::uint32_t attempt, AttemptOutcome outcome, std::uint64_t digest = 0) {
        return give(AttemptEnded{attempt, outcome, digest});
    }
};

TEST(Attempts, FirstGoodAnswerEndsTheCall) {
    Bench bench;
    bench.give(AttemptsBegin{});
    EXPECT_EQ(bench.attempts.begun(), 1U);
    EXPECT_EQ(bench.end(0, good).answer, 0U);
}

TEST(Attempts, FailureIsTriedElsewhere) {
    Bench bench;
    bench.give(AttemptsBegin{});
    EXPECT_FALSE(bench.end(0, lost).ends());
    EXPECT_EQ(bench.attempts.begun(), 2U);
    EXPECT_FALSE(bench.end(1, unable).ends());
    EXPECT_EQ(bench.end(2, good).answer, 2U);
}

TEST(Attempts, WhatMayHaveBeenHandledIsNotMadeAgain) {
    Bench bench;
    bench.config.repeatable = false;
    bench.give(AttemptsBegin{});
    EXPECT_FALSE(bench.end(0, unsent).ends());
    EXPECT_EQ(bench.end(1, lost).answer, 1U);
    EXPECT_EQ(bench.attempts.begun(), 2U);
}

TEST(Attempts, WrongCallIsNotTriedElsewhere) {
    Bench bench;
    bench.give(AttemptsBegin{});
    EXPECT_EQ(bench.end(0, refused).answer, 0U);
}

TEST(Attempts, SlowAnswerIsHedgedAndTheFirstCounts) {
    Bench bench;
    bench.config.hedge_after_ns = 50;
    EXPECT_EQ(bench.give(AttemptsBegin{}).timer_ns, 50);
    bench.now = 50;
    bench.give(AttemptsTimer{});
    EXPECT_EQ(bench.attempts.open(), 2U);
    EXPECT_EQ(bench.attempts.hedges(), 1U);
    EXPECT_EQ(bench.end(1, good).answer, 1U);
    EXPECT_FALSE(bench.end(0, good).ends());
}

TEST(Attempts, HedgeWaitsForItsBudget) {
    Bench bench;
    bench.config.hedge_after_ns = 50;
    bench.give(AttemptsBegin{});
    bench.now = 50;
    EXPECT_EQ(bench.give(AttemptsTimer{.may_hedge = false}).timer_ns, 100);
    EXPECT_EQ(bench.attempts.open(), 1U);
}

TEST(Attempts, OneTargetIsAskedAgainAfterAWait) {
    Bench bench;
    bench.targets = 1;
    bench.give(AttemptsBegin{});
    const auto wait = bench.end(0, unsent).timer_ns;
    ASSERT_TRUE(wait.has_value());
    EXPECT_GT(*wait, 0);
    bench.now = *wait;
    bench.give(AttemptsTimer{});
    EXPECT_EQ(bench.attempts.begun(), 2U);
    EXPECT_EQ(bench.end(1, good).answer, 1U);
}

TEST(Attempts, NoWaitWhenTheBudgetIsEmpty) {
    Bench bench;
    bench.targets = 1;
    bench.give(AttemptsBegin{});
    bench.end(0, overloaded);
    EXPECT_EQ(bench.give(AttemptsTimer{.may_retry = false}).answer, 0U);
}

TEST(Attempts, NobodyCanAnswer) {
    Bench bench;
    bench.targets = 2;
    bench.config.attempts_max = 5;
    bench.give(AttemptsBegin{});
    bench.end(0, unable);
    EXPECT_EQ(bench.end(1, unable).answer, 0U);
}

TEST(Attempts, NoTargetAtAllEndsInTheEnd) {
    Bench bench;
    bench.targets = 0;
    bench.give(AttemptsBegin{});
    int waits = 0;
    while (!bench.last.ends()) {
        ASSERT_TRUE(bench.last.timer_ns.has_value());
        ASSERT_LT(++waits, 10);
        bench.give(AttemptsTimer{});
    }
    EXPECT_TRUE(bench.last.nothing);
}

TEST(Attempts, QuorumWantsEqualAnswers) {
    Bench bench;
    bench.config.quorum = 2;
    bench.give(AttemptsBegin{});
    EXPECT_EQ(bench.attempts.open(), 2U);
    EXPECT_FALSE(bench.end(0, good, 1).ends());
    EXPECT_FALSE(bench.end(1, good, 2).ends());
    EXPECT_EQ(bench.attempts.begun(), 3U);
    EXPECT_EQ(bench.end(2, good, 1).answer, 2U);
}

TEST(Attempts, NoQuorumIsNoAnswer) {
    Bench bench;
    bench.config.quorum = 2;
    bench.give(AttemptsBegin{});
    bench.end(0, good, 1);
    bench.end(1, lost);
    EXPECT_TRUE(bench.end(2, good, 2).no_quorum);
}

TEST(Attempts, SentToSeveralOneTakesIt) {
    Bench bench;
    bench.config.parallel = 3;
    bench.give(AttemptsBegin{});
    EXPECT_EQ(bench.attempts.open(), 3U);
    EXPECT_FALSE(bench.end(0, refused, 9).ends());
    EXPECT_FALSE(bench.end(1, lost).ends());
    EXPECT_EQ(bench.end(2, good).answer, 2U);
}

TEST(Attempts, SentToSeveralNobodyTakesIt) {
    Bench bench;
    bench.config.parallel = 2;
    bench.config.attempts_max = 2;
    bench.give(AttemptsBegin{});
    EXPECT_FALSE(bench.end(0, lost).ends());
    EXPECT_EQ(bench.end(1, refused).answer, 1U);
}

/// Every order of events of small configurations, with the invariants of the header after each step.
struct Explorer {
    AttemptsConfig config;
    std::uint32_t targets;
    std::size_t states = 0;

    struct State {
        Attempts attempts;
        std::uint32_t tried = 0;
        std::uint32_t handled = 0;  // attempts that may have been handled
        bool timer = false;
        bool ended = false;
        int depth = 0;
    };

    void settle(State state, const AttemptsEvent& event) {
        auto effects = state.attempts.step(config, event, state.depth, 3);
        while (effects.begin) {
            if (effects.anew) state.tried = 0;
            if (state.tried < targets) {
                if (!config.repeatable) ASSERT_EQ(state.handled + state.attempts.open(), 0U);
                ++state.tried;
                effects = state.attempts.step(config, AttemptBegun{}, state.depth, 3);
            } else {
                effects = state.attempts.step(config, AttemptHasNoTarget{}, state.depth, 3);
            }
        }
        ASSERT_LE(state.attempts.begun(), config.attempts_max);
        if (effects.timer_ns) state.timer = true;
        ASSERT_EQ(effects.ends(), state.attempts.ended());
        if (effects.ends()) return;
        ASSERT_TRUE(state.attempts.open() > 0 || state.timer) << "the call hangs";
        explore(state);
    }

    void explore(const State& state) {
        ++states;
        ASSERT_LT(state.depth, 40);
        for (std::uint32_t i = 0; i < state.attempts.begun(); ++i) {
            for (const auto outcome : {unsent, lost, overloaded, unable, refused, good}) {
                for (const std::uint64_t digest : {1, 2}) {
                    if (digest == 2 && outcome < refused) continue;
                    State next = state;
                    ++next.depth;
                    Attempts probe = state.attempts;
                    static_cast<void>(probe.step(config, AttemptEnded{i, outcome, digest}, 0, 3));
                    if (probe == state.attempts) continue;  // it has ended before
                    if (outcome == lost) ++next.handled;
                    settle(next, AttemptEnded{i, outcome, digest});
                    if (::testing::Test::HasFatalFailure()) return;
                }
            }
        }
        if (!state.timer) return;
        for (const bool allowed : {true, false}) {
            State next = state;
            ++next.depth;
            next.timer = false;
            if (!allowed && state.attempts.open() > 0) continue;  // asks again and again, and nothing changes
            settle(next, AttemptsTimer{allowed, allowed});
            if (::testing::Test::HasFatalFailure()) return;
        }
    }
};

TEST(Attempts, EveryOrderOfEventsKeepsTheInvariants) {
    std::size_t states = 0;
    for (const std::uint32_t targets : {0U, 1U, 2U, 3U}) {
        for (const bool repeatable : {true, false}) {
            for (const std::uint32_t quorum : {1U, 2U}) {
                for (const std::uint32_t parallel : {1U, 2U}) {
                    for (const std::int64_t hedge : {0, 5}) {
                        if (!repeatable && (quorum > 1 || parallel > 1)) continue;
                        Explorer explorer{{3, parallel, quorum, hedge, repeatable, {}}, targets};
                        explorer.settle({}, AttemptsBegin{});
                        ASSERT_FALSE(HasFatalFailure());
                        states += explorer.states;
                    }
                }
            }
        }
    }
    EXPECT_GT(states, 1'000U);
}

}  // namespace
}  // namespace weft::mesh
