#include "api/web/grpc.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "api/chain_v1.hpp"
#include "api/web/test_chain.hpp"
#include "base/wire.hpp"
#include "net/grpc_codec.hpp"
#include "net/grpc_web.hpp"
#include "net/http.hpp"
#include "net/test_peer.hpp"

namespace weft::api::web {
namespace {

using namespace chain_v1;

weft::Hash hash_of(const std::string& text) { return *fixed_from_hex<weft::Hash>(text); }
weft::Address address_of(const std::string& text) { return *fixed_from_hex<weft::Address>(text); }
std::string hex(BytesView bytes) { return to_hex(bytes); }

/// The service on an HTTP server's port, called as any client would.
struct GrpcChain : testing::Test {
    TestChain chain;
    net::LoopGroup loops{1};
    std::optional<net::HttpServer> server;
    net::GrpcClient client;
    net::RpcCall call = chain.call();
    GrpcHooks hooks;

    void SetUp() override { loops.start(); }
    void TearDown() override {
        client = {};
        server.reset();
        loops.stop();
    }
    void start() {
        server.emplace(loops, [](net::Request) -> Task<net::Response> { co_return net::Response{}; });
        server->grpc(make_grpc_service(call, hooks));
        ASSERT_TRUE(server->listen("127.0.0.1:0"));
        client = net::GrpcClient(loops, server->local_address().to_string());
    }
    Result<Bytes> ask_bytes(std::string_view method, BytesView message, std::int64_t timeout_ns = 20 * ns_per_s) {
        if (!client) start();
        return run(client.call(mesh::Context::with_timeout(timeout_ns), method, message));
    }
    template <class Request>
    Result<typename Request::Reply> ask(const Request& request) {
        WEFT_TRY(const Bytes reply, ask_bytes(Request::method, wire::encode(request)));
        return wire::decode<typename Request::Reply>(reply);
    }
};

TEST_F(GrpcChain, blocks_by_number_tag_and_hash_say_the_same) {
    const auto by_number = ask(GetBlockRequest{.block = {.number = 2}});
    ASSERT_TRUE(by_number) << by_number.error().message;
    EXPECT_EQ(by_number->header.number, 2);
    EXPECT_EQ(hex(by_number->header.hash), TestChain::block_hash(2));
    EXPECT_EQ(by_number->header.base_fee_per_gas->bytes[31], 0x3c);
    EXPECT_EQ(by_number->transaction_hashes.size(), TestChain::transactions);
    EXPECT_TRUE(by_number->transactions.empty());
    const auto by_hash = ask(GetBlockRequest{.block = {.hash = hash_of(TestChain::block_hash(2))}});
    ASSERT_TRUE(by_hash) << by_hash.error().message;
    EXPECT_EQ(wire::encode(*by_hash), wire::encode(*by_number));
    const auto final = ask(GetBlockRequest{.block = {.tag = BlockTag::finalized}});
    ASSERT_TRUE(final) << final.error().message;
    EXPECT_EQ(final->header.number, 1);
    const auto head = ask(GetHeadRequest{});
    ASSERT_TRUE(head) << head.error().message;
    EXPECT_EQ(head->number, 2);
}

TEST_F(GrpcChain, a_zero_is_written_whole) {
    const auto reply = ask(GetBlockRequest{.block = {.number = 0}});
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->header.parent_hash, chain_v1::Hash{});
    const Bytes bytes = wire::encode(chain_v1::BlockHeader{});
    struct Read {
        std::uint64_t number;
        Bytes hash;
        Bytes parent_hash;
        wire::Reserved timestamp;
        Bytes miner;
    };
    const auto read = wire::decode<Read>(bytes);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->parent_hash, Bytes(32));
    EXPECT_EQ(read->miner, Bytes(20));
}

