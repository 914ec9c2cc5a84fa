#pragma once
// An upstream in tests: a server of HTTP/1.1 whose every answer the test chooses, with a chain of blocks behind it for
// what the test leaves open. All of it is of one loop's thread.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/hex.hpp"
#include "base/task.hpp"
#include "net/http_codec.hpp"
#include "net/jsonrpc.hpp"
#include "net/rpc_scan.hpp"
#include "net/stream.hpp"
#include "service/proxy/block_ref.hpp"

namespace weft::service::proxy::testing {

/// Holds who comes until it is opened.
class Gate {
  public:
    Task<void> pass() {
        ++arrived_;
        for (auto& [count, promise] : std::exchange(expected_, {})) {
            if (count <= arrived_) {
                promise.set({});
            } else {
                expected_.emplace_back(count, std::move(promise));
            }
        }
        if (open_) co_return;
        auto future = waiting_.emplace_back().future();
        co_await std::move(future).wait();
    }
    /// Until so many have come, from the first on.
    Task<void> arrivals(std::size_t count) {
        if (arrived_ >= count) co_return;
        auto future = expected_.emplace_back(count, Promise<void>()).second.future();
        co_await std::move(future).wait();
    }
    void open() {
        open_ = true;
        for (auto& promise : std::exchange(waiting_, {})) promise.set({});
    }

  private:
    bool open_ = false;
    std::size_t arrived_ = 0;
    std::vector<Promise<void>> waiting_;
    std::vector<std::pair<std::size_t, Promise<void>>> expected_;
};

/// Blocks 0 to head(), each with one log.
class TestChain {
  public:
    struct Block {
        std::uint64_t number;
        std::string hash;  // JSON, with its quotes
        std::string parent;
    };

    explicit TestChain(std::uint64_t head) { grow(head + 1); }

    /// @param branch  blocks of different branches have different hashes.
    void grow(std::uint64_t count, std::uint8_t branch = 0xa) {
        for (; count > 0; --count) {
            const std::uint64_t number = blocks_.size();
            const std::string parent = blocks_.empty() ? hash_of(0, 0) : blocks_.back().hash;
            blocks_.push_back({number, hash_of(number, branch), parent});
        }
    }
    void take_back(std::uint64_t count) { blocks_.resize(blocks_.size() - count); }
    /// The last blocks give way to one more of another branch.
    void replace(std::uint64_t count, std::uint8_t branch) {
        take_back(count);
        grow(count + 1, branch);
    }

    [[nodiscard]] std::uint64_t head() const { return blocks_.size() - 1; }
    [[nodiscard]] const Block& at(std::uint64_t number) const { return blocks_.at(number); }
    [[nodiscard]] const Block* with_hash(std::string_view hash) const {
        const auto found = std::ranges::find(blocks_, hash, &Block::hash);
        return found == blocks_.end() ? nullptr : &*found;
    }

    static std::string json(const Block& block) {
        return R"({"number":)" + quantity_text(block.number) + R"(,"hash":)" + block.hash + R"(,"parentHash":)" +
               block.parent + R"(,"transactions":[]})";
    }
    static std::string log_json(const Block& block, bool removed = false) {
        return R"({"address":"0x1111111111111111111111111111111111111111","topics":[],"data":"0x","blockNumber":)" +
               quantity_text(block.number) + R"(,"blockHash":)" + block.hash + R"(,"logIndex":"0x0","removed":)" +
               (removed ? "true" : "false") + "}";
    }

  private:
    static std::string hash_of(std::uint64_t number, std::uint8_t branch) {
        std::array<std::uint8_t, 32> bytes{};
        bytes[0] = branch;
        for (std::size_t i = 0; i < 8; ++i) bytes[31 - i] = static_cast<std::uint8_t>(number >> (8 * i));
        return "\"" + to_hex(bytes) + "\"";
    }
    std::vector<Block> blocks_;
};

class TestUpstream {
  public:
    struct Call {
        std::string method;
        std::string params;
    };
    struct Said {
        std::string result;
        std::string error = {};  // JSON; empty: there is a result
        int status = 200;
        bool cut = false;      // the connection ends in the middle of the answer
        std::string raw = {};  // if not empty: the body as it is
    };
    using Script = std::function<Task<Said>(Call)>;

