#include "mesh/discovery.hpp"

#include <gtest/gtest.h>

namespace weft::mesh {
namespace {

constexpr std::int64_t second = ns_per_s;

Instance node(int number, bool healthy = true) {
    return {"node-" + std::to_string(number), "node", "127.0.0.1:" + std::to_string(1000 + number), 1, 1, healthy};
}

TEST(discovery, keeps_the_last_view_while_the_registry_is_away) {
    const DiscoveryConfig config;
    DiscoveryState state;
    EXPECT_TRUE(step(config, state, Listed{{node(0)}, 5, 77}, 0).changed);
    EXPECT_FALSE(step(config, state, Listed{{node(0)}, 6, 77}, 0).changed);
    EXPECT_EQ(state.index, 6U);
    std::int64_t wait = 0;
    for (int i = 0; i < 20; ++i) {
        const auto effects = step(config, state, ListFailed{0}, i * second);
        EXPECT_FALSE(effects.changed);
        EXPECT_GE(effects.wait_ns, wait);
        wait = effects.wait_ns;
    }
    EXPECT_EQ(wait, config.backoff.max_ns);
    EXPECT_EQ(state.instances.size(), 1U);
    EXPECT_EQ(step(config, state, Listed{{node(0)}, 7, 77}, 0).wait_ns, 0);
    EXPECT_EQ(state.failures, 0U);
}

TEST(discovery, an_instance_that_left_is_gone_at_once) {
    const DiscoveryConfig config;
    DiscoveryState state;
    (void)step(config, state, Listed{{node(0), node(1)}, 5, 77}, 0);
    EXPECT_TRUE(step(config, state, Listed{{node(1)}, 6, 77}, 1).changed);
    EXPECT_EQ(state.instances, std::vector{node(1)});
}

TEST(discovery, a_registry_that_restarted_empties_nothing_within_the_grace) {
    const DiscoveryConfig config;
    DiscoveryState state;
    (void)step(config, state, Listed{{node(0), node(1)}, 5, 77}, 0);
    EXPECT_FALSE(step(config, state, Listed{{}, 0, 78}, second).changed);
    EXPECT_EQ(state.epoch, 78U);
    EXPECT_EQ(state.index, 0U);
    // One comes back, not checked yet: it stays healthy meanwhile, under its old address alone.
    (void)step(config, state, Listed{{node(0, false)}, 1, 78}, 2 * second);
    ASSERT_EQ(state.instances.size(), 2U);
    EXPECT_TRUE(state.instances[0].healthy);
    EXPECT_EQ(poll_ns(state, 20 * second, 2 * second), 2 * second);
    // The other does not: with the grace it is gone.
    EXPECT_TRUE(step(config, state, Listed{{node(0)}, 2, 78}, 4 * second).changed);
    EXPECT_EQ(state.instances, std::vector{node(0)});
    EXPECT_EQ(poll_ns(state, 20 * second, 4 * second), 20 * second);
}

TEST(discovery, a_new_address_within_the_grace_waits_for_its_check) {
    const DiscoveryConfig config;
    DiscoveryState state;
    (void)step(config, state, Listed{{node(0)}, 5, 77}, 0);
    auto moved = node(0, false);
    moved.address = "127.0.0.1:9";
    (void)step(config, state, Listed{{moved}, 1, 78}, second);
    EXPECT_EQ(state.instances, std::vector{moved});
}

TEST(discovery, the_first_answer_is_no_new_epoch) {
    DiscoveryState state;
    EXPECT_TRUE(step({}, state, Listed{{}, 0, 77}, 0).changed);
    EXPECT_EQ(state.kept_until_ns, 0);
}

TEST(discovery, changes_alone_make_the_same_view_as_all) {
    const DiscoveryConfig config;
    DiscoveryState state;
    EXPECT_FALSE(wants_changes(state));
    (void)step(config, state, Listed{{node(2), node(0), node(1)}, 5, 77}, 0);
    EXPECT_TRUE(wants_changes(state));
    EXPECT_FALSE(step(config, state, Listed{{}, 6, 77, true, {"nobody"}}, 0).changed);
    EXPECT_FALSE(step(config, state, Listed{{node(1)}, 7, 77, true, {"node-1"}}, 0).changed);  // gone for a moment
    EXPECT_TRUE(step(config, state, Listed{{node(3), node(1, false)}, 8, 77, true, {"node-0"}}, 0).changed);
    EXPECT_EQ(state.instances, (std::vector{node(1, false), node(2), node(3)}));
    EXPECT_EQ(state.index, 8U);
    // After a restart of the registry some are kept that it doesn't list, and it is asked for all until that ends.
    (void)step(config, state, Listed{{}, 1, 78}, second);
    EXPECT_FALSE(wants_changes(state));
    EXPECT_EQ(state.instances.size(), 3U);
    (void)step(config, state, Listed{{node(3)}, 2, 78}, second + config.grace_ns);
    EXPECT_TRUE(wants_changes(state));
    EXPECT_EQ(state.instances, std::vector{node(3)});
}

}  // namespace
}  // namespace weft::mesh
