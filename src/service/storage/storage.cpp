#include "service/storage/storage.hpp"

#include <algorithm>

#include "base/time.hpp"
#include "service/storage/fees.hpp"
#include "service/storage/logs.hpp"

namespace weft::service::storage {

namespace {

constexpr std::size_t events_kept_max = 4096;
constexpr std::size_t events_kept_size_max = 64ULL << 20;  // the newest of their blocks are in the database's cache too
constexpr std::size_t events_a_page_max = 256;
constexpr std::uint64_t blocks_read_max = 1025;  // what a request for headers may be, and one before them

std::unexpected<Error> pruned() { return fail(ErrorCode::not_found, "pruned history unavailable"); }
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

api::storage::HeadReply describe(const Database& database) {
    // One validator that never takes a block back by itself: what is sealed is final.
    const Head head = database.head();
    const auto number = head.block->header.number;
    return {number, head.block->hash, head.block->header.timestamp, head.version, number, number,
            database.first_number()};
}

}  // namespace

Storage::Storage(std::unique_ptr<Database> database, const chain::Genesis& genesis, std::uint64_t epoch,
                 std::uint64_t snapshot_interval)
    : database_(std::move(database)), recent_(mix64(epoch)), genesis_(genesis), snapshot_interval_(snapshot_interval),
      feed_(events_kept_max, epoch, events_kept_size_max,
            [](const api::storage::ChainEvent& event) { return memory_of(*event.block); }) {}

Result<Storage::DatabasePtr> Storage::database() const {
    const std::lock_guard lock(database_mutex_);
    if (database_ && (closed_until_ns_ == 0 || monotonic_ns() >= closed_until_ns_)) return database_;
    return fail(ErrorCode::unavailable, "storage goes over to a snapshot's state");
}

Result<api::SealedBlockPtr> Storage::find_block(const Database& database, const api::BlockRef& ref,
                                                bool header_only) {
    const auto by_number = [&](std::uint64_t number) -> Result<api::SealedBlockPtr> {
        if (header_only) return database.header(number);
        if (number != 0 && number < database.first_number()) return pruned();
        return database.block(number);
    };
    switch (ref.tag) {
        case api::BlockTag::earliest: return by_number(0);
        case api::BlockTag::number: return by_number(ref.number);
        case api::BlockTag::hash: {
            WEFT_TRY(const auto number, database.number_of_hash(ref.hash));
            if (!number) return api::SealedBlockPtr();
            return by_number(*number);
        }
        case api::BlockTag::latest:
        case api::BlockTag::pending:
        case api::BlockTag::safe:
        case api::BlockTag::finalized: break;
    }
    return database.head().block;
}

Result<Storage::Resolved> Storage::resolve(const api::BlockRef& ref) const {
    WEFT_TRY(auto database, this->database());
    if (ref.tag != api::BlockTag::earliest && ref.tag != api::BlockTag::number && ref.tag != api::BlockTag::hash) {
        Head head = database->head();
        return Resolved{std::move(database), std::move(head.block), head.version};
    }
    WEFT_TRY(auto block, find_block(*database, ref, true));
    if (!block) return header_not_found();
    WEFT_TRY(const auto version, database->version_of(block->header.number));
    return Resolved{std::move(database), std::move(block), version};
}

Task<api::storage::HeadReply> Storage::head(mesh::Context, api::storage::Head) {
    const auto database = co_await this->database();
    co_return describe(*database);
}

Task<api::storage::BlockReply> Storage::get_block(mesh::Context, api::storage::GetBlock request) {
    const auto database = co_await this->database();
    auto block = co_await find_block(*database, request.block, request.header_only);
    co_return api::storage::BlockReply{std::move(block), true};
}

Task<api::storage::TransactionReply> Storage::get_transaction(mesh::Context, api::storage::GetTransaction request) {
    const auto database = co_await this->database();
    api::storage::TransactionReply reply;
    const auto position = co_await database->find_transaction(request.hash);
    if (!position) co_return reply;
    const auto block = co_await database->block(position->number);
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
    auto found = co_await at.database->account(request.address, at.version);
    co_return found.account.value_or(chain::Account{});
}

Task<api::storage::CodeReply> Storage::get_code(mesh::Context, api::storage::GetCode request) {
    const Resolved at = co_await resolve(request.block);
    const auto found = co_await at.database->account(request.address, at.version);
    if (!found.account) co_return api::storage::CodeReply{};
    const auto code = co_await at.database->code(found.account->code_hash);
    co_return api::storage::CodeReply{to_bytes(code->bytes())};
}

Task<api::storage::SlotReply> Storage::get_slot(mesh::Context, api::storage::GetSlot request) {
    const Resolved at = co_await resolve(request.block);
    const U256 value = co_await at.database->slot(request.address, request.key, at.version);
    co_return api::storage::SlotReply{value};
}

Task<api::storage::ProofReply> Storage::get_proof(mesh::Context, api::storage::GetProof request) {
    const Resolved at = co_await resolve(request.block);
    const Hash root = co_await at.database->root_of(at.version, at.block->header.number);
    PastNodes nodes(*at.database, at.version);
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
    const auto database = co_await this->database();
    LogSearch search{*database, request.filter, context.deadline_ns, {}};
    if (request.block_hash) {
        const auto number = co_await database->number_of_hash(*request.block_hash);
        if (!number) co_return fail(ErrorCode::not_found, "unknown block");
        co_await search.scan(*number, *number);
        co_return api::storage::LogsReply{std::move(search.found)};
    }
    const std::uint64_t head = database->head().block->header.number;
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
    co_return storage::fee_history(*newest.database, genesis_.config, request, newest.block->header.number);
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
        PastNodes nodes(*at.database, at.version);
        chain::StateTrie trie(&nodes, co_await at.database->root_of(at.version, at.block->header.number));
        auto changes = *request.changes;
        const Hash past = chain::apply(trie, changes, nullptr);
        if (trie.damaged()) co_return fail(ErrorCode::data_loss, "nodes of the state trie are missing");
        co_return api::storage::RootReply{past};
    }
    const auto database = co_await this->database();
    const Hash root = co_await database->root(*request.changes);
    co_return api::storage::RootReply{root};
}

