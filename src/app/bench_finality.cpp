#include "app/bench_finality.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <unordered_map>

#include "app/bench_client.hpp"
#include "app/bench_load.hpp"
#include "base/hex.hpp"
#include "base/json.hpp"
#include "base/time.hpp"

namespace weft::app {

namespace {

constexpr std::int64_t call_ns_max = 15 * ns_per_s;
constexpr std::int64_t again_ns = 100 * ns_per_ms;
/// How long a refused transaction is sent again, and how long a chain that does not move is waited for.
constexpr std::int64_t patience_ns = 30 * ns_per_s;
/// How often is looked for a new block: the error of a finality time.
constexpr std::int64_t look_ns = 5 * ns_per_ms;

std::string block_request(std::uint64_t number) {
    constexpr auto request = R"({{"jsonrpc":"2.0","id":1,"method":"eth_getBlockByNumber","params":["{:#x}",false]}})";
    return fmt::format(request, number);
}

/// All of it is of the client's loop.
class Run {
  public:
    Run(BenchClient& client, const net::Endpoint& server, const std::vector<BenchLane>& lanes, const FinalityLoad& load,
        std::uint64_t head)
        : http_(client.http),
          loop_(client.loops.loop(0)),
          server_(server),
          lanes_(lanes),
          load_(load),
          next_(head + 1) {
        out_.sent_of.resize(lanes.size());
    }

    void start() {
        begin_ns_ = moved_ns_ = monotonic_ns();
        sending_ = lanes_.size();
        for (std::size_t i = 0; i < lanes_.size(); ++i) {
            spawn(send_lane(i), [this](const Result<void>&) { --sending_; });
        }
        spawn(follow(), [this](const Result<void>&) {
            is_done_ = true;
            is_done_.notify_one();
        });
    }
    FinalityRun wait() {
        is_done_.wait(false);
        out_.seconds = static_cast<double>(moved_ns_ - begin_ns_) / 1e9;
        for (const auto& [hash, at] : waiting_) out_.lost.push_back(hash);
        std::ranges::sort(out_.finality_ms);
        return std::move(out_);
    }

  private:
    Task<void> send_lane(std::size_t lane) {
        const auto& transactions = lanes_[lane];
        for (std::size_t i = 0; i < transactions.size(); ++i) {
            std::int64_t due_ns = monotonic_ns();
            if (load_.rate > 0) {
                const auto place = static_cast<double>(i * lanes_.size() + lane);
                due_ns = begin_ns_ + static_cast<std::int64_t>(place / load_.rate * 1e9);
            }
            if (due_ns - begin_ns_ >= load_.duration_ns) co_return;
            if (load_.rate > 0) co_await loop_.sleep_until(due_ns);
            while (waiting_.size() >= load_.in_flight_max) {
                co_await loop_.sleep_for(look_ns);
                if (monotonic_ns() - begin_ns_ >= load_.duration_ns) co_return;
            }
            if (load_.rate == 0) due_ns = monotonic_ns();
            waiting_.emplace(transactions[i].hash, due_ns);
            ++out_.sent;
            ++out_.sent_of[lane];
            if (!co_await deliver(transactions[i])) co_return;
        }
    }

    /// @return whether it was acknowledged.
    Task<bool> deliver(const BenchTransaction& transaction) {
        const std::int64_t end_ns = monotonic_ns() + patience_ns;
        while (monotonic_ns() < end_ns) {
            const auto reply = co_await settled(
                http_.fetch(mesh::Context::with_timeout(call_ns_max), post_to(server_, transaction.body)));
            if (reply && reply->body.find("\"result\"") != std::string::npos) co_return true;
            // It got in, and the answer to that was lost.
            if (reply && reply->body.find("already known") != std::string::npos) co_return true;
            if (!waiting_.contains(transaction.hash)) co_return true;
            out_.complaint = reply ? reply->body : reply.error().message;
            co_await loop_.sleep_for(again_ns);
        }
        co_return false;
    }

    Task<void> follow() {
        while (sending_ != 0 || !waiting_.empty()) {
            if (sending_ == 0 && monotonic_ns() - moved_ns_ > patience_ns) co_return;
            const auto reply = co_await settled(
                http_.fetch(mesh::Context::with_timeout(call_ns_max), post_to(server_, block_request(next_))));
            const auto parsed = reply ? json::parse(reply->body) : Result<json::Value>(json::Value());
            if (!parsed || !(*parsed)["result"].is_object()) {
                co_await loop_.sleep_for(look_ns);
                continue;
            }
            take((*parsed)["result"]);
            ++next_;
        }
    }

    void take(const json::Value& block) {
        const std::int64_t now_ns = monotonic_ns();
        std::size_t found = 0;
        for (const auto& hash : block["transactions"].items()) {
            const auto at = waiting_.find(fixed_from_hex<Hash>(hash.text()).value_or(Hash{}));
            if (at == waiting_.end()) continue;
            out_.finality_ms.push_back(static_cast<double>(now_ns - at->second) / 1e6);
            waiting_.erase(at);
            ++found;
        }
        if (found == 0) return;
        moved_ns_ = now_ns;
        out_.final_count += found;
        out_.proposers.push_back(fixed_from_hex<Address>(block["miner"].text()).value_or(Address{}));
    }

    net::HttpClient& http_;
    net::Loop& loop_;
    const net::Endpoint& server_;
    const std::vector<BenchLane>& lanes_;
    const FinalityLoad& load_;
    std::uint64_t next_;
    std::unordered_map<Hash, std::int64_t> waiting_;  // since when
    std::size_t sending_ = 0;                         // lanes
    std::int64_t begin_ns_ = 0;
    std::int64_t moved_ns_ = 0;
    FinalityRun out_;
    std::atomic<bool> is_done_{false};
};

}  // namespace

double FinalityRun::per_second() const { return seconds > 0 ? static_cast<double>(final_count) / seconds : 0; }

double FinalityRun::quantile_ms(double q) const {
    if (finality_ms.empty()) return 0;
    const auto last = finality_ms.size() - 1;
    return finality_ms[static_cast<std::size_t>(q * static_cast<double>(last))];
}

Result<FinalityRun> run_to_finality(const net::Endpoint& server, const std::vector<BenchLane>& lanes,
                                    const FinalityLoad& load) {
    WEFT_TRY(const auto head, call_once(server, "eth_blockNumber", "[]"));
    WEFT_TRY(const auto number, quantity_from_hex(head.text()));
    BenchClient client;
    Run run(client, server, lanes, load, number);
    client.loops.loop(0).post([&run] { run.start(); });
    return run.wait();
}

}  // namespace weft::app
