// Requests and their exact replies, against a node of lambdas.

#include <gtest/gtest.h>

#include "base/hex.hpp"
#include "crypto/keccak.hpp"
#include "net/test_peer.hpp"
#include "service/gateway/fake_node.hpp"

namespace weft::service::gateway {
namespace {

using testing::Fixture;

constexpr std::string_view zero_address = "0x0000000000000000000000000000000000000000";

std::string hex(BytesView bytes) { return to_hex(bytes); }
std::string in_quotes(std::string_view text) { return "\"" + std::string(text) + "\""; }

struct Exchange {
    std::string name;
    std::string method;
    std::string params;
    std::string want;
};

void expect_results(Fixture& fixture, const std::vector<Exchange>& table) {
    for (const auto& [name, method, params, want] : table) {
        SCOPED_TRACE(name + " " + method + " " + params);
        EXPECT_EQ(fixture.result(method, params), want);
    }
}

TEST(gateway, says_from_where_to_where_a_node_catches_up) {
    Fixture fixture;
    EXPECT_EQ(fixture.result("eth_syncing", "[]"), "false");
    fixture.node.status.is_syncing = true;
    EXPECT_EQ(fixture.result("eth_syncing", "[]"),
              R"({"startingBlock":"0x0","currentBlock":"0x0","highestBlock":"0x3"})") << "a peer's head";
    fixture.node.status.sync_to = 2048;
    EXPECT_EQ(fixture.result("eth_syncing", "[]"),
              R"({"startingBlock":"0x0","currentBlock":"0x0","highestBlock":"0x800"})");
}

TEST(gateway, answers_reads_exactly) {
    Fixture fixture;
    const auto tx = fixture.node.transaction(0);
    const auto block = fixture.node.grow({tx});
    fixture.node.accounts[fixture.node.account] = {3, 0xff, {}, {}};
    const std::string account = hex(fixture.node.account);
    expect_results(
        fixture,
        {
            {"head", "eth_blockNumber", "[]", "\"0x1\""},
            {"no params", "eth_chainId", "null", "\"0x7a69\""},
            {"decimal", "net_version", "[]", "\"31337\""},
            {"peers", "net_peerCount", "[]", "\"0x1\""},
            {"no bytes", "web3_sha3", R"(["0x"])",
             "\"0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470\""},
            {"default block", "eth_getBalance", "[\"" + account + "\"]", "\"0xff\""},
            {"tag", "eth_getBalance", "[\"" + account + "\",\"latest\"]", "\"0xff\""},
            {"object", "eth_getBalance", "[\"" + account + "\",{\"blockNumber\":\"0x0\"}]", "\"0xff\""},
            {"by hash", "eth_getBalance",
             "[\"" + account + "\",{\"blockHash\":\"" + hex(block->hash) + "\",\"requireCanonical\":true}]",
             "\"0xff\""},
            {"latest nonce", "eth_getTransactionCount", "[\"" + account + "\"]", "\"0x3\""},
            {"pending nonce", "eth_getTransactionCount", "[\"" + account + "\",\"pending\"]", "\"0x5\""},
            {"short key", "eth_getStorageAt", "[\"" + account + "\",\"0x2\",\"latest\"]",
             in_quotes("0x" + std::string(63, '0') + "3")},
            {"code", "eth_getCode", "[\"" + account + "\",\"latest\"]", "\"0x6000\""},
            {"count", "eth_getBlockTransactionCountByNumber", R"(["0x1"])", "\"0x1\""},
            {"no block", "eth_getBlockByNumber", R"(["0x63",false])", "null"},
            {"no receipt", "eth_getTransactionReceipt", "[\"0x" + std::string(64, '1') + "\"]", "null"},
            {"mined twice asked", "eth_getTransactionByHash", "[\"0x" + std::string(64, '1') + "\"]", "null"},
            {"wallet", "eth_accounts", "[]", "[\"" + account + "\"]"},
            {"gas price", "eth_gasPrice", "[]", in_quotes(to_quantity(2'000'000'001 + 10))},
            {"tip", "eth_maxPriorityFeePerGas", "[]", in_quotes(to_quantity(2'000'000'001))},
            {"next base fee", "eth_baseFee", "[]", "\"0x7\""},
            {"fees", "eth_feeHistory", R"(["0x1","latest",[50]])",
             R"({"oldestBlock":"0x3","reward":[["0x77359400"]],"baseFeePerGas":["0xa","0x7"],"gasUsedRatio":[0.5],"baseFeePerBlobGas":["0x1","0x1"],"blobGasUsedRatio":[0]})"},
            {"no blocks", "eth_feeHistory", R"([0,"latest"])", R"({"oldestBlock":"0x0","gasUsedRatio":null})"},
            {"pool", "txpool_status", "[]", R"({"pending":"0x0","queued":"0x0"})"},
            {"tracer", "debug_traceTransaction",
             "[\"" + hex(tx->hash) + R"(",{"tracer":"callTracer","tracerConfig":{"withLog":true}}])",
             R"("callTracer{\"withLog\":true}")"},
            {"raw", "debug_getRawTransaction", "[\"" + hex(tx->hash) + "\"]", in_quotes(hex(tx->encoded))},
            {"slots", "eth_getStorageValues", "[{\"" + account + "\":[\"0x" + std::string(64, '0') + "\"]}]",
             "{\"" + account + "\":[\"0x" + std::string(63, '0') + "1\"]}"},
        });
}

TEST(gateway, shows_mined_transactions_receipts_and_logs_as_geth_does) {
    Fixture fixture;
    const auto tx = fixture.node.transaction(0);
    const auto block = fixture.node.grow({tx});
    const std::string hash = hex(tx->hash);
    const std::string account = hex(fixture.node.account);
    const std::string place = R"("blockHash":")" + hex(block->hash) + R"(","blockNumber":"0x1",)";
    const auto& signature = tx->transaction;
    EXPECT_EQ(fixture.result("eth_getTransactionByHash", "[\"" + hash + "\"]"),
              "{" + place + R"("blockTimestamp":"0x3e9","transactionIndex":"0x0","from":")" + account +
                  R"(","gas":"0x5208","gasPrice":"0x8","maxFeePerGas":"0x64","maxPriorityFeePerGas":"0x1","hash":")" +
                  hash + R"(","input":"0x","nonce":"0x0","to":")" + account +
                  R"(","value":"0x0","type":"0x2","accessList":[],"chainId":"0x7a69","v":")" +
                  to_quantity(signature.v()) + R"(","r":")" + to_quantity(signature.r) + R"(","s":")" +
                  to_quantity(signature.s) + R"(","yParity":")" + to_quantity(std::uint64_t{signature.y_parity}) +
                  R"("})");
    EXPECT_EQ(fixture.result("eth_getTransactionReceipt", "[\"" + hash + "\"]"),
              "{" + place + R"("transactionHash":")" + hash + R"(","transactionIndex":"0x0","from":")" + account +
                  R"(","to":")" + account +
                  R"(","gasUsed":"0x5208","cumulativeGasUsed":"0x5208","contractAddress":null,"logs":[{"address":")" +
                  account + R"(","topics":[")" + hash + R"("],"data":"0x01","blockNumber":"0x1","transactionHash":")" +
                  hash + R"(","transactionIndex":"0x0","blockHash":")" + hex(block->hash) +
                  R"(","blockTimestamp":"0x3e9","logIndex":"0x0","removed":false}],"logsBloom":"0x)" +
                  std::string(512, '0') + R"(","type":"0x2","effectiveGasPrice":"0x8","status":"0x1"})");
}

TEST(gateway, shows_a_waiting_transaction_without_a_place) {
    Fixture fixture;
    const auto tx = fixture.node.transaction(9);
    fixture.node.pool[tx->hash] = tx;
    const auto parsed = json::parse(fixture.result("eth_getTransactionByHash", "[\"" + hex(tx->hash) + "\"]"));
    for (const std::string_view name : {"blockHash", "blockNumber", "blockTimestamp", "transactionIndex"}) {
        ASSERT_NE(parsed->find(name), nullptr) << name;
        EXPECT_TRUE((*parsed)[name].is_null()) << name;
    }
    EXPECT_EQ((*parsed)["gasPrice"].text(), "0x64");
}

TEST(gateway, leaves_hash_nonce_and_miner_of_the_pending_block_open) {
    Fixture fixture;
    const auto parsed = json::parse(fixture.result("eth_getBlockByNumber", R"(["pending",false])"));
    for (const std::string_view name : {"hash", "nonce", "miner"})
        EXPECT_TRUE(parsed->find(name) != nullptr && (*parsed)[name].is_null());
    EXPECT_EQ((*parsed)["number"].text(), "0x0");
}

TEST(gateway, gives_proof_keys_back_as_they_were_asked) {
    Fixture fixture;
    const std::string whole = "0x" + std::string(63, '0') + "1";
    const auto parsed = json::parse(fixture.result(
        "eth_getProof", "[\"" + std::string(zero_address) + "\",[\"0x1\",\"" + whole + "\"],\"latest\"]"));
    const auto& slots = (*parsed)["storageProof"].items();
    ASSERT_EQ(slots.size(), 2U);
    EXPECT_EQ(slots[0]["key"].text(), "0x1");
    EXPECT_EQ(slots[1]["key"].text(), whole);
    EXPECT_TRUE(slots[0]["proof"].is_array());
}

TEST(gateway, refuses_bad_input_in_geths_words) {
    Fixture fixture;
    const std::string to = "\"" + std::string(zero_address) + "\"";
    const std::string long_number = "\"0x1" + std::string(1000, '0') + "\"";
    const std::vector<Exchange> table = {
        {"missing", "eth_getBalance", "[]", "-32602 missing value for required argument 0"},
        {"null is missing", "eth_getBalance", "[null]", "-32602 missing value for required argument 0"},
        {"too many", "eth_getBalance", "[" + to + ",\"latest\",1]", "-32602 too many arguments, want at most 2"},
        {"none wanted", "eth_blockNumber", "[1]", "-32602 too many arguments, want at most 0"},
        {"by name", "eth_getBalance", "{\"address\":" + to + "}", "-32602 non-array args"},
        {"no prefix", "eth_getBalance", "[\"bob\"]",
         "-32602 invalid argument 0: json: cannot unmarshal hex string without 0x prefix into Go value of type "
         "common.Address"},
        {"number", "eth_getBalance", "[7]",
         "-32602 invalid argument 0: json: cannot unmarshal non-string into Go value of type common.Address"},
        {"short", "eth_getBalance", "[\"0x12\"]",
         "-32602 invalid argument 0: hex string has length 2, want 40 for common.Address"},
        {"odd", "eth_getBalance", "[\"0x123\"]",
         "-32602 invalid argument 0: json: cannot unmarshal hex string of odd length into Go value of type "
         "common.Address"},
        {"no digit", "eth_getBalance", "[\"0xzz00000000000000000000000000000000000000\"]",
         "-32602 invalid argument 0: json: cannot unmarshal invalid hex string into Go value of type common.Address"},
        {"unknown tag", "eth_getBalance", "[" + to + ",\"newest\"]",
         "-32602 invalid argument 1: hex string without 0x prefix"},
        {"decimal block", "eth_getBalance", "[" + to + ",\"12\"]",
         "-32602 invalid argument 1: hex string without 0x prefix"},
        {"huge block", "eth_getBalance", "[" + to + "," + long_number + "]",
         "-32602 invalid argument 1: hex number > 64 bits"},
        {"signed block", "eth_getBalance", "[" + to + ",\"0xffffffffffffffff\"]",
         "-32602 invalid argument 1: blocknumber too high"},
        {"both", "eth_getBalance", "[" + to + ",{\"blockHash\":\"0x\",\"blockNumber\":\"0x1\"}]",
         "-32602 invalid argument 1: cannot specify both BlockHash and BlockNumber, choose one or the other"},
        {"unknown block", "eth_getBalance", "[" + to + ",\"0xffff\"]", "-32000 header not found"},
        {"leading zero", "eth_getBlockByNumber", R"(["0x01",false])",
         "-32602 invalid argument 0: hex number with leading zero digits"},
        {"no digits", "eth_getBlockByNumber", R"(["0x",false])", "-32602 invalid argument 0: hex string \"0x\""},
        {"int64", "eth_getBlockByNumber", R"(["0xffffffffffffffff",false])",
         "-32602 invalid argument 0: block number larger than int64"},
        {"bool", "eth_getBlockByNumber", R"(["0x1","yes"])",
         "-32602 invalid argument 1: json: cannot unmarshal string into Go value of type bool"},
        {"hash", "eth_getTransactionByHash", R"(["0x12"])",
         "-32602 invalid argument 0: hex string has length 2, want 64 for common.Hash"},
        {"data", "eth_sendRawTransaction", R"(["0x2"])",
         "-32602 invalid argument 0: json: cannot unmarshal hex string of odd length into Go value of type "
         "hexutil.Bytes"},
        {"storage key", "eth_getStorageAt", "[" + to + ",\"0xasdf\",\"latest\"]",
         "-32602 invalid hex in storage key: \"0xasdf\""},
        {"call", "eth_call", R"(["text","latest"])",
         "-32602 invalid argument 0: json: cannot unmarshal string into Go value of type ethapi.TransactionArgs"},
        {"value", "eth_call", "[{\"to\":" + to + ",\"value\":\"10\"}]",
         "-32602 invalid argument 0: json: cannot unmarshal hex string without 0x prefix into Go struct field "
         "TransactionArgs.value of type *hexutil.Big"},
        {"gas", "eth_call", "[{\"to\":" + to + ",\"gas\":\"0x10000000000000000\"}]",
         "-32602 invalid argument 0: json: cannot unmarshal hex number > 64 bits into Go struct field "
         "TransactionArgs.gas of type hexutil.Uint64"},
        {"two prices", "eth_call", "[{\"to\":" + to + R"(,"gasPrice":"0x1","maxFeePerGas":"0x1"}])",
         "-32000 both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified"},
        {"other chain", "eth_call", "[{\"to\":" + to + R"(,"chainId":"0x1"}])",
         "-32000 chainId does not match node's (have=1, want=31337)"},
        {"two states", "eth_call", "[{},\"latest\",{" + to + R"(:{"state":{},"stateDiff":{}}}])",
         "-32000 account 0x0000000000000000000000000000000000000000 has both 'state' and 'stateDiff'"},
        {"range", "eth_getLogs", R"([{"fromBlock":"0x5","toBlock":"0x1"}])", "-32602 invalid block range params"},
        {"future", "eth_getLogs", R"([{"fromBlock":"0x0","toBlock":"0x9"}])",
         "-32602 block range extends beyond current head block"},
        {"hash and range", "eth_getLogs", "[{\"blockHash\":\"0x" + std::string(64, '0') + R"(","fromBlock":"0x1"}])",
         "-32602 invalid argument 0: cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other"},
        {"topics", "eth_getLogs", R"([{"topics":[null,null,null,null,null]}])", "-32602 exceed max topics"},
        {"percentile", "eth_feeHistory", R"(["0x1","latest",[101]])", "-32000 invalid reward percentile: 101.000000"},
        {"order", "eth_feeHistory", R"(["0x1","latest",[75,25]])",
         "-32000 invalid reward percentile: #0:75.000000 >= #1:25.000000"},
        {"filter", "eth_getFilterChanges", R"(["0xdead"])", "-32000 filter not found"},
        {"over HTTP", "eth_subscribe", R"(["newHeads"])", "-32601 notifications not supported"},
        {"method", "eth_doTheLaundry", "[]", "-32601 the method eth_doTheLaundry does not exist/is not available"},
        {"genesis", "debug_traceBlockByNumber", R"(["0x0"])", "-32000 genesis is not traceable"},
        {"trace of nothing", "debug_traceBlockByHash", "[\"0x" + std::string(63, '0') + "1\"]",
         "-32000 block 0x" + std::string(63, '0') + "1 not found"},
        {"no slots", "eth_getStorageValues", "[{},\"latest\"]", "-32602 empty request"},
        {"no simulation", "eth_simulateV1", R"([{"blockStateCalls":[]}])", "-32602 empty input"},
    };
    for (const auto& [name, method, params, want] : table) {
        SCOPED_TRACE(name + " " + method + " " + params.substr(0, 100));
        EXPECT_EQ(fixture.error(method, params), want);
    }
}

