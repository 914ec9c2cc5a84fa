#pragma once
// The gateway before upstreams of the test's, over real HTTP. What a test does is a task on the loop that everything
// runs on, so that nothing happens between two of its steps but what it waits for.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "net/http_client.hpp"
#include "service/proxy/proxy.hpp"
#include "service/proxy/test_upstream.hpp"

namespace weft::service::proxy::testing {

class ProxyTest : public ::testing::Test {
  protected:
    using Headers = std::vector<std::pair<std::string, std::string>>;
    using Call = TestUpstream::Call;
    using Said = TestUpstream::Said;

    /// @param loops  of the gateway; the test and its upstreams are on the first.
    explicit ProxyTest(std::size_t loops = 3)
        : loops_(loops), client_(std::make_unique<net::HttpClient>(loops_.loop(0))) {
        loops_.start();
        config.poll_ns = 2 * ns_per_ms;
        config.hedge_quantile = 0;
        config.request_timeout_ns = 20 * ns_per_s;
    }
    ~ProxyTest() override {
        end();
        on_loop([this]() -> Task<void> {
            client_.reset();
            upstreams_.clear();
            co_return;
        });
        loops_.stop();
    }

    /// One more upstream of @p chain, for the next begin() or reload().
    TestUpstream& add(bool fallback = false) {
        static int last = 0;
        const std::string id = "test-" + std::to_string(++last);
        on_loop([&]() -> Task<void> {
            upstreams_.push_back(std::make_unique<TestUpstream>(loop(), id, chain));
            co_return;
        });
        UpstreamConfig upstream;
        upstream.id = id;
        upstream.url = upstreams_.back()->url();
        upstream.fallback = fallback;
        config.upstreams.push_back(std::move(upstream));
        return *upstreams_.back();
    }

    void serve() {
        proxy_ = std::make_unique<Proxy>(loops_, config);
        ASSERT_TRUE(proxy_->listen("127.0.0.1:0"));
        address_ = proxy_->local_address();
    }
    /// Serves, and waits until the newest block of all is known.
    void begin() {
        serve();
        on_loop([this]() -> Task<void> {
            for (const auto& upstream : upstreams_) {
                if (!upstream->is_mute) co_await shows_head(*upstream, upstream->seen());
            }
        });
    }
    void reload() { ASSERT_TRUE(proxy_->reload(config)); }

    /// Serves no more.
    void end() {
        if (proxy_) EXPECT_TRUE(run(proxy_->stop()));
        proxy_.reset();
    }

    template <class Work>
    void on_loop(Work work) {
        EXPECT_TRUE(run(net::run_at(loop(), work())));
    }
    [[nodiscard]] net::Loop& loop() { return loops_.loop(0); }

    Task<net::Reply> post(std::string body, Headers headers = {}, std::string path = "/") {
        net::Fetch fetch;
        fetch.method = "POST";
        fetch.endpoint = address_;
        fetch.target = std::move(path);
        fetch.body = std::move(body);
        fetch.headers = std::move(headers);
        co_return co_await client_->fetch(mesh::Context::with_timeout(20 * ns_per_s), std::move(fetch));
    }
    static std::string request(std::string_view method, std::string_view params, int id = 1) {
        return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":")" + std::string(method) +
               R"(","params":)" + std::string(params) + "}";
    }
    /// Parameters of eth_getBalance, whose answer is the block's number.
    static std::string balance_at(std::uint64_t block) { return "[\"0x1\"," + quantity_text(block) + "]"; }
    /// The result's or the error's JSON.
    Task<std::string> call(std::string method, std::string params, Headers headers = {}) {
        const auto reply = co_await post(request(method, params), std::move(headers));
        const auto result = net::member_of(reply.body, "result");
        co_return std::string(result.empty() ? net::member_of(reply.body, "error") : result);
    }
    Task<net::Reply> get(std::string path, Headers headers = {}) {
        net::Fetch fetch;
        fetch.endpoint = address_;
        fetch.target = std::move(path);
        fetch.headers = std::move(headers);
        co_return co_await client_->fetch(mesh::Context::with_timeout(20 * ns_per_s), std::move(fetch));
    }
    Task<json::Value> status() { co_return json::parse((co_await get("/status")).body); }
    Task<std::uint64_t> counted(std::string name) {
        const auto all = co_await status();
        const auto* const inner = all["cache"].find(name);
        co_return std::stoull(inner != nullptr ? inner->text() : all[name].text());
    }
    Task<json::Value> status_of(const TestUpstream& upstream) {
        const auto all = co_await status();
        for (const auto& one : all["upstreams"].items()) {
            if (one["id"].text() == upstream.id()) co_return one;
        }
        co_return json::Value();
    }

    /// Begins the task now; its result is waited for later.
    template <class T>
    static Future<T> start(Task<T> task) {
        auto promise = std::make_shared<Promise<T>>();
        auto future = promise->future();
        spawn(std::move(task), [promise](Result<T> result) { promise->set(std::move(result)); });
        return future;
    }

    /// Asks the status until it is so.
    Task<void> until(std::string what, std::function<bool(const json::Value& status)> is_so) {
        const std::int64_t end_ns = monotonic_ns() + 20 * ns_per_s;
        while (!is_so(co_await status())) {
            if (monotonic_ns() < end_ns) continue;
            ADD_FAILURE() << "not in 20 s: " << what;
            co_return;
        }
    }
    Task<void> until_of(const TestUpstream& upstream, std::string what, std::function<bool(const json::Value&)> is_so) {
        co_await until(upstream.id() + " " + what, [&upstream, is_so = std::move(is_so)](const json::Value& status) {
            for (const auto& one : status["upstreams"].items()) {
                if (one["id"].text() == upstream.id()) return is_so(one);
            }
            return false;
        });
    }
    Task<void> shows_head(const TestUpstream& upstream, std::uint64_t number) {
        return until_of(upstream, "shows its head", [number](const json::Value& one) {
            return one["head"].text() == std::to_string(number) && one["usable"].as_boolean();
        });
    }
    Task<void> is_usable(const TestUpstream& upstream, bool usable) {
        return until_of(upstream, usable ? "is in use" : "is out of use",
                        [usable](const json::Value& one) { return one["usable"].as_boolean() == usable; });
    }

    net::LoopGroup loops_;
    ProxyConfig config;
    std::shared_ptr<TestChain> chain = std::make_shared<TestChain>(100);
    std::vector<std::unique_ptr<TestUpstream>> upstreams_;
    std::unique_ptr<Proxy> proxy_;
    net::Endpoint address_;
    std::unique_ptr<net::HttpClient> client_;
};

}  // namespace weft::service::proxy::testing
