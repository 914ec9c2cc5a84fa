#pragma once
// Answers JSON-RPC by asking upstreams: from the cache, together with an equal call that is under way, or by attempts
// at one or several of them.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.hpp"
#include "mesh/retry.hpp"
#include "net/loop.hpp"
#include "net/websocket.hpp"
#include "service/proxy/block_ref.hpp"
#include "service/proxy/common.hpp"
#include "service/proxy/guard.hpp"
#include "service/proxy/hub.hpp"
#include "service/proxy/pending_feed.hpp"
#include "service/proxy/upstreams.hpp"

namespace weft::service::proxy {

/// Who asks, and how.
struct Client {
    net::SessionPtr session = {};  // null over HTTP
    CallerPtr caller = {};         // null: the gateway itself
    /// Reads shall see every block that an upstream had when they came.
    bool is_strong = false;
    /// Set when it has subscribed to something: Hub::activate() follows the reply.
    bool* subscribed = nullptr;
    /// Set when a call was refused for the caller's limits: how long to wait.
    std::int64_t* wait_ns = nullptr;
    /// What was taken from the caller already for calls like this one.
    std::uint32_t* paid = nullptr;
};

/// Of one loop.
class Engine {
  public:
    /// @param common  of all loops' engines; the one of its lead feeds the hub, from start() to retire().
    /// @param hub     of the lead's loop; outlives the engine.
    Engine(net::Loop& loop, std::shared_ptr<const ProxyConfig> config, std::shared_ptr<Common> common, Hub& hub);
    ~Engine();

    /// @errors as Upstreams::open.
    [[nodiscard]] Result<void> open();
    /// @param before  whose place this one takes, or null: what clients were told stays true. Its answers
    ///                are not taken over, as the upstreams may be others.
    void start(Engine* before);
    /// Another engine has taken its place; what is under way goes on.
    void retire();
    /// What is under way ends with an error.
    void stop();

    /// Answers one body, a request or a batch; empty if there is nothing to say. @p body must live until it ends.
    Task<std::string> answer(std::string_view body, Client client);
    /// One call of the gateway's own or of a façade; an error reply is an Error with the reply's code.
    Task<std::string> call(std::string method, std::string params, Client client);

    [[nodiscard]] Upstreams& upstreams() { return upstreams_; }
    /// As a JSON object; of the lead.
    /// @param upstreams  as all loops see them.
    [[nodiscard]] std::string status_json(const std::vector<UpstreamStatus>& upstreams);

  private:
    struct Pending;
    struct Highest;
    struct Spec {
        const Method* method = nullptr;
        std::string name;
        std::string params;
        std::string id;
        BlockRef block;
        MethodRule rule;
        std::int64_t deadline_ns = 0;  // of all its parts; 0: it begins now, and is one
    };

    Task<std::string> answer_batch(std::string_view body, Client client);
    Task<std::string> answer_item(std::string_view text, Client client);
    Task<AnswerPtr> ask(std::string_view name, std::string_view params, std::string_view id, Client client);
    /// Not inlined: or its frame, and those of all that it may wait for, would be part of each call's.
    [[gnu::noinline]] Task<AnswerPtr> ask_checked(std::string_view name, std::string_view params, std::string_view id,
                                                  MethodRule rule, Client client);
    /// What needs no step besides: an answer that is kept, or a call that is to begin. Nothing: ask_checked().
    struct Quick {
        AnswerPtr answer;
        std::shared_ptr<Pending> pending;
    };
    [[nodiscard]] Quick begin_quick(const net::RpcRequestSpans& spans, const MethodRule& rule, bool is_strong);
    Task<AnswerPtr> ask_hub(const Method& method, std::string params, Client client);
    Task<AnswerPtr> ask_resolved(Spec spec);
    Task<AnswerPtr> ask_together(std::string key, Spec spec);
    Task<AnswerPtr> ask_logs(Spec spec);
    Task<AnswerPtr> attempt(Spec spec);
    Task<AnswerPtr> ask_highest(Spec spec);
    Task<AnswerPtr> block_number(std::string_view id);
    Task<void> wait_for_heads();
    void followed(std::optional<std::uint64_t> replaced);
    /// @param epoch  when it was asked for.
    void keep(std::string key, const Spec& spec, const AnswerPtr& answer, std::uint64_t epoch);
    void learn(const Spec& spec, const AnswerPtr& answer);
    [[nodiscard]] AnswerPtr check(const Client& client, std::string_view name, const MethodRule& rule);
    [[nodiscard]] MethodRule rule_of(std::string_view name) const;
    [[nodiscard]] std::int64_t deadline_of(const Spec& spec) const;
    void keep_sent(std::string_view hash);
    /// Whether the call asks for a transaction that an upstream took lately from us, and others may not have yet.
    [[nodiscard]] bool was_sent(const Spec& spec) const;
    [[nodiscard]] bool rewrites() const { return upstreams_.size() > 1; }
    [[nodiscard]] std::uint64_t random();

    net::Loop& loop_;
    const std::shared_ptr<const ProxyConfig> settings_;
    const ProxyConfig& config_ = *settings_;
    const std::shared_ptr<Common> common_;
    Upstreams upstreams_;
    Hub& hub_;
    PendingFeed pending_feed_;
    const mesh::RetryConfig retry_config_;
    mesh::RetryBudget retries_;
    std::uint64_t random_state_;
    observe::Counter& hits_;
    observe::Counter& misses_;
    observe::Counter& joined_;
    observe::Counter& hedged_;
    observe::Counter& disagreed_;
    observe::Counter& calls_;
    observe::Counter& limited_;
    observe::Counter& unanswered_;
    bool stopped_ = false;
    bool retired_ = false;
};

}  // namespace weft::service::proxy