TEST(gateway, turns_what_services_say_into_clean_errors) {
    Fixture fixture;
    const std::string params = "[\"" + std::string(zero_address) + "\"]";
    fixture.node.storage_error = Error{ErrorCode::unavailable, "node-0: connection refused", {}, 1};
    EXPECT_EQ(fixture.error("eth_getBalance", params), "-32000 service unavailable: node-0: connection refused");
    fixture.node.storage_error = Error{ErrorCode::deadline_exceeded, "deadline exceeded", {}, 0};
    EXPECT_EQ(fixture.error("eth_getBalance", params), "-32002 request timed out");
    fixture.node.storage_error = Error{ErrorCode::data_loss, "trie damaged", {}, 0};
    EXPECT_EQ(fixture.error("eth_getBalance", params), "-32603 trie damaged");
}

TEST(gateway, passes_a_call_with_everything_it_may_pretend) {
    Fixture fixture;
    fixture.node.call_reply = api::contract::CallReply{{0xab}, 0};
    const std::string to = hex(fixture.node.account);
    EXPECT_EQ(
        fixture.result("eth_call", "[{\"to\":\"" + to + R"(","data":"0x01","input":"0x02","value":"0x3","type":"0x2",
        "accessList":[{"address":")" + to +
                                       R"(","storageKeys":[]}]},"0x0",{")" + to + R"(":{"balance":"0x5","code":"0x00",
        "stateDiff":{"0x)" + std::string(64, '0') +
                                       R"(":"0x)" + std::string(64, '1') + R"("}}},{"time":"0x7","feeRecipient":")" +
                                       to + "\"}]"),
        "\"0xab\"");
    ASSERT_EQ(fixture.node.calls.size(), 1U);
    const auto& call = fixture.node.calls[0];
    EXPECT_EQ(call.call.to, fixture.node.account);
    EXPECT_EQ(call.call.data, Bytes{0x02}) << "input wins";
    EXPECT_EQ(call.call.value, U256{3});
    EXPECT_EQ(call.call.gas, 50'000'000U);
    ASSERT_TRUE(call.call.access_list);
    EXPECT_EQ(call.call.access_list->size(), 1U);
    EXPECT_EQ(call.block.tag, api::BlockTag::number);
    ASSERT_EQ(call.overrides.size(), 1U);
    EXPECT_EQ(call.overrides[0].balance, U256{5});
    EXPECT_FALSE(call.overrides[0].replace_storage);
    ASSERT_EQ(call.overrides[0].slots.size(), 1U);
    EXPECT_EQ(call.block_overrides.time, 7U);
    EXPECT_EQ(call.block_overrides.coinbase, fixture.node.account);
}

