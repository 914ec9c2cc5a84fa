#include "service/storage/storage.hpp"

#include <algorithm>

#include "service/storage/fees.hpp"
#include "service/storage/logs.hpp"

namespace weft::service::storage {

namespace {

constexpr std::size_t events_kept_max = 4096;
constexpr std::size_t events_kept_size_max = 64ULL << 20;  // the newest of their blocks are in the database's cache too
constexpr std::size_t events_a_page_max = 256;
constexpr std::uint64_t blocks_read_max = 1024;

std::unexpected<Error> header_not_found() { return fail(ErrorCode::not_found, "header not found"); }

/// The trie's nodes as they were at a version.
class PastNodes final : public chain::NodeSource {
  public:
    PastNodes(const Database& database, std::uint64_t version) : database_(database), version_(version) {}
    Bytes node(const Hash& owner, chain::NibblesView path) override { return database_.node_at(owner, path, version_); }

  private:
    const Database& database_;
    std::uint64_t version_;
};

api::storage::HeadReply describe(const Head& head) {
    // One validator that never takes a block back by itself: what is sealed is final.
    const auto number = head.block->header.number;
    return {number, head.block->hash, head.block->header.timestamp, head.version, number, number};
}

}  // namespace

Storage::Storage(std::unique_ptr<Database> database, const chain::ChainConfig& config, std::uint64_t epoch,
                 std::uint64_t snapshot_interval)
    : database_(std::move(database)), recent_(mix64(epoch)), config_(config), snapshot_interval_(snapshot_interval),
      feed_(events_kept_max, epoch, events_kept_size_max,
            [](const api::storage::ChainEvent& event) { return memory_of(*event.block); }) {}

Result<api::SealedBlockPtr> Storage::find_block(const api::BlockRef& ref, bool header_only) const {
    const auto by_number = [&](std::uint64_t number) {
        return header_only ? database_->header(number) : database_->block(number);
    };
    switch (ref.tag) {
        case api::BlockTag::earliest: return by_number(0);
        case api::BlockTag::number: return by_number(ref.number);
        case api::BlockTag::hash: return database_->block(ref.hash);
        case api::BlockTag::latest:
        case api::BlockTag::pending:
        case api::BlockTag::safe:
        case api::BlockTag::finalized: break;
    }
    return database_->head().block;
}

Result<Storage::Resolved> Storage::resolve(const api::BlockRef& ref) const {
    if (ref.tag != api::BlockTag::earliest && ref.tag != api::BlockTag::number && ref.tag != api::BlockTag::hash) {
        const Head head = database_->head();
        return Resolved{head.block, head.version};
    }
    WEFT_TRY(auto block, find_block(ref, true));
    if (!block) return header_not_found();
    WEFT_TRY(const auto version, database_->version_of(block->header.number));
    return Resolved{std::move(block), version};
}

Result<std::unique_ptr<chain::StateReader>> Storage::state(const api::BlockRef& ref) const {
    WEFT_TRY(const Resolved at, resolve(ref));
    return std::make_unique<StateView>(*database_, at.version, at.block->header.number);
}

Task<api::storage::HeadReply> Storage::head(mesh::Context, api::storage::Head) {
    co_return describe(database_->head());
}

Task<api::storage::BlockReply> Storage::get_block(mesh::Context, api::storage::GetBlock request) {
    auto block = co_await find_block(request.block, request.header_only);
    co_return api::storage::BlockReply{std::move(block), true};
}

Task<api::storage::TransactionReply> Storage::get_transaction(mesh::Context, api::storage::GetTransaction request) {
    api::storage::TransactionReply reply;
    const auto position = co_await database_->find_transaction(request.hash);
    if (!position) co_return reply;
    const auto block = co_await database_->block(position->number);
    if (!block || position->index >= block->transactions.size()) co_return reply;
    reply.transaction = block->transactions[position->index];
    reply.receipt = block->receipts[position->index];
    reply.block_hash = block->hash;
    reply.block_number = block->header.number;
    reply.block_timestamp = block->header.timestamp;
    reply.index = position->index;
    for (std::size_t i = 0; i < position->index; ++i) reply.first_log_index += block->receipts[i].logs.size();
    reply.base_fee = block->header.base_fee;
    co_return reply;
}

Task<chain::Account> Storage::get_account(mesh::Context, api::storage::GetAccount request) {
    const Resolved at = co_await resolve(request.block);
    auto found = co_await database_->account(request.address, at.version);
    co_return found.account.value_or(chain::Account{});
}

Task<api::storage::CodeReply> Storage::get_code(mesh::Context, api::storage::GetCode request) {
    const Resolved at = co_await resolve(request.block);
    const auto found = co_await database_->account(request.address, at.version);
    if (!found.account) co_return api::storage::CodeReply{};
    const auto code = co_await database_->code(found.account->code_hash);
    co_return api::storage::CodeReply{to_bytes(code->bytes())};
}

Task<api::storage::SlotReply> Storage::get_slot(mesh::Context, api::storage::GetSlot request) {
    const Resolved at = co_await resolve(request.block);
    const U256 value = co_await database_->slot(request.address, request.key, at.version);
    co_return api::storage::SlotReply{value};
}

Task<api::storage::ProofReply> Storage::get_proof(mesh::Context, api::storage::GetProof request) {
    const Resolved at = co_await resolve(request.block);
    const Hash root = co_await database_->root_of(at.version, at.block->header.number);
    PastNodes nodes(*database_, at.version);
    chain::StateTrie trie(&nodes, root);
    api::storage::ProofReply reply;
    reply.account = trie.account(request.address).value_or(chain::Account{});
    reply.account_proof = trie.account_proof(request.address);
    for (const auto& key : request.keys) {
        const U256 slot = U256::from_bytes(key);
        reply.storage.push_back({key, trie.storage(request.address, slot), trie.storage_proof(request.address, slot)});
    }
    if (trie.damaged()) co_return fail(ErrorCode::data_loss, "nodes of the state trie are missing");
    co_return reply;
}

Task<api::storage::LogsReply> Storage::get_logs(mesh::Context context, api::storage::GetLogs request) {
    LogSearch search{*database_, request.filter, context.deadline_ns, {}};
    if (request.block_hash) {
        const auto number = co_await database_->number_of_hash(*request.block_hash);
        if (!number) co_return fail(ErrorCode::not_found, "unknown block");
        co_await search.scan(*number, *number);
        co_return api::storage::LogsReply{std::move(search.found)};
    }
    const std::uint64_t head = database_->head().block->header.number;
    const auto number_of_ref = [&](const api::BlockRef& ref) -> std::uint64_t {
        if (ref.tag == api::BlockTag::number) return ref.number;
        return ref.tag == api::BlockTag::earliest ? 0 : head;
    };
    const std::uint64_t first = number_of_ref(request.from);
    const std::uint64_t last = number_of_ref(request.to);
    if (first > last) co_return fail(ErrorCode::invalid_argument, "invalid block range params");
    if (first > head) co_return api::storage::LogsReply{};
    co_await search.scan(first, std::min(last, head));
    co_return api::storage::LogsReply{std::move(search.found)};
}

Task<api::storage::FeeHistoryReply> Storage::fee_history(mesh::Context, api::storage::FeeHistory request) {
    const Resolved newest = co_await resolve(request.newest);
    co_return storage::fee_history(*database_, config_, request, newest.block->header.number);
}

Task<api::storage::EventsReply> Storage::events(mesh::Context context, api::storage::Events request) {
    api::storage::EventsReply reply;
    reply.epoch = feed_.epoch();
    if (request.epoch != 0 && request.epoch != feed_.epoch()) request.from = ~std::uint64_t{0};
    const std::int64_t wait_ns =
        static_cast<std::int64_t>(std::min<std::uint64_t>(request.wait_ms, 60'000)) * ns_per_ms;
    const std::int64_t deadline = std::min(monotonic_ns() + wait_ns, context.deadline_ns - 50 * ns_per_ms);
    auto page = co_await feed_.read(request.from, events_a_page_max, deadline);
    for (std::size_t i = 0; i < page.items.size(); ++i) {
        page.items[i].position = page.first + i;
        reply.events.push_back(std::move(page.items[i]));
    }
    reply.next = page.next;
    co_return reply;
}

Task<api::storage::RootReply> Storage::root(mesh::Context, api::storage::Root request) {
    if (request.base) {
        const Resolved at = co_await resolve(*request.base);
        PastNodes nodes(*database_, at.version);
        chain::StateTrie trie(&nodes, co_await database_->root_of(at.version, at.block->header.number));
        auto changes = *request.changes;
        const Hash past = chain::apply(trie, changes, nullptr);
        if (trie.damaged()) co_return fail(ErrorCode::data_loss, "nodes of the state trie are missing");
        co_return api::storage::RootReply{past};
    }
    const Hash root = co_await database_->root(*request.changes);
    co_return api::storage::RootReply{root};
}

Task<api::storage::CommitReply> Storage::commit(mesh::Context, api::storage::Commit request) {
    const auto version = co_await database_->commit(request.block, *request.changes, request.proof);
    recent_.add(version, std::move(request.changes));
    feed_.publish({0, api::storage::EventKind::block_added, std::move(request.block)});
    co_return api::storage::CommitReply{version};
}

Task<api::storage::CommitReply> Storage::commit_delta(mesh::Context context, api::storage::CommitDelta request) {
    if (!request.block) co_return fail(ErrorCode::invalid_argument, "no block to commit");
    auto changes = std::make_shared<const chain::StateChanges>(api::storage::to_changes(std::move(request.delta)));
    co_return co_await commit(context, {std::move(request.block), std::move(changes), std::move(request.proof)});
}

Task<api::storage::ReadBlocksReply> Storage::read_blocks(mesh::Context, api::storage::ReadBlocks request) {
    api::storage::ReadBlocksReply reply;
    std::size_t size = 0;
    for (std::uint64_t i = 0; i < std::min(request.count, blocks_read_max); ++i) {
        const auto block = co_await database_->block(request.first + i);
        if (!block) break;
        api::storage::StoredBlock stored{chain::encode(api::to_block(*block)),
                                         co_await database_->proof(request.first + i)};
        size += stored.block.size() + stored.proof.size();
        if (size > request.size_max && !reply.blocks.empty()) break;
        reply.blocks.push_back(std::move(stored));
    }
    co_return reply;
}

Task<api::storage::CommitReply> Storage::amend(mesh::Context, api::storage::Amend request) {
    const auto changes =
        std::make_shared<const chain::StateChanges>(api::storage::to_changes(std::move(request.delta)));
    const auto version = co_await database_->amend(*changes);
    recent_.add(version, changes);
    co_return api::storage::CommitReply{version};
}

Task<api::storage::UsageReply> Storage::usage(mesh::Context, api::storage::Usage) {
    co_return api::storage::UsageReply{database_->disk_size()};
}

Task<api::storage::HeadReply> Storage::rewind(mesh::Context, api::storage::Rewind request) {
    // Around it: who opened a state before it, or while it was under way, finds another line afterwards.
    recent_.begin_line();
    auto rewound = database_->rewind(request.version);
    recent_.begin_line();
    auto removed = co_await std::move(rewound);
    for (auto& block : removed) feed_.publish({0, api::storage::EventKind::block_removed, std::move(block)});
    co_return describe(database_->head());
}

}  // namespace weft::service::storage
