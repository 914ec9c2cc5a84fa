#include "mesh/lease_table.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace weft::mesh {
namespace {

constexpr std::int64_t second = ns_per_s;

struct Table {
    LeaseConfig config;
    LeaseState state;
    std::int64_t now_ns = 0;

    LeaseEffects apply(LeaseEvent event) { return step(config, state, event, now_ns); }
    std::uint64_t add(const std::string& id, std::int64_t lease_ns = 3 * second, std::uint64_t started_ms = 1) {
        return apply(LeaseRegister{{id, "node", "127.0.0.1:1", 1, started_ms, false}, lease_ns}).lease_id;
    }
    bool has(const std::string& id) const { return state.leases.contains(id); }
    bool healthy(const std::string& id) const { return has(id) && state.leases.at(id).instance.healthy; }
};

TEST(lease_table, a_lease_ends_when_it_is_not_renewed) {
    Table table;
    const auto lease = table.add("node-0");
    EXPECT_EQ(next_expiry_ns(table.state), 3 * second);
    table.now_ns = 3 * second - 1;
    EXPECT_FALSE(table.apply(LeaseTick{}).changed);
    table.now_ns = 3 * second;
    const auto effects = table.apply(LeaseTick{});
    EXPECT_TRUE(effects.changed);
    EXPECT_EQ(effects.expired, std::vector<std::string>{"node-0"});
    EXPECT_FALSE(next_expiry_ns(table.state));
    EXPECT_EQ(table.apply(LeaseRenew{lease, true, ""}).refused->code, ErrorCode::not_found);
}

TEST(lease_table, renewal_counts_from_its_own_time_and_is_no_change) {
    Table table;
    const auto lease = table.add("node-0");
    const auto index = table.state.index;
    for (int i = 0; i < 10; ++i) {
        table.now_ns += 2 * second;
        const auto effects = table.apply(LeaseRenew{lease, true, ""});
        EXPECT_FALSE(effects.refused);
        EXPECT_EQ(effects.lease_ns, 3 * second);
    }
    EXPECT_TRUE(table.has("node-0"));
    EXPECT_EQ(table.state.index, index);
}

TEST(lease_table, renewal_at_the_very_expiry_is_too_late) {
    Table table;
    const auto lease = table.add("node-0");
    table.now_ns = 3 * second;
    EXPECT_TRUE(table.apply(LeaseRenew{lease, true, ""}).refused);
    EXPECT_FALSE(table.has("node-0"));
}

TEST(lease_table, a_restarted_process_takes_its_id_over_and_the_old_lease_is_void) {
    Table table;
    const auto old_lease = table.add("node-0", 3 * second, 100);
    const auto new_lease = table.add("node-0", 3 * second, 200);
    EXPECT_NE(old_lease, new_lease);
    EXPECT_TRUE(table.apply(LeaseRenew{old_lease, true, ""}).refused);
    EXPECT_FALSE(table.apply(LeaseRenew{new_lease, true, ""}).refused);
    EXPECT_EQ(table.state.leases.size(), 1U);
}

TEST(lease_table, an_older_process_does_not_take_an_id_from_a_younger) {
    Table table;
    const auto lease = table.add("node-0", 3 * second, 200);
    const auto effects = table.apply(LeaseRegister{{"node-0", "node", "127.0.0.1:2", 1, 100, false}, second});
    EXPECT_EQ(effects.refused->code, ErrorCode::already_exists);
    EXPECT_EQ(table.state.leases.at("node-0").id, lease);
    table.now_ns = 3 * second;  // the younger is gone: the id is free
    EXPECT_NE(table.add("node-0", second, 100), 0U);
}

TEST(lease_table, an_id_given_anew_as_its_lease_ends_is_not_gone) {
    Table table;
    const auto lease = table.add("node-0", 3 * second, 200);
    table.now_ns = 3 * second;
    const auto effects = table.apply(LeaseRegister{{"node-0", "node", "127.0.0.1:2", 1, 100, false}, second});
    EXPECT_EQ(effects.expired, std::vector<std::string>{"node-0"});
    EXPECT_TRUE(effects.gone.empty());
    EXPECT_NE(table.state.leases.at("node-0").id, lease);
}

TEST(lease_table, lease_time_is_brought_into_range) {
    Table table;
    table.add("short", 1);
    table.add("long", 1'000'000 * second);
    EXPECT_EQ(table.state.leases.at("short").lease_ns, table.config.lease_min_ns);
    EXPECT_EQ(table.state.leases.at("long").lease_ns, table.config.lease_max_ns);
}

TEST(lease_table, refuses_what_is_not_an_instance_and_more_than_fit) {
    Table table;
    EXPECT_EQ(table.apply(LeaseRegister{}).refused->code, ErrorCode::invalid_argument);
    table.config.leases_max = 1;
    table.add("node-0");
    const auto effects = table.apply(LeaseRegister{{"node-1", "node", "127.0.0.1:2", 1, 1, false}, second});
    EXPECT_EQ(effects.refused->code, ErrorCode::resource_exhausted);
    EXPECT_FALSE(effects.changed);
    EXPECT_NE(table.add("node-0"), 0U);  // to replace is not to add
}

TEST(lease_table, healthy_is_reached_and_ready) {
    Table table;
    const auto lease = table.add("node-0");
    EXPECT_FALSE(table.healthy("node-0"));
    EXPECT_TRUE(table.apply(LeaseChecked{lease, true, ""}).changed);
    EXPECT_TRUE(table.healthy("node-0"));
    EXPECT_FALSE(table.apply(LeaseChecked{lease, true, ""}).changed);

    EXPECT_FALSE(table.apply(LeaseChecked{lease, false, "no answer"}).changed);  // one miss is forgiven
    EXPECT_TRUE(table.healthy("node-0"));
    EXPECT_TRUE(table.apply(LeaseChecked{lease, false, "no answer"}).changed);
    EXPECT_FALSE(table.healthy("node-0"));
    EXPECT_EQ(table.state.leases.at("node-0").detail, "no answer");
    EXPECT_TRUE(table.apply(LeaseChecked{lease, true, ""}).changed);

    EXPECT_TRUE(table.apply(LeaseRenew{lease, false, "opening the store"}).changed);
    EXPECT_FALSE(table.healthy("node-0"));
    EXPECT_FALSE(table.apply(LeaseRenew{lease, false, "opening the store"}).changed);
    EXPECT_FALSE(table.apply(LeaseChecked{lease, true, ""}).changed);
    EXPECT_EQ(table.state.leases.at("node-0").detail, "opening the store");
    EXPECT_TRUE(table.apply(LeaseRenew{lease, true, ""}).changed);
    EXPECT_TRUE(table.healthy("node-0"));
}

TEST(lease_table, a_check_that_ends_after_its_lease_changes_nothing) {
    Table table;
    const auto lease = table.add("node-0");
    EXPECT_FALSE(table.apply(LeaseDeregister{lease}).refused);
    const auto effects = table.apply(LeaseChecked{lease, true, ""});
    EXPECT_FALSE(effects.changed);
    EXPECT_FALSE(effects.refused);
    EXPECT_TRUE(table.apply(LeaseDeregister{lease}).refused);
}

// What a client could see of the table.
std::vector<std::string> seen(const LeaseState& state) {
    std::vector<std::string> out;
    for (const auto& [id, lease] : state.leases) {
        out.push_back(id + (lease.instance.healthy ? "+" : "-") + std::to_string(lease.id) + lease.detail +
                      (lease.reached ? "r" : "") + (lease.drained ? "d" : ""));
    }
    return out;
}

/// Brings a client's view, ids and when each changed, up to now by what has changed alone.
void follow(const LeaseState& state, std::map<std::string, std::uint64_t>& view, std::uint64_t& index) {
    const auto changes = changes_since(state, index);
    if (!changes.partial) view.clear();
    for (const auto* removal : changes.removed) view.erase(removal->id);
    for (const auto* lease : changes.leases) view.insert_or_assign(lease->instance.id, lease->changed_index);
    index = state.index;
    std::map<std::string, std::uint64_t> want;
    for (const auto& [id, lease] : state.leases) want.emplace(id, lease.changed_index);
    ASSERT_EQ(view, want);
}

TEST(lease_table, what_has_changed_is_told_or_all_if_too_much_is_forgotten) {
    Table table;
    table.config.removals_max = 2;
    const auto a = table.add("a");
    (void)table.add("b");
    const auto index = table.state.index;
    (void)table.apply(LeaseDeregister{a});
    (void)table.add("c");
    auto changes = changes_since(table.state, index);
    EXPECT_TRUE(changes.partial);
    ASSERT_EQ(changes.removed.size(), 1U);
    EXPECT_EQ(changes.removed[0]->id, "a");
    ASSERT_EQ(changes.leases.size(), 1U);
    EXPECT_EQ(changes.leases[0]->instance.id, "c");
    EXPECT_TRUE(changes_since(table.state, table.state.index).leases.empty());
    for (int i = 0; i < 3; ++i) (void)table.apply(LeaseDeregister{table.add("d")});
    changes = changes_since(table.state, index);
    EXPECT_FALSE(changes.partial);
    EXPECT_EQ(changes.leases.size(), 2U);
    EXPECT_FALSE(changes_since(table.state, table.state.index + 1).partial);
}

TEST(lease_table, an_instance_that_says_it_can_not_serve_is_alive_and_not_healthy_at_once) {
    Table table;
    const auto lease = table.add("node-0");
    (void)table.apply(LeaseChecked{lease, true, ""});
    EXPECT_TRUE(table.apply(LeaseChecked{lease, true, "behind", false}).changed);
    EXPECT_FALSE(table.healthy("node-0"));
    EXPECT_TRUE(table.state.leases.at("node-0").reached);
    EXPECT_EQ(table.state.leases.at("node-0").detail, "behind");
    EXPECT_TRUE(table.apply(LeaseChecked{lease, true, ""}).changed);
    EXPECT_TRUE(table.healthy("node-0"));
}

TEST(lease_table, a_drain_stays_with_the_id) {
    Table table;
    EXPECT_EQ(table.apply(LeaseDrain{"node-0", true}).refused->code, ErrorCode::not_found);
    const auto lease = table.add("node-0");
    EXPECT_TRUE(table.apply(LeaseDrain{"node-0", true}).changed);
    EXPECT_FALSE(table.apply(LeaseDrain{"node-0", true}).changed);
    EXPECT_TRUE(table.apply(LeaseRenew{lease, true, ""}).drained);
    (void)table.add("node-0", second, 2);
    EXPECT_TRUE(table.state.leases.at("node-0").drained);
    // It remembers for a registry that has forgotten.
    Table other;
    const LeaseRegister again{{"node-0", "node", "127.0.0.1:1", 1, 1, false}, second, true};
    EXPECT_TRUE(other.apply(again).drained);
    EXPECT_TRUE(other.apply(LeaseDrain{"node-0", false}).changed);
    EXPECT_FALSE(other.state.leases.at("node-0").drained);
    EXPECT_EQ(other.apply(LeaseDrain{"nobody", false}).refused->code, ErrorCode::not_found);
}

TEST(lease_table, random_walk_keeps_the_invariants) {
    const std::uint32_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    Table table;
    table.config.leases_max = 4;
    table.state.next_lease_id = 1000;
    table.config.removals_max = 8;
    std::set<std::uint64_t> given;
    std::map<std::string, std::uint64_t> view;
    std::uint64_t view_index = 0;
    std::set<std::string> kept;  // by who keeps more of an instance than the table does
    for (int i = 0; i < 20'000; ++i) {
        const auto before = seen(table.state);
        const auto index = table.state.index;
        const auto lease = table.state.next_lease_id - 1 - random() % 6;
        table.now_ns += static_cast<std::int64_t>(random() % 400) * ns_per_ms;
        LeaseEvent event = LeaseTick{};
        switch (random() % 6) {
            case 0:
                event = LeaseRegister{{"node-" + std::to_string(random() % 6), "node", "a:1", 1, random() % 4, false},
                                      static_cast<std::int64_t>(random() % 4) * second};
                break;
            case 1: event = LeaseRenew{lease, random() % 2 == 0, random() % 2 == 0 ? "a" : "b"}; break;
            case 2: event = LeaseDeregister{lease}; break;
            case 3: event = LeaseChecked{lease, random() % 2 == 0, "no answer", random() % 2 == 0}; break;
            case 4: event = LeaseDrain{"node-" + std::to_string(random() % 6), random() % 2 == 0}; break;
            default: break;
        }
        const auto effects = table.apply(event);
        if (std::holds_alternative<LeaseRegister>(event) && effects.lease_id != 0) {
            ASSERT_TRUE(given.insert(effects.lease_id).second) << "lease id given out twice";
            kept.insert(std::get<LeaseRegister>(event).instance.id);
        }
        for (const auto& id : effects.gone) ASSERT_EQ(kept.erase(id), 1U) << "gone, and never there";
        ASSERT_EQ(kept.size(), table.state.leases.size());
        for (const auto& [id, held] : table.state.leases) ASSERT_TRUE(kept.contains(id)) << id << " has gone";
        if (random() % 3 == 0) follow(table.state, view, view_index);
        ASSERT_LE(table.state.removals.size(), table.config.removals_max);
        ASSERT_EQ(table.state.ids.size(), table.state.leases.size());
        ASSERT_EQ(table.state.expiries.size(), table.state.leases.size());
        ASSERT_EQ(table.state.changes.size(), table.state.leases.size());
        // An instance may leave and a like one come in one step; otherwise what is seen and the index move together.
        if (effects.changed) {
            ASSERT_GT(table.state.index, index);
        } else {
            ASSERT_EQ(table.state.index, index);
            ASSERT_EQ(seen(table.state), before);
        }
        ASSERT_LE(table.state.leases.size(), table.config.leases_max);
        for (const auto& [id, held] : table.state.leases) {
            ASSERT_GT(held.expires_ns, table.now_ns);
            ASSERT_EQ(held.instance.healthy, held.ready && held.reached && held.serving);
            ASSERT_EQ(held.instance.healthy, held.detail.empty());
        }
    }
}

}  // namespace
}  // namespace weft::mesh