TEST_F(GrpcChain, transactions_receipts_and_logs) {
    const auto full = ask(GetBlockRequest{.block = {.number = 2}, .full_transactions = true});
    ASSERT_TRUE(full) << full.error().message;
    ASSERT_EQ(full->transactions.size(), TestChain::transactions);
    EXPECT_TRUE(full->transaction_hashes.empty());
    const auto one = ask(GetTransactionRequest{hash_of(TestChain::tx_hash(0))});
    ASSERT_TRUE(one) << one.error().message;
    EXPECT_EQ(wire::encode(*one), wire::encode(full->transactions[0]));
    EXPECT_EQ(one->type, 2);
    EXPECT_EQ(one->gas, 21'000);
    EXPECT_FALSE(one->to);
    EXPECT_EQ(one->block_number, 2);
    const auto receipt = ask(GetReceiptRequest{hash_of(TestChain::tx_hash(0))});
    ASSERT_TRUE(receipt) << receipt.error().message;
    EXPECT_EQ(receipt->status, 1);
    ASSERT_EQ(receipt->logs.size(), 2);
    EXPECT_EQ(receipt->logs[1].log_index, 1);
    const LogFilter filter{{address_of(TestChain::address(9))}, {{}, {{hash_of(TestChain::word(7))}}}};
    const auto logs = ask(GetLogsRequest{.from_block = {.number = 0}, .filter = filter});
    ASSERT_TRUE(logs) << logs.error().message;
    ASSERT_EQ(logs->logs.size(), 2);
    EXPECT_EQ(wire::encode(logs->logs[1]), wire::encode(receipt->logs[1]));
    EXPECT_EQ(chain.asked.back(), R"(eth_getLogs[{"fromBlock":"0x0","toBlock":"latest","address":[")" +
                                      TestChain::address(9) + R"("],"topics":[null,[")" + TestChain::word(7) +
                                      "\"]]}]");
}

TEST_F(GrpcChain, an_account_is_read_of_one_block) {
    const auto account = ask(GetAccountRequest{.address = address_of(TestChain::address(1))});
    ASSERT_TRUE(account) << account.error().message;
    EXPECT_EQ(account->balance.bytes[31], 0x10);
    EXPECT_EQ(account->nonce, 3);
    EXPECT_EQ(account->code_size, 2);
    EXPECT_TRUE(account->code.empty());
    EXPECT_EQ(hex(account->code_hash), "0x309c67890bde4c575dc23d2cc3b5c3a3d599e312e980e9b61b5bc8f3cd87c8bb");
    const std::string state = ",{\"blockHash\":\"" + TestChain::block_hash(2) + "\"}]";
    for (const std::string_view method : {"eth_getBalance", "eth_getTransactionCount", "eth_getCode"}) {
        SCOPED_TRACE(method);
        const auto is_of_it = [&](const std::string& one) { return one.starts_with(method) && one.ends_with(state); };
        EXPECT_EQ(std::ranges::count_if(chain.asked, is_of_it), 1);
    }
}

TEST_F(GrpcChain, a_message_is_spelled_as_json_rpc_has_it) {
    const auto gas = ask(EstimateGasRequest{.message = {.from = address_of(TestChain::address(1)),
                                                        .to = address_of(TestChain::address(2)),
                                                        .gas = 90'000,
                                                        .value = U256(0),
                                                        .input = {0xab},
                                                        .access_list = {{address_of(TestChain::address(3)), {{}}}}},
                                            .block = {.tag = BlockTag::pending}});
    ASSERT_TRUE(gas) << gas.error().message;
    EXPECT_EQ(gas->gas, 21'000);
    EXPECT_EQ(chain.asked.back(), R"(eth_estimateGas[{"from":")" + TestChain::address(1) + R"(","to":")" +
                                      TestChain::address(2) + R"(","gas":"0x15f90","value":"0x0","input":"0xab",)" +
                                      R"("accessList":[{"address":")" + TestChain::address(3) +
                                      R"(","storageKeys":[")" + TestChain::word(0) + R"("]}]},"pending"])");
}

