#include "service/proxy/batching_link.hpp"

#include <gtest/gtest.h>

#include "net/http.hpp"
#include "net/rpc_scan.hpp"

namespace weft::service::proxy {
namespace {

/// An upstream that answers batches in the opposite order, and can be told to refuse them.
struct Upstream {
    net::LoopGroup loops{1};
    std::vector<std::string> bodies;
    bool takes_batches = true;
    bool leaves_one_out = false;
    std::unique_ptr<net::HttpServer> server;

    Upstream() {
        loops.start();
        server = std::make_unique<net::HttpServer>(loops, [this](net::Request request) -> Task<net::Response> {
            net::Response out;
            out.body = answer(std::string(request.body));
            co_return out;
        });
        EXPECT_TRUE(server->listen("127.0.0.1:0"));
    }
    ~Upstream() {
        server.reset();
        loops.stop();
    }

    std::string answer(const std::string& body) {
        bodies.push_back(body);
        if (net::first_character(body) != '[') return one(body);
        if (!takes_batches) return net::rpc_error_text("null", R"({"code":-32600,"message":"no batches"})");
        std::string out;
        bool first = true;
        net::for_each_item(body, [&](std::string_view item) {
            if (leaves_one_out && first) {
                first = false;
                return;
            }
            out = one(item) + (out.empty() ? "" : ",") + out;
        });
        return "[" + out + "]";
    }
    static std::string one(std::string_view item) {
        const auto parts = net::scan_request(item);
        return net::rpc_result_text(parts->id, parts->params);
    }

    /// Makes @p count calls in one turn and gives what came of each.
    std::vector<Result<net::Reply>> call(std::size_t count, bool repeatable = true, std::size_t items_max = 10) {
        std::vector<Result<net::Reply>> out;
        const auto work = [&]() -> Task<void> {
            auto& loop = loops.loop(0);
            UpstreamConfig config;
            BatchingLink link(loop,
                              std::make_unique<HttpLinks>(loop, config, net::Url{"http", server->local_address(), "/"},
                                                          nullptr, 1'000'000),
                              items_max, 0);
            std::vector<Future<net::Reply>> futures;
            for (std::size_t i = 0; i < count; ++i) {
                auto promise = std::make_shared<Promise<net::Reply>>();
                futures.push_back(promise->future());
                const std::string params = "[" + std::to_string(i) + "]";
                link.call({"m", "7", params, repeatable}, loop.now_ns() + 5 * ns_per_s,
                          [promise](Result<net::Reply> reply) { promise->set(std::move(reply)); });
            }
            for (auto& future : futures) out.push_back(co_await settled(std::move(future).wait()));
        };
        EXPECT_TRUE(run(net::run_at(loops.loop(0), work())));
        return out;
    }
};

void expect_own(const std::vector<Result<net::Reply>>& replies, std::size_t from = 0) {
    for (std::size_t i = from; i < replies.size(); ++i) {
        ASSERT_TRUE(replies[i]) << replies[i].error().message;
        EXPECT_EQ(net::member_of(replies[i]->body, "result"), "[" + std::to_string(i) + "]");
    }
}

TEST(BatchingLink, CallsOfOneTurnGoTogetherAndEachGetsItsOwn) {
    Upstream upstream;
    expect_own(upstream.call(5));
    EXPECT_EQ(upstream.bodies.size(), 1U);
}

TEST(BatchingLink, ABatchHasABound) {
    Upstream upstream;
    expect_own(upstream.call(25, true, 10));
    EXPECT_EQ(upstream.bodies.size(), 3U);
}

TEST(BatchingLink, OneCallIsNoBatch) {
    Upstream upstream;
    expect_own(upstream.call(1));
    ASSERT_EQ(upstream.bodies.size(), 1U);
    EXPECT_EQ(upstream.bodies[0][0], '{');
}

TEST(BatchingLink, WhatMayNotBeRepeatedGoesAlone) {
    Upstream upstream;
    expect_own(upstream.call(3, false));
    EXPECT_EQ(upstream.bodies.size(), 3U);
}

TEST(BatchingLink, ARefusedBatchIsMadeCallByCall) {
    Upstream upstream;
    upstream.takes_batches = false;
    expect_own(upstream.call(4));
    EXPECT_EQ(upstream.bodies.size(), 5U);
}

TEST(BatchingLink, AReplyThatIsMissingIsAnError) {
    Upstream upstream;
    upstream.leaves_one_out = true;
    const auto replies = upstream.call(3);
    ASSERT_FALSE(replies[0]);
    EXPECT_EQ(replies[0].error().code, ErrorCode::data_loss);
    expect_own(replies, 1);
}

}  // namespace
}  // namespace weft::service::proxy