Task<api::storage::CommitReply> Storage::commit(mesh::Context, api::storage::Commit request) {
    const auto database = co_await this->database();
    const auto version = co_await database->commit(request.block, *request.changes, request.proof);
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
    const auto database = co_await this->database();
    api::storage::ReadBlocksReply reply;
    std::size_t size = 0;
    for (std::uint64_t i = 0; i < std::min(request.count, blocks_read_max); ++i) {
        const std::uint64_t number = request.first + i;
        const auto block = co_await (request.header_only ? database->header(number) : database->block(number));
        if (!block) break;
        api::storage::StoredBlock stored{
            request.header_only ? chain::encode(block->header) : chain::encode(api::to_block(*block)),
            co_await database->proof(number)};
        size += stored.block.size() + stored.proof.size();
        if (size > request.size_max && !reply.blocks.empty()) break;
        reply.blocks.push_back(std::move(stored));
    }
    co_return reply;
}

Task<api::storage::CommitReply> Storage::amend(mesh::Context, api::storage::Amend request) {
    const auto database = co_await this->database();
    const auto changes =
        std::make_shared<const chain::StateChanges>(api::storage::to_changes(std::move(request.delta)));
    const auto version = co_await database->amend(*changes);
    recent_.add(version, changes);
    co_return api::storage::CommitReply{version};
}

Task<api::storage::UsageReply> Storage::usage(mesh::Context, api::storage::Usage) {
    const auto database = co_await this->database();
    co_return api::storage::UsageReply{database->disk_size()};
}

Task<api::storage::HeadReply> Storage::rewind(mesh::Context, api::storage::Rewind request) {
    const auto database = co_await this->database();
    // Around it: who opened a state before it, or while it was under way, finds another line afterwards.
    recent_.begin_line();
    auto rewound = database->rewind(request.version);
    recent_.begin_line();
    auto removed = co_await std::move(rewound);
    for (auto& block : removed) feed_.publish({0, api::storage::EventKind::block_removed, std::move(block)});
    co_return describe(*database);
}

}  // namespace weft::service::storage
