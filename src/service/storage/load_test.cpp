#include "service/storage/load.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "chain/memory.hpp"
#include "crypto/keccak.hpp"

namespace weft::service::storage {
namespace {

Address address_of(std::uint32_t i) {
    Address out;
    for (std::size_t byte = 0; byte < 4; ++byte) out.bytes[byte] = static_cast<std::uint8_t>(i >> (24 - 8 * byte));
    return out;
}
U256 slot_of(std::uint32_t i) { return U256::from_bytes(crypto::keccak256(U256(i).to_hash())); }

TEST(load, makes_the_database_that_commits_would_make) {
    const std::string path = std::string(WEFT_BUILD_DIR) + "/load_test";
    std::filesystem::remove_all(path);
    LoadState state;
    state.accounts = {40'000, address_of, {}};
    state.accounts.account.balance = U256(1'000'000'000);
    // A storage of each kind: in parts, as a whole, and none.
    LoadContract big{address_of(100'001), {1, 2, 3}, {{U256(1), U256(7)}}, {120'000, slot_of, U256(1) << 40}};
    LoadContract small{
        address_of(100'002), {4}, {{U256(0), U256(9)}, {U256(5), ~U256{}}}, {10, slot_of, U256(1) << 30}};
    LoadContract none{address_of(100'003), {5}, {}, {}};
    state.contracts = {big, small, none};
    std::vector<std::string> steps;
    state.progress = [&](std::string_view step) { steps.emplace_back(step); };

    chain::Genesis genesis = chain::dev_genesis({});
    genesis.alloc.clear();
    DatabaseConfig config;
    config.path = path;
    ASSERT_TRUE(load_database(config, genesis, state));
    EXPECT_FALSE(steps.empty());
    EXPECT_EQ(load_database(config, genesis, state).error().code, ErrorCode::already_exists);

    chain::StateChanges changes;
    for (std::uint32_t i = 0; i < state.accounts.count; ++i) {
        chain::AccountChange change;
        change.address = address_of(i);
        change.account = state.accounts.account;
        changes.accounts.push_back(change);
    }
    for (const auto& contract : state.contracts) {
        chain::AccountChange change;
        change.address = contract.address;
        change.account.nonce = 1;
        change.account.code_hash = crypto::keccak256(contract.code);
        change.slots = contract.slots;
        for (std::uint32_t i = 0; i < contract.many.count; ++i) {
            change.slots.push_back({slot_of(i), contract.many.value});
        }
        changes.accounts.push_back(change);
    }
    chain::StateTrie trie;
    EXPECT_EQ(genesis.header.state_root, trie.apply(changes, nullptr));

    {
        auto database = Database::open(config, genesis);
        ASSERT_TRUE(database) << database.error().message;
        const Head head = (*database)->head();
        StateView view(**database, head.version, 0);
        EXPECT_EQ(view.account(address_of(17))->balance, state.accounts.account.balance);
        EXPECT_FALSE(view.account(address_of(40'000)));
        EXPECT_EQ(view.storage(big.address, slot_of(119'999)), U256(1) << 40);
        EXPECT_EQ(view.storage(small.address, U256(5)), ~U256{});
        EXPECT_EQ(view.storage(small.address, U256(6)), U256{});
        EXPECT_EQ(to_bytes(view.code(crypto::keccak256(big.code))->bytes()), big.code);
        // The stored nodes carry on: the same change gives the same root.
        chain::StateChanges more;
        more.accounts.push_back(changes.accounts[5]);
        more.accounts.push_back(changes.accounts[40'000]);
        more.accounts[0].account.balance = U256(1);
        more.accounts[1].slots = {{slot_of(7), {}}, {U256(99), U256(1)}};
        chain::StateChanges same = more;
        const auto root = (*database)->root(more);
        ASSERT_TRUE(root) << root.error().message;
        EXPECT_EQ(*root, trie.apply(same, nullptr));
    }
    std::filesystem::remove_all(path);
}

}  // namespace
}  // namespace weft::service::storage
