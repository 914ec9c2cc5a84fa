#include "chain/transaction.hpp"

#include <random>

#include "base/fixtures.hpp"
#include "base/json.hpp"
#include "chain/block.hpp"
#include "chain/fork.hpp"
#include "chain/test_chain.hpp"
#include "chain/test_workers.hpp"
#include "chain/validate.hpp"

namespace weft::chain {
namespace {

Transaction sample(TransactionType type) {
    Transaction tx = TestChain::transfer(7, address_with_end(9), U256(5));
    tx.type = type;
    if (!tx.has_dynamic_fee()) tx.max_priority_fee_per_gas = tx.max_fee_per_gas;
    tx.data = {0, 1, 2, 0x80};
    if (tx.has_access_list())
        tx.access_list = {{address_with_end(1), {Hash{}, U256(77).to_hash()}}, {address_with_end(2), {}}};
    if (type == TransactionType::blob) {
        tx.max_fee_per_blob_gas = U256(3);
        tx.blob_hashes = {Hash{{1}}, Hash{{1, 2}}};
    }
    if (type == TransactionType::set_code) {
        Authorization authorization{U256(31337), address_with_end(4), 3, 0, {}, {}};
        EXPECT_TRUE(sign_authorization(authorization, test_key(2)));
        tx.authorizations = {authorization};
    }
    return tx;
}

TEST(transaction, every_type_survives_its_encoding) {
    for (int type = 0; type <= 4; ++type) {
        SCOPED_TRACE(type);
        const auto signed_tx = sign_transaction(sample(static_cast<TransactionType>(type)), test_key(1));
        ASSERT_NE(signed_tx, nullptr);
        const auto decoded = decode_transaction(signed_tx->encoded);
        ASSERT_TRUE(decoded) << decoded.error().message;
        EXPECT_EQ(*decoded, signed_tx->transaction);
        EXPECT_EQ(recover_sender(*decoded), test_address(1));
        EXPECT_EQ(hash_of(*decoded), signed_tx->hash);
        // Cut off anywhere, or longer, it is no transaction.
        for (std::size_t size = 0; size < signed_tx->encoded.size(); ++size) {
            EXPECT_FALSE(decode_transaction(BytesView(signed_tx->encoded).first(size)));
        }
        Bytes longer = signed_tx->encoded;
        longer.push_back(0);
        EXPECT_FALSE(decode_transaction(longer));
    }
}

/// Whatever decodes, encodes to the very same bytes: there are no two spellings of one transaction.
TEST(transaction, damaged_bytes_are_refused_or_mean_something_else) {
    std::mt19937_64 random(1);
    for (int type = 0; type <= 4; ++type) {
        const Bytes good = sign_transaction(sample(static_cast<TransactionType>(type)), test_key(1))->encoded;
        for (int i = 0; i < 4000; ++i) {
            Bytes bad = good;
            for (std::uint64_t n = 1 + random() % 3; n > 0; --n)
                bad[random() % bad.size()] = static_cast<std::uint8_t>(random());
            if (random() % 4 == 0) bad.erase(bad.begin() + static_cast<std::ptrdiff_t>(random() % bad.size()));
            const auto decoded = decode_transaction(bad);
            if (decoded) ASSERT_EQ(to_hex(encode(*decoded)), to_hex(bad));
            (void)decode_network_form(bad);
        }
    }
}

TEST(transaction, without_chain_id_is_signed_as_before_eip155) {
    Transaction tx = sample(TransactionType::legacy);
    tx.chain_id = std::nullopt;
    const auto signed_tx = sign_transaction(tx, test_key(1));
    EXPECT_TRUE(signed_tx->transaction.v() == U256(27) || signed_tx->transaction.v() == U256(28));
    EXPECT_EQ(decode_transaction(signed_tx->encoded)->chain_id, std::nullopt);
    EXPECT_EQ(recover_sender(signed_tx->transaction), test_address(1));
}

TEST(transaction, a_high_s_is_refused_from_homestead_on) {
    auto tx = sign_transaction(sample(TransactionType::legacy), test_key(1))->transaction;
    tx.s = crypto::secp256k1_order() - tx.s;
    tx.y_parity ^= 1;
    EXPECT_EQ(recover_sender(tx, evm::Revision::frontier), test_address(1));
    EXPECT_EQ(recover_sender(tx, evm::Revision::homestead), std::nullopt);
}

TEST(transaction, network_form_carries_the_sidecar) {
    for (const std::uint8_t version : {0, 1}) {
        auto signed_tx = *sign_transaction(sample(TransactionType::blob), test_key(1));
        BlobSidecar sidecar;
        sidecar.version = version;
        sidecar.blobs = {Bytes(100, 1), Bytes(100, 2)};
        sidecar.commitments = {Bytes(48, 3), Bytes(48, 4)};
        sidecar.proofs = {Bytes(48, 5), Bytes(48, 6)};
        signed_tx.sidecar = std::make_shared<const BlobSidecar>(sidecar);
        const Bytes wire = encode_network_form(signed_tx);
        const auto back = decode_network_form(wire);
        ASSERT_TRUE(back) << back.error().message;
        EXPECT_EQ(back->hash, signed_tx.hash);
        EXPECT_EQ(back->encoded, signed_tx.encoded);
        ASSERT_NE(back->sidecar, nullptr);
        EXPECT_EQ(*back->sidecar, sidecar);
        EXPECT_FALSE(decode_transaction(wire));  // not the consensus form
    }
}

TEST(transaction, authorizations_name_their_authority) {
    const Transaction tx = sample(TransactionType::set_code);
    EXPECT_EQ(recover_authority(tx.authorizations[0]), test_address(2));
    Authorization wrong = tx.authorizations[0];
    wrong.y_parity = 2;
    EXPECT_EQ(recover_authority(wrong), std::nullopt);
    wrong = tx.authorizations[0];
    wrong.s = crypto::secp256k1_order() - wrong.s;
    EXPECT_EQ(recover_authority(wrong), std::nullopt);
}

TEST(transaction, intrinsic_gas_follows_the_forks) {
    Transaction tx = sample(TransactionType::legacy);
    tx.data = {0, 0, 1};
    EXPECT_EQ(intrinsic_gas(tx, evm::Revision::frontier).regular, 21000U + 8 + 68);
    EXPECT_EQ(intrinsic_gas(tx, evm::Revision::istanbul).regular, 21000U + 8 + 16);
    EXPECT_EQ(intrinsic_gas(tx, evm::Revision::cancun).floor, 0U);
    EXPECT_EQ(intrinsic_gas(tx, evm::Revision::prague).floor, 21000U + 10 * (2 + 4));
    tx.to = std::nullopt;
    EXPECT_EQ(intrinsic_gas(tx, evm::Revision::frontier).regular, 21000U + 8 + 68);
    EXPECT_EQ(intrinsic_gas(tx, evm::Revision::homestead).regular, 53000U + 8 + 68);
    EXPECT_EQ(intrinsic_gas(tx, evm::Revision::shanghai).regular, 53000U + 8 + 16 + 2);
}

TEST(transaction, maximum_cost_does_not_wrap) {
    Transaction tx = sample(TransactionType::legacy);
    tx.max_fee_per_gas = ~U256{};
    EXPECT_EQ(maximum_cost(tx), std::nullopt);
    tx.gas_limit = 1;
    tx.value = {};
    EXPECT_EQ(maximum_cost(tx), ~U256{});
    tx.value = U256(1);
    EXPECT_EQ(maximum_cost(tx), std::nullopt);
    tx.max_fee_per_gas = U256(1) << 255;
    tx.value = {};
    tx.gas_limit = 2;
    EXPECT_EQ(maximum_cost(tx), std::nullopt);
}

/// What a fork makes of an encoded transaction that its sender can pay, as ethereum/tests has it.
struct Verdict {
    std::optional<Rule> broken;
    Hash hash;
    Address sender;
    std::uint64_t intrinsic = 0;
};
Verdict judge(const std::string& text, Fork fork) {
    const auto encoded = from_hex(text);
    if (!encoded) return {Rule::malformed_transaction, {}, {}, 0};
    const auto tx = decode_network_form(*encoded);
    if (!tx) {
        const bool unknown = tx.error().code == ErrorCode::unimplemented;
        return {unknown ? Rule::type_not_supported : Rule::malformed_transaction, {}, {}, 0};
    }
    const Rules rules = rules_of_fork(fork);
    const auto sender = recover_sender(tx->transaction, rules.revision);
    if (!sender) return {Rule::invalid_signature, {}, {}, 0};
    if (auto checked = validate_transaction(tx->transaction, rules, 1, *sender); !checked) {
        return {checked.error().rule, {}, {}, 0};
    }
    Transaction without_value = tx->transaction;
    without_value.value = {};
    if (!maximum_cost(without_value)) return {Rule::gas_overflow, {}, {}, 0};
    return {std::nullopt, tx->hash, *sender, intrinsic_gas(tx->transaction, rules.revision).regular};
}

/// Whether an exception of the suite is our reason. It tells many ways apart to be no transaction at all.
bool is_reason(std::string_view exception, Rule rule) {
    constexpr std::string_view prefix = "TransactionException.";
    if (exception == fixture_name(rule)) return true;
    exception.remove_prefix(prefix.size());
    switch (rule) {
        case Rule::malformed_transaction:
            // One that could not be read whatever the fork is not asked for its type, and a v or r that is none of
            // any signature can't be read either.
            return exception.starts_with("RLP_") || exception.starts_with("ADDRESS_TOO_") ||
                   exception.ends_with("_OVERFLOW") || exception == "TYPE_NOT_SUPPORTED" ||
                   exception == "INVALID_SIGNATURE_VRS" || exception == "INVALID_CHAINID";
        case Rule::nonce_is_max: return exception == "NONCE_TOO_BIG";
        case Rule::access_list_before_fork:
        case Rule::dynamic_fee_before_fork: return exception == "TYPE_NOT_SUPPORTED";
        // Of another chain's transaction we look at the signature first.
        case Rule::invalid_signature: return exception == "EC_RECOVERY_FAIL" || exception == "INVALID_CHAINID";
        case Rule::tip_above_fee_cap: return exception == "PRIORITY_GREATER_THAN_MAX_FEE_PER_GAS_2";
        default: return false;
    }
}

TEST(transaction, official_suite) {
    const auto folder = fixture("ethereum-tests");
    if (!folder) GTEST_SKIP() << no_fixtures;
    std::size_t files = 0;
    std::size_t accepted = 0;
    std::size_t refused = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(*folder / "TransactionTests")) {
        if (entry.path().extension() != ".json") continue;
        ++files;
        const auto suite = json::parse(read_fixture(entry.path())).value();
        for (const auto& [name, test] : suite.members()) {
            for (const auto& [fork_name, want] : test["result"].members()) {
                SCOPED_TRACE(name + " " + fork_name + " " + want["exception"].text());
                const auto fork = fork_from_fixture_name(fork_name);
                ASSERT_TRUE(fork);
                const Verdict got = judge(test["txbytes"].text(), *fork);
                if (const auto* exception = want.find("exception")) {
                    ++refused;
                    ASSERT_TRUE(got.broken);
                    EXPECT_TRUE(is_reason(exception->text(), *got.broken)) << fixture_name(*got.broken);
                    continue;
                }
                ++accepted;
                EXPECT_FALSE(got.broken);
                EXPECT_EQ(to_hex(got.hash), want["hash"].text());
                EXPECT_EQ(to_hex(got.sender), want["sender"].text());
                EXPECT_EQ(U256(got.intrinsic), u256_from_number(want["intrinsicGas"].text()).value());
            }
        }
    }
    EXPECT_EQ(files, 210U);
    std::printf("TransactionTests: %zu files, %zu accepted, %zu refused\n", files, accepted, refused);
}

TEST(transaction, senders_are_recovered_by_several_workers) {
    TestWorkers workers(3);
    std::vector<TransactionPtr> transactions;
    for (std::uint64_t nonce = 0; nonce < 50; ++nonce) {
        Transaction tx = sample(TransactionType::dynamic_fee);
        tx.nonce = nonce;
        auto copy = std::make_shared<SignedTransaction>(*sign_transaction(tx, test_key(1 + nonce % 3)));
        copy->sender = {};
        transactions.push_back(copy);
    }
    auto wrong = transactions;
    ASSERT_TRUE(recover_senders(transactions, evm::Revision::osaka, workers));
    for (std::uint64_t i = 0; i < 50; ++i) EXPECT_EQ(transactions[i]->sender, test_address(1 + i % 3)) << i;

    auto broken = std::make_shared<SignedTransaction>(*wrong[30]);
    broken->transaction.s = ~U256{};
    wrong[30] = broken;
    EXPECT_FALSE(recover_senders(wrong, evm::Revision::osaka, workers));
}

}  // namespace
}  // namespace weft::chain
