#include "api/web/reader.hpp"

#include <utility>

namespace weft::api::web {

bool is_block_hash(const BlockId& block) { return block.size() == 66; }

std::string state_param(const BlockId& block) {
    return is_block_hash(block) ? R"({"blockHash":")" + block + "\"}" : json::quote(block);
}

std::string params_json(std::initializer_list<std::string_view> items) {
    std::string out = "[";
    for (const auto item : items) {
        if (out.size() > 1) out += ',';
        out += item;
    }
    return out + "]";
}

Task<Json> Reader::tell(std::string_view method, std::string params) {
    if (++calls_ > calls_max) {
        co_await Result<void>(fail(ErrorCode::resource_exhausted,
                                   "the request needs too many calls (calls_max = " + std::to_string(calls_max) + ")"));
    }
    const std::string text = co_await call_(context_, method, std::move(params));
    auto value = json::parse(text);
    if (!value) co_await Result<void>(fail(ErrorCode::internal, "an answer is no JSON: " + value.error().message));
    co_return std::make_shared<const json::Value>(*std::move(value));
}

Task<Json> Reader::ask(std::string_view method, std::string params) {
    std::string key(method);
    key += params;
    const auto [found, is_new] = asked_.try_emplace(std::move(key));
    if (is_new) found->second = std::make_shared<Entry>();
    const auto entry = found->second;
    if (is_new) {
        Result<Json> result = co_await settled(tell(method, std::move(params)));
        entry->result = std::move(result);
        for (auto& one : std::exchange(entry->waiting, {})) one.set({});
    } else if (!entry->result) {
        auto done = entry->waiting.emplace_back().future();
        co_await std::move(done).wait();
    }
    co_return co_await Result<Json>(*entry->result);
}

Task<Json> Reader::block(BlockId id, bool full) {
    if (const auto known = full_.find(id); known != full_.end()) co_return known->second;
    const std::string_view method = is_block_hash(id) ? "eth_getBlockByHash" : "eth_getBlockByNumber";
    Json block = co_await ask(method, params_json({json::quote(id), full ? "true" : "false"}));
    if (full && block->is_object()) full_.emplace((*block)["hash"].text(), block);
    co_return block;
}

Task<Json> Reader::latest(bool full) {
    if (!latest_hash_.empty()) co_return co_await block(latest_hash_, full);
    const Json found = co_await block("latest", full);
    if (!found->is_object()) co_await Result<void>(fail(ErrorCode::unavailable, "there is no block yet"));
    // Another field may have been answered meanwhile, with another newest block: the first one counts.
    if (latest_hash_.empty()) latest_hash_ = (*found)["hash"].text();
    if ((*found)["hash"].text() == latest_hash_) co_return found;
    co_return co_await block(latest_hash_, full);
}

Task<BlockId> Reader::latest_id() {
    if (latest_hash_.empty()) co_await latest(false);
    co_return latest_hash_;
}

Task<Json> Reader::receipts(BlockId hash) {
    Json out = co_await ask("eth_getBlockReceipts", params_json({json::quote(hash)}));
    if (!out->is_array()) co_await Result<void>(fail(ErrorCode::not_found, "the block's receipts are not known"));
    co_return out;
}

Task<Json> existing_block(Reader& reader, BlockId id, bool full) {
    if (id.empty()) id = "latest";
    const Json block = id == "latest" ? co_await reader.latest(full) : co_await reader.block(id, full);
    if (!block->is_object()) co_return fail(ErrorCode::not_found, "block not found");
    co_return block;
}

Task<BlockId> pinned_state(Reader& reader, BlockId id) {
    if (id == "pending" || is_block_hash(id)) co_return id;
    co_return (*co_await existing_block(reader, id))["hash"].text();
}

}  // namespace weft::api::web
