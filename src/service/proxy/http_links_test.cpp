#include "service/proxy/http_links.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

#include "net/http.hpp"

namespace weft::service::proxy {
namespace {

Future<net::Reply> call(HttpLinks& links, std::int64_t deadline_ns) {
    auto promise = std::make_shared<Promise<net::Reply>>();
    auto future = promise->future();
    links.call({"m", "1", "[]", true}, deadline_ns,
               [promise](Result<net::Reply> reply) { promise->set(std::move(reply)); });
    return future;
}

class HttpLinksTest : public testing::Test {
  protected:
    HttpLinksTest()
        : server_(loops_, [this](net::Request) -> Task<net::Response> {
              if (!answers_) {
                  arrived_.set({});
                  auto held = held_.emplace_back().future();
                  co_await std::move(held).wait();
              }
              co_return net::Response{.body = "{}"};
          }) {
        loops_.start();
        EXPECT_TRUE(server_.listen("127.0.0.1:0"));
    }
    ~HttpLinksTest() override { loops_.stop(); }

    [[nodiscard]] std::unique_ptr<HttpLinks> make_links(net::Endpoint endpoint, std::size_t connections_max) {
        UpstreamConfig config;
        config.connections_max = connections_max;
        return std::make_unique<HttpLinks>(loops_.loop(0), config, net::Url{"http", std::move(endpoint), "/"}, nullptr,
                                           1'000'000);
    }
    template <class Work>
    void on_loop(Work work) {
        EXPECT_TRUE(run(net::run_at(loops_.loop(0), work())));
    }

    bool answers_ = true;
    Promise<void> arrived_;  // the first that is not answered
    std::vector<Promise<void>> held_;
    net::LoopGroup loops_{1};
    net::HttpServer server_;
};

TEST_F(HttpLinksTest, ACallThatWaitsForAConnectionEndsAtItsDeadline) {
    answers_ = false;
    on_loop([&]() -> Task<void> {
        const auto links = make_links(server_.local_address(), 1);
        const std::int64_t begun = monotonic_ns();
        auto holder = call(*links, begun + 60 * ns_per_s);
        co_await arrived_.future().wait();
        // The last one's time is over first.
        std::vector<Future<net::Reply>> waiting;
        for (const std::int64_t ms : {60'000, 60'000, 30}) waiting.push_back(call(*links, begun + ms * ns_per_ms));
        const auto late = co_await settled(std::move(waiting.back()).wait());
        waiting.pop_back();
        EXPECT_FALSE(late);
        if (late) co_return;
        EXPECT_EQ(late.error().code, ErrorCode::unavailable);
        EXPECT_EQ(late.error().detail, 1) << "it was never sent";
        EXPECT_LT(monotonic_ns() - begun, 30 * ns_per_s);
        EXPECT_FALSE(holder.ready());
        for (const auto& one : waiting) EXPECT_FALSE(one.ready());
        answers_ = true;
        for (auto& promise : held_) promise.set({});
        EXPECT_TRUE(co_await settled(std::move(holder).wait()));
        for (auto& one : waiting) EXPECT_TRUE(co_await settled(std::move(one).wait()));
    });
}

TEST_F(HttpLinksTest, ConnectionsHaveABoundAndCallsBeyondItAreMadeInOrder) {
    on_loop([&]() -> Task<void> {
        const auto links = make_links(server_.local_address(), 4);
        std::vector<Future<net::Reply>> calls;
        for (int i = 0; i < 100; ++i) calls.push_back(call(*links, monotonic_ns() + 20 * ns_per_s));
        EXPECT_LE(links->connections(), 4U);
        for (auto& one : calls) EXPECT_TRUE(co_await settled(std::move(one).wait()));
        EXPECT_LE(links->connections(), 4U);
        EXPECT_LE(server_.counters().accepted, 4U);
    });
}

TEST_F(HttpLinksTest, ManyWhoWaitForOneThatRefusesAreToldInTurnsOfTheirOwn) {
    on_loop([&]() -> Task<void> {
        // Refused at once, inside the call.
        const auto links = make_links(*net::Endpoint::parse("unix:/no/such/socket"), 1);
        constexpr std::size_t count = 4'000;
        std::uintptr_t deepest = ~std::uintptr_t{0};
        std::uintptr_t highest = 0;
        std::size_t ended = 0;
        Promise<void> all;
        auto done = all.future();
        for (std::size_t i = 0; i < count; ++i) {
            links->call({"m", "1", "[]", true}, monotonic_ns() + 60 * ns_per_s, [&](Result<net::Reply> reply) {
                EXPECT_FALSE(reply);
                const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
                deepest = std::min(deepest, here);
                highest = std::max(highest, here);
                if (++ended < count) return;
                Promise<void> last = std::move(all);  // who waits goes on at once, and is where the promise is
                last.set({});
            });
        }
        co_await std::move(done).wait();
        EXPECT_LT(highest - deepest, 32U * 1024) << "bytes of stack";
    });
}

}  // namespace
}  // namespace weft::service::proxy
