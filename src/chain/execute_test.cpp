#include "chain/execute.hpp"

#include "chain/test_chain.hpp"

namespace weft::chain {
namespace {

constexpr std::uint64_t gwei = 1'000'000'000;
const U256 ether = U256(1'000'000'000'000'000'000ULL);

TransactionPtr transfer(std::uint64_t nonce, const Address& to, const U256& value, std::uint64_t key = 1) {
    return sign_transaction(TestChain::transfer(nonce, to, value), test_key(key));
}

TEST(execute, a_built_block_imports_elsewhere_to_the_same_state) {
    TestChain builder;
    TestChain importer;
    for (int i = 0; i < 5; ++i) {
        const std::uint64_t nonce = static_cast<std::uint64_t>(2 * i);
        const auto to = address_with_end(static_cast<std::uint8_t>(i));
        const std::vector<TransactionPtr> batch{transfer(nonce, to, ether),
                                                transfer(nonce + 1, test_address(2), ether)};
        const ExecutedBlock built = builder.build(batch);
        EXPECT_EQ(built.block.transactions.size(), 2U);
        const auto copy = decode_block(encode(built.block));
        ASSERT_TRUE(copy);
        const auto imported = importer.import(*copy);
        ASSERT_TRUE(imported) << imported.error().message;
        EXPECT_EQ(importer.trie().root(), builder.trie().root());
    }
    EXPECT_TRUE(importer.nodes() == builder.nodes());
    EXPECT_EQ(importer.trie().account(test_address(1))->nonce, 10U);
}

TEST(execute, fees_go_to_the_coinbase_but_for_the_base_fee) {
    TestChain chain;
    const U256 before = chain.trie().account(test_address(1))->balance;
    const auto built = chain.build(std::vector<TransactionPtr>{transfer(0, address_with_end(1), ether)});
    const U256 base_fee = *built.block.header.base_fee;
    EXPECT_EQ(chain.trie().account(address_with_end(0xcb))->balance, U256(21000 * gwei));
    const U256 paid = (base_fee + U256(gwei)) * U256(21000);
    EXPECT_EQ(chain.trie().account(test_address(1))->balance, before - ether - paid);
    EXPECT_EQ(built.receipts[0].effective_gas_price, base_fee + U256(gwei));
}

TEST(execute, refused_transactions_change_nothing_and_say_why) {
    const struct {
        std::string_view name;
        void (*spoil)(Transaction&);
        Rule rule;
        std::string_view message;
    } cases[] = {
        {"nonce low", [](Transaction& tx) { tx.nonce = 0; }, Rule::nonce_too_low, "nonce too low: address 0x"},
        {"nonce high", [](Transaction& tx) { tx.nonce = 9; }, Rule::nonce_too_high, "nonce too high: address 0x"},
        {"nonce max", [](Transaction& tx) { tx.nonce = ~0ULL; }, Rule::nonce_is_max, "nonce has max value: address 0x"},
        {"gas", [](Transaction& tx) { tx.gas_limit = 1000; }, Rule::intrinsic_gas_too_low,
         "intrinsic gas too low: gas 1000, minimum needed 21000"},
        {"floor",
         [](Transaction& tx) {
             tx.data = Bytes(1000, 1);
             tx.gas_limit = 40000;
         },
         Rule::floor_gas_too_low, "insufficient gas for floor data gas cost: gas 40000, minimum needed 61000"},
        {"value", [](Transaction& tx) { tx.value = ether * U256(20'000); }, Rule::insufficient_funds,
         "insufficient funds for gas * price + value: address 0x"},
        {"base fee", [](Transaction& tx) { tx.max_fee_per_gas = tx.max_priority_fee_per_gas = U256(1); },
         Rule::fee_cap_below_base_fee, "max fee per gas less than block base fee: address 0x"},
        {"tip", [](Transaction& tx) { tx.max_priority_fee_per_gas = tx.max_fee_per_gas + U256(1); },
         Rule::tip_above_fee_cap, "max priority fee per gas higher than max fee per gas: address 0x"},
        {"chain", [](Transaction& tx) { tx.chain_id = 5; }, Rule::invalid_chain_id,
         "invalid chain id for signer: have 5 want 31337"},
        {"cap", [](Transaction& tx) { tx.gas_limit = transaction_gas_limit_max + 1; }, Rule::gas_limit_above_cap,
         "transaction gas limit too high"},
        {"init code",
         [](Transaction& tx) {
             tx.to = std::nullopt;
             tx.data = Bytes(49153);
             tx.gas_limit = 5'000'000;
         },
         Rule::init_code_size_exceeded, "max initcode size exceeded: code size 49153 limit 49152"},
        {"block gas", [](Transaction& tx) { tx.gas_limit = 40'000'000; }, Rule::block_gas_exceeded,
         "gas limit reached"},
        {"no blobs", [](Transaction& tx) { tx.type = TransactionType::blob; }, Rule::blob_without_hashes,
         "blob transaction missing blob hashes"},
        {"no authorizations", [](Transaction& tx) { tx.type = TransactionType::set_code; },
         Rule::set_code_without_authorizations, "EIP-7702 transaction with empty auth list"},
    };
    for (const auto& test : cases) {
        SCOPED_TRACE(test.name);
        TestChain chain;
        (void)chain.build(std::vector<TransactionPtr>{transfer(0, address_with_end(1), ether)});
        TestChain same;
        (void)same.build(std::vector<TransactionPtr>{transfer(0, address_with_end(1), ether)});
        Transaction tx = TestChain::transfer(1, address_with_end(2), ether);
        test.spoil(tx);
        const auto good = transfer(1, address_with_end(3), ether);
        const auto built = chain.build(std::vector<TransactionPtr>{sign_transaction(tx, test_key(1)), good});
        (void)same.build(std::vector<TransactionPtr>{good});
        ASSERT_EQ(chain.refusals().size(), 1U);
        EXPECT_EQ(chain.refusals()[0].rule, test.rule);
        EXPECT_TRUE(chain.refusals()[0].message.starts_with(test.message)) << chain.refusals()[0].message;
        EXPECT_EQ(built.block.transactions.size(), 1U);
        EXPECT_EQ(chain.trie().root(), same.trie().root());
    }
}

TEST(execute, an_altered_block_is_refused_for_what_was_altered) {
    const struct {
        std::string_view name;
        void (*spoil)(Block&);
        Rule rule;
    } cases[] = {
        {"number", [](Block& b) { ++b.header.number; }, Rule::invalid_number},
        {"time", [](Block& b) { b.header.timestamp = 0; }, Rule::invalid_timestamp},
        {"gas used", [](Block& b) { ++b.header.gas_used; }, Rule::invalid_gas_used},
        {"gas above limit", [](Block& b) { b.header.gas_used = b.header.gas_limit + 1; }, Rule::gas_used_above_limit},
        {"gas limit", [](Block& b) { b.header.gas_limit *= 2; }, Rule::invalid_gas_limit},
        {"base fee", [](Block& b) { b.header.base_fee = U256(1); }, Rule::invalid_base_fee},
        {"no base fee", [](Block& b) { b.header.base_fee = std::nullopt; }, Rule::invalid_header_fields},
        {"extra", [](Block& b) { b.header.extra_data = Bytes(33); }, Rule::invalid_extra_data},
        {"nonce", [](Block& b) { b.header.nonce = 1; }, Rule::invalid_nonce},
        {"state", [](Block& b) { b.header.state_root.bytes[0] ^= 1; }, Rule::invalid_state_root},
        {"receipts", [](Block& b) { b.header.receipts_root.bytes[0] ^= 1; }, Rule::invalid_receipts_root},
        {"bloom", [](Block& b) { b.header.logs_bloom.bytes[0] ^= 1; }, Rule::invalid_bloom},
        {"requests", [](Block& b) { b.header.requests_hash->bytes[0] ^= 1; }, Rule::invalid_requests_hash},
        {"transactions", [](Block& b) { b.transactions.clear(); }, Rule::invalid_transactions_root},
        {"withdrawals", [](Block& b) { b.withdrawals->emplace_back(); }, Rule::invalid_withdrawals_root},
        {"excess", [](Block& b) { b.header.excess_blob_gas = gas_per_blob; }, Rule::invalid_excess_blob_gas},
        {"blob gas", [](Block& b) { b.header.blob_gas_used = gas_per_blob; }, Rule::invalid_blob_gas_used},
        {"parent", [](Block& b) { b.header.parent_hash.bytes[0] ^= 1; }, Rule::unknown_parent},
        {"ommer", [](Block& b) { b.ommers.emplace_back(); }, Rule::invalid_ommers_hash},
    };
    TestChain builder;
    const Block good = builder.build(std::vector<TransactionPtr>{transfer(0, address_with_end(1), ether)}).block;
    for (const auto& test : cases) {
        SCOPED_TRACE(test.name);
        TestChain importer;
        const Hash before = importer.trie().root();
        Block bad = good;
        test.spoil(bad);
        const auto imported = importer.import(bad);
        ASSERT_FALSE(imported);
        EXPECT_EQ(imported.error().rule, test.rule) << imported.error().message;
        EXPECT_EQ(importer.trie().root(), before);
        EXPECT_TRUE(importer.import(good));
    }
}

/// A call's surroundings: the state at a development chain's head.
struct CallFixture {
    TestChain chain;
    TrieStateReader reader{chain.trie(), chain.codes()};
    State state{reader};
    BlockEnvironment environment = make_environment(chain.config(), chain.head());
    Transaction call;

    CallFixture() {
        state.begin_block(1, environment.rules.revision);
        call.type = TransactionType::dynamic_fee;
        call.gas_limit = 1'000'000;
        call.to = address_with_end(7);
    }
    void put_code(std::string_view hex) {
        state.set_code(*call.to, from_hex(hex).value());
        state.end_transaction();
    }
};

TEST(execute_call, needs_neither_nonce_nor_fees_and_leaves_no_trace) {
    CallFixture f;
    f.put_code("0x485f5260205ff3");  // returns the base fee
    State copy = f.state.clone();
    const auto outcome = execute_call(copy, f.environment, f.call, address_with_end(99));
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_TRUE(outcome->succeeded());
    EXPECT_EQ(outcome->output, Bytes(32));  // no fees are paid, so the base fee is zero
    f.call.max_fee_per_gas = U256(2 * gwei);
    const auto paid = execute_call(f.state, f.environment, f.call, test_address(1));
    ASSERT_TRUE(paid) << paid.error().message;
    EXPECT_EQ(U256::from_bytes(paid->output), U256(gwei));
    EXPECT_EQ(f.chain.trie().account(test_address(1))->nonce, 0U);
}

TEST(execute_call, reports_reverts_with_their_reason) {
    CallFixture f;
    // revert(Error("no")): 0x08c379a0, offset 32, length 2, "no"
    f.put_code("0x6308c379a05f52602060205260026040526101b860f71b6060526064601cfd");
    auto outcome = execute_call(f.state, f.environment, f.call, test_address(1));
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->status, evm::Status::revert);
    EXPECT_TRUE(failure_message(*outcome).starts_with("execution reverted")) << failure_message(*outcome);
    f.put_code("0xfe");
    outcome = execute_call(f.state, f.environment, f.call, test_address(1));
    EXPECT_TRUE(failure_message(*outcome).starts_with("invalid opcode")) << failure_message(*outcome);
}

TEST(estimate_gas, a_transfer_is_exact_and_others_within_bounds) {
    CallFixture f;
    f.call.gas_limit = 0;
    f.call.value = U256(1);
    EXPECT_EQ(estimate_gas(f.state, f.environment, f.call, test_address(1), 0).value(), 21000U);
    f.put_code("0x60015f55");  // stores 1 at slot 0
    const auto estimated = estimate_gas(f.state, f.environment, f.call, test_address(1), 0);
    ASSERT_TRUE(estimated) << estimated.error().message;
    State state = f.state.clone();
    f.call.gas_limit = *estimated;
    const auto outcome = execute_call(state, f.environment, f.call, test_address(1));
    EXPECT_TRUE(outcome->succeeded());
    EXPECT_LE(*estimated, outcome->gas_used * 108 / 100);
}

TEST(estimate_gas, fails_with_the_reason) {
    CallFixture f;
    f.call.gas_limit = 0;
    f.put_code("0x63deadbeef5f526004601cfd");
    auto failed = estimate_gas(f.state, f.environment, f.call, test_address(1), 0);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().detail, 3);
    EXPECT_EQ(to_hex(failed.error().data), "0xdeadbeef");
    f.put_code("0x5b5f56");  // for ever
    failed = estimate_gas(f.state, f.environment, f.call, test_address(1), 100'000);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().message, "gas required exceeds allowance (100000)");
    f.call.value = ether * U256(1'000'000);
    failed = estimate_gas(f.state, f.environment, f.call, test_address(1), 0);
    EXPECT_FALSE(failed);
    EXPECT_TRUE(failed.error().message.starts_with("insufficient funds")) << failed.error().message;
}

}  // namespace
}  // namespace weft::chain
