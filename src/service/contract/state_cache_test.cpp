#include "service/contract/state_cache.hpp"

#include <gtest/gtest.h>

namespace weft::service::contract {
namespace {

using Position = StateCache::Position;
const Address alice{{0xaa}};
const Address bob{{0xbb}};
const U256 key{7};

chain::Account with_balance(std::uint64_t balance) {
    chain::Account out;
    out.balance = balance;
    return out;
}

api::storage::OpenStateReply at(std::uint64_t line, std::uint64_t version) {
    api::storage::OpenStateReply out;
    out.line = line;
    out.version = version;
    out.changes_known = true;
    return out;
}

class StateCacheTest : public testing::Test {
  protected:
    StateCacheTest() {
        cache_.advance({}, at(1, 10));
        cache_.keep_account({1, 10}, alice, with_balance(5));
        cache_.keep_slot({1, 10}, alice, key, 50);
    }
    void advance(const api::storage::OpenStateReply& reply) { cache_.advance(cache_.position(), reply); }
    StateCache cache_;
};

TEST_F(StateCacheTest, what_did_not_change_is_right_for_every_version_since_it_was_read) {
    advance(at(1, 12));
    for (const std::uint64_t version : {10, 11, 12}) {
        SCOPED_TRACE(version);
        EXPECT_EQ(cache_.account({1, version}, alice)->value().balance, U256(5));
        EXPECT_EQ(cache_.slot({1, version}, alice, key), U256(50));
    }
    EXPECT_FALSE(cache_.account({1, 9}, alice));
    EXPECT_FALSE(cache_.account({1, 13}, alice));
}

TEST_F(StateCacheTest, what_changed_is_dropped_and_the_rest_stays) {
    cache_.keep_account({1, 10}, bob, std::nullopt);
    auto reply = at(1, 11);
    reply.changed_accounts = {alice};
    advance(reply);
    EXPECT_FALSE(cache_.account({1, 11}, alice));
    EXPECT_EQ(cache_.slot({1, 11}, alice, key), U256(50));
    ASSERT_TRUE(cache_.account({1, 11}, bob));
    EXPECT_FALSE(*cache_.account({1, 11}, bob)) << "that an account does not exist is known, too";
    reply = at(1, 12);
    reply.changed_slots = {{alice, key}};
    advance(reply);
    EXPECT_FALSE(cache_.slot({1, 12}, alice, key));
}

TEST_F(StateCacheTest, a_wiped_account_loses_slots_that_nobody_mentions) {
    cache_.keep_slot({1, 10}, bob, key, 51);
    auto reply = at(1, 11);
    reply.wiped_accounts = {alice};
    advance(reply);
    EXPECT_FALSE(cache_.slot({1, 11}, alice, key));
    EXPECT_EQ(cache_.slot({1, 11}, bob, key), U256(51));
}

TEST_F(StateCacheTest, changes_that_are_not_known_drop_the_state) {
    auto reply = at(1, 11);
    reply.changes_known = false;
    advance(reply);
    EXPECT_FALSE(cache_.account({1, 11}, alice));
    EXPECT_FALSE(cache_.account({1, 10}, alice));
    EXPECT_FALSE(cache_.slot({1, 11}, alice, key));
}

TEST_F(StateCacheTest, another_line_begins_empty_and_late_answers_of_the_old_one_change_nothing) {
    const auto asked_at = cache_.position();
    advance(at(2, 8));
    EXPECT_EQ(cache_.position().line, 2U);
    EXPECT_FALSE(cache_.account({2, 8}, alice));
    cache_.advance(asked_at, at(1, 11));
    EXPECT_EQ(cache_.position().line, 2U);
    EXPECT_EQ(cache_.position().version, 8U);
    cache_.keep_account({1, 8}, alice, with_balance(9));
    EXPECT_FALSE(cache_.account({2, 8}, alice)) << "of another line with the same version";
}

TEST_F(StateCacheTest, values_of_an_older_version_are_not_kept) {
    advance(at(1, 11));
    cache_.keep_account({1, 10}, bob, with_balance(1));
    EXPECT_FALSE(cache_.account({1, 11}, bob));
    EXPECT_FALSE(cache_.account({1, 10}, bob));
}

TEST_F(StateCacheTest, answers_may_overtake_one_another) {
    const auto asked_at = cache_.position();
    auto later = at(1, 12);
    later.changed_accounts = {alice};
    cache_.advance(asked_at, later);
    cache_.keep_account({1, 12}, alice, with_balance(6));
    auto earlier = at(1, 11);
    earlier.changed_accounts = {alice};
    cache_.advance(asked_at, earlier);
    EXPECT_EQ(cache_.position().version, 12U);
    EXPECT_EQ(cache_.account({1, 12}, alice)->value().balance, U256(6));
}

TEST_F(StateCacheTest, code_outlives_every_change_and_is_known_by_its_account) {
    const Bytes bytes{0x60, 0x01};
    const Hash hash{{0x11}};
    auto account = with_balance(1);
    account.code_hash = hash;
    EXPECT_FALSE(cache_.has_code_of(bob));
    cache_.keep_account({1, 10}, bob, account);
    EXPECT_FALSE(cache_.has_code_of(bob));
    (void)cache_.keep_code(hash, bytes);
    advance(at(2, 1));
    EXPECT_TRUE(cache_.has_code_of(bob));
    ASSERT_TRUE(cache_.code(hash));
    EXPECT_TRUE(std::ranges::equal(cache_.code(hash)->bytes(), bytes));
}

TEST(state_cache, is_bounded) {
    StateCache cache({.accounts_max = 4, .slots_max = 4, .code_size_max = 100, .block_hashes_max = 4});
    cache.advance({}, at(1, 1));
    std::size_t accounts = 0;
    std::size_t slots = 0;
    std::size_t codes = 0;
    std::size_t hashes = 0;
    for (std::uint8_t i = 1; i <= 50; ++i) {
        cache.keep_account({1, 1}, Address{{i}}, with_balance(1));
        cache.keep_slot({1, 1}, alice, i, 1);
        (void)cache.keep_code(Hash{{i}}, Bytes(30, i));
        cache.keep_block_hash({1, 1}, i, Hash{{i}});
    }
    for (std::uint8_t i = 1; i <= 50; ++i) {
        accounts += cache.account({1, 1}, Address{{i}}) ? 1 : 0;
        slots += cache.slot({1, 1}, alice, i) ? 1 : 0;
        codes += cache.code(Hash{{i}}) ? 1 : 0;
        hashes += cache.block_hash({1, 1}, i) ? 1 : 0;
    }
    EXPECT_EQ(accounts, 4U);
    EXPECT_EQ(slots, 4U);
    EXPECT_LE(codes, 3U);
    EXPECT_GE(codes, 1U);
    EXPECT_EQ(hashes, 4U);
}

}  // namespace
}  // namespace weft::service::contract