    /// @param id  unique in the process, as metrics are.
    TestUpstream(net::Loop& loop, std::string id, std::shared_ptr<TestChain> of)
        : chain(std::move(of)), loop_(loop), id_(std::move(id)) {
        auto bound = net::bind_and_listen("127.0.0.1:0");
        EXPECT_TRUE(bound);
        endpoint_ = bound->endpoint;
        listener_ = std::make_unique<net::Listener>(loop, bound->fd, [this](int fd, const std::string&) {
            auto connection = std::make_shared<Connection>(loop_, net::Socket(fd), *this);
            if (is_dead_) return connection->close();
            connections_.push_back(std::move(connection));
        });
    }
    ~TestUpstream() { die(); }
    TestUpstream(const TestUpstream&) = delete;
    TestUpstream& operator=(const TestUpstream&) = delete;

    [[nodiscard]] const std::string& id() const { return id_; }
    [[nodiscard]] std::string url() const { return "http://" + endpoint_.to_string(); }

    /// Every connection ends as soon as it is made, and those that are there at once.
    void die() {
        is_dead_ = true;
        for (auto& connection : std::exchange(connections_, {})) connection->close();
    }
    void revive() { is_dead_ = false; }

    /// Answers the method from now on.
    void on(const std::string& method, Script script) { scripts_[method] = std::move(script); }
    void says(const std::string& method, const std::string& result) { on(method, always({result})); }
    /// What the chain says, again.
    void no_more_says(const std::string& method) { scripts_.erase(method); }
    void refuses(const std::string& method, std::int32_t code, const std::string& message) {
        on(method, always({"", R"({"code":)" + std::to_string(code) + R"(,"message":")" + message + "\"}"}));
    }
    /// Waits before it answers the method as it would.
    void holds(const std::string& method, Gate& gate) {
        on(method, [this, &gate](Call call) -> Task<Said> {
            const Said said = by_chain(call);
            co_await gate.pass();
            co_return said;
        });
    }
    static Script always(Said said) {
        return [said = std::move(said)](const Call&) -> Task<Said> { co_return said; };
    }

    /// What is said to a call that came another way; @p asks_head as is_about_head().
    Task<Said> said_to(Call call, bool asks_head) {
        if (!asks_head) calls.push_back(call);
        const auto found = scripts_.find(call.method);
        // Holds the script, which may have another one in its place by the time it ends.
        const Script script = found == scripts_.end() || asks_head ? always(by_chain(call)) : found->second;
        co_return co_await script(std::move(call));
    }
    static bool is_about_head(const Call& call) {
        return call.method == "eth_getBlockByNumber" &&
               (call.params == R"(["latest",false])" || call.params == R"(["safe",false])" ||
                call.params == R"(["finalized",false])");
    }
    static std::string text_of(const Said& said, std::string_view id) {
        if (!said.raw.empty()) return said.raw;
        return said.error.empty() ? net::rpc_result_text(id, said.result) : net::rpc_error_text(id, said.error);
    }

    /// What the chain says.
    [[nodiscard]] Said by_chain(const Call& call) const {
        std::array<std::string_view, 2> items;
        static_cast<void>(net::items_of(call.params, items.data(), items.size()));
        if (call.method == "eth_chainId") return {"\"0x1\""};
        if (call.method == "eth_blockNumber") return {quantity_text(seen())};
        if (call.method == "eth_getBlockByNumber") return block_said(items[0]);
        if (call.method == "eth_getBlockByHash") {
            const auto* const block = chain->with_hash(items[0]);
            return {block != nullptr && block->number <= seen() ? TestChain::json(*block) : "null"};
        }
        if (call.method == "eth_getLogs") return logs_said(items[0]);
        // The account is the block's number, so that one sees which block was asked of.
        if (call.method == "eth_getBalance") return {std::string(items[1])};
        return {"", R"({"code":-32601,"message":"the method does not exist/is not available"})"};
    }
    [[nodiscard]] std::uint64_t seen() const { return head.value_or(chain->head()); }

