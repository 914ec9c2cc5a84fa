#include "service/proxy/engine.hpp"

#include <algorithm>
#include <random>

#include "base/hex.hpp"
#include "base/json.hpp"
#include "net/jsonrpc.hpp"
#include "observe/log.hpp"
#include "service/proxy/pending.hpp"

namespace weft::service::proxy {

namespace {

/// Reads that come after a change wait so long for the upstreams to say what it did.
constexpr std::int64_t heads_wait_ns = 200 * ns_per_ms;
constexpr std::int64_t constant_ttl_ns = 600 * ns_per_s;
constexpr std::int64_t realtime_ttl_ns = 500 * ns_per_ms;
constexpr std::uint32_t logs_splits_max = 2'048;

/// Whether the answer belongs to its key and to nothing else, so that equal calls may share it.
bool is_shareable(const Method& method, const BlockRef& block) {
    switch (method.kind) {
        case Kind::by_block:
        case Kind::logs: return !block.moving;
        case Kind::by_hash:
        case Kind::constant: return true;
        case Kind::realtime: return method.shared;
        default: return false;
    }
}

}  // namespace

Engine::Engine(net::Loop& loop, std::shared_ptr<const ProxyConfig> config, std::shared_ptr<Common> common, Hub& hub)
    : loop_(loop),
      settings_(std::move(config)),
      common_(std::move(common)),
      upstreams_(loop, settings_, common_),
      hub_(hub),
      pending_feed_(loop, upstreams_, [this](std::string_view hash) { hub_.saw_pending(hash); }),
      retry_config_(share_of(mesh::RetryConfig{}, common_->loops())),
      retries_(mesh::make_retry_budget(retry_config_, loop.now_ns())),
      random_state_(std::random_device{}() | 1U),
      hits_(observe::metrics().counter("weft_proxy_cache_hits_total", "Calls answered from the cache.")),
      misses_(observe::metrics().counter("weft_proxy_cache_misses_total", "Calls that could have been, and were not.")),
      joined_(observe::metrics().counter("weft_proxy_joined_total", "Calls that shared an equal call's answer.")),
      hedged_(observe::metrics().counter("weft_proxy_hedges_total", "Attempts begun because one was slow.")),
      disagreed_(observe::metrics().counter("weft_proxy_disagreements_total", "Calls without a quorum.")),
      calls_(observe::metrics().counter("weft_proxy_calls_total", "Calls of clients.")),
      limited_(observe::metrics().counter("weft_proxy_limited_total", "Calls refused for their caller's limits.")),
      unanswered_(observe::metrics().counter("weft_proxy_unanswered_total", "Calls that no upstream answered.")) {}

Engine::~Engine() { stop(); }

Result<void> Engine::open() {
    return upstreams_.open([this](std::size_t source, std::string_view header) {
        if (!retired_) hub_.saw(source, header);
    });
}

void Engine::start(Engine* before) {
    if (before != nullptr) before->retire();
    if (&common_->lead() == &loop_) {
        if (before != nullptr && !common_->begin_at(*before->common_, config_.chain_id)) hub_.begin_anew();
        upstreams_.on_another_chain = [this] { hub_.begin_anew(); };
        hub_.on_pending_wanted = [this](bool wanted) { pending_feed_.want(wanted); };
        hub_.on_blocks = [this](std::optional<std::uint64_t> replaced) { followed(replaced); };
        upstreams_.on_chain = [this](std::uint64_t number, const std::string& hash) { return hub_.has(number, hash); };
        if (hub_.wants_pending()) pending_feed_.want(true);
    }
    upstreams_.start();
}

void Engine::followed(std::optional<std::uint64_t> replaced) {
    // A block that its node called final has another in its place: what is kept for ever may be of it.
    upstreams_.followed(replaced);
    if (replaced && *replaced <= upstreams_.heads().final()) common_->cache.clear(common_->epoch);
}

void Engine::retire() {
    retired_ = true;
    pending_feed_.want(false);
}

void Engine::stop() {
    retire();
    stopped_ = true;
    upstreams_.stop();
}

std::uint64_t Engine::random() {
    // xorshift64: spreads waits, keeps no secret. @source Marsaglia, 2003.
    random_state_ ^= random_state_ << 13;
    random_state_ ^= random_state_ >> 7;
    random_state_ ^= random_state_ << 17;
    return random_state_;
}

MethodRule Engine::rule_of(std::string_view name) const {
    const auto& rules = config_.rules;
    if (!rules.empty()) {
        if (const auto exact = rules.find(name); exact != rules.end()) return exact->second;
        for (const auto& [pattern, rule] : rules) {
            if (matches(pattern, name)) return rule;
        }
    }
    return {};
}

Task<std::string> Engine::answer(std::string_view body, Client client) {
    if (net::first_character(body) == '[') return answer_batch(body, std::move(client));
    return answer_item(body, std::move(client));
}

Task<std::string> Engine::answer_batch(std::string_view body, Client client) {
    std::vector<std::string_view> items;
    net::BatchScanner scanner(body);
    while (true) {
        const auto item = scanner.next();
        if (!item) co_return net::rpc_error(item.error().detail, item.error().message);
        if (item->empty()) break;
        if (items.size() >= config_.limits.batch_items_max) {
            co_return net::rpc_error(net::rpc_code::invalid_request, "batch too large");
        }
        items.push_back(*item);
    }
    if (items.empty()) co_return net::rpc_error(net::rpc_code::invalid_request, "empty batch");
    // The items begin together, up to a number; each is answered in its own time, and the slow ones hold up no other's
    // call, only the reply.
    struct Gather {
        std::vector<std::string> replies;
        std::size_t next = 0;
        std::size_t open = 0;
        bool beginning = false;
        std::optional<Promise<void>> done{std::in_place};
    };
    auto gather = std::make_shared<Gather>();
    gather->replies.resize(items.size());
    auto future = gather->done->future();
    const auto run_next = [this, gather, &items, &client](const auto& again) -> void {
        // What is answered at once begins no other one from inside: a batch of such would be as deep as it is long.
        if (std::exchange(gather->beginning, true)) return;
        while (gather->next < items.size() && gather->open < config_.limits.concurrent_max) {
            const std::size_t at = gather->next++;
            ++gather->open;
            spawn(answer_item(items[at], client), [gather, at, again](Result<std::string> reply) {
                if (reply) gather->replies[at] = std::move(*reply);
                --gather->open;
                again(again);
            });
        }
        gather->beginning = false;
        if (gather->open > 0 || gather->next < items.size()) return;
        if (auto done = std::exchange(gather->done, std::nullopt)) done->set({});
    };
    run_next(run_next);
    co_await std::move(future).wait();
    std::string out = "[";
    for (auto& reply : gather->replies) {
        if (reply.empty()) continue;
        if (out.size() > 1) out.push_back(',');
        if (out.size() + reply.size() > config_.limits.response_bytes_max) {
            const auto parts = net::scan_reply(reply);
            reply = net::rpc_error(net::rpc_code::response_too_large, "response too large",
                                   parts ? parts->id : std::string_view("null"));
        }
        out.append(reply);
    }
    co_return out.size() == 1 ? std::string() : out.append("]");
}

Task<std::string> Engine::answer_item(std::string_view text, Client client) {
    calls_.add();
    const auto spans = net::scan_request(text);
    if (!spans) co_return net::rpc_error(spans.error().detail, spans.error().message);
    const MethodRule rule = rule_of(spans->method);
    AnswerPtr answer = check(client, spans->method, rule);
    if (!answer) {
        // Most calls need no more than what is kept or one upstream: they go without the steps of the others.
        auto quick = begin_quick(*spans, rule, client.is_strong);
        if (quick.pending) {
            auto future = quick.pending->promise.future();
            // Held until it ends: while it waits to try again, nobody else holds it.
            quick.pending->begin();
            answer = co_await std::move(future).wait();
        } else if (quick.answer) {
            answer = std::move(quick.answer);
        } else {
            answer = co_await ask_checked(spans->method, spans->params, spans->id, rule, std::move(client));
        }
    }
    if (spans->id.empty()) co_return std::string();
    co_return render(std::move(answer), spans->id);
}

Engine::Quick Engine::begin_quick(const net::RpcRequestSpans& spans, const MethodRule& rule, bool is_strong) {
    const Method& method = method_of(spans.method);
    const Kind kind = method.kind;
    const bool reads =
        kind == Kind::by_block || kind == Kind::by_hash || kind == Kind::constant || kind == Kind::realtime;
    if (!reads || stopped_ || is_strong || (rewrites() && common_->polling())) return {};
    auto resolved = resolve(method, spans.params, rewrites() ? &upstreams_.heads() : nullptr);
    // What waits may differ from one upstream to another: ask_highest().
    if (rewrites() && resolved.block.moving) return {};
    if (is_shareable(method, resolved.block)) {
        if (config_.cache_bytes_max == 0) return {};
        std::string key(spans.method);
        key.append(resolved.params);
        auto found = common_->cache.find(key, loop_.now_ns(), common_->epoch);
        if (found) hits_.add();
        return {std::move(found), nullptr};
    }
    Spec spec;
    spec.rule = rule;
    spec.method = &method;
    spec.name = spans.method;
    spec.id = spans.id.empty() ? "0" : spans.id;
    spec.params = std::move(resolved.params);
    spec.block = resolved.block;
    return {nullptr, make_recycled<Pending>(*this, std::move(spec))};
}

Task<std::string> Engine::call(std::string method, std::string params, Client client) {
    const AnswerPtr answer = co_await ask(method, params, "1", std::move(client));
    const auto& parts = answer->parts;
    if (!answer->is_error()) co_return std::string(parts.result);
    const json::Value told = json::parse(parts.error).value_or(json::Value());
    Error error{ErrorCode::failed_precondition, told["message"].text(), {}, static_cast<std::int32_t>(parts.code)};
    // What a contract reverted with; others' data is no bytes.
    error.data = from_hex(told["data"].text()).value_or(Bytes());
    co_return std::unexpected(std::move(error));
}

/// What lives in the gateway. Heads that were asked for because something was changed are waited for: who changes the
/// chain and asks its filter shall find the change there. So shall who has seen a block in an answer.
Task<AnswerPtr> Engine::ask_hub(const Method& method, std::string params, Client client) {
    const bool subscribes = method.kind == Kind::subscription;
    if (subscribes && client.subscribed != nullptr) *client.subscribed = true;
    if (!subscribes) {
        const bool may_be_late = method.name.starts_with("eth_new") && !common_->told;
        if (may_be_late || upstreams_.heads().served() > hub_.told()) upstreams_.poll_now();
        if (common_->polling()) co_await wait_for_heads();
    }
    co_return co_await net::run_at(hub_.loop(), hub_.answer(method.name, std::move(params), std::move(client.session)));
}

/// Nothing, or why the caller may not call now.
AnswerPtr Engine::check(const Client& client, std::string_view name, const MethodRule& rule) {
    if (rule.denied.value_or(is_private(name)) || (client.caller && !client.caller->may_call(name))) {
        return make_error(net::rpc_code::method_not_found,
                          "the method " + std::string(name) + " does not exist/is not available");
    }
    if (!client.caller) return nullptr;
    const std::uint32_t paid = client.paid != nullptr ? std::min(rule.cost, *client.paid) : 0;
    if (paid > 0) *client.paid -= paid;
    const std::int64_t wait = client.caller->take(rule.cost - paid, loop_.now_ns(), unix_seconds());
    if (wait == 0) return nullptr;
    limited_.add();
    if (client.wait_ns != nullptr) *client.wait_ns = wait;
    return make_error(net::rpc_code::limit_exceeded,
                      "too many calls; try again in " + std::to_string(wait / ns_per_ms + 1) + " ms");
}

Task<AnswerPtr> Engine::ask(std::string_view name, std::string_view params, std::string_view id, Client client) {
    const MethodRule rule = rule_of(name);
    if (auto refusal = check(client, name, rule)) co_return refusal;
    co_return co_await ask_checked(name, params, id, rule, std::move(client));
}

Task<AnswerPtr> Engine::ask_checked(std::string_view name, std::string_view params, std::string_view id,
                                    MethodRule rule, Client client) {
    const Method& method = method_of(name);
    Spec spec;
    spec.rule = rule;
    if (stopped_) co_return make_error(net::rpc_code::server_error, "the gateway is shutting down");
    if (client.is_strong && rewrites()) {
        upstreams_.poll_now();
        co_await wait_for_heads();
    }
    if (method.kind == Kind::head) co_return co_await block_number(id);
    if (method.kind == Kind::filter || method.kind == Kind::subscription) {
        co_return co_await ask_hub(method, std::string(params), std::move(client));
    }
    spec.method = &method;
    spec.name = name;
    spec.id = id.empty() ? "0" : id;
    const bool tags_matter = method.kind == Kind::by_block || method.kind == Kind::logs;
    if (tags_matter && rewrites() && common_->polling()) co_await wait_for_heads();
    auto resolved = resolve(method, params, rewrites() ? &upstreams_.heads() : nullptr);
    spec.params = std::move(resolved.params);
    spec.block = resolved.block;
    co_return co_await ask_resolved(std::move(spec));
}

Task<AnswerPtr> Engine::ask_resolved(Spec spec) {
    const bool counts_waiting = spec.name == "eth_getTransactionCount" && spec.params.ends_with("\"pending\"]");
    if (counts_waiting && rewrites() && spec.rule.quorum == 1) co_return co_await ask_highest(std::move(spec));
    if (!is_shareable(*spec.method, spec.block)) {
        const Kind kind = spec.method->kind;
        const bool changes = kind == Kind::raw || kind == Kind::change || kind == Kind::unknown;
        const bool anew = is_development(spec.name);
        const bool sends = kind == Kind::raw || spec.name == "eth_sendTransaction";
        AnswerPtr answer = co_await attempt(std::move(spec));
        if (sends && !answer->is_error()) keep_sent(answer->parts.result);
        // What was changed shall be seen by who changed it.
        if (anew && !answer->is_error()) {
            upstreams_.forget();
            common_->cache.clear(common_->epoch);
        } else if (changes && (rewrites() || hub_.in_use()) && !answer->is_error()) {
            upstreams_.poll_now();
        }
        co_return answer;
    }
    std::string key = spec.name + spec.params;
    if (config_.cache_bytes_max > 0) {
        if (auto found = common_->cache.find(key, loop_.now_ns(), common_->epoch)) {
            hits_.add();
            co_return found;
        }
        misses_.add();
    }
    co_return co_await ask_together(std::move(key), std::move(spec));
}

Task<AnswerPtr> Engine::ask_together(std::string key, Spec spec) {
    // Who asks after a block was replaced shall not be given what was asked before.
    const std::uint64_t epoch = common_->epoch;
    const std::string flight = key + std::to_string(epoch);
    if (auto other = common_->flights.join(flight)) {
        joined_.add();
        co_return co_await std::move(*other).wait();
    }
    const Spec kept{spec.method, spec.name, {}, {}, spec.block, {}};
    AnswerPtr answer =
        spec.method->kind == Kind::logs ? co_await ask_logs(std::move(spec)) : co_await attempt(std::move(spec));
    learn(kept, answer);
    if (epoch == common_->epoch) keep(std::move(key), kept, answer, epoch);
    common_->flights.land(flight, answer);
    co_return answer;
}

std::int64_t Engine::deadline_of(const Spec& spec) const {
    if (spec.deadline_ns != 0) return spec.deadline_ns;
    return loop_.now_ns() + (spec.rule.timeout_ns > 0 ? spec.rule.timeout_ns : config_.request_timeout_ns);
}

Task<AnswerPtr> Engine::attempt(Spec spec) {
    const auto pending = make_recycled<Pending>(*this, std::move(spec));
    auto future = pending->promise.future();
    pending->begin();
    co_return co_await std::move(future).wait();
}

/// A range that is too wide for an upstream is asked for in parts, one after the other, each as wide as the last that
/// went through; so is one that is wider than the configuration says.
Task<AnswerPtr> Engine::ask_logs(Spec spec) {
    const std::uint64_t widest = config_.logs_blocks_max;
    if (!spec.block.from || !spec.block.number || *spec.block.number < *spec.block.from) {
        co_return co_await attempt(std::move(spec));
    }
    spec.deadline_ns = deadline_of(spec);
    const std::uint64_t last = *spec.block.number;
    std::uint64_t first = *spec.block.from;
    std::uint64_t width = last - first + 1;
    if (widest > 0) width = std::min(width, widest);
    std::string_view item;
    if (net::items_of(spec.params, &item, 1) != 1) co_return co_await attempt(std::move(spec));
    std::string rest;
    for (const std::string_view name : {"address", "topics"}) {
        if (const auto value = net::member_of(item, name); !value.empty()) {
            rest.append(",\"").append(name).append("\":").append(value);
        }
    }
    std::string logs;
    for (std::uint32_t parts = 0; parts < logs_splits_max; ++parts) {
        const std::uint64_t end = std::min(last, first + width - 1);
        Spec part = spec;
        part.block = {end, first, false};
        part.params = R"([{"fromBlock":)" + quantity_text(first) + R"(,"toBlock":)" + quantity_text(end) + rest + "}]";
        AnswerPtr answer = co_await attempt(std::move(part));
        const bool whole = first == *spec.block.from && end == last;
        if (answer->is_error()) {
            // judge() made a refusal of it; whether it was the width, the same words tell.
            const auto verdict = judge_text(*spec.method, answer->body, true);
            if (verdict.hint != Hint::too_wide || end == first) co_return answer;
            width = (end - first + 1) / 2;
            continue;
        }
        if (whole) co_return answer;
        std::string_view array = answer->parts.result;
        if (array.size() < 2) co_return make_error(net::rpc_code::internal_error, "an upstream's logs are no array");
        array = array.substr(1, array.size() - 2);
        if (net::first_character(array) != '\0') {
            if (!logs.empty()) logs.push_back(',');
            logs.append(array);
        }
        if (logs.size() > config_.limits.response_bytes_max) {
            co_return make_error(net::rpc_code::response_too_large, "response too large");
        }
        if (end == last) co_return make_answer("[" + logs + "]");
        first = end + 1;
    }
    co_return make_error(net::rpc_code::limit_exceeded, "the range needs too many calls; ask for fewer blocks");
}

/// The newest block, which never goes back. Asks when nothing was heard lately.
Task<AnswerPtr> Engine::block_number(std::string_view id) {
    if (common_->polling() && rewrites()) co_await wait_for_heads();
    const auto& heads = upstreams_.heads();
    const bool fresh = common_->told || loop_.now_ns() - common_->heard_ns <= config_.head_fresh_ns;
    if (heads.served() > 0 && rewrites() && fresh) co_return make_answer(quantity_text(heads.served()));
    Spec spec;
    static const Method asked{"eth_blockNumber", Kind::head};
    spec.method = &asked;
    spec.name = "eth_blockNumber";
    spec.params = "[]";
    spec.id = id.empty() ? "0" : id;
    const auto answer = co_await attempt(std::move(spec));
    const auto number = quantity_of(answer->parts.result);
    if (!number) {
        // Nobody answers; what is known is still true.
        co_return heads.served() > 0 ? make_answer(quantity_text(heads.served())) : answer;
    }
    upstreams_.observe(answer->upstream, *number);
    // What one upstream says alone need not be so.
    if (!rewrites() || heads.served() == 0) co_return answer;
    co_return make_answer(quantity_text(heads.served()));
}

void Engine::keep_sent(std::string_view hash) {
    hub_.saw_pending(hash);
    if (rewrites()) common_->sent->add(hash);
}

bool Engine::was_sent(const Spec& spec) const {
    if (spec.name != "eth_getTransactionByHash" || spec.params.size() < 2) return false;
    return common_->sent->contains(spec.params.substr(1, spec.params.size() - 2));
}

Task<void> Engine::wait_for_heads() {
    const std::int64_t until_ns = loop_.now_ns() + heads_wait_ns;
    static_cast<void>(co_await settled(net::within(loop_, until_ns, common_->polled().wait())));
}

/// Answers that name their block tell of the upstream's head.
void Engine::learn(const Spec& spec, const AnswerPtr& answer) {
    if (answer->is_error()) return;
    std::string_view object = answer->parts.result;
    const Kind kind = spec.method->kind;
    const bool is_ahead = spec.block.number && *spec.block.number > upstreams_.heads().served();
    if (kind == Kind::logs && is_ahead) {
        net::for_each_item(object, [&](std::string_view log) { object = log; });  // the last one
    } else if (kind != Kind::by_hash && !(kind == Kind::by_block && is_ahead)) {
        return;
    }
    if (!object.starts_with('{')) return;
    auto number = quantity_of(net::member_of(object, "blockNumber"));
    if (!number) number = quantity_of(net::member_of(object, "number"));
    if (number) upstreams_.observe(answer->upstream, *number);
}

void Engine::keep(std::string key, const Spec& spec, const AnswerPtr& answer, std::uint64_t epoch) {
    if (config_.cache_bytes_max == 0 || answer->is_error()) return;
    const auto& parts = answer->parts;
    const auto& heads = upstreams_.heads();
    const std::int64_t now = loop_.now_ns();
    switch (spec.method->kind) {
        case Kind::constant: return common_->cache.put(std::move(key), answer, now + constant_ttl_ns, true, epoch);
        case Kind::realtime: return common_->cache.put(std::move(key), answer, now + realtime_ttl_ns, false, epoch);
        case Kind::by_block:
        case Kind::logs: {
            if (parts.result == "null" || !spec.block.number) return;
            const bool is_final = *spec.block.number <= heads.final();
            // What the upstreams have not reached yet may have another answer in a moment.
            if (*spec.block.number > heads.served()) return;
            return common_->cache.put(std::move(key), answer, is_final ? 0 : now + config_.unfinal_ttl_ns, is_final,
                                      epoch);
        }
        case Kind::by_hash: {
            if (parts.result == "null") return;
            auto number = quantity_of(net::member_of(parts.result, "blockNumber"));
            if (!number) number = quantity_of(net::member_of(parts.result, "number"));
            // A transaction that waits may be in a block at any moment.
            if (!number && parts.result.starts_with('{')) return;
            const bool is_final = number && *number <= heads.final();
            return common_->cache.put(std::move(key), answer, is_final ? 0 : now + config_.unfinal_ttl_ns, is_final,
                                      epoch);
        }
        default: return;
    }
}

std::string Engine::status_json(const std::vector<UpstreamStatus>& upstreams) {
    json::Writer out;
    out.begin_object();
    const auto& heads = upstreams_.heads();
    out.key("head").unsigned_integer(heads.served());
    out.key("safe").unsigned_integer(heads.safe());
    out.key("finalized").unsigned_integer(heads.final());
    const auto chain = [&](std::optional<std::uint64_t> id) {
        out.key("chain_id");
        if (id) {
            out.unsigned_integer(*id);
        } else {
            out.null();
        }
    };
    chain(upstreams_.chain_id());
    out.key("upstreams").begin_array();
    for (const auto& one : upstreams) {
        out.begin_object().string("id", one.id);
        chain(one.chain_id);
        out.key("head").unsigned_integer(one.head);
        out.boolean("usable", one.usable).boolean("fallback", one.fallback).boolean("astray", one.astray);
        out.boolean("told", one.told);
        out.key("latency_us").unsigned_integer(one.latency_us);
        out.key("outstanding").unsigned_integer(one.outstanding);
        out.key("connections").unsigned_integer(one.connections);
        out.key("calls").unsigned_integer(one.calls);
        out.key("errors").unsigned_integer(one.errors);
        out.key("disagreements").unsigned_integer(one.disagreements);
        out.key("state_from").unsigned_integer(one.state_from);
        if (!one.usable && !one.why.empty()) out.string("why", one.why);
        out.end_object();
    }
    out.end_array();
    out.key("cache").begin_object();
    out.key("entries").unsigned_integer(common_->cache.size());
    out.key("bytes").unsigned_integer(common_->cache.bytes());
    out.key("hits").unsigned_integer(hits_.value());
    out.key("misses").unsigned_integer(misses_.value());
    out.end_object();
    out.key("calls").unsigned_integer(calls_.value());
    out.key("subscriptions").unsigned_integer(hub_.subscriptions());
    out.key("filters").unsigned_integer(hub_.filters());
    out.key("jumps").unsigned_integer(hub_.jumps());
    out.key("joined").unsigned_integer(joined_.value());
    out.key("hedges").unsigned_integer(hedged_.value());
    out.key("disagreements").unsigned_integer(disagreed_.value());
    return out.end_object().take();
}

}  // namespace weft::service::proxy
