#include "chain/snapshot.hpp"

#include <map>
#include <random>

#include "chain/memory.hpp"
#include "chain/state_trie.hpp"
#include "crypto/keccak.hpp"
#include <gtest/gtest.h>

namespace weft::chain {
namespace {

/// A state in memory that knows what its keys are the hashes of.
class MemorySource final : public SnapshotSource {
  public:
    Bytes node(const Hash& owner, NibblesView path) override { return nodes.node(owner, path); }
    Result<Address> address_of(const Hash& hashed) override { return find(addresses, hashed); }
    Result<U256> slot_of(const Hash& hashed) override { return find(slots, hashed); }
    Result<Bytes> code_of(const Hash& code_hash) override { return find(codes, code_hash); }

    MemoryNodes nodes;
    std::map<Hash, Address> addresses;
    std::map<Hash, U256> slots;
    std::map<Hash, Bytes> codes;

  private:
    template <class Value>
    static Result<Value> find(const std::map<Hash, Value>& in, const Hash& hash) {
        const auto at = in.find(hash);
        if (at == in.end()) return fail(ErrorCode::not_found, "not kept");
        return at->second;
    }
};

struct World {
    std::mt19937_64 random;
    MemorySource source;
    std::map<Hash, SnapshotAccount> accounts;
    Hash root = empty_trie_root;