TEST(gateway, names_the_reason_of_a_revert) {
    Fixture fixture;
    const std::string reason = "0x08c379a0" + std::string(62, '0') + "20" + std::string(63, '0') + "a" +
                               "75736572206572726f72" + std::string(44, '0');
    const std::string panic = "0x4e487b71" + std::string(62, '0');
    const std::vector<std::array<std::string, 2>> table = {
        {reason, "execution reverted: user error"},
        {panic + "01", "execution reverted: assert(false)"},
        {panic + "11", "execution reverted: arithmetic underflow or overflow"},
        {panic + "77", "execution reverted: unknown panic code: 0x77"},
        {"0x77726f6e67", "execution reverted"},
        {"0x08c379a0ffff", "execution reverted"},
        {"0x08c379a0" + std::string(64, 'f') + std::string(64, 'f'), "execution reverted"},
    };
    for (const auto& [data, message] : table) {
        SCOPED_TRACE(data);
        fixture.node.call_reply =
            std::unexpected(Error{ErrorCode::failed_precondition, "execution reverted", *from_hex(data), 3});
        EXPECT_EQ(fixture.answer("eth_call", "[{}]"), R"({"jsonrpc":"2.0","id":1,"error":{"code":3,"message":")" +
                                                          message + R"(","data":")" + data + "\"}}");
    }
}