TEST_F(GrpcChain, errors_are_statuses_with_a_detail) {
    const auto code_of = [&](const auto& request) {
        const auto reply = ask(request);
        return reply ? ErrorCode{} : reply.error().code;
    };
    EXPECT_EQ(code_of(CallRequest{}), ErrorCode::failed_precondition);
    // The chain of this test has no eth_getProof.
    EXPECT_EQ(code_of(GetProofRequest{.address = weft::Address{}}), ErrorCode::unimplemented);
    EXPECT_EQ(code_of(GetGasPriceRequest{}), ErrorCode::unavailable);
    EXPECT_EQ(code_of(SendRawTransactionRequest{{0}}), ErrorCode::failed_precondition);
    EXPECT_EQ(code_of(GetTransactionRequest{weft::Hash{}}), ErrorCode::not_found);
    EXPECT_EQ(code_of(GetReceiptRequest{weft::Hash{}}), ErrorCode::not_found);
    EXPECT_EQ(code_of(GetBlockRequest{.block = {.number = 77}}), ErrorCode::not_found);
    EXPECT_EQ(code_of(GetBlockRequest{.block = {.tag = BlockTag::latest, .number = 1}}), ErrorCode::invalid_argument);
    EXPECT_EQ(code_of(GetBlockRequest{.block = {.tag = static_cast<BlockTag>(99)}}), ErrorCode::invalid_argument);
    EXPECT_EQ(code_of(GetLogsRequest{.from_block = {.hash = weft::Hash{}}}), ErrorCode::invalid_argument);
    EXPECT_EQ(code_of(SendRawTransactionRequest{}), ErrorCode::invalid_argument);
    EXPECT_EQ(code_of(GetBalanceRequest{}), ErrorCode::invalid_argument);
}

TEST_F(GrpcChain, a_message_that_is_none_names_the_field) {
    // An address of 19 bytes; a string where a message is due; a number of 33 bytes; an end in the middle.
    Bytes long_number(35, 1);
    long_number[0] = 0x12;
    long_number[1] = 33;
    const struct {
        std::string_view method;
        Bytes message;
        std::string_view says;
    } bad[] = {
        {"GetBalance", Bytes{0x0a, 1, 0}, "field 1: wire: byte string of wrong length"},
        {"GetBalance", Bytes{0x12, 2, 0x1a, 9}, "field 2: "},
        {"GetStorage", long_number, "field 2: "},
        {"GetBlock", Bytes{0x0a}, "field 1: "},
        {"GetBlock", Bytes{0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, "field 1: "},
    };
    for (const auto& one : bad) {
        const auto reply = ask_bytes("weft.chain.v1.Chain/" + std::string(one.method), one.message);
        ASSERT_FALSE(reply);
        EXPECT_EQ(reply.error().code, ErrorCode::invalid_argument);
        EXPECT_TRUE(reply.error().message.starts_with(one.says)) << reply.error().message;
    }
    EXPECT_TRUE(chain.asked.empty());
}

TEST_F(GrpcChain, answers_at_the_deadline_whoever_is_asked) {
    std::vector<Promise<void>> stuck;
    std::int64_t remaining_ns = 0;
    call = [&](mesh::Context context, std::string_view, std::string) -> Task<std::string> {
        remaining_ns = context.remaining_ns();
        auto never = stuck.emplace_back().future();
        return [](Future<void> end) -> Task<std::string> {
            co_await std::move(end).wait();
            co_return std::string("\"0x1\"");
        }(std::move(never));
    };
    hooks.timeout_ns = 50 * ns_per_ms;
    const auto reply = ask(GetChainIdRequest{});
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, ErrorCode::deadline_exceeded);
    EXPECT_LE(remaining_ns, hooks.timeout_ns);
    // What comes after it is nobody's any more.
    std::ignore = run(net::run_at(loops.loop(0), [&]() -> Task<void> {
        stuck.clear();
        co_return;
    }()));
}

