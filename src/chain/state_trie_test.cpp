#include "chain/state_trie.hpp"

#include <map>
#include <random>

#include "chain/test_chain.hpp"
#include "chain/test_workers.hpp"

namespace weft::chain {
namespace {

/// Random changes: accounts come and go, storage is set, zeroed and wiped.
StateChanges random_changes(std::mt19937_64& random) {
    StateChanges changes;
    for (std::uint8_t i = 0; i < 40; ++i) {
        if (random() % 4 != 0) continue;
        AccountChange& change = changes.accounts.emplace_back();
        change.address = address_with_end(i);
        change.deleted = random() % 6 == 0;
        change.account.nonce = random() % 5 + 1;
        change.account.balance = U256(random());
        if (change.deleted) continue;
        change.storage_wiped = random() % 10 == 0;
        for (std::uint64_t key = 0; key < 20; ++key) {
            if (random() % 3 == 0)
                change.slots.push_back({U256(key), change.storage_wiped ? U256(1 + random() % 9) : U256(random() % 9)});
        }
    }
    return changes;
}

TEST(state_trie, what_is_stored_by_path_is_the_state_and_nothing_else) {
    std::mt19937_64 random(4);
    MemoryNodes nodes;
    StateTrie trie(&nodes, empty_trie_root);
    for (int block = 0; block < 150; ++block) {
        StateChanges changes = random_changes(random);
        std::vector<NodeChange> changed;
        const Hash root = trie.apply(changes, &changed);
        nodes.put(changed);
        if (block % 5 == 0) trie.prune();
        if (block % 10 != 0) continue;
        // Read back from the store alone, and stored anew from what was read.
        StateTrie loaded(&nodes, root);
        StateChanges all;
        std::map<Hash, Address> names;
        for (std::uint8_t i = 0; i < 40; ++i) names[Hash(hashed_key(address_with_end(i)))] = address_with_end(i);
        loaded.for_each_account([&](const Hash& hash, const Account& account) {
            AccountChange& change = all.accounts.emplace_back();
            change.address = names.at(hash);
            change.account = account;
        });
        for (auto& change : all.accounts) {
            for (std::uint64_t key = 0; key < 20; ++key) {
                const U256 value = loaded.storage(change.address, U256(key));
                if (!value.is_zero()) change.slots.push_back({U256(key), value});
            }
        }
        ASSERT_FALSE(loaded.damaged());
        MemoryNodes fresh_nodes;
        StateTrie fresh(&fresh_nodes, empty_trie_root);
        changed.clear();
        ASSERT_EQ(fresh.apply(all, &changed), root);
        fresh_nodes.put(changed);
        ASSERT_TRUE(fresh_nodes == nodes);
    }
}

TEST(state_trie, fills_in_storage_roots) {
    StateTrie trie;
    StateChanges changes;
    changes.accounts.push_back(
        {address_with_end(1), false, false, false, {1, U256(1), empty_code_hash, {}}, {{U256(1), U256(2)}}});
    (void)trie.apply(changes, nullptr);
    EXPECT_NE(changes.accounts[0].account.storage_root, empty_trie_root);
    EXPECT_EQ(trie.account(address_with_end(1))->storage_root, changes.accounts[0].account.storage_root);
    changes.accounts[0].slots = {{U256(1), U256{}}};
    (void)trie.apply(changes, nullptr);
    EXPECT_EQ(changes.accounts[0].account.storage_root, empty_trie_root);
}

TEST(state_trie, a_copy_is_a_snapshot) {
    std::mt19937_64 random(8);
    MemoryNodes nodes;
    StateTrie trie(&nodes, empty_trie_root);
    std::vector<std::pair<StateTrie, Hash>> snapshots;
    for (int block = 0; block < 30; ++block) {
        StateChanges changes = random_changes(random);
        std::vector<NodeChange> changed;
        const Hash root = trie.apply(changes, &changed);
        nodes.put(changed);
        snapshots.emplace_back(trie, root);
    }
    for (auto& [snapshot, root] : snapshots) {
        EXPECT_EQ(snapshot.root(), root);
        // Loading needs paths of the snapshot's own version only where it never saw the nodes; here it saw them all.
        snapshot.for_each_account([](const Hash&, const Account&) {});
        EXPECT_FALSE(snapshot.damaged());
    }
}

TEST(state_trie, proofs_begin_at_the_root) {
    TestChain chain;
    const auto account = chain.trie().account_proof(test_address(1));
    ASSERT_FALSE(account.empty());
    EXPECT_EQ(crypto::keccak256(account[0]), chain.trie().root());
    EXPECT_TRUE(chain.trie().storage_proof(test_address(1), U256(1)).empty());
    (void)chain.build({});
    const U256 slot = U256(chain.head().timestamp % 8191);
    Address beacon;
    for (const auto& contract : system_contracts(chain.config(), rules_of_fork(Fork::osaka))) {
        if (contract.name == "BEACON_ROOTS_ADDRESS") beacon = contract.address;
    }
    const auto storage = chain.trie().storage_proof(beacon, slot);
    ASSERT_FALSE(storage.empty());
    EXPECT_EQ(crypto::keccak256(storage[0]), chain.trie().account(beacon)->storage_root);
}

/// Changes of many accounts, one of them with a big storage, on top of what was there.
StateChanges wide_changes(std::mt19937_64& random, std::size_t accounts) {
    StateChanges changes;
    for (std::size_t i = 0; i < accounts; ++i) {
        if (random() % 3 == 0) continue;
        AccountChange& change = changes.accounts.emplace_back();
        change.address.bytes[0] = static_cast<std::uint8_t>(i);
        change.address.bytes[1] = static_cast<std::uint8_t>(i >> 8);
        change.deleted = random() % 8 == 0;
        change.account.nonce = random() % 5 + 1;
        if (change.deleted) continue;
        const std::uint64_t keys = i == 7 ? 3000 : random() % 4;
        for (std::uint64_t key = 0; key < keys; ++key) {
            if (random() % 2 == 0) change.slots.push_back({U256(key), U256(random() % 4)});
        }
    }
    return changes;
}

TEST(state_trie, workers_make_the_trie_that_one_thread_makes) {
    TestWorkers workers(3);
    for (const std::size_t accounts : {1UL, 40UL, 600UL}) {
        SCOPED_TRACE(accounts);
        std::mt19937_64 random(accounts);
        MemoryNodes alone_nodes;
        MemoryNodes shared_nodes;
        StateTrie alone(&alone_nodes, empty_trie_root);
        StateTrie shared(&shared_nodes, empty_trie_root);
        for (int block = 0; block < 12; ++block) {
            StateChanges changes = wide_changes(random, accounts);
            StateChanges same = changes;
            std::vector<NodeChange> nodes;
            const StateTrie before = shared;  // nodes that a snapshot shares must stay as they are
            const Hash root_before = shared.root();
            const Hash root = alone.apply(changes, &nodes);
            alone_nodes.put(nodes);
            nodes.clear();
            ASSERT_EQ(shared.apply(same, &nodes, workers), root) << "block " << block;
            shared_nodes.put(nodes);
            ASSERT_TRUE(shared_nodes == alone_nodes) << "block " << block;
            for (std::size_t i = 0; i < changes.accounts.size(); ++i) {
                ASSERT_EQ(same.accounts[i].account, changes.accounts[i].account);
            }
            StateTrie snapshot = before;
            ASSERT_EQ(snapshot.root(), root_before);
            if (block % 4 == 3) shared = StateTrie(&shared_nodes, root);  // everything to be loaded again
        }
        EXPECT_FALSE(shared.damaged());
    }
}

TEST(state_trie, workers_find_missing_nodes) {
    TestWorkers workers(3);
    std::mt19937_64 random(1);
    MemoryNodes nodes;
    StateTrie trie(&nodes, empty_trie_root);
    StateChanges changes = wide_changes(random, 600);
    std::vector<NodeChange> changed;
    const Hash root = trie.apply(changes, &changed);
    nodes.put(changed);
    // One node below the root that is not there any more.
    nodes.put(std::vector<NodeChange>{{Hash{}, Bytes{5}, {}}});
    StateTrie loaded(&nodes, root);
    (void)loaded.apply(changes, nullptr, workers);
    EXPECT_TRUE(loaded.damaged());
}

}  // namespace
}  // namespace weft::chain