TEST(gateway, submits_raw_transactions_and_waits_for_their_block) {
    Fixture fixture;
    fixture.node.submit_reply = api::validation::SubmitReply{crypto::keccak256({})};
    EXPECT_EQ(fixture.result("eth_sendRawTransaction", R"(["0x01ff"])"), in_quotes(hex(crypto::keccak256({}))));
    ASSERT_EQ(fixture.node.submitted.size(), 1U);
    EXPECT_EQ(fixture.node.submitted[0].encoded, (Bytes{0x01, 0xff}));
    EXPECT_TRUE(fixture.node.submitted[0].wait_for_block);
    fixture.node.submit_reply = fail(ErrorCode::invalid_argument, "typed transaction too short");
    EXPECT_EQ(fixture.error("eth_sendRawTransaction", R"(["0x"])"), "-32000 typed transaction too short");
}

TEST(gateway, refuses_signatures_that_hold_on_every_chain) {
    chain::Transaction tx;
    tx.gas_limit = 21'000;
    tx.to = Address{};
    const auto unprotected = chain::sign_transaction(tx, testing::secret_key());
    tx.chain_id = 31337;
    const auto bound = chain::sign_transaction(tx, testing::secret_key());
    Fixture strict;
    EXPECT_EQ(strict.error("eth_sendRawTransaction", "[\"" + hex(unprotected->encoded) + "\"]"),
              "-32000 only replay-protected (EIP-155) transactions allowed over RPC");
    EXPECT_TRUE(strict.node.submitted.empty());
    EXPECT_TRUE(strict.result("eth_sendRawTransaction", "[\"" + hex(bound->encoded) + "\"]").starts_with("\"0x"));
    GatewayConfig config;
    config.allow_unprotected = true;
    Fixture lenient(config);
    EXPECT_TRUE(
        lenient.result("eth_sendRawTransaction", "[\"" + hex(unprotected->encoded) + "\"]").starts_with("\"0x"));
}