TEST_F(GrpcChain, who_may_not_call_is_told) {
    std::string seen;
    hooks.admission = [&](const net::Request& request) -> Result<std::shared_ptr<const mesh::Caller>> {
        seen = request.path;
        EXPECT_FALSE(request.peer.empty());
        EXPECT_TRUE(request.header("Content-Type").starts_with("application/grpc"));
        return fail(ErrorCode::unauthenticated, "a key is needed");
    };
    EXPECT_EQ(ask(GetChainIdRequest{}).error().code, ErrorCode::unauthenticated);
    EXPECT_EQ(seen, "/weft.chain.v1.Chain/GetChainId");
    EXPECT_TRUE(chain.asked.empty());
    EXPECT_TRUE(ask_bytes("grpc.health.v1.Health/Check", {}));
}

TEST_F(GrpcChain, an_answer_that_is_none_is_the_nodes_fault) {
    call = [](mesh::Context, std::string_view method, std::string) -> Task<std::string> {
        co_return std::string(method == "eth_getLogs" ? "{}" : R"({"number":"0xzz"})");
    };
    const auto head = ask(GetHeadRequest{});
    ASSERT_FALSE(head);
    EXPECT_EQ(head.error().code, ErrorCode::internal);
    EXPECT_TRUE(head.error().message.contains("number: ")) << head.error().message;
    EXPECT_EQ(ask(GetLogsRequest{}).error().code, ErrorCode::internal);
}

/// Over grpc-web, whose streams an ordinary HTTP client reads: the service's own client makes unary calls only.
TEST_F(GrpcChain, streams_are_subscriptions) {
    std::string asked;
    std::atomic<std::uint64_t> forgotten{0};
    net::SessionPtr session;
    hooks.subscribe = [&](mesh::Context, net::SessionPtr with, std::string params) -> Task<std::string> {
        asked = params;
        session = std::move(with);
        co_return std::string("\"0x1\"");
    };
    hooks.activate = [&](std::uint64_t id) {
        EXPECT_EQ(id, session->id());
        const std::string notice = R"({"method":"eth_subscription","params":{"subscription":"0x1","result":)";
        session->send(notice + R"({"address":")" + TestChain::address(9) + R"(","topics":[],"data":"0xabcd",)" +
                      R"("blockNumber":"0x7","removed":true}}})");
        session->send(notice + "7}}");
    };
    hooks.unsubscribe = [&](std::uint64_t id) {
        forgotten = id;
        forgotten.notify_all();
    };
    const auto service = make_grpc_service(call, hooks);
    server.emplace(loops, [service](net::Request request) { return net::serve_grpc_web(service, std::move(request)); });
    ASSERT_TRUE(server->listen("127.0.0.1:0"));
    const Bytes message = wire::encode(LogsRequest{.filter = {{address_of(TestChain::address(9))}, {}}});
    std::string body(as_text(BytesView(net::grpc_prefix(message.size()))));
    body += as_text(message);
    net::TestPeer peer(server->local_address());
    peer.send("POST /weft.chain.v1.Chain/Logs HTTP/1.1\r\nHost: x\r\nContent-Type: application/grpc-web+proto\r\n"
              "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    const std::string all = peer.until("\r\n0\r\n\r\n");
    EXPECT_EQ(asked, R"(["logs",{"address":[")" + TestChain::address(9) + R"("],"topics":[]}])");
    EXPECT_NE(all.find("\xab\xcd"), std::string::npos);
    // The second notice is none: the stream ends and says why.
    EXPECT_NE(all.find("grpc-status: 13"), std::string::npos) << all;
    forgotten.wait(0);
    EXPECT_EQ(forgotten, session->id());
    EXPECT_FALSE(session->open());
    session.reset();
}

}  // namespace
}  // namespace weft::api::web
