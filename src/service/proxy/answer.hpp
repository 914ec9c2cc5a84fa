#pragma once
// What an upstream answered, and what that means for the call.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "mesh/attempts.hpp"
#include "net/http_client.hpp"
#include "net/rpc_scan.hpp"
#include "service/proxy/method.hpp"

namespace weft::service::proxy {

/// A reply as it came, and where its parts are.
struct Answer {
    std::string body;
    net::RpcReplySpans parts;
    std::size_t upstream = 0;

    [[nodiscard]] bool is_error() const { return !parts.error.empty(); }
};
using AnswerPtr = std::shared_ptr<Answer>;

/// An answer of the gateway's own.
[[nodiscard]] AnswerPtr make_answer(std::string_view result);
[[nodiscard]] AnswerPtr make_error(std::int32_t code, std::string_view message);

/// The answer under the client's id. Takes the text as it came where it has that id and nobody else holds it.
[[nodiscard]] std::string render(AnswerPtr answer, std::string_view id);

enum class Hint : std::uint8_t {
    none,
    lagging,  // has not the block yet
    pruned,   // has the block's state no more
    no_method,
    too_wide,  // eth_getLogs of so many blocks or logs is refused
    limited,   // too many calls
    denied,    // our key is refused
    known,     // the transaction is there already
    spent,     // its sender's nonce is used, by this transaction or another
};

struct Verdict {
    mesh::AttemptOutcome outcome = mesh::AttemptOutcome::lost;
    Hint hint = Hint::none;
    /// Null if there was no reply at all.
    AnswerPtr answer;
    /// For logs and metrics, when there is no answer.
    std::string why;
};

/// @param is_current  the upstream has the block that the gateway says is the newest, so that null means null.
[[nodiscard]] Verdict judge(const Method& method, Result<net::Reply> reply, bool is_current);
/// ... of a text that came over a connection of many calls.
[[nodiscard]] Verdict judge_text(const Method& method, std::string body, bool is_current);

}  // namespace weft::service::proxy
