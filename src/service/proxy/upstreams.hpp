#pragma once
// The upstreams as the gateway sees them: links, heads, health, and which one gets the next call.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mesh/balance/peak_ewma.hpp"
#include "mesh/hedge.hpp"
#include "mesh/outlier.hpp"
#include "net/loop.hpp"
#include "observe/metric.hpp"
#include "service/proxy/answer.hpp"
#include "service/proxy/chains.hpp"
#include "service/proxy/common.hpp"
#include "service/proxy/config.hpp"
#include "service/proxy/heads.hpp"
#include "service/proxy/link.hpp"
#include "service/proxy/method.hpp"

namespace weft::service::proxy {

inline constexpr std::size_t upstreams_max = 64;
/// Of a question how an upstream is.
inline constexpr std::int64_t poll_timeout_ns = ns_per_s;

/// What a call needs of an upstream.
struct Needs {
    std::string_view method;
    std::uint64_t block = 0;             // it must have this block; 0: any
    std::optional<std::uint64_t> state;  // and this block's state
    bool any_branch = false;             // it may be on another branch than the chain that is told
};

/// How an upstream does, as one loop sees it.
struct UpstreamStatus {
    std::string id;
    std::optional<std::uint64_t> chain_id;  // as the one that leads was told
    std::uint64_t head = 0;
    bool usable = false;
    bool fallback = false;
    bool astray = false;
    bool told = false;
    std::uint64_t latency_us = 0;
    std::uint64_t outstanding = 0;
    std::uint64_t connections = 0;
    std::uint64_t calls = 0;
    std::uint64_t errors = 0;
    std::uint64_t disagreements = 0;
    std::uint64_t state_from = 0;
    std::string why;
};

/// Of the loop's thread.
class Upstreams {
  public:
    Upstreams(net::Loop& loop, std::shared_ptr<const ProxyConfig> config, std::shared_ptr<Common> common);

    /// @param on_head  of the one that leads: what an upstream showed.
    /// @errors invalid_argument  a URL, an id that stands twice, none or too many upstreams.
    [[nodiscard]] Result<void> open(std::function<void(std::size_t upstream, std::string_view header)> on_head);
    /// The one that leads begins to ask for heads.
    void start();
    void stop();
    /// Of the one that leads: whether the chain that is told has a block, or has another one in its place.
    std::function<std::optional<bool>(std::uint64_t number, const std::string& hash)> on_chain;
    /// Of the one that leads: what was told so far is of another chain than the gateway's now.
    std::function<void()> on_another_chain;

    /// The best that is not in @p tried (a bit each), or nothing.
    [[nodiscard]] std::optional<std::size_t> pick(const Needs& needs, std::uint64_t tried);
    /// Makes a call and judges what comes of it. What @p needs and @p call view must live as long as @p done.
    using Judged = std::move_only_function<void(Verdict)>;
    void call(std::size_t upstream, const Method& method, const LinkCall& call, const Needs& needs,
              std::int64_t deadline_ns, Judged done);

    /// Whether one that answers has not the block yet, and may have it soon, or is being asked for its chain.
    [[nodiscard]] bool awaits(const Needs& needs) const;
    /// Asks those that are behind for their heads, unless they are being asked.
    void ask_behind();
    /// Asks this one, which is slow to answer something else.
    void ask_again(std::size_t upstream);
    /// It is of the gateway's chain, and answers questions for its head, and calls.
    [[nodiscard]] bool is_used(std::size_t upstream) const;

    [[nodiscard]] const Heads& heads() {
        refresh();
        return view_.heads;
    }
    /// Of the gateway; nothing: it is not known yet.
    [[nodiscard]] std::optional<std::uint64_t> chain_id() const { return view_.chain_id; }
    /// Why none may be asked, if that is for their chains; else empty.
    [[nodiscard]] std::string why_none() const { return view_.why_none ? *view_.why_none : std::string(); }
    [[nodiscard]] std::size_t size() const { return all_.size(); }
    /// When and how often a call may be made a second time because the first is slow.
    [[nodiscard]] mesh::Hedge& hedge() { return hedge_; }
    [[nodiscard]] const mesh::HedgeConfig& hedge_config() const { return hedge_config_; }
    /// The chain that is told has grown; @p replaced is the first block that another takes the place of.
    void followed(std::optional<std::uint64_t> replaced);
    /// Its answer to a call was another than that of a quorum.
    void disagrees(std::size_t upstream, std::string_view method);
    /// A block number was seen in an answer of it.
    void observe(std::size_t upstream, std::uint64_t number);
    /// A development chain was changed behind its numbers: all that is known is forgotten, and asked for.
    void forget();
    /// Something was changed through the gateway: asks for the heads now. Common::polling() until they have answered.
    void poll_now();

    [[nodiscard]] std::vector<UpstreamStatus> status();
    [[nodiscard]] bool any_usable();