    /// Accounts without anything, with code that others have too, with some slots and with many.
    explicit World(std::uint64_t seed, std::size_t count = 60) : random(seed) {
        StateChanges changes;
        for (std::size_t i = 0; i < count; ++i) {
            AccountChange& change = changes.accounts.emplace_back();
            for (auto& byte : change.address.bytes) byte = static_cast<std::uint8_t>(random());
            change.account.nonce = i;
            change.account.balance = U256(random());
            if (i % 3 == 0) change.account.code_hash = code(i % 4);
            const std::size_t slots = i % 5 != 1 ? 0 : i % 10 == 1 ? 3 : 150;
            for (std::size_t k = 0; k < slots; ++k) {
                change.slots.push_back({U256(random() % 100'000), U256(1 + random() % 300)});
                source.slots[crypto::keccak256(change.slots.back().key.to_hash())] = change.slots.back().key;
            }
            source.addresses[crypto::keccak256(change.address)] = change.address;
        }
        StateTrie trie;
        std::vector<NodeChange> nodes;
        root = trie.apply(changes, &nodes);
        source.nodes.put(nodes);
        for (const auto& change : changes.accounts) {
            auto& out = accounts[crypto::keccak256(change.address)];
            out = {change.address, change.account, {}};
            std::map<Hash, SlotChange> ordered;
            for (const auto& slot : change.slots) ordered[crypto::keccak256(slot.key.to_hash())] = slot;
            for (const auto& [hash, slot] : ordered) {
                out.slots.push_back({slot.key, trie.storage(change.address, slot.key)});
            }
        }
    }

    Hash code(std::uint8_t number) {
        const Bytes bytes(200, number);
        const Hash hash = crypto::keccak256(bytes);
        source.codes[hash] = bytes;
        return hash;
    }
    SnapshotChunk chunk(const SnapshotRange& range, std::uint64_t bytes) {
        auto made = make_chunk(source, root, range, bytes);
        EXPECT_TRUE(made) << made.error().message;
        return *std::move(made);
    }
};

/// Takes chunks as a receiver does. @return  how many there were.
std::size_t take_all(World& world, std::uint64_t bytes, SnapshotRange range, MemorySource& into,
                     std::map<Hash, SnapshotAccount>& accounts) {
    for (std::size_t count = 1;; ++count) {
        const SnapshotChunk chunk = world.chunk(range, bytes);
        std::vector<NodeChange> nodes;
        const auto next = verify_chunk(world.root, range, chunk, &nodes);
        EXPECT_TRUE(next) << next.error().message;
        if (!next) return 0;
        into.nodes.put(nodes);
        for (const auto& code : chunk.codes) into.codes[crypto::keccak256(code)] = code;
        for (const auto& account : chunk.accounts) {
            auto& out = accounts[crypto::keccak256(account.address)];
            out.address = account.address;
            out.account = account.account;
            out.slots.insert(out.slots.end(), account.slots.begin(), account.slots.end());
        }
        if (!*next) return count;
        range = **next;
    }
}

void expect_same(const World& world, const MemorySource& got, const std::map<Hash, SnapshotAccount>& accounts) {
    EXPECT_TRUE(got.nodes == world.source.nodes);
    EXPECT_EQ(got.codes, world.source.codes);
    ASSERT_EQ(accounts.size(), world.accounts.size());
    for (const auto& [hash, wanted] : world.accounts) {
        const auto& account = accounts.at(hash);
        EXPECT_EQ(account.address, wanted.address);
        EXPECT_EQ(account.account, wanted.account);
        EXPECT_EQ(account.slots, wanted.slots);
    }
}

TEST(snapshot, chunks_of_any_size_bring_the_whole_state) {
    std::size_t chunks = 0;
    for (const std::uint64_t bytes : {1ULL, 100ULL, 1000ULL, 5000ULL, 1ULL << 30}) {
        for (std::uint64_t seed = 0; seed < 3; ++seed) {
            SCOPED_TRACE(bytes);
            SCOPED_TRACE(seed);
            World world(seed);
            MemorySource got;
            std::map<Hash, SnapshotAccount> accounts;
            chunks = take_all(world, bytes, {}, got, accounts);
            expect_same(world, got, accounts);
        }
    }
    EXPECT_EQ(chunks, 1U);
}

TEST(snapshot, parts_of_the_key_space_are_taken_apart_from_one_another) {
    World world(9);
    MemorySource got;
    std::map<Hash, SnapshotAccount> accounts;
    for (std::uint8_t part = 16; part-- > 0;) {
        SnapshotRange range;
        range.first.bytes[0] = static_cast<std::uint8_t>(part << 4);
        range.last.bytes[0] = static_cast<std::uint8_t>(part << 4 | 15);
        EXPECT_GT(take_all(world, 2000, range, got, accounts), 0U);
    }
    expect_same(world, got, accounts);
}

TEST(snapshot, a_state_without_accounts_is_one_empty_chunk) {
    World world(1, 0);
    MemorySource got;
    std::map<Hash, SnapshotAccount> accounts;
    EXPECT_EQ(take_all(world, 100, {}, got, accounts), 1U);
    EXPECT_TRUE(accounts.empty());
}

TEST(snapshot, no_chunk_is_made_of_what_was_asked_for_wrongly_or_was_not_kept) {
    World world(2);
    const Hash first = world.accounts.begin()->first;
    EXPECT_EQ(make_chunk(world.source, world.root, {last_key, Hash{}, {}}).error().code, ErrorCode::invalid_argument);
    const Hash beside = key_after(first);
    EXPECT_EQ(make_chunk(world.source, world.root, {beside, last_key, first}).error().code,
              ErrorCode::invalid_argument);
    world.source.addresses.erase(first);
    EXPECT_EQ(make_chunk(world.source, world.root, {}).error().code, ErrorCode::not_found);
}

using Forge = bool (*)(SnapshotChunk& chunk, const SnapshotRange& range);
struct Forgery {
    const char* name;
    Forge forge;  // false: nothing to forge
};
const Forgery forgeries[] = {
    {"another address", [](SnapshotChunk& chunk, const SnapshotRange&) {
         if (chunk.accounts.empty()) return false;
         chunk.accounts.front().address.bytes[5] ^= 1;
         return true;
     }},
    {"a richer account", [](SnapshotChunk& chunk, const SnapshotRange&) {
         if (chunk.accounts.empty()) return false;
         chunk.accounts.back().account.balance = chunk.accounts.back().account.balance + U256(1);
         return true;
     }},
    {"an account is missing", [](SnapshotChunk& chunk, const SnapshotRange&) {
         if (chunk.accounts.empty()) return false;
         chunk.accounts.pop_back();
         return true;
     }},
    {"another slot value", [](SnapshotChunk& chunk, const SnapshotRange&) {
         for (auto& account : chunk.accounts) {
             if (account.slots.empty()) continue;
             account.slots.front().value = account.slots.front().value + U256(1);
             return true;
         }
         return false;
     }},
    {"another slot key", [](SnapshotChunk& chunk, const SnapshotRange&) {
         for (auto& account : chunk.accounts) {
             if (account.slots.empty()) continue;
             account.slots.back().key = account.slots.back().key + U256(1);
             return true;
         }
         return false;
     }},
    {"a slot is missing", [](SnapshotChunk& chunk, const SnapshotRange&) {
         for (auto& account : chunk.accounts) {
             if (account.slots.empty()) continue;
             account.slots.pop_back();
             return true;
         }
         return false;
     }},
    {"a slot that holds nothing", [](SnapshotChunk& chunk, const SnapshotRange&) {
         if (chunk.accounts.empty()) return false;
         chunk.accounts.front().slots.push_back({U256(5), U256{}});
         return true;
     }},
    {"slots of an account without any", [](SnapshotChunk& chunk, const SnapshotRange&) {
         for (auto& account : chunk.accounts) {
             if (!account.slots.empty()) continue;
             account.slots.push_back({U256(5), U256(5)});
             return true;
         }
         return false;
     }},
    {"a code is missing", [](SnapshotChunk& chunk, const SnapshotRange&) {
         if (chunk.codes.empty()) return false;
         chunk.codes.pop_back();
         return true;
     }},
    {"a code twice", [](SnapshotChunk& chunk, const SnapshotRange&) {
         if (chunk.codes.empty()) return false;
         chunk.codes.push_back(chunk.codes[0]);
         return true;
     }},
    {"another code", [](SnapshotChunk& chunk, const SnapshotRange&) {
         if (chunk.codes.empty()) return false;
         chunk.codes[0][0] ^= 1;
         return true;
     }},
    {"a code of nobody", [](SnapshotChunk& chunk, const SnapshotRange&) {
         chunk.codes.push_back({1, 2, 3});
         return true;
     }},
    {"it claims to be complete", [](SnapshotChunk& chunk, const SnapshotRange& range) {
         if (chunk.last == range.last) return false;
         chunk.last = range.last;
         chunk.slot_last = last_key;
         return true;
     }},
    {"it claims all slots", [](SnapshotChunk& chunk, const SnapshotRange&) {
         if (chunk.slot_last == last_key) return false;
         chunk.slot_last = last_key;
         return true;
     }},
    {"it claims one slot's gap", [](SnapshotChunk& chunk, const SnapshotRange&) {
         if (chunk.slot_last == last_key) return false;
         chunk.slot_last = key_after(chunk.slot_last);
         return true;
     }},
    {"it ends beyond its last account", [](SnapshotChunk& chunk, const SnapshotRange& range) {
         if (chunk.last == range.last) return false;
         chunk.last = key_after(chunk.last);
         return true;
     }},
    {"it ends before it begins", [](SnapshotChunk& chunk, const SnapshotRange& range) {
         if (range.first.is_zero()) return false;
         chunk.last = Hash{};
         return true;
     }},
    {"no proof", [](SnapshotChunk& chunk, const SnapshotRange&) {
         if (chunk.account_proof.empty()) return false;
         chunk.account_proof.clear();
         return true;
     }},
    {"no proof of the slots", [](SnapshotChunk& chunk, const SnapshotRange&) {
         if (chunk.slot_proof.empty()) return false;
         chunk.slot_proof.clear();
         return true;
     }},
    {"more proof of the slots", [](SnapshotChunk& chunk, const SnapshotRange&) {
         chunk.slot_proof.push_back({0xc0});
         return true;
     }},
};

TEST(snapshot, a_forged_chunk_is_refused) {
    std::map<std::string, std::size_t> refused;
    World world(4);
    for (const std::uint64_t bytes : {1ULL, 900ULL, 5000ULL, 1ULL << 30}) {
        std::optional<SnapshotRange> range = SnapshotRange{};
        while (range) {
            const SnapshotChunk chunk = world.chunk(*range, bytes);
            for (const auto& [name, forge] : forgeries) {
                SCOPED_TRACE(name);
                SnapshotChunk forged = chunk;
                if (!forge(forged, *range)) continue;
                const auto verified = verify_chunk(world.root, *range, forged);
                ASSERT_FALSE(verified);
                ASSERT_EQ(verified.error().code, ErrorCode::invalid_argument);
                ++refused[name];
            }
            const auto next = verify_chunk(world.root, *range, chunk);
            ASSERT_TRUE(next) << next.error().message;
            range = *next;
        }
    }
    for (const auto& [name, forge] : forgeries) EXPECT_GT(refused[name], 0U) << name;
}

/// Proofs of nothing would be right too, and would never end.
TEST(snapshot, a_chunk_that_brings_nothing_is_refused) {
    World world(6);
    const Hash first = world.accounts.begin()->first;
    SnapshotChunk chunk;
    ASSERT_FALSE(first.is_zero());
    chunk.last = Hash{};
    chunk.account_proof = prove_range(world.source, Hash{}, world.root, {Hash{}, chunk.last}).value();
    ASSERT_TRUE(verify_range(world.root, {Hash{}, chunk.last}, {}, chunk.account_proof));
    EXPECT_FALSE(verify_chunk(world.root, {}, chunk));
}

TEST(snapshot, a_chunk_of_another_range_is_refused) {
    World world(7);
    const SnapshotChunk chunk = world.chunk({}, 3000);
    const auto next = verify_chunk(world.root, {}, chunk);
    ASSERT_TRUE(next && *next);
    EXPECT_FALSE(verify_chunk(world.root, **next, chunk));
    EXPECT_FALSE(verify_chunk(world.root, {}, world.chunk(**next, 3000)));
}

}  // namespace
}  // namespace weft::chain
