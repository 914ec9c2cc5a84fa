#include "mesh/outlier.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "verify/random.hpp"

namespace weft::mesh {
namespace {

constexpr CallOutcome good{.failed = false, .latency_ns = ns_per_ms};
constexpr CallOutcome bad{.failed = true, .latency_ns = ns_per_ms};

struct Rig {
    explicit Rig(std::size_t count) : candidates(count) { outlier.members.resize(count); }

    OutlierConfig config;
    Outlier outlier;
    std::vector<Candidate> candidates;
    std::int64_t now_ns = 0;

    void call(std::size_t index, CallOutcome outcome) {
        refresh(config, outlier, candidates, now_ns);
        const auto ticket = admit(config, outlier, candidates, index, now_ns);
        report(config, outlier, index, ticket, outcome, now_ns);
        refresh(config, outlier, candidates, now_ns);
    }
    void eject(std::size_t index) {
        for (std::uint32_t i = 0; i < config.breaker.consecutive_max; ++i) call(index, bad);
    }
    std::string usable() const {
        std::string out;
        for (const auto& candidate : candidates) out += candidate.usable ? '+' : '-';
        return out;
    }
};

TEST(outlier, who_fails_is_ejected_probed_and_comes_back_slowly) {
    Rig rig(4);
    rig.eject(1);
    EXPECT_EQ(rig.usable(), "+-++");
    rig.now_ns = rig.outlier.due_ns;
    refresh(rig.config, rig.outlier, rig.candidates, rig.now_ns);
    EXPECT_EQ(rig.usable(), "++++");  // for probes
    for (int i = 0; i < 2; ++i) rig.call(1, good);
    EXPECT_EQ(ejected_count(rig.outlier), 1U);
    rig.call(1, good);
    EXPECT_EQ(ejected_count(rig.outlier), 0U);
    EXPECT_EQ(rig.candidates[1].ramp, ramp_full / 10);
    EXPECT_EQ(rig.candidates[0].ramp, ramp_full);
    std::uint16_t ramp = 0;
    for (int i = 0; rig.candidates[1].ramp < ramp_full; ++i) {
        ASSERT_LT(i, 20);
        EXPECT_GT(rig.candidates[1].ramp, ramp);
        ramp = rig.candidates[1].ramp;
        rig.now_ns = rig.outlier.due_ns;
        refresh(rig.config, rig.outlier, rig.candidates, rig.now_ns);
    }
    EXPECT_EQ(rig.outlier.due_ns, std::numeric_limits<std::int64_t>::max());
}

TEST(outlier, probes_are_no_more_than_asked_for) {
    Rig rig(4);
    rig.eject(1);
    rig.now_ns = rig.outlier.due_ns;
    refresh(rig.config, rig.outlier, rig.candidates, rig.now_ns);
    std::vector<BreakerTicket> probes;
    while (rig.candidates[1].usable) {
        probes.push_back(admit(rig.config, rig.outlier, rig.candidates, 1, rig.now_ns));
        ASSERT_LE(probes.size(), rig.config.breaker.probes);
    }
    EXPECT_EQ(probes.size(), rig.config.breaker.probes);
    withdraw(rig.outlier, 1, probes[0]);
    refresh(rig.config, rig.outlier, rig.candidates, rig.now_ns);
    EXPECT_EQ(rig.usable(), "++++");
}

TEST(outlier, no_more_than_the_allowed_part_is_ejected) {
    Rig rig(10);
    rig.config.ejected_percent_max = 30;
    for (std::size_t i = 0; i < 10; ++i) rig.eject(i);
    EXPECT_EQ(rig.usable(), "---+++++++");
    Rig few(2);
    few.config.ejected_percent_max = 10;
    few.eject(0);
    few.eject(1);
    EXPECT_EQ(few.usable(), "-+");  // one always may be
}

TEST(outlier, when_too_few_are_left_all_are_called) {
    Rig rig(4);
    rig.outlier.members[0].healthy = rig.outlier.members[1].healthy = false;
    refresh(rig.config, rig.outlier, rig.candidates, 0);
    EXPECT_EQ(rig.usable(), "--++");
    EXPECT_FALSE(rig.outlier.panic);
    rig.eject(2);
    EXPECT_TRUE(rig.outlier.panic);
    EXPECT_EQ(rig.usable(), "++++");
    rig.outlier.members[1].healthy = true;
    rig.outlier.due_ns = 0;
    refresh(rig.config, rig.outlier, rig.candidates, 0);
    EXPECT_EQ(rig.usable(), "-+-+");
    Rig alone(1);
    alone.eject(0);
    EXPECT_EQ(alone.usable(), "+");
}

TEST(outlier, random_walk_keeps_the_invariants) {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        verify::Random random(seed);
        Rig rig(1 + random.below(8));
        rig.config.ejected_percent_max = 40;
        rig.config.breaker.consecutive_max = 2;
        const auto count = rig.candidates.size();
        std::vector<std::pair<std::size_t, BreakerTicket>> running;
        std::size_t ejections = 0, panics = 0;
        for (int i = 0; i < 20'000; ++i) {
            rig.now_ns += static_cast<std::int64_t>(random.below(200)) * ns_per_ms;
            if (random.below(50) == 0) {
                auto& healthy = rig.outlier.members[random.below(count)].healthy;
                healthy = !healthy;
                rig.outlier.due_ns = 0;
            }
            refresh(rig.config, rig.outlier, rig.candidates, rig.now_ns);
            if (const auto drawn = draw_two(rig.candidates, random.next()); drawn && random.below(2) == 0) {
                running.emplace_back(drawn->first,
                                     admit(rig.config, rig.outlier, rig.candidates, drawn->first, rig.now_ns));
            } else if (!running.empty()) {
                const auto [index, ticket] = running.back();
                running.pop_back();
                const auto change = report(rig.config, rig.outlier, index, ticket,
                                           random.below(index + 2) == 0 ? good : bad, rig.now_ns);
                ejections += change == BreakerChange::opened ? 1 : 0;
            }
            refresh(rig.config, rig.outlier, rig.candidates, rig.now_ns);
            panics += rig.outlier.panic ? 1 : 0;
            ASSERT_LE(ejected_count(rig.outlier), std::max(count * 40 / 100, std::size_t{1}));
            std::size_t available = 0;
            for (const auto& member : rig.outlier.members) {
                available += member.healthy && member.breaker.phase == BreakerPhase::closed ? 1 : 0;
            }
            ASSERT_EQ(rig.outlier.panic, available * 2 < count);
            for (std::size_t j = 0; j < count; ++j) {
                const auto& member = rig.outlier.members[j];
                if (!rig.outlier.panic && !member.healthy) ASSERT_FALSE(rig.candidates[j].usable);
                if (rig.outlier.panic || (member.healthy && member.breaker.phase == BreakerPhase::closed)) {
                    ASSERT_TRUE(rig.candidates[j].usable);
                }
            }
        }
        EXPECT_GT(ejections, 10U);
        EXPECT_GT(panics, 0U);
    }
}

}  // namespace
}  // namespace weft::mesh
