#include "chain/pool.hpp"

#include <map>
#include <random>

#include "chain/test_chain.hpp"
#include "crypto/kzg.hpp"
#include "crypto/kzg_blob.hpp"

namespace weft::chain {
namespace {

constexpr std::uint64_t gwei = 1'000'000'000;

/// A pool whose accounts are a map.
struct PoolFixture {
    Pool pool;
    std::map<Address, PoolAccount> accounts;
    std::int64_t now = 0;

    explicit PoolFixture(PoolLimits limits = {}) : pool(limits) {
        (void)pool.reset(head(), {}, {}, reader(), 0);
        for (std::uint64_t key = 1; key < 6; ++key)
            accounts[test_address(key)] = {0, U256(gwei) * U256(gwei), false, false};
    }
    static PoolHead head() {
        PoolHead head;
        head.rules = rules_of_fork(Fork::osaka);
        head.chain_id = 31337;
        head.gas_limit = 30'000'000;
        head.base_fee = U256(gwei);
        return head;
    }
    PoolAccounts reader() {
        return [this](const Address& address) { return accounts[address]; };
    }
    static TransactionPtr make(std::uint64_t key, std::uint64_t nonce, std::uint64_t tip_gwei = 1,
                               std::uint64_t fee_gwei = 50) {
        Transaction tx = TestChain::transfer(nonce, address_with_end(1), U256(1));
        tx.max_priority_fee_per_gas = U256(tip_gwei * gwei);
        tx.max_fee_per_gas = U256(fee_gwei * gwei);
        return sign_transaction(tx, test_key(key));
    }
    Checked<PoolAdded> add(const TransactionPtr& transaction) { return pool.add(transaction, reader(), ++now); }
    Checked<PoolAdded> add(std::uint64_t key, std::uint64_t nonce, std::uint64_t tip = 1, std::uint64_t fee = 50) {
        return add(make(key, nonce, tip, fee));
    }
    std::string refusal(const TransactionPtr& transaction) {
        const auto added = add(transaction);
        return added ? "accepted" : added.error().message;
    }
};

TEST(pool, gaps_make_transactions_wait) {
    PoolFixture f;
    EXPECT_EQ(f.add(1, 0)->place, PoolPlace::pending);
    EXPECT_EQ(f.add(1, 2)->place, PoolPlace::queued);
    EXPECT_EQ(f.pool.next_nonce(test_address(1)), 1U);
    const auto filled = f.add(1, 1);
    EXPECT_EQ(filled->place, PoolPlace::pending);
    EXPECT_EQ(filled->promoted.size(), 2U);
    EXPECT_EQ(f.pool.next_nonce(test_address(1)), 3U);
    EXPECT_EQ(f.pool.status().pending, 3U);
    EXPECT_EQ(f.pool.status().queued, 0U);
    EXPECT_EQ(f.pool.next_nonce(test_address(2)), std::nullopt);
}

TEST(pool, every_refusal_has_the_words_that_clients_match) {
    PoolFixture f;
    (void)f.add(1, 0, 10, 50);
    f.accounts[test_address(2)].nonce = 5;
    f.accounts[test_address(3)].balance = U256(5);
    f.accounts[test_address(4)].has_code = true;
    EXPECT_EQ(f.refusal(PoolFixture::make(1, 0, 10, 50)), "already known");
    EXPECT_EQ(f.refusal(PoolFixture::make(1, 0, 11, 54)), "replacement transaction underpriced");
    EXPECT_EQ(f.refusal(PoolFixture::make(2, 3)), "nonce too low: next nonce 5, tx nonce 3");
    EXPECT_EQ(
        f.refusal(PoolFixture::make(3, 0)),
        "insufficient funds for gas * price + value: balance 5, tx cost 1050000000000001, overshot 1049999999999996");
    EXPECT_TRUE(f.refusal(PoolFixture::make(4, 0)).starts_with("sender not an eoa"));
    Transaction tx = TestChain::transfer(0, address_with_end(1), U256(1));
    tx.gas_limit = 40'000'000;
    EXPECT_EQ(f.refusal(sign_transaction(tx, test_key(5))), "exceeds block gas limit");
    tx.gas_limit = 20'000'000;
    EXPECT_TRUE(f.refusal(sign_transaction(tx, test_key(5))).starts_with("transaction gas limit too high"));
    tx.gas_limit = 1000;
    EXPECT_EQ(f.refusal(sign_transaction(tx, test_key(5))), "intrinsic gas too low: gas 1000, minimum needed 21000");
    tx.chain_id = 1;
    EXPECT_EQ(f.refusal(sign_transaction(tx, test_key(5))),
              "invalid sender: invalid chain id for signer: have 1 want 31337");
    tx = TestChain::transfer(0, address_with_end(1), U256(1));
    tx.data = Bytes(140'000);
    EXPECT_TRUE(f.refusal(sign_transaction(tx, test_key(5))).starts_with("oversized data: transaction size 140"));
    f.pool.set_tip_min(U256(2 * gwei));
    EXPECT_EQ(f.refusal(PoolFixture::make(5, 0)),
              "transaction underpriced: gas tip cap 1000000000, minimum needed 2000000000");
    EXPECT_EQ(f.pool.status().pending, 1U);
}

/// As large as they come: their blobs are no part of their encoding.
TEST(pool, blobs_count_among_its_bytes) {
    PoolLimits limits;
    limits.bytes_max = 4 << 20;
    PoolFixture f(limits);
    constexpr std::size_t blobs_max = 6;  // of one transaction
    Bytes infinity(48);                   // the commitment to a blob of zeros, and its proofs
    infinity[0] = 0xc0;
    BlobSidecar sidecar;
    sidecar.version = 1;
    sidecar.blobs.assign(blobs_max, Bytes(crypto::blob_size));
    sidecar.commitments.assign(blobs_max, infinity);
    sidecar.proofs.assign(blobs_max * crypto::cells_per_blob, infinity);
    const auto shared = std::make_shared<const BlobSidecar>(std::move(sidecar));
    std::size_t taken = 0;
    for (std::uint64_t nonce = 0; nonce < 3; ++nonce) {
        for (std::uint64_t key = 1; key < 6; ++key) {
            Transaction tx = PoolFixture::make(key, nonce)->transaction;
            tx.type = TransactionType::blob;
            tx.max_fee_per_blob_gas = 1;
            tx.blob_hashes.assign(blobs_max, crypto::kzg_to_versioned_hash(infinity));
            SignedTransaction out = *sign_transaction(tx, test_key(key));
            out.sidecar = shared;
            taken += f.add(std::make_shared<const SignedTransaction>(std::move(out))).has_value();
        }
    }
    EXPECT_EQ(taken, 4U) << "of 0.8 MiB";
    EXPECT_GT(f.pool.status().bytes, taken * blobs_max * crypto::blob_size);
    EXPECT_LE(f.pool.status().bytes, limits.bytes_max);
}

TEST(pool, the_proofs_of_blobs_are_looked_at_last) {
    PoolFixture f;
    Bytes infinity(48);  // the commitment to a blob of zeros
    infinity[0] = 0xc0;
    const auto make = [&](std::uint64_t key, std::uint8_t last_of_blob) {
        Transaction tx = TestChain::transfer(0, address_with_end(1), U256(1));
        tx.type = TransactionType::blob;
        tx.max_fee_per_blob_gas = 1;
        tx.blob_hashes = {crypto::kzg_to_versioned_hash(infinity)};
        SignedTransaction out = *sign_transaction(tx, test_key(key));
        auto sidecar = std::make_shared<BlobSidecar>();
        sidecar->version = 1;
        sidecar->blobs.emplace_back(crypto::blob_size).back() = last_of_blob;
        sidecar->commitments = {infinity};
        sidecar->proofs.assign(crypto::cells_per_blob, infinity);
        out.sidecar = std::move(sidecar);
        return std::make_shared<const SignedTransaction>(std::move(out));
    };
    EXPECT_EQ(f.refusal(make(1, 1)), "blob sidecar does not match the transaction: blob 0 is not what its proofs show");
    EXPECT_TRUE(f.refusal(make(9, 1)).starts_with("insufficient funds")) << "who has nothing costs no 20 ms";
    EXPECT_EQ(f.refusal(make(1, 0)), "accepted");
}

TEST(pool, a_replacement_pays_ten_percent_more) {
    PoolFixture f;
    const auto first = PoolFixture::make(1, 0, 10, 50);
    (void)f.add(first);
    (void)f.add(1, 1);
    const auto replaced = f.add(1, 0, 11, 55);
    ASSERT_TRUE(replaced) << replaced.error().message;
    EXPECT_EQ(replaced->replaced, first);
    EXPECT_FALSE(f.pool.contains(first->hash));
    EXPECT_EQ(f.pool.status().pending, 2U);
}

TEST(pool, best_comes_first_and_nonces_in_order) {
    PoolFixture f;
    (void)f.add(1, 0, 1);
    (void)f.add(1, 1, 40);
    (void)f.add(2, 0, 5);
    (void)f.add(2, 1, 2);
    (void)f.add(3, 0, 5);       // as good, but later
    (void)f.add(4, 0, 0, 0);    // below the base fee
    auto best = f.pool.best();
    std::vector<std::pair<Address, std::uint64_t>> order;
    for (auto tx = best.next(); tx; tx = best.next()) order.emplace_back(tx->sender, tx->transaction.nonce);
    const std::vector<std::pair<Address, std::uint64_t>> want{
        {test_address(2), 0}, {test_address(3), 0}, {test_address(2), 1}, {test_address(1), 0}, {test_address(1), 1}};
    EXPECT_EQ(order, want);
    auto again = f.pool.best();
    (void)again.next();
    again.skip_sender();
    EXPECT_EQ(again.next()->sender, test_address(3));
    EXPECT_EQ(again.next()->sender, test_address(1));
}

TEST(pool, a_new_head_takes_out_what_was_mined_and_brings_back_what_was_not) {
    PoolFixture f;
    const auto zero = PoolFixture::make(1, 0);
    const auto one = PoolFixture::make(1, 1);
    (void)f.add(zero);
    (void)f.add(one);
    (void)f.add(1, 2);
    f.accounts[test_address(1)].nonce = 2;
    const auto dropped = f.pool.reset(f.head(), std::vector<TransactionPtr>{zero}, {}, f.reader(), 1);
    ASSERT_EQ(dropped.size(), 1U);  // someone else's transaction used nonce 1
    EXPECT_EQ(dropped[0], one);
    EXPECT_EQ(f.pool.status().pending, 1U);
    f.accounts[test_address(1)].nonce = 0;
    EXPECT_TRUE(f.pool.reset(f.head(), {}, std::vector<TransactionPtr>{zero, one}, f.reader(), 2).empty());
    EXPECT_EQ(f.pool.status().pending, 3U);
}

TEST(pool, a_full_pool_lets_go_of_the_cheapest) {
    PoolLimits limits;
    limits.count_max = 3;
    PoolFixture f(limits);
    (void)f.add(1, 0, 1, 20);
    const auto cheap = PoolFixture::make(2, 0, 1, 10);
    (void)f.add(cheap);
    (void)f.add(3, 0, 1, 30);
    EXPECT_EQ(f.refusal(PoolFixture::make(4, 0, 1, 10)), "transaction underpriced");
    const auto added = f.add(4, 0, 1, 40);
    ASSERT_TRUE(added);
    ASSERT_EQ(added->evicted.size(), 1U);
    EXPECT_EQ(added->evicted[0], cheap);
    EXPECT_EQ(f.pool.status().pending, 3U);
}

TEST(pool, limits_hold_for_one_account) {
    PoolLimits limits;
    limits.pending_per_account_max = 2;
    limits.queued_per_account_max = 1;
    PoolFixture f(limits);
    EXPECT_TRUE(f.add(1, 0));
    EXPECT_TRUE(f.add(1, 1));
    EXPECT_TRUE(f.refusal(PoolFixture::make(1, 2)).starts_with("account limit exceeded"));
    EXPECT_TRUE(f.add(1, 3));
    EXPECT_TRUE(f.refusal(PoolFixture::make(1, 4)).starts_with("account limit exceeded"));
    f.accounts[test_address(2)].delegated = true;
    EXPECT_TRUE(f.add(2, 0));
    EXPECT_EQ(f.refusal(PoolFixture::make(2, 1)), "in-flight transaction limit reached for delegated accounts");
}

TEST(pool, queued_transactions_expire) {
    PoolFixture f;
    (void)f.add(1, 0);
    (void)f.add(1, 5);
    EXPECT_TRUE(f.pool.expire(f.now + 1000).empty());
    EXPECT_EQ(f.pool.expire(f.now + 4 * 3600 * 1000).size(), 1U);
    EXPECT_EQ(f.pool.status().pending, 1U);
}

TEST(pool, invariants_survive_random_use) {
    std::mt19937_64 random(1);
    PoolLimits limits;
    limits.count_max = 40;
    PoolFixture f(limits);
    for (int i = 0; i < 3000; ++i) {
        const std::uint64_t key = 1 + random() % 5;
        PoolAccount& account = f.accounts[test_address(key)];
        const auto action = random() % 10;
        if (action < 8) {
            (void)f.add(key, account.nonce + random() % 8, 1 + random() % 5, 10 + random() % 60);
        } else {
            const auto content = f.pool.content_from(test_address(key));
            if (content.pending.empty()) continue;
            ++account.nonce;
            (void)f.pool.reset(f.head(), std::vector<TransactionPtr>{content.pending[0]}, {}, f.reader(), ++f.now);
        }
        std::size_t pending = 0;
        std::size_t total = 0;
        std::size_t bytes = 0;
        for (const auto& content : f.pool.content()) {
            std::uint64_t nonce = f.accounts[content.sender].nonce;
            for (const auto& tx : content.pending) {
                ASSERT_EQ(tx->transaction.nonce, nonce++);
                bytes += memory_of(*tx);
            }
            for (const auto& tx : content.queued) {
                ASSERT_GT(tx->transaction.nonce, nonce);
                bytes += memory_of(*tx);
            }
            pending += content.pending.size();
            total += content.pending.size() + content.queued.size();
        }
        const auto status = f.pool.status();
        ASSERT_EQ(status.pending, pending);
        ASSERT_EQ(status.pending + status.queued, total);
        ASSERT_EQ(status.bytes, bytes);
        ASSERT_LE(total, limits.count_max);
    }
}

}  // namespace
}  // namespace weft::chain
