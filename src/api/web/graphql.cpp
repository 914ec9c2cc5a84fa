#include "api/web/graphql.hpp"

#include <algorithm>

#include "api/web/graphql_objects.hpp"
#include "api/web/graphql_sdl.hpp"
#include "base/hex.hpp"
#include "net/graphql/together.hpp"

namespace weft::api::web {

Resolved leaf_of(const json::Value& value) {
    return value.is_null() ? Resolved{} : Resolved::leaf(json::to_string(value));
}
Resolved quantity_leaf(std::uint64_t value) { return Resolved::text(weft::to_quantity(value)); }
std::uint64_t number_of(const json::Value& quantity) { return quantity_from_hex(quantity.text()).value_or(0); }
bool wants_transactions(const FieldCall& call) { return call.selects("transactions") || call.selects("transactionAt"); }

namespace {

std::unexpected<Error> wrong(std::string message) { return fail(ErrorCode::invalid_argument, std::move(message)); }

Task<Resolved> block(Root& root, FieldCall call) {
    const json::Value& number = call.arguments["number"];
    const json::Value& hash = call.arguments["hash"];
    if (number.is_string() && hash.is_string()) co_await Result<void>(wrong("only one of number or hash can be given"));
    const bool full = wants_transactions(call);
    if (!number.is_string() && !hash.is_string()) co_return block_of(root.reader, co_await root.reader->latest(full));
    co_return block_of(root.reader,
                       co_await root.reader->block(number.is_string() ? number.text() : hash.text(), full));
}

/// Ends where the chain ends.
Task<Resolved> blocks(Root& root, FieldCall call) {
    const Json latest = co_await root.reader->latest(false);
    const json::Value& last_given = call.arguments["to"];
    const std::uint64_t newest = number_of((*latest)["number"]);
    const std::uint64_t last = last_given.is_string() ? number_of(last_given) : newest;
    const std::uint64_t first = call.arguments["from"].is_string() ? number_of(call.arguments["from"]) : last;
    if (first > last || first > newest) co_return Resolved::list({});
    const std::uint64_t count = std::min(last, newest) - first + 1;
    if (count > GraphQl::blocks_max) {
        co_await Result<void>(wrong("too many blocks (blocks_max = " + std::to_string(GraphQl::blocks_max) + ")"));
    }
    constexpr std::size_t concurrent_max = 32;
    std::vector<Result<Json>> found(count);
    const bool full = wants_transactions(call);
    const auto read = [&](std::size_t index) -> Task<bool> {
        found[index] = co_await settled(root.reader->block(weft::to_quantity(first + index), full));
        co_return true;
    };
    net::graphql::Together all(Executor::current(), count, concurrent_max, read);
    co_await all.run();
    std::vector<Resolved> out;
    for (auto& one : found) out.push_back(block_of(root.reader, co_await std::move(one)));
    co_return Resolved::list(std::move(out));
}

Task<Resolved> transaction(Root& root, FieldCall call) {
    const Json tx = co_await root.reader->ask("eth_getTransactionByHash",
                                              params_json({json::quote(call.arguments["hash"].text())}));
    co_return tx->is_object() ? Resolved::of(std::make_shared<Transaction>(root.reader, tx, *tx)) : Resolved{};
}

Task<Resolved> logs(Root& root, FieldCall call) {
    const json::Value& filter = call.arguments["filter"];
    std::string bounds[] = {filter["fromBlock"].text(), filter["toBlock"].text()};
    for (auto& bound : bounds) {
        if (bound.empty()) bound = (*co_await root.reader->latest(false))["number"].text();
    }
    std::string range = "\"fromBlock\":" + json::quote(bounds[0]) + ",\"toBlock\":" + json::quote(bounds[1]);
    co_return co_await logs_of(root.reader, std::move(range), filter);
}

/// A method without parameters.
template <const char* method>
Task<Resolved> plain(Root& root, FieldCall) {
    co_return leaf_of(*co_await root.reader->ask(method, "[]"));
}
constexpr char gas_price[] = "eth_gasPrice";
constexpr char tip[] = "eth_maxPriorityFeePerGas";
constexpr char chain_id[] = "eth_chainId";

Task<Resolved> syncing(Root& root, FieldCall) {
    const Json state = co_await root.reader->ask("eth_syncing", "[]");
    co_return state->is_object() ? Resolved::of(std::make_shared<Part>(root.reader, state, *state)) : Resolved{};
}

Task<Resolved> send(Root& root, FieldCall call) {
    co_return leaf_of(*co_await root.reader->tell("eth_sendRawTransaction",
                                                  params_json({json::quote(call.arguments["data"].text())})));
}

constexpr std::string_view pending_tag = "pending";

Task<Resolved> pending_count(Pending& pending, FieldCall) {
    const Json block = co_await pending.reader->block(std::string(pending_tag), true);
    co_return quantity_leaf((*block)["transactions"].items().size());
}
Task<Resolved> pending_transactions(Pending& pending, FieldCall) {
    const Json block = co_await pending.reader->block(std::string(pending_tag), true);
    co_return parts_of<Transaction>(pending.reader, block, (*block)["transactions"]);
}
Task<Resolved> pending_call(Pending& pending, FieldCall call) {
    return call_at(pending.reader, std::string(pending_tag), call);
}
Task<Resolved> pending_estimate(Pending& pending, FieldCall call) {
    return estimate_at(pending.reader, std::string(pending_tag), call);
}

void bind_pending(Schema& schema) {
    schema.later<Pending>("Pending", "transactionCount", pending_count);
    schema.later<Pending>("Pending", "transactions", pending_transactions);
    schema.later<Pending>("Pending", "call", pending_call);
    schema.later<Pending>("Pending", "estimateGas", pending_estimate);
    schema.now<Pending>("Pending", "account", [](Pending& pending, const FieldCall& call) {
        return account_in(pending.reader, call.arguments["address"], std::string(pending_tag));
    });
}

std::uint64_t blocks_asked(const json::Value& arguments) {
    const std::uint64_t first = number_of(arguments["from"]);
    const std::uint64_t last = number_of(arguments["to"]);
    if (!arguments["from"].is_string() || !arguments["to"].is_string() || last < first) return 10;
    return std::min(last - first, GraphQl::blocks_max) + 1;
}

}  // namespace

void bind_roots(Schema& schema) {
    schema.later<Root>("Query", "block", block);
    schema.later<Root>("Query", "blocks", blocks);
    schema.field_of("Query", "blocks").fan_out = blocks_asked;
    schema.later<Root>("Query", "transaction", transaction);
    schema.later<Root>("Query", "logs", logs);
    schema.later<Root>("Query", "gasPrice", plain<gas_price>);
    schema.later<Root>("Query", "maxPriorityFeePerGas", plain<tip>);
    schema.later<Root>("Query", "chainID", plain<chain_id>);
    schema.later<Root>("Query", "syncing", syncing);
    schema.now<Root>("Query", "pending",
                     [](Root& root, auto&) { return Resolved::of(std::make_shared<Pending>(root.reader)); });
    schema.later<Root>("Mutation", "sendRawTransaction", send);
    for (const auto* name : {"startingBlock", "currentBlock", "highestBlock"}) {
        bind_member<Part>(schema, "SyncState", name);
    }
    bind_pending(schema);
}

GraphQl::GraphQl(net::RpcCall call, net::graphql::Limits limits)
    : schema_(graphql_sdl), limits_(limits), call_(std::move(call)) {
    bind_scalars(schema_);
    bind_blocks(schema_);
    bind_transactions(schema_);
    bind_accounts(schema_);
    bind_roots(schema_);
    schema_.check();
}

net::graphql::ObjectPtr GraphQl::root(mesh::Context context) const {
    return std::make_shared<Root>(std::make_shared<Reader>(call_, context));
}

Task<net::Response> GraphQl::serve(mesh::Context context, net::Request request) const {
    return net::graphql::serve(
        schema_, [this, context] { return root(context); }, std::move(request), limits_);
}

}  // namespace weft::api::web
