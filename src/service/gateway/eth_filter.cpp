// Logs of the past (eth_getLogs), and filters over what is to come.

#include "service/gateway/core.hpp"
#include "service/gateway/errors.hpp"
#include "service/gateway/feed.hpp"
#include "service/gateway/filters.hpp"
#include "service/gateway/format.hpp"
#include "service/gateway/log_query.hpp"

namespace weft::service::gateway {

namespace {

/// The logs a query finds in blocks that exist.
Task<std::string> logs_json(Call& call, LogQuery query) {
    api::storage::GetLogs request;
    request.block_hash = query.block_hash;
    if (query.from) request.from = *query.from;
    if (query.to) request.to = *query.to;
    request.filter = std::move(query.filter);
    if (request.from.tag == api::BlockTag::pending || request.to.tag == api::BlockTag::pending) {
        co_await Result<void>(invalid_params("pending logs are not supported"));
    }
    const bool numbered = request.from.tag == api::BlockTag::number || request.to.tag == api::BlockTag::number;
    if (!request.block_hash && numbered) {
        const auto head = co_await call.ports().head(call.context, {});
        const auto number_of = [&](const api::BlockRef& ref) {
            return ref.tag == api::BlockTag::number ? ref.number : head.number;
        };
        if (request.to.tag == api::BlockTag::number) {
            if (request.from.tag == api::BlockTag::number && request.from.number > request.to.number) {
                co_await Result<void>(invalid_params("invalid block range params"));
            }
            if (request.to.number > head.number) {
                co_await Result<void>(invalid_params("block range extends beyond current head block"));
            }
        }
        // Who waits for block N + 1 asks from it on; nothing is there yet.
        if (number_of(request.from) > head.number) co_return std::string("[]");
    }
    auto found = co_await settled(call.ports().get_logs(call.context, std::move(request)));
    if (!found && found.error().code == ErrorCode::invalid_argument) found.error().detail = code::invalid_params;
    const auto reply = co_await std::move(found);
    json::Writer out;
    out.reserve(reply.logs.size() * 600);
    write_logs(out, reply.logs);
    co_return out.take();
}

Task<std::string> get_logs(Call& call) {
    LogQuery query = co_await call.params.get(0, read_log_query);
    co_return co_await logs_json(call, std::move(query));
}

Task<std::string> new_filter(Call& call) {
    LogQuery query = co_await call.params.get(0, read_log_query);
    if (query.from && query.to && query.from->tag == api::BlockTag::number && query.to->tag == api::BlockTag::number &&
        query.from->number > query.to->number) {
        co_await Result<void>(invalid_params("invalid block range params"));
    }
    co_await call.core.feed->follow_chain(call.context);
    co_await call.core.feed->catch_up_chain(call.context);
    co_return json::quote(co_await call.core.filters->add(FilterKind::logs, std::move(query), false));
}

Task<std::string> new_block_filter(Call& call) {
    co_await call.core.feed->follow_chain(call.context);
    co_await call.core.feed->catch_up_chain(call.context);
    co_return json::quote(co_await call.core.filters->add(FilterKind::blocks, {}, false));
}

Task<std::string> new_pending_filter(Call& call) {
    bool full = false;
    if (call.params.has(0)) full = co_await call.params.boolean(0);
    co_await call.core.feed->follow_pool(call.context);
    co_await call.core.feed->catch_up_pool(call.context);
    co_return json::quote(co_await call.core.filters->add(FilterKind::pending, {}, full));
}

Task<std::string> get_filter_changes(Call& call) {
    const std::string id = co_await call.params.text(0);
    const FilterKind kind = co_await call.core.filters->kind(id);
    if (kind == FilterKind::pending) {
        co_await call.core.feed->catch_up_pool(call.context);
    } else {
        co_await call.core.feed->catch_up_chain(call.context);
    }
    co_return co_await call.core.filters->changes(id);
}

Task<std::string> get_filter_logs(Call& call) {
    const std::string id = co_await call.params.text(0);
    LogQuery query = co_await call.core.filters->query(id);
    co_return co_await logs_json(call, std::move(query));
}

Task<std::string> uninstall_filter(Call& call) {
    const std::string id = co_await call.params.text(0);
    co_return std::string(call.core.filters->remove(id) ? "true" : "false");
}

}  // namespace

void add_filter_methods(MethodTable& table) {
    const Parameter query{"filter", Type::object};
    const Parameter id{"filterId", Type::text};
    table.add({
        {"eth_getLogs", "Logs of a block or a range of blocks.", {query}, get_logs},
        {"eth_newFilter", "Collects logs from now on.", {query}, new_filter},
        {"eth_newBlockFilter", "Collects the hashes of new blocks.", {}, new_block_filter},
        {"eth_newPendingTransactionFilter", "Collects transactions that begin to wait.",
         {{"fullTransactions", Type::boolean, false}}, new_pending_filter},
        {"eth_getFilterChanges", "What a filter collected since the last call.", {id}, get_filter_changes},
        {"eth_getFilterLogs", "All logs of a log filter's range.", {id}, get_filter_logs},
        {"eth_uninstallFilter", "Forgets a filter.", {id}, uninstall_filter},
    });
}

}  // namespace weft::service::gateway
