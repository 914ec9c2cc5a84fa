#include "chain/fork.hpp"

#include <gtest/gtest.h>

#include <map>

#include "base/fixtures.hpp"
#include "base/json.hpp"

namespace weft::chain {
namespace {

U256 number(const json::Value& value) { return u256_from_number(value.text()).value(); }

/// @return how many vectors there were.
std::size_t check_difficulty(const ChainConfig& config, const json::Value& vectors) {
    for (const auto& [name, vector] : vectors.members()) {
        Header parent;
        parent.number = number(vector["currentBlockNumber"]).low() - 1;
        parent.timestamp = number(vector["parentTimestamp"]).low();
        parent.difficulty = number(vector["parentDifficulty"]);
        // Whether there are any in newer suites, their hash in older ones.
        const U256 ommers = number(vector["parentUncles"]);
        if (!ommers.is_zero() && ommers.to_hash() != empty_list_hash) parent.ommers_hash = Hash{};
        const U256 got = next_difficulty(config, number(vector["currentTimestamp"]).low(), parent);
        EXPECT_EQ(to_quantity(got), to_quantity(number(vector["currentDifficulty"]))) << name;
    }
    return vectors.members().size();
}

TEST(fork, difficulty_is_that_of_the_official_vectors) {
    const auto folder = fixture("ethereum-tests");
    if (!folder) GTEST_SKIP() << no_fixtures;
    std::map<std::string, std::size_t> counts;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(*folder / "DifficultyTests")) {
        if (entry.path().extension() != ".json") continue;
        SCOPED_TRACE(entry.path());
        const auto suite = json::parse(read_fixture(entry.path())).value();
        for (const auto& [network, vectors] : suite.members()[0].second.members()) {
            if (network == "_info") continue;
            const auto fork = fork_from_fixture_name(network);
            ASSERT_TRUE(fork) << network;
            counts[network] += check_difficulty(config_of(*fork), vectors);
        }
    }
    std::size_t total = 0;
    for (const auto& [network, count] : counts) {
        std::printf("DifficultyTests: %-14s %6zu vectors\n", network.c_str(), count);
        total += count;
    }
    EXPECT_EQ(total, 18598U);
}

TEST(fork, difficulty_follows_the_main_network_through_its_forks) {
    const auto folder = fixture("ethereum-tests");
    if (!folder) GTEST_SKIP() << no_fixtures;
    const auto vectors = json::parse(read_fixture(*folder / "BasicTests" / "difficultyMainNetwork.json")).value();
    EXPECT_EQ(check_difficulty(mainnet_config(), vectors), 2254U);
}

TEST(fork, base_fee_moves_towards_half_full_blocks) {
    Header parent;
    EXPECT_EQ(next_base_fee(parent), U256(1'000'000'000));
    parent.base_fee = U256(1'000'000'000);
    parent.gas_limit = 20'000'000;
    const struct {
        std::uint64_t used;
        std::uint64_t want;
    } cases[] = {{10'000'000, 1'000'000'000}, {9'000'000, 987'500'000}, {11'000'000, 1'012'500'000},
                 {20'000'000, 1'125'000'000}, {0, 875'000'000}};
    for (const auto& [used, want] : cases) {
        parent.gas_used = used;
        EXPECT_EQ(next_base_fee(parent), U256(want)) << used;
    }
    parent.base_fee = U256(7);
    parent.gas_used = 10'000'001;
    EXPECT_EQ(next_base_fee(parent), U256(8));  // at least one more
}

TEST(fork, blob_fee_grows_exponentially) {
    const Rules cancun = rules_of_fork(Fork::cancun);
    EXPECT_EQ(blob_base_fee(cancun, 0), U256(1));
    EXPECT_EQ(blob_base_fee(cancun, 2'314'057), U256(1));
    EXPECT_EQ(blob_base_fee(cancun, 2'314'058), U256(2));
    EXPECT_EQ(blob_base_fee(cancun, 10 * 1024 * 1024), U256(23));
    EXPECT_EQ(fake_exponential(U256(38'493), U256(0), U256(1'000)), U256(38'493));
    EXPECT_EQ(fake_exponential(U256(10), U256(8), U256(2)), U256(542));
    EXPECT_EQ(fake_exponential(U256(2), U256(5), U256(2)), U256(23));
    EXPECT_EQ(fake_exponential(U256(1), U256(50'000'000), U256(2'225'652)), U256(5'709'098'764));
    EXPECT_GT(blob_base_fee(cancun, ~0ULL), U256(1) << 200);  // ends, however high
}

TEST(fork, excess_blob_gas_follows_the_target_and_the_reserve_price) {
    Header parent;
    parent.base_fee = U256(1);
    parent.excess_blob_gas = 0;
    parent.blob_gas_used = 6 * gas_per_blob;
    EXPECT_EQ(next_excess_blob_gas(rules_of_fork(Fork::cancun), parent), 3 * gas_per_blob);
    EXPECT_EQ(next_excess_blob_gas(rules_of_fork(Fork::prague), parent), 0U);
    parent.blob_gas_used = 9 * gas_per_blob;
    EXPECT_EQ(next_excess_blob_gas(rules_of_fork(Fork::osaka), parent), 3 * gas_per_blob);
    parent.excess_blob_gas = 100 * gas_per_blob;
    parent.base_fee = U256(1'000'000'000);  // execution is dear, so the blobs' price doesn't fall (EIP-7918)
    parent.blob_gas_used = 0;
    EXPECT_EQ(next_excess_blob_gas(rules_of_fork(Fork::osaka), parent), 100 * gas_per_blob);
    EXPECT_EQ(next_excess_blob_gas(rules_of_fork(Fork::prague), parent), 94 * gas_per_blob);
}

TEST(fork, the_main_network_takes_up_its_forks) {
    const ChainConfig config = mainnet_config();
    const struct {
        std::uint64_t number;
        std::uint64_t time;
        bool merged;
        Fork want;
    } cases[] = {{0, 0, false, Fork::frontier},
                 {1'149'999, 0, false, Fork::frontier},
                 {1'150'000, 0, false, Fork::homestead},
                 {7'280'000, 0, false, Fork::petersburg},
                 {15'537'393, 1'663'224'162, false, Fork::gray_glacier},
                 {15'537'394, 1'663'224'179, true, Fork::paris},
                 {17'034'870, 1'681'338'455, true, Fork::shanghai},
                 {24'000'000, 1'764'798'551, true, Fork::osaka},
                 {24'000'000, 1'767'747'671, true, Fork::bpo2}};
    for (const auto& [block, time, merged, want] : cases) {
        EXPECT_EQ(to_string(rules_at(config, block, time, merged).fork), to_string(want)) << block;
    }
    EXPECT_TRUE(rules_at(config, 1'920'000, 0, false).dao_fork);
    EXPECT_FALSE(rules_at(config, 1'920'001, 0, false).dao_fork);
    EXPECT_EQ(next_fork(config, 1'764'798'551), Fork::bpo1);
    EXPECT_EQ(next_fork(config, 1'767'747'671), std::nullopt);
    EXPECT_EQ(rules_at(config, 24'000'000, 1'767'747'671, true).blobs.max, 21U);
    EXPECT_EQ(rules_at(config, 24'000'000, 1'767'747'671, true).blobs_per_transaction_max, 6U);
}

TEST(fork, fixture_names_become_configurations) {
    EXPECT_EQ(config_from_fixture_name("BerlinToLondonAt5")->at(Fork::london), 5U);
    EXPECT_EQ(config_from_fixture_name("CancunToPragueAtTime15k")->at(Fork::prague), 15'000U);
    EXPECT_EQ(config_from_fixture_name("ArrowGlacierToParisAtDiffC0000")->terminal_total_difficulty, U256(0xc0000));
    EXPECT_FALSE(config_from_fixture_name("Nowhere"));
    EXPECT_FALSE(config_from_fixture_name("BerlinToNowhereAt5"));
}

}  // namespace
}  // namespace weft::chain
