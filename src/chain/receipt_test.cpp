#include "chain/receipt.hpp"

#include <random>

#include "chain/block.hpp"
#include "chain/test_chain.hpp"

namespace weft::chain {
namespace {

Receipt sample() {
    Receipt receipt;
    receipt.type = TransactionType::set_code;
    receipt.success = true;
    receipt.cumulative_gas_used = 123456;
    receipt.logs = {{address_with_end(1), {U256(5).to_hash()}, {1, 2}}, {address_with_end(2), {}, {}}};
    receipt.bloom = bloom_of(std::span<const evm::Log>(receipt.logs));
    receipt.gas_used = 21000;
    receipt.effective_gas_price = U256(77);
    receipt.contract_address = address_with_end(3);
    receipt.blob_gas_used = gas_per_blob;
    receipt.blob_gas_price = U256(9);
    return receipt;
}

TEST(receipt, survives_storage_whole_and_the_wire_in_its_consensus_part) {
    Receipt receipt = sample();
    EXPECT_EQ(decode_from_storage(encode_for_storage(receipt)).value(), receipt);
    const Receipt wire = decode_receipt(encode(receipt)).value();
    EXPECT_EQ(encode(wire), encode(receipt));
    EXPECT_EQ(wire.logs, receipt.logs);
    receipt.type = TransactionType::legacy;
    receipt.post_state = U256(3).to_hash();
    receipt.contract_address = std::nullopt;
    EXPECT_EQ(decode_from_storage(encode_for_storage(receipt)).value(), receipt);
    EXPECT_EQ(decode_receipt(encode(receipt))->post_state, receipt.post_state);
}

TEST(receipt, damaged_bytes_are_refused) {
    const Bytes good = encode(sample());
    for (std::size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(decode_receipt(BytesView(good).first(size)));
    Bytes unknown = good;
    unknown[0] = 9;
    EXPECT_FALSE(decode_receipt(unknown));
    EXPECT_FALSE(decode_from_storage(BytesView(good).subspan(1)));
}

TEST(block, damaged_bytes_are_refused_or_mean_something_else) {
    TestChain chain;
    std::vector<TransactionPtr> transactions;
    for (std::uint64_t i = 0; i < 3; ++i) {
        transactions.push_back(sign_transaction(TestChain::transfer(i, address_with_end(1), U256(1)), test_key(1)));
    }
    const ExecutedBlock built = chain.build(transactions);
    const Bytes block = encode(built.block);
    const Bytes receipt = encode(built.receipts[0]);
    std::mt19937_64 random(2);
    for (int i = 0; i < 4000; ++i) {
        Bytes bad = block;
        for (std::uint64_t n = 1 + random() % 3; n > 0; --n)
            bad[random() % bad.size()] = static_cast<std::uint8_t>(random());
        if (random() % 4 == 0) bad.erase(bad.begin() + static_cast<std::ptrdiff_t>(random() % bad.size()));
        const auto decoded = decode_block(bad);
        if (decoded) ASSERT_EQ(to_hex(encode(*decoded)), to_hex(bad));
        bad = receipt;
        bad[random() % bad.size()] = static_cast<std::uint8_t>(random());
        const auto decoded_receipt = decode_receipt(bad);
        if (decoded_receipt) ASSERT_EQ(to_hex(encode(*decoded_receipt)), to_hex(bad));
    }
}

TEST(bloom, holds_addresses_and_topics) {
    const Receipt receipt = sample();
    EXPECT_TRUE(may_contain(receipt.bloom, address_with_end(1)));
    EXPECT_TRUE(may_contain(receipt.bloom, address_with_end(2)));
    EXPECT_TRUE(may_contain(receipt.bloom, U256(5).to_hash()));
    EXPECT_FALSE(may_contain(receipt.bloom, address_with_end(9)));
    // Yellow Paper's M(): the bits of one address, checked against a published vector.
    Bloom bloom;
    add_to_bloom(bloom, from_hex("0x095e7baea6a6c7c4c2dfeb977efac326af552d87").value());
    std::size_t bits = 0;
    for (const auto byte : bloom.bytes) bits += static_cast<std::size_t>(std::popcount(byte));
    EXPECT_EQ(bits, 3U);
}

TEST(block, header_fields_of_every_fork_survive) {
    Header header;
    header.extra_data = {1, 2};
    header.nonce = 0x0102030405060708;
    const auto check = [&header] {
        EXPECT_EQ(decode_header(encode(header)).value(), header);
        const Block block{header, {}, {header}, std::vector<Withdrawal>{{1, 2, address_with_end(1), 3}}};
        const Block back = decode_block(encode(block)).value();
        EXPECT_EQ(back.header, header);
        EXPECT_EQ(back.ommers, block.ommers);
        EXPECT_EQ(back.withdrawals, block.withdrawals);
    };
    check();
    header.base_fee = U256(7);
    check();
    header.withdrawals_root = Hash{};
    check();
    header.blob_gas_used = 1;
    header.excess_blob_gas = 2;
    header.parent_beacon_root = Hash{};
    check();
    header.requests_hash = Hash{};
    check();
    Bytes cut = encode(header);
    cut.pop_back();
    EXPECT_FALSE(decode_header(cut));
}

TEST(block, empty_lists_have_the_known_roots) {
    EXPECT_EQ(transactions_root({}), empty_trie_root);
    EXPECT_EQ(ommers_hash({}), empty_list_hash);
    EXPECT_EQ(to_hex(requests_hash({})), "0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    const std::vector<Bytes> only_types{{0}, {1}, {2}};
    EXPECT_EQ(requests_hash(only_types), requests_hash({}));
}

TEST(validate, addresses_are_spelled_with_their_checksum) {
    for (const std::string_view text :
         {"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
          "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb"}) {
        EXPECT_EQ(to_checksum_address(fixed_from_hex<Address>(text).value()), text);
    }
}

}  // namespace
}  // namespace weft::chain