TEST(gateway, completes_and_signs_what_a_wallet_account_sends) {
    Fixture fixture;
    const std::string from = hex(fixture.node.account);
    ASSERT_TRUE(
        fixture.result("eth_sendTransaction", "[{\"from\":\"" + from + "\",\"to\":\"" + from + R"(","value":"0x1"}])")
            .starts_with("\"0x"));
    ASSERT_EQ(fixture.node.submitted.size(), 1U);
    EXPECT_FALSE(fixture.node.submitted[0].impersonate);
    const auto sent = chain::decode_transaction(fixture.node.submitted[0].encoded);
    ASSERT_TRUE(sent);
    EXPECT_EQ(sent->type, chain::TransactionType::dynamic_fee);
    EXPECT_EQ(sent->chain_id, 31337U);
    EXPECT_EQ(sent->nonce, 5U);
    EXPECT_EQ(sent->gas_limit, 25'000U);
    EXPECT_EQ(sent->max_priority_fee_per_gas, U256{2'000'000'001});
    EXPECT_EQ(sent->max_fee_per_gas, U256{2'000'000'001 + 2 * 10});
    EXPECT_EQ(chain::recover_sender(*sent), fixture.node.account);
    ASSERT_EQ(fixture.node.estimates.size(), 1U);
    EXPECT_EQ(fixture.node.estimates[0].block.tag, api::BlockTag::pending);
}

TEST(gateway, chooses_the_type_by_the_fields) {
    Fixture fixture;
    const std::string from = hex(fixture.node.account);
    const std::string head = "[{\"from\":\"" + from + "\",\"to\":\"" + from + "\",";
    const std::vector<std::pair<std::string, chain::TransactionType>> table = {
        {R"("gasPrice":"0x9"}])", chain::TransactionType::legacy},
        {R"("gasPrice":"0x9","accessList":[]}])", chain::TransactionType::access_list},
        {R"("maxFeePerGas":"0x9"}])", chain::TransactionType::dynamic_fee},
        {R"("authorizationList":[{"chainId":"0x7a69","address":")" + from +
             R"(","nonce":"0x1","yParity":"0x1","r":"0x1","s":"0x1"}]}])",
         chain::TransactionType::set_code},
    };
    for (const auto& [rest, type] : table) {
        SCOPED_TRACE(rest);
        EXPECT_TRUE(fixture.result("eth_sendTransaction", head + rest).starts_with("\"0x"));
        const auto sent = chain::decode_transaction(fixture.node.submitted.back().encoded);
        ASSERT_TRUE(sent);
        EXPECT_EQ(sent->type, type);
        EXPECT_LE(sent->max_priority_fee_per_gas, sent->max_fee_per_gas);
        EXPECT_EQ(chain::recover_sender(*sent), fixture.node.account);
    }
}