  private:
    struct Upstream {
        Upstream(net::Loop& loop, UpstreamConfig with, std::move_only_function<void()> poll)
            : config(std::move(with)), poll_timer(loop, std::move(poll)) {}
        UpstreamConfig config;
        std::unique_ptr<Link> link;
        net::Timer poll_timer;
        std::uint32_t polls_failed = 0;  // in a row
        std::int64_t limited_until_ns = 0;
        std::uint64_t state_from = 0;                            // it has no state below
        std::map<std::string, std::int64_t, std::less<>> lacks;  // methods, until when that is believed
        std::string head_hash;                                   // raw JSON, of the head it showed last
        std::uint64_t head_number = 0;
        bool asks_chain = true;  // before its next word counts: it is new, or was away
        bool doubted = false;    // its blocks may be another node's
        std::int64_t chain_asked_ns = 0;
        std::string chain_told;  // what the log was told of its chain
        bool polling = false;
        std::int64_t poll_begun_ns = 0;
        std::int64_t poll_took_ns = 0;
        bool knows_final = true;
        std::int64_t final_asked_ns = 0;
        std::int64_t far_asked_ns = 0;
        observe::Counter* calls = nullptr;
        observe::Counter* errors = nullptr;
        observe::Counter* ejected = nullptr;
        observe::Counter* disagreed = nullptr;
        observe::Counter* left_out = nullptr;
        std::int64_t disagreed_told_ns = 0;
        std::string last_error;
    };

    [[nodiscard]] bool can(const Upstream& upstream, std::size_t index, const Needs& needs, bool ignores_health) const;
    [[nodiscard]] bool none_stands() const;
    void look_astray(std::size_t index);
    /// Whether its newest block is on the chain that is told, at that number or above.
    [[nodiscard]] bool shows_one_from(std::size_t index, std::uint64_t number) const;
    void set_astray(std::size_t index, bool astray);
    [[nodiscard]] bool is_astray(std::size_t index) const { return (view_.astray >> index & 1) != 0; }
    [[nodiscard]] bool is_outside(std::size_t index) const { return (view_.outside >> index & 1) != 0; }
    [[nodiscard]] bool awaits_usual() const;
    void ask_chain(std::size_t index);
    void take_chain(std::size_t index, Result<net::Reply> reply);
    /// Does what follows from what is known of their chains.
    void look_chains();
    void tell_chain(std::size_t index);
    [[nodiscard]] std::string chain_why(std::size_t index) const;
    [[nodiscard]] std::shared_ptr<const std::string> why_none_now(std::uint64_t outside,
                                                                  std::uint64_t awaited_ones) const;
    [[nodiscard]] bool must_ask_chain(std::size_t index) const;
    /// How a call that was let through went, for the next ones.
    void note(std::size_t index, mesh::BreakerTicket ticket, const Verdict& verdict, const Needs& needs,
              std::int64_t latency_ns);
    void learn_lack(Upstream& upstream, std::string_view method, std::int64_t until_ns);
    void set_healthy(std::size_t index, bool healthy, const std::string& why);
    bool set_well(std::size_t index, bool well);
    void poll(std::size_t index, bool urgent = false);
    void ask_head(std::size_t index, bool urgent);
    void poll_over(std::size_t index);
    void take_poll(std::size_t index, Result<net::Reply> reply);
    void poll_tag(std::size_t index, const char* tag);
    void saw_head(std::size_t index, std::string_view header);
    void watch_served(std::size_t index, std::uint64_t number);
    void look_far(std::size_t index);
    using TakeHash = std::move_only_function<void(std::string hash)>;
    void ask_hash(std::size_t index, std::uint64_t number, TakeHash then);
    [[nodiscard]] bool is_prompt(std::size_t index) const;
    [[nodiscard]] bool leads() const { return &common_->lead() == &loop_; }
    /// Takes over what is known elsewhere.
    void refresh() {
        if (common_->update(view_, version_)) take_view();
    }
    void take_view();
    template <class Change>
    void change_heads(Change change) {
        common_->change([&](Common::View& view) { change(view.heads); });
        refresh();
    }
    void set_used(std::size_t index);
    /// Whether some upstream tells of heads, for all.
    void see_told();

    net::Loop& loop_;
    const std::shared_ptr<const ProxyConfig> settings_;
    const ProxyConfig& config_ = *settings_;
    const std::shared_ptr<Common> common_;
    Common::View view_;
    std::uint64_t version_ = 0;
    std::vector<std::unique_ptr<Upstream>> all_;
    std::optional<Chains> chains_;  // of the one that leads
    std::function<void(std::size_t, std::string_view)> on_head_;
    // One of each for every upstream.
    std::vector<mesh::Candidate> candidates_;
    std::vector<mesh::PeakEwma> latencies_;
    mesh::Outlier outlier_;
    mesh::OutlierConfig outlier_config_;
    mesh::PeakEwmaConfig latency_config_;
    mesh::HedgeConfig hedge_config_;
    mesh::Hedge hedge_;
    std::int64_t apart_since_ns_ = 0;  // none that answers has had the served head
    bool running_ = false;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace weft::service::proxy
