#include "mesh/roster.hpp"

#include <gtest/gtest.h>

#include <map>

#include "base/bytes.hpp"
#include "verify/random.hpp"

namespace weft::mesh {
namespace {

Instance instance(const std::string& id, const std::string& zone = "") {
    Instance made{id, "node", "127.0.0.1:" + id, 1, 1, true};
    if (!zone.empty()) made.labels = {{"zone", zone}};
    return made;
}

struct Fixture : testing::Test {
    RosterConfig config;
    std::optional<Roster> roster;
    std::int64_t now_ns = 1'000 * ns_per_s;
    verify::Random random{23};

    void know(std::vector<Instance> instances) {
        if (!roster) roster.emplace(config);
        (void)roster->update(std::move(instances), now_ns);
    }
    std::optional<Pick> pick(CallKind kind = CallKind::even, std::optional<std::uint64_t> avoid = {}) {
        return roster->pick(kind, avoid, now_ns, random.next());
    }
    [[nodiscard]] std::string id_of(const Pick& pick) const { return roster->instances()[pick.index].id; }
    /// Where a call goes that is answered in @p latency_ns; empty if nowhere.
    std::string call(CallKind kind = CallKind::even, std::int64_t latency_ns = ns_per_ms) {
        const auto picked = pick(kind);
        if (!picked) return "";
        (void)roster->end(*picked, CallEnd::answered, now_ns + latency_ns);
        return id_of(*picked);
    }
    std::map<std::string, int> calls(int count, CallKind kind = CallKind::even) {
        std::map<std::string, int> out;
        for (int i = 0; i < count; ++i) {
            now_ns += ns_per_ms;
            ++out[call(kind)];
        }
        return out;
    }
    /// A call is lost at @p id, if one can be made there.
    BreakerChange lose(const std::string& id, CallKind kind = CallKind::even) {
        for (int i = 0; i < 1'000; ++i) {
            const auto picked = pick(kind);
            const bool there = picked && id_of(*picked) == id;
            const auto change = roster->end(*picked, there ? CallEnd::lost : CallEnd::withdrawn, now_ns);
            if (there) return change;
        }
        ADD_FAILURE() << id << " gets no calls";
        return BreakerChange::none;
    }
};
using mesh_roster = Fixture;

TEST_F(mesh_roster, nobody_is_picked_of_nobody_and_of_the_drained) {
    know({});
    EXPECT_FALSE(pick());
    auto drained = instance("a");
    drained.weight = 0;
    know({drained});
    EXPECT_FALSE(pick());
    EXPECT_EQ(roster->healthy_count(), 0U);
    know({drained, instance("b")});
    EXPECT_EQ(calls(50), (std::map<std::string, int>{{"b", 50}}));
}

TEST_F(mesh_roster, the_first_stays_first_though_it_has_much_to_do) {
    config.choice = Choice::first;
    know({instance("c"), instance("b"), instance("a")});
    std::vector<Pick> open;
    for (int i = 0; i < 20; ++i) open.push_back(*pick());
    for (const auto& one : open) EXPECT_EQ(id_of(one), "a");
    auto sick = instance("a");
    sick.healthy = false;
    know({sick, instance("b"), instance("c")});
    EXPECT_EQ(call(), "b");
    for (const auto& one : open) (void)roster->end(one, CallEnd::answered, now_ns);
}

TEST_F(mesh_roster, a_lost_connection_ejects_at_once_and_probes_bring_it_back_slowly) {
    know({instance("a"), instance("b"), instance("c")});
    EXPECT_EQ(lose("a"), BreakerChange::opened);
    EXPECT_FALSE(calls(300).contains("a"));
    now_ns += config.outlier.breaker.open_ns;
    std::vector<Pick> probes;
    std::vector<Pick> others;
    for (int i = 0; i < 200; ++i) {
        const auto picked = pick();
        (id_of(*picked) == "a" ? probes : others).push_back(*picked);
    }
    EXPECT_LE(probes.size(), config.outlier.breaker.probes);
    ASSERT_FALSE(probes.empty());
    for (const auto& one : others) (void)roster->end(one, CallEnd::answered, now_ns + ns_per_ms);
    auto change = BreakerChange::none;
    for (std::size_t i = 0; i < probes.size(); ++i) {
        change = roster->end(probes[i], CallEnd::answered, now_ns + ns_per_ms);
        if (change == BreakerChange::none && i + 1 == probes.size()) probes.push_back(*pick());
        ASSERT_LT(i, 100U);
    }
    EXPECT_EQ(change, BreakerChange::closed);
    know({instance("a"), instance("b"), instance("c")});
    (void)call();
    const auto& warming = roster->candidates()[0];
    EXPECT_TRUE(warming.usable);
    EXPECT_LT(warming.ramp, ramp_full / 2);
    now_ns += config.outlier.slow_start_ns + ns_per_ms;
    (void)call();
    EXPECT_EQ(roster->candidates()[0].ramp, ramp_full);
}

TEST_F(mesh_roster, no_more_than_a_part_is_ejected_however_bad_all_look) {
    know({instance("a"), instance("b"), instance("c"), instance("d")});
    EXPECT_EQ(lose("a"), BreakerChange::opened);
    EXPECT_EQ(lose("b"), BreakerChange::opened);
    EXPECT_EQ(lose("c"), BreakerChange::opened);
    EXPECT_EQ(lose("d"), BreakerChange::none);
    EXPECT_EQ(roster->ejected_count(), 3U);
    EXPECT_EQ(calls(20), (std::map<std::string, int>{{"d", 20}}));
}

TEST_F(mesh_roster, with_none_left_all_are_called) {
    auto a = instance("a"), b = instance("b");
    a.healthy = b.healthy = false;
    know({a, b});
    EXPECT_EQ(calls(100).size(), 2U);
    config.choice = Choice::first;
    roster.reset();
    know({b, a});
    EXPECT_EQ(call(), "a");
}

TEST_F(mesh_roster, calls_leave_the_slow_and_look_again) {
    know({instance("a"), instance("b")});
    std::map<std::string, int> seen;
    for (int i = 0; i < 1'000; ++i) {
        now_ns += ns_per_ms;
        const auto picked = *pick();
        const bool slow = id_of(picked) == "a";
        (void)roster->end(picked, CallEnd::answered, now_ns + (slow ? 500 : 1) * ns_per_ms);
        ++seen[id_of(picked)];
    }
    EXPECT_LE(seen["a"], 10);
    now_ns += 120 * ns_per_s;
    EXPECT_GE(calls(1'000)["a"], 1);
}

TEST_F(mesh_roster, what_takes_long_by_its_nature_is_no_measure) {
    know({instance("a"), instance("b")});
    (void)call();
    for (int i = 0; i < 100; ++i) (void)call(CallKind::uneven, 5 * ns_per_s);
    const auto open = *pick(CallKind::uneven);
    EXPECT_NE(call(CallKind::uneven), id_of(open));  // but whoever has one gets none while there are others
    (void)roster->end(open, CallEnd::answered, now_ns);
}

TEST_F(mesh_roster, a_call_that_waits_is_no_load_and_takes_no_probe) {
    config.choice = Choice::least_outstanding;
    know({instance("a"), instance("b"), instance("c")});
    std::vector<Pick> waiting;
    for (int i = 0; i < 30; ++i) waiting.push_back(*pick(CallKind::waiting));
    for (const auto& one : roster->candidates()) EXPECT_EQ(one.outstanding, 0U);
    EXPECT_EQ(lose("a"), BreakerChange::opened);
    now_ns += config.outlier.breaker.open_ns;
    for (int i = 0; i < 30; ++i) {
        waiting.push_back(*pick(CallKind::waiting));
        EXPECT_NE(id_of(waiting.back()), "a");
    }
    // All probes are free still.
    std::vector<Pick> probes;
    for (int i = 0; i < 30; ++i) {
        auto picked = *pick();
        if (id_of(picked) == "a") probes.push_back(picked);
    }
    EXPECT_EQ(probes.size(), config.outlier.breaker.probes);
    // An answer after 20 s is none that was slow; one of before the ejection does not end it.
    for (const auto& one : waiting) {
        EXPECT_EQ(roster->end(one, CallEnd::answered, now_ns + 20 * ns_per_s), BreakerChange::none);
    }
}

TEST_F(mesh_roster, a_lost_connection_counts_of_a_call_that_waits_too) {
    config.choice = Choice::first;
    know({instance("a"), instance("b")});
    EXPECT_EQ(lose("a", CallKind::waiting), BreakerChange::opened);
    EXPECT_EQ(call(), "b");
}

TEST_F(mesh_roster, who_lost_the_call_is_not_asked_again_while_there_are_others) {
    know({instance("a"), instance("b")});
    const auto first = *pick();
    for (int i = 0; i < 50; ++i) EXPECT_NE(pick(CallKind::even, first.number)->number, first.number);
    know({instance("a")});
    EXPECT_TRUE(pick(CallKind::even, first.number));
}

TEST_F(mesh_roster, a_new_view_keeps_what_is_known_of_a_process_and_of_no_other) {
    know({instance("a"), instance("b")});
    const auto open = *pick();
    EXPECT_EQ(lose("b"), BreakerChange::opened);
    auto reborn = instance("b");
    reborn.started_ms = 2;
    const auto moved = roster->update({reborn, instance("a"), instance("0")}, now_ns);
    EXPECT_EQ(moved, (std::vector<std::optional<std::size_t>>{std::nullopt, 0, std::nullopt}));
    EXPECT_EQ(roster->ejected_count(), 0U);
    // The call ends at the instance's new place, or at none.
    const auto outstanding = [&] {
        std::uint32_t sum = 0;
        for (const auto& one : roster->candidates()) sum += one.outstanding;
        return sum;
    };
    (void)roster->end(open, CallEnd::answered, now_ns);
    EXPECT_EQ(outstanding(), 0U);
    EXPECT_TRUE(calls(3'000).contains("b"));
}

TEST_F(mesh_roster, calls_stay_in_the_zone_as_far_as_it_can_bear_them) {
    config.zone = "east";
    know({instance("e1", "east"), instance("w1", "west"), instance("w2", "west"), instance("e2", "east")});
    const auto even = calls(1'000);
    EXPECT_EQ(even.size(), 2U);
    EXPECT_TRUE(even.contains("e1") && even.contains("e2"));
    // With a third of the capacity it bears two thirds of its callers' calls.
    know({instance("e1", "east"), instance("w1", "west"), instance("w2", "west")});
    now_ns += config.outlier.slow_start_ns;
    auto scarce = calls(3'000);
    EXPECT_GT(scarce["e1"], 1'800);
    EXPECT_LT(scarce["e1"], 2'200);
    // Nobody at home: elsewhere.
    know({instance("w1", "west"), instance("w2", "west")});
    EXPECT_EQ(calls(100).size(), 2U);
}

TEST_F(mesh_roster, the_first_is_one_of_the_zone) {
    config.choice = Choice::first;
    config.zone = "west";
    know({instance("a", "east"), instance("b", "west")});
    EXPECT_EQ(call(), "b");
    auto sick = instance("b", "west");
    sick.healthy = false;
    know({instance("a", "east"), sick});
    EXPECT_EQ(call(), "a");
}

TEST_F(mesh_roster, no_answer_in_fair_time_ejects_after_some) {
    config.choice = Choice::first;
    know({instance("a"), instance("b")});
    for (std::uint32_t i = 1; i < config.outlier.breaker.consecutive_max; ++i) {
        EXPECT_EQ(roster->end(*pick(), CallEnd::failed, now_ns), BreakerChange::none);
        EXPECT_EQ(roster->end(*pick(), CallEnd::withdrawn, now_ns), BreakerChange::none);
    }
    EXPECT_EQ(roster->end(*pick(), CallEnd::failed, now_ns), BreakerChange::opened);
    EXPECT_EQ(call(), "b");
}

}  // namespace
}  // namespace weft::mesh