TEST(gateway, sends_for_others_only_if_they_are_impersonated) {
    Fixture fixture;
    const std::string stranger = "0x00000000000000000000000000000000000c0ffe";
    const std::string params = "[{\"from\":\"" + stranger + "\",\"to\":\"" + stranger + "\"}]";
    EXPECT_EQ(fixture.error("eth_sendTransaction", params), "-32000 unknown account");
    EXPECT_EQ(fixture.result("hardhat_impersonateAccount", "[\"" + stranger + "\"]"), "true");
    EXPECT_TRUE(fixture.result("eth_sendTransaction", params).starts_with("\"0x"));
    EXPECT_EQ(fixture.node.submitted.back().impersonate, *fixed_from_hex<Address>(stranger));
    EXPECT_EQ(fixture.result("anvil_stopImpersonatingAccount", "[\"" + stranger + "\"]"), "null");
    EXPECT_EQ(fixture.error("eth_sendTransaction", params), "-32000 unknown account");
    EXPECT_EQ(fixture.error("eth_sendTransaction", "[{\"from\":\"" + hex(fixture.node.account) + "\"}]"),
              "-32000 contract creation without any data provided");
}

TEST(gateway, fills_a_transaction_without_a_wallet) {
    Fixture fixture;
    const auto parsed = json::parse(fixture.result(
        "eth_fillTransaction", "[{\"from\":\"0x00000000000000000000000000000000000c0ffe\",\"data\":\"0x60\"}]"));
    const json::Value& tx = (*parsed)["tx"];
    EXPECT_EQ(tx["nonce"].text(), "0x5");
    EXPECT_EQ(tx["gas"].text(), "0x61a8");
    EXPECT_EQ(tx["type"].text(), "0x2");
    EXPECT_TRUE(tx.find("gasPrice") != nullptr && tx["gasPrice"].is_null());
    EXPECT_TRUE(tx["to"].is_null());
    EXPECT_TRUE(chain::decode_transaction(*from_hex((*parsed)["raw"].text())));
}