    std::shared_ptr<TestChain> chain;
    /// The newest block it shows; nothing: the chain's.
    std::optional<std::uint64_t> head;
    std::uint64_t final = 0;
    /// Answers to how it is: whether it says its head.
    bool is_mute = false;
    /// What it was asked, but for its head.
    std::vector<Call> calls;
    [[nodiscard]] std::size_t count(std::string_view method) const {
        return static_cast<std::size_t>(std::ranges::count(calls, method, &Call::method));
    }

  private:
    class Connection final : public net::Stream {
      public:
        Connection(net::Loop& loop, net::Socket socket, TestUpstream& of) : Stream(loop, std::move(socket)), of_(of) {}

      private:
        void on_input(std::string_view bytes) override {
            input_.append(bytes);
            net::Head parsed;
            if (net::parse_request_head(input_, {}, parsed) != net::Parsed::done) return;
            if (input_.size() < parsed.size + parsed.content_length) return;
            const std::string body = input_.substr(parsed.size);
            input_.clear();
            of_.answer(body, std::static_pointer_cast<Connection>(shared_from_this()));
        }
        void on_closed() override { std::erase(of_.connections_, shared_from_this()); }

        TestUpstream& of_;
        std::string input_;
    };

    void answer(const std::string& body, std::weak_ptr<Connection> to) {
        const auto spans = net::scan_request(body);
        EXPECT_TRUE(spans) << body;
        Call call{std::string(spans->method), std::string(spans->params)};
        const bool asks_head = is_about_head(call);
        if (asks_head && is_mute) return;
        spawn(said_to(std::move(call), asks_head),
              [to = std::move(to), id = std::string(spans->id)](const Result<Said>& said) {
                  const auto connection = to.lock();
                  if (said && connection && !connection->closed()) send(*connection, text_of(*said, id), *said);
              });
    }

    static void send(Connection& to, const std::string& text, const Said& said) {
        to.write("HTTP/1.1 " + std::to_string(said.status) +
                 " Said\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(text.size()) +
                 "\r\n\r\n");
        to.write(std::string_view(text).substr(0, said.cut ? text.size() / 2 : text.size()));
        if (said.cut) to.close_after_output();
    }

    [[nodiscard]] Said block_said(std::string_view named) const {
        const std::uint64_t number = named == "\"latest\""                             ? seen()
                                     : named == "\"finalized\"" || named == "\"safe\"" ? final
                                                                                       : quantity_of(named).value_or(0);
        return {number <= seen() ? TestChain::json(chain->at(number)) : "null"};
    }

    [[nodiscard]] Said logs_said(std::string_view criteria) const {
        std::string out;
        const auto add = [&](const TestChain::Block& block) {
            out.append(out.empty() ? "" : ",").append(TestChain::log_json(block));
        };
        if (const auto hash = net::member_of(criteria, "blockHash"); !hash.empty()) {
            const auto* const block = chain->with_hash(hash);
            if (block == nullptr) return {"", R"({"code":-32000,"message":"unknown block"})"};
            add(*block);
        } else {
            const auto from = quantity_of(net::member_of(criteria, "fromBlock")).value_or(seen());
            const auto to = quantity_of(net::member_of(criteria, "toBlock")).value_or(seen());
            for (std::uint64_t number = from; number <= std::min(to, seen()); ++number) add(chain->at(number));
        }
        return {"[" + out + "]"};
    }

    net::Loop& loop_;
    std::string id_;
    net::Endpoint endpoint_;
    std::unique_ptr<net::Listener> listener_;
    std::vector<std::shared_ptr<net::Stream>> connections_;
    std::map<std::string, Script, std::less<>> scripts_;
    bool is_dead_ = false;
};

}  // namespace weft::service::proxy::testing
