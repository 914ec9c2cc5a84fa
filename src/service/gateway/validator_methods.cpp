// Validators and finality: Besu's names where it has them, and weft's own.

#include "base/hex.hpp"
#include "consensus/pbft/extra.hpp"
#include "service/gateway/core.hpp"
#include "service/gateway/errors.hpp"
#include "service/gateway/format.hpp"

namespace weft::service::gateway {

namespace {

void write_addresses(json::Writer& out, const std::vector<Address>& addresses) {
    out.begin_array();
    for (const auto& address : addresses) out.data(address);
    out.end_array();
}

/// Who voted on a block: those named by the one before it.
Task<std::string> validators_by_number(Call& call) {
    const auto ref = co_await call.params.block(0);
    auto found = co_await call.ports().get_block(call.context, {ref, true});
    if (!found.block) co_return "null";
    if (const auto number = found.block->header.number; number != 0) {
        found = co_await call.ports().get_block(call.context, {api::BlockRef::at(number - 1), true});
        if (!found.block) co_return "null";
    }
    const auto extra = consensus::pbft::decode_extra(found.block->header.extra_data);
    if (!extra) co_return rpc_fail(code::server, "this chain has one sealer, and no validators that vote");
    json::Writer out;
    write_addresses(out, extra->validators);
    co_return out.take();
}

Task<std::string> pending_votes(Call& call) {
    const auto votes = co_await call.ports().votes(call.context, {});
    json::Writer out;
    out.begin_object().key("validators");
    write_addresses(out, votes.validators);
    out.key("votes").begin_array();
    for (const auto& vote : votes.open) {
        out.begin_object().data("candidate", vote.candidate).boolean("add", vote.is_add).key("voters");
        write_addresses(out, vote.voters);
        out.end_object();
    }
    out.end_array().end_object();
    co_return out.take();
}

void write(json::Writer& out, const api::monitor::ValidatorState& state) {
    const auto round = [&](std::string_view name, const std::optional<std::uint64_t>& value) {
        out.key(name);
        if (value) {
            out.quantity(*value);
        } else {
            out.null();
        }
    };
    out.begin_object().data("address", state.validator).boolean("self", state.is_self);
    out.boolean("connected", state.is_connected);
    round("preparedRound", state.prepared_round);
    round("committedRound", state.committed_round);
    round("askedRound", state.asked_round);
    out.quantity("head", state.height).key("clockSkewMs").integer(state.skew_ms);
    out.key("latencyUs").unsigned_integer(state.latency_us);
    out.key("heardAgoMs").unsigned_integer(state.heard_ago_ms).end_object();
}

Task<std::string> finality(Call& call) {
    const auto reply = co_await call.ports().finality(call.context, {});
    json::Writer out;
    out.begin_object().quantity("height", reply.height).quantity("round", reply.round);
    out.data("proposer", reply.proposer).quantity("quorum", reply.quorum);
    out.key("sinceFinalMs").unsigned_integer(reply.since_final_ms);
    out.key("nextRoundInMs").unsigned_integer(reply.next_round_in_ms);
    out.boolean("transactionsWait", reply.transactions_wait).quantity("evidence", reply.evidence_count);
    out.key("validators").begin_array();
    for (const auto& state : reply.validators) write(out, state);
    out.end_array().key("reasons").begin_array();
    for (const auto& reason : reply.reasons) out.string(reason);
    out.end_array().end_object();
    co_return out.take();
}

}  // namespace

void add_validator_methods(MethodTable& table) {
    table.add({
        {"qbft_getValidatorsByBlockNumber", "The validators that voted on a block.", {{"block", Type::block}},
         validators_by_number},
        {"qbft_getPendingVotes", "The validators of the next block, and votes on changes that have not come to an end.",
         {}, pending_votes},
        {"weft_finality", "Why the next block is not final yet, as the node asked sees it.", {}, finality},
    });
}

}  // namespace weft::service::gateway