TEST(gateway, signs_messages_and_typed_data) {
    Fixture fixture;
    const std::string account = hex(fixture.node.account);
    const std::string by_eth = fixture.result("eth_sign", "[\"" + account + "\",\"0x68656c6c6f\"]");
    EXPECT_EQ(by_eth, fixture.result("personal_sign", "[\"0x68656c6c6f\",\"" + account + "\"]"));
    EXPECT_EQ(by_eth.size(), 2U + 2 + 130);
    const std::string document =
        R"({"types":{"Note":[{"name":"text","type":"string"}]},"primaryType":"Note","domain":{"name":"x"},"message":{"text":"y"}})";
    const std::string by_object = fixture.result("eth_signTypedData_v4", "[\"" + account + "\"," + document + "]");
    EXPECT_EQ(by_object, fixture.result("eth_signTypedData_v4", "[\"" + account + "\"," + json::quote(document) + "]"));
    EXPECT_EQ(by_object.size(), 134U);
}

TEST(gateway, gives_development_methods_the_answers_of_hardhat_and_anvil) {
    Fixture fixture;
    const std::string account = hex(fixture.node.account);
    const std::string word = "0x" + std::string(63, '0') + "1";
    expect_results(fixture, {
        {"", "evm_snapshot", "[]", "\"0x1\""},
        {"", "evm_revert", R"(["0x1"])", "true"},
        {"used", "evm_revert", R"(["0x2"])", "false"},
        {"", "evm_mine", "[]", "\"0x0\""},
        {"timestamp", "evm_mine", "[1234]", "\"0x0\""},
        {"object", "evm_mine", R"([{"timestamp":99,"blocks":3}])", "\"0x0\""},
        {"", "hardhat_mine", R"(["0x100","0x3c"])", "true"},
        {"", "anvil_mine", R"(["0x1","0x0"])", "null"},
        {"", "evm_increaseTime", "[60]", "\"60\""},
        {"", "anvil_increaseTime", R"(["0x3c"])", "60"},
        {"", "evm_setNextBlockTimestamp", "[5000]", "\"5000\""},
        {"", "evm_setAutomine", "[false]", "true"},
        {"", "anvil_setAutoMine", "[false]", "null"},
        {"", "hardhat_getAutomine", "[]", "true"},
        {"", "evm_setIntervalMining", "[1500]", "true"},
        {"", "anvil_setIntervalMining", "[2]", "null"},
        {"", "hardhat_setBalance", "[\"" + account + "\",\"0x5\"]", "true"},
        {"", "anvil_setBalance", "[\"" + account + "\",\"0x5\"]", "null"},
        {"", "hardhat_setStorageAt", "[\"" + account + "\",\"0x0\",\"" + word + "\"]", "true"},
        {"", "anvil_setStorageAt", "[\"" + account + "\",\"0x0\",\"" + word + "\"]", "true"},
        {"none", "hardhat_dropTransaction", "[\"" + word + "\"]", "false"},
        {"none", "anvil_dropTransaction", "[\"" + word + "\"]", "null"},
        {"", "hardhat_setLoggingEnabled", "[true]", "true"},
        {"", "hardhat_reset", "[]", "true"},
        {"", "anvil_reset", "[]", "null"},
    });
    ASSERT_EQ(fixture.node.mined.size(), 5U);
    EXPECT_EQ(fixture.node.mined[1].timestamp, 1234U);
    EXPECT_EQ(fixture.node.mined[2].count, 3U);
    EXPECT_EQ(fixture.node.mined[3].count, 256U);
    EXPECT_EQ(fixture.node.mined[3].interval_s, 60U);
    EXPECT_FALSE(fixture.node.mined[4].interval_s);
    EXPECT_EQ(fixture.node.configured.back().interval_ms, 2000U);
    EXPECT_EQ(fixture.node.changed.back().slots[0].value, U256{1});
    EXPECT_EQ(fixture.error("hardhat_setStorageAt", "[\"" + account + "\",\"0x0\",\"0x1\"]"),
              "-32602 Storage value must be exactly 32 bytes long. Received 0x1.");
    const auto metadata = json::parse(fixture.result("hardhat_metadata"));
    EXPECT_EQ((*metadata)["chainId"].text(), "31337");
    EXPECT_EQ((*metadata)["latestBlockNumber"].text(), "0");
}

