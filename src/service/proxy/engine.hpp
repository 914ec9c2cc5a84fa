#pragma once
// Answers JSON-RPC by asking upstreams: from the cache, together with an equal call that is under way, or by attempts
// at one or several of them.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/task.hpp"
#include "mesh/retry.hpp"
#include "net/loop.hpp"
#include "net/websocket.hpp"
#include "service/proxy/block_ref.hpp"
#include "service/proxy/cache.hpp"
#include "service/proxy/hub.hpp"
#include "service/proxy/pending_feed.hpp"
#include "service/proxy/upstreams.hpp"

namespace weft::service::proxy {

/// Who asks.
struct Client {
    net::SessionPtr session;  // null over HTTP
    std::string_view peer;
};

/// Of one loop.
class Engine {
  public:
    Engine(net::Loop& loop, ProxyConfig config);
    ~Engine();

    /// @errors as Upstreams::open.
    [[nodiscard]] Result<void> open();
    void start();
    /// What is under way ends with an error.
    void stop();

    /// Answers one body, a request or a batch; empty if there is nothing to say. @p body must live until it ends.
    Task<std::string> answer(std::string_view body, Client client);
    /// One call of the gateway's own or of a façade; an error reply is an Error with the reply's code.
    Task<std::string> call(std::string method, std::string params);

    /// A reply was sent over this session, or it is gone.
    void replied(std::uint64_t session) { hub_.activate(session); }
    void left(std::uint64_t session) { hub_.remove_session(session); }

    [[nodiscard]] Upstreams& upstreams() { return upstreams_; }
    [[nodiscard]] const ProxyConfig& config() const { return config_; }
    [[nodiscard]] std::string status_json() const;

  private:
    struct Pending;
    struct Flight;
    struct Spec {
        const Method* method = nullptr;
        std::string name;
        std::string params;
        std::string id;
        BlockRef block;
        MethodRule rule;
    };

    Task<std::string> answer_batch(std::string_view body, Client client);
    Task<std::string> answer_item(std::string_view text, Client client);
    Task<AnswerPtr> ask(std::string_view name, std::string_view params, std::string_view id,
                        net::SessionPtr session = {});
    Task<AnswerPtr> ask_hub(const Method& method, std::string params, net::SessionPtr session);
    Task<AnswerPtr> ask_resolved(Spec spec);
    Task<AnswerPtr> ask_together(std::string key, Spec spec);
    Task<AnswerPtr> ask_logs(Spec spec);
    Task<AnswerPtr> attempt(Spec spec);
    Task<AnswerPtr> block_number(std::string_view id);
    Task<void> wait_for_heads();
    void keep(std::string key, const Spec& spec, const AnswerPtr& answer);
    void learn(const Spec& spec, const AnswerPtr& answer);
    [[nodiscard]] MethodRule rule_of(std::string_view name) const;
    [[nodiscard]] bool rewrites() const { return upstreams_.size() > 1; }
    [[nodiscard]] std::uint64_t random();

    net::Loop& loop_;
    const ProxyConfig config_;
    Upstreams upstreams_;
    Cache cache_;
    Hub hub_;
    PendingFeed pending_feed_;
    std::unordered_map<std::string, std::shared_ptr<Flight>> flights_;
    mesh::RetryConfig retry_config_;
    mesh::RetryBudget retries_;
    std::uint64_t random_state_;
    observe::Counter& hits_;
    observe::Counter& misses_;
    observe::Counter& joined_;
    observe::Counter& hedged_;
    observe::Counter& disagreed_;
    observe::Counter& calls_;
    observe::Counter& unanswered_;
    bool stopped_ = false;
};

}  // namespace weft::service::proxy
