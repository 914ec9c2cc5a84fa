#include "chain/state.hpp"

#include <map>
#include <random>

#include "chain/test_chain.hpp"
#include "evm/code.hpp"

namespace weft::chain {
namespace {

/// Committed accounts and slots in maps.
struct MapReader final : StateReader {
    std::map<Address, Account> accounts;
    std::map<std::pair<Address, Hash>, U256> slots;
    MemoryCodes codes;

    std::optional<Account> account(const Address& address) override {
        const auto found = accounts.find(address);
        if (found == accounts.end()) return std::nullopt;
        return found->second;
    }
    U256 storage(const Address& address, const U256& key) override {
        const auto found = slots.find({address, key.to_hash()});
        return found == slots.end() ? U256{} : found->second;
    }
    evm::CodePtr code(const Hash& hash) override { return codes.code(hash); }
    Hash block_hash(std::uint64_t number) override { return U256(number + 1).to_hash(); }
    bool has_storage(const Address& address) override {
        for (const auto& [key, value] : slots) {
            if (key.first == address && !value.is_zero()) return true;
        }
        return false;
    }
    /// Takes changes in as a store would.
    void apply(const StateChanges& changes) {
        codes.put(changes.codes);
        for (const auto& change : changes.accounts) {
            if (change.deleted || change.storage_wiped) {
                std::erase_if(slots, [&](const auto& item) { return item.first.first == change.address; });
            }
            if (change.deleted) {
                accounts.erase(change.address);
                continue;
            }
            accounts[change.address] = change.account;
            for (const auto& slot : change.slots) slots[{change.address, slot.key.to_hash()}] = slot.value;
        }
    }
};

const Address a = address_with_end(1);
const Address b = address_with_end(2);

struct StateFixture {
    MapReader reader;
    State state{reader};
    explicit StateFixture(evm::Revision revision = evm::Revision::osaka) {
        reader.accounts[a] = {5, U256(100), empty_code_hash, empty_trie_root};
        reader.slots[{a, U256(1).to_hash()}] = U256(11);
        state.begin_block(300, revision);
    }
};

TEST(state, revert_undoes_everything) {
    StateFixture f;
    State& s = f.state;
    (void)s.storage(a, U256(1));
    const auto checkpoint = s.checkpoint();
    s.set_balance(a, U256(1));
    s.set_nonce(a, 9);
    s.set_code(a, {1, 2, 3});
    s.set_storage(a, U256(1), U256(22));
    s.set_transient_storage(a, U256(1), U256(33));
    s.create_account(b);
    s.add_balance(b, U256(7));
    s.emit_log({a, {}, {}});
    EXPECT_TRUE(s.warm_account(b));
    EXPECT_TRUE(s.warm_storage(a, U256(1)));
    EXPECT_TRUE(s.schedule_destruction(a));
    EXPECT_FALSE(s.schedule_destruction(a));
    s.revert(checkpoint);
    EXPECT_EQ(s.balance(a), U256(100));
    EXPECT_EQ(s.nonce(a), 5U);
    EXPECT_EQ(s.code(a)->size(), 0U);
    EXPECT_EQ(s.storage(a, U256(1)), U256(11));
    EXPECT_EQ(s.transient_storage(a, U256(1)), U256{});
    EXPECT_FALSE(s.account(b));
    EXPECT_FALSE(s.created_in_transaction(b));
    EXPECT_TRUE(s.logs().empty());
    EXPECT_TRUE(s.warm_account(b));
    EXPECT_TRUE(s.warm_storage(a, U256(1)));
    s.end_transaction();
    EXPECT_TRUE(s.take_changes().empty());
}

TEST(state, originals_and_warmth_last_one_transaction) {
    StateFixture f;
    f.state.set_storage(a, U256(1), U256(22));
    EXPECT_EQ(f.state.storage_values(a, U256(1)).original, U256(11));
    EXPECT_TRUE(f.state.warm_account(a));
    f.state.set_transient_storage(a, U256(1), U256(5));
    f.state.end_transaction();
    f.state.begin_transaction();
    EXPECT_EQ(f.state.storage_values(a, U256(1)).original, U256(22));
    EXPECT_TRUE(f.state.warm_account(a));
    EXPECT_EQ(f.state.transient_storage(a, U256(1)), U256{});
}

TEST(state, touched_empty_accounts_go_from_spurious_dragon_on) {
    for (const auto revision : {evm::Revision::homestead, evm::Revision::spurious_dragon}) {
        StateFixture f(revision);
        f.reader.accounts[b] = {};
        f.state.touch(b);
        f.state.touch(address_with_end(3));
        f.state.end_transaction();
        const auto changes = f.state.take_changes();
        ASSERT_EQ(changes.accounts.size(), 1U);
        const bool dragon = revision == evm::Revision::spurious_dragon;
        EXPECT_EQ(changes.accounts[0].deleted, dragon);
        EXPECT_EQ(changes.accounts[0].address, dragon ? b : address_with_end(3));
    }
}

TEST(state, the_ripemd_touch_survives_a_revert) {
    StateFixture f(evm::Revision::spurious_dragon);
    Address ripemd;
    ripemd.bytes[19] = 3;
    f.reader.accounts[ripemd] = {};
    f.reader.accounts[b] = {};
    const auto checkpoint = f.state.checkpoint();
    f.state.touch(ripemd);
    f.state.touch(b);
    f.state.revert(checkpoint);
    f.state.end_transaction();
    const auto changes = f.state.take_changes();
    ASSERT_EQ(changes.accounts.size(), 1U);
    EXPECT_EQ(changes.accounts[0].address, ripemd);
}

TEST(state, destroyed_accounts_lose_their_storage_even_if_they_come_back) {
    StateFixture f;
    EXPECT_TRUE(f.state.schedule_destruction(a));
    f.state.end_transaction();
    f.state.begin_transaction();
    EXPECT_EQ(f.state.storage(a, U256(1)), U256{});
    EXPECT_FALSE(f.state.has_collision(a));
    f.state.add_balance(a, U256(1));
    f.state.set_storage(a, U256(2), U256(3));
    f.state.end_transaction();
    const auto changes = f.state.take_changes();
    ASSERT_EQ(changes.accounts.size(), 1U);
    EXPECT_FALSE(changes.accounts[0].deleted);
    EXPECT_TRUE(changes.accounts[0].storage_wiped);
    EXPECT_EQ(changes.accounts[0].slots, (std::vector<SlotChange>{{U256(2), U256(3)}}));
}

TEST(state, storage_alone_is_a_collision) {
    StateFixture f;
    f.reader.accounts[b] = {0, U256(1), empty_code_hash, empty_trie_root};
    EXPECT_FALSE(f.state.has_collision(b));
    f.reader.slots[{b, U256(1).to_hash()}] = U256(1);
    EXPECT_TRUE(f.state.has_collision(b));
    EXPECT_TRUE(f.state.has_collision(a));
    EXPECT_FALSE(f.state.has_collision(address_with_end(3)));
}

TEST(state, block_hashes_reach_back_256_blocks) {
    StateFixture f;
    EXPECT_EQ(f.state.block_hash(299), U256(300).to_hash());
    EXPECT_EQ(f.state.block_hash(44), U256(45).to_hash());
    EXPECT_EQ(f.state.block_hash(43), Hash{});
    EXPECT_EQ(f.state.block_hash(300), Hash{});
}

TEST(state, clones_go_their_own_way) {
    StateFixture f;
    f.state.set_balance(a, U256(7));
    State copy = f.state.clone();
    copy.set_balance(a, U256(8));
    copy.set_storage(a, U256(1), U256(9));
    EXPECT_EQ(f.state.balance(a), U256(7));
    EXPECT_EQ(f.state.storage(a, U256(1)), U256(11));
    EXPECT_EQ(copy.balance(a), U256(8));
}

/// Random transactions, some reverted in part; the changes taken at random times must give the same committed state
/// whether applied one by one or merged.
TEST(state, merged_changes_equal_those_applied_in_turn) {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        MapReader base;
        base.accounts[a] = {1, U256(100), empty_code_hash, empty_trie_root};
        base.slots[{a, U256(0).to_hash()}] = U256(4);
        MapReader in_turn = base;
        State state(base);
        state.begin_block(1, evm::Revision::shanghai);
        StateChanges merged;
        StateTrie trie_in_turn;
        StateTrie trie_merged;
        StateChanges start{{{a, false, false, false, base.accounts[a], {{U256(0), U256(4)}}}}, {}};
        (void)trie_in_turn.apply(start, nullptr);
        (void)trie_merged.apply(start, nullptr);
        for (int transaction = 0; transaction < 12; ++transaction) {
            state.begin_transaction();
            for (int i = 0; i < 6; ++i) {
                const Address who = address_with_end(static_cast<std::uint8_t>(1 + random() % 3));
                const auto checkpoint = state.checkpoint();
                switch (random() % 6) {
                    case 0: state.add_balance(who, U256(random() % 3)); break;
                    case 1:
                        if (state.account(who)) state.set_storage(who, U256(random() % 3), U256(random() % 3));
                        break;
                    case 2: state.set_code(who, Bytes(random() % 3, 1)); break;
                    case 3: (void)state.schedule_destruction(who); break;
                    case 4:
                        if (!state.has_collision(who)) state.create_account(who);
                        break;
                    case 5: state.set_nonce(who, random() % 3); break;
                }
                if (random() % 3 == 0) state.revert(checkpoint);
            }
            state.end_transaction();
            if (random() % 2 == 0) continue;
            StateChanges changes = state.take_changes();
            in_turn.apply(changes);
            merge(merged, changes);
            (void)trie_in_turn.apply(changes, nullptr);
        }
        StateChanges last = state.take_changes();
        in_turn.apply(last);
        merge(merged, last);
        (void)trie_in_turn.apply(last, nullptr);
        MapReader at_once = base;
        at_once.apply(merged);
        std::erase_if(in_turn.slots, [](const auto& item) { return item.second.is_zero(); });
        std::erase_if(at_once.slots, [](const auto& item) { return item.second.is_zero(); });
        const auto plain = [](const MapReader& reader) {
            auto accounts = reader.accounts;
            for (auto& [address, account] : accounts) account.storage_root = {};
            return accounts;
        };
        ASSERT_EQ(plain(at_once), plain(in_turn));
        ASSERT_EQ(at_once.slots, in_turn.slots);
        ASSERT_EQ(trie_merged.apply(merged, nullptr), trie_in_turn.root());
    }
}

}  // namespace
}  // namespace weft::chain