TEST(gateway, has_no_development_methods_elsewhere) {
    Fixture fixture;
    fixture.node.status.development = false;
    for (const std::string_view method : {"evm_mine", "hardhat_setBalance", "anvil_nodeInfo", "hardhat_metadata"}) {
        EXPECT_EQ(fixture.error(method, "[]"),
                  "-32601 the method " + std::string(method) + " does not exist/is not available");
    }
}

TEST(gateway, discovers_every_method) {
    Fixture fixture;
    const auto document = json::parse(fixture.result("rpc.discover"));
    ASSERT_TRUE(document);
    EXPECT_GT((*document)["methods"].items().size(), 120U);
    for (const auto& method : (*document)["methods"].items()) {
        EXPECT_FALSE(method["name"].text().empty());
        EXPECT_FALSE(method["summary"].text().empty()) << method["name"].text();
        EXPECT_TRUE(method["params"].is_array());
    }
    EXPECT_EQ((*json::parse(fixture.result("rpc_modules")))["eth"].text(), "1.0");
}

TEST(gateway, takes_no_body_but_json) {
    Fixture fixture;
    ASSERT_TRUE(fixture.gateway.listen("127.0.0.1:0"));
    const auto address = fixture.gateway.local_address();
    const std::string body = R"({"jsonrpc":"2.0","id":1,"method":"eth_chainId"})";
    const auto status_of = [&](const std::string& headers) {
        net::TestPeer peer(address);
        peer.send("POST / HTTP/1.1\r\nHost: a\r\n" + headers + "Content-Length: " + std::to_string(body.size()) +
                  "\r\n\r\n" + body);
        return peer.response().substr(9, 3);
    };
    EXPECT_EQ(status_of("Content-Type: application/json\r\n"), "200");
    EXPECT_EQ(status_of(""), "200");
    EXPECT_EQ(status_of("Content-Type: text/plain\r\nOrigin: https://a.example\r\n"), "415");
    EXPECT_EQ(status_of("Origin: https://a.example\r\n"), "415");
}

}  // namespace
}  // namespace weft::service::gateway
