#include "service/proxy/answer.hpp"

#include <algorithm>
#include <initializer_list>

#include "base/json.hpp"
#include "base/task.hpp"
#include "net/jsonrpc.hpp"

namespace weft::service::proxy {

namespace {

using enum mesh::AttemptOutcome;

bool contains(std::string_view text, std::string_view lower_part) {
    const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; };
    return std::search(text.begin(), text.end(), lower_part.begin(), lower_part.end(), same) != text.end();
}

bool contains_any(std::string_view text, std::initializer_list<std::string_view> parts) {
    return std::ranges::any_of(parts, [&](auto part) { return contains(text, part); });
}

/// What clients and providers say, each in their own words; the codes are not enough, because most use -32000.
Hint hint_of(const Method& method, std::int64_t code, std::string_view message) {
    if (code == net::rpc_code::method_not_found ||
        contains_any(message, {"method not found", "does not exist/is not available", "method is not supported",
                               "unsupported method", "method not supported"})) {
        return Hint::no_method;
    }
    // Not a range that is too wide, though it speaks of one.
    if (contains_any(message, {"beyond current head", "outofrange"})) return Hint::lagging;
    if (method.kind == Kind::logs &&
        contains_any(message, {"query returned more than", "block range", "range is too", "too large", "response size",
                               "logs matched by query exceeds", "more than", "too many results", "range limit",
                               "exceed maximum block range", "limited to"})) {
        return Hint::too_wide;
    }
    if (code == net::rpc_code::limit_exceeded || code == -32029 || code == 429 ||
        contains_any(message, {"rate limit", "too many requests", "request limit", "quota", "compute units",
                               "capacity exceeded", "throttle", "credits"})) {
        return Hint::limited;
    }
    if (method.kind == Kind::raw &&
        contains_any(message, {"already known", "alreadyknown", "known transaction", "already imported",
                               "already in the pool", "already in mempool", "already exists"})) {
        return Hint::known;
    }
    if (method.kind == Kind::raw && contains_any(message, {"nonce too low", "nonce_too_low", "oldnonce"})) {
        return Hint::spent;
    }
    if (contains_any(message, {"missing trie node", "historical state", "state is not available", "state not available",
                               "pruned", "pruning", "no state found", "state unavailable", "archive",
                               "world state unavailable"})) {
        return Hint::pruned;
    }
    if (contains_any(message, {"header not found", "block not found", "unknown block", "could not find block",
                               "out of range", "cannot be found", "unfinalized data", "blocknotfound",
                               "header for hash not found", "after last accepted block", "invalid block tag",
                               "could not be found", "doesn't exist yet"})) {
        return Hint::lagging;
    }
    return Hint::none;
}

Verdict judge_error(const Method& method, AnswerPtr answer) {
    const Hint hint = hint_of(method, answer->parts.code, answer->parts.message);
    switch (hint) {
        case Hint::limited: return {overloaded, hint, std::move(answer), {}};
        case Hint::no_method:
        case Hint::pruned:
        case Hint::lagging:
        case Hint::denied: return {unable, hint, std::move(answer), {}};
        case Hint::known:
        case Hint::spent:
        case Hint::too_wide: return {refused, hint, std::move(answer), {}};
        case Hint::none: break;
    }
    // A fault of this node, or of the call; another node tells. A change is not made again to find out.
    const bool faulty = answer->parts.code == net::rpc_code::internal_error ||
                        contains_any(answer->parts.message, {"internal error", "timeout", "timed out", "unavailable"});
    if (faulty && is_repeatable(method.kind)) return {unable, hint, std::move(answer), {}};
    return {refused, hint, std::move(answer), {}};
}

}  // namespace

AnswerPtr make_answer(std::string_view result) {
    auto out = make_recycled<Answer>();
    out->body = net::rpc_result_text("null", result);
    out->parts = *net::scan_reply(out->body);
    return out;
}

AnswerPtr make_error(std::int32_t code, std::string_view message) {
    auto out = make_recycled<Answer>();
    out->body = net::rpc_error(code, message);
    out->parts = *net::scan_reply(out->body);
    return out;
}

std::string render(AnswerPtr answer, std::string_view id) {
    if (answer->parts.id == id && answer.use_count() == 1) return std::move(answer->body);
    return answer->is_error() ? net::rpc_error_text(id, answer->parts.error)
                              : net::rpc_result_text(id, answer->parts.result);
}

Verdict judge_text(const Method& method, std::string body, bool is_current) {
    auto answer = make_recycled<Answer>();
    answer->body = std::move(body);
    auto parts = net::scan_reply(answer->body);
    if (!parts) return {lost, Hint::none, nullptr, parts.error().message};
    answer->parts = *parts;
    // What is between us and a node speaks in its own way.
    if (answer->is_error() && parts->error.front() != '{') return {lost, Hint::none, nullptr, "no JSON-RPC error"};
    if (answer->is_error()) return judge_error(method, std::move(answer));
    // What is not there may be there elsewhere, if this upstream is behind.
    const bool nothing = answer->parts.result == "null";
    if (nothing && !is_current && (method.kind == Kind::by_hash || method.kind == Kind::by_block)) {
        return {unable, Hint::lagging, std::move(answer), {}};
    }
    return {good, Hint::none, std::move(answer), {}};
}

Verdict judge(const Method& method, Result<net::Reply> reply, bool is_current) {
    if (!reply) {
        const bool unsent_call = reply.error().code == ErrorCode::unavailable && reply.error().detail == 1;
        return {unsent_call ? unsent : lost, Hint::none, nullptr, reply.error().message};
    }
    const int status = reply->status;
    if (status != 200) {
        // Most send JSON-RPC errors with other statuses, too.
        if (auto verdict = judge_text(method, std::move(reply->body), is_current);
            verdict.answer && verdict.answer->is_error() && status != 429 && status < 500) {
            return verdict;
        }
        const std::string why = "HTTP status " + std::to_string(status);
        if (status == 429) return {overloaded, Hint::limited, nullptr, why};
        if (status == 401 || status == 402 || status == 403) return {unable, Hint::denied, nullptr, why};
        if (status < 500) return {unable, Hint::none, nullptr, why};
        return {lost, Hint::none, nullptr, why};
    }
    return judge_text(method, std::move(reply->body), is_current);
}

}  // namespace weft::service::proxy
