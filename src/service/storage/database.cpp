#include "service/storage/database.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "base/hex.hpp"
#include "base/wire.hpp"
#include "service/storage/replace_folder.hpp"

namespace weft::service::storage {

namespace {

const Bytes meta_key = {'m', 'e', 't', 'a'};

void put_block(store::Kv::Batch& batch, const api::SealedBlock& block, std::uint64_t version) {
    const auto number = number_key(block.header.number);
    batch.put(table::headers, number, wire::encode(to_stored_header(block, version)));
    batch.put(table::blocks, number, wire::encode(to_stored(block)));
    batch.put(table::hashes, block.hash, number);
    for (std::size_t i = 0; i < block.transactions.size(); ++i) {
        Bytes position = number;
        append(position, number_key(i));
        batch.put(table::transactions, block.transactions[i]->hash, position);
    }
}

api::SealedBlockPtr make_genesis_block(const chain::Genesis& genesis) {
    const chain::Block block = chain::genesis_block(genesis);
    auto out = std::make_shared<api::SealedBlock>();
    out->header = block.header;
    out->hash = chain::hash_of(block.header);
    if (block.withdrawals) out->withdrawals = *block.withdrawals;
    out->total_difficulty = block.header.difficulty;
    out->size = chain::encode(block).size();
    return out;
}

}  // namespace

DatabaseConfig beside(DatabaseConfig config) {
    config.path += ".snapshot";
    return config;
}

store::KvOptions kv_options(const DatabaseConfig& config) {
    constexpr std::uint64_t versioned = 1 << table::accounts | 1 << table::slots | 1 << table::nodes;
    return {config.cache_size, config.write_buffers_size, config.sync, versioned};
}

Result<bool> has_head(const store::Kv& kv) {
    WEFT_TRY(const auto stored, kv.get(table::meta, meta_key));
    return stored.has_value();
}

Result<void> write_snapshot_head(store::Kv& kv, const chain::Genesis& genesis, const api::SealedBlock& head,
                                 BytesView proof, std::uint64_t version) {
    const auto first = make_genesis_block(genesis);
    const auto number = head.header.number;
    const StoredMeta meta{layout_number, number, head.hash, version, version + 1, first->hash, number};
    store::Kv::Batch batch;
    put_block(batch, *first, 0);
    put_block(batch, head, version);
    if (!proof.empty()) batch.put(table::proofs, number_key(number), proof);
    batch.put(table::versions, number_key(version), wire::encode(StoredVersion{head.header.state_root, {}, {}, {}}));
    batch.put(table::meta, meta_key, wire::encode(meta));
    return kv.write(std::move(batch));
}

Result<void> write_first_head(store::Kv& kv, const chain::Genesis& genesis, std::uint64_t version) {
    const auto block = make_genesis_block(genesis);
    const StoredMeta meta{layout_number, block->header.number, block->hash, version, version + 1, block->hash, 0};
    store::Kv::Batch batch;
    put_block(batch, *block, version);
    batch.put(table::versions, number_key(version), wire::encode(StoredVersion{block->header.state_root, {}, {}, {}}));
    batch.put(table::meta, meta_key, wire::encode(meta));
    return kv.write(std::move(batch));
}

Database::Database(store::Kv kv, const DatabaseConfig& config)
    : kv_(std::move(kv)), config_(config), accounts_(config.accounts_cached_max), slots_(config.slots_cached_max) {}

Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::open(const DatabaseConfig& config, const chain::Genesis& genesis) {
    WEFT_CHECK(settle_folder(config.path, beside(config).path));
    WEFT_TRY(store::Kv kv, store::Kv::open(config.path, table_names, kv_options(config)));
    auto out = std::unique_ptr<Database>(new Database(std::move(kv), config));
    WEFT_TRY(const bool there, out->read_meta());
    if (!there) {
        WEFT_CHECK(out->create(genesis));
        return out;
    }
    const Hash genesis_hash = chain::hash_of(chain::genesis_block(genesis).header);
    if (out->meta_.genesis_hash != genesis_hash) {
        return fail(ErrorCode::failed_precondition,
                    fmt::format("{}: belongs to the chain of genesis {}, not {}", config.path,
                                to_hex(out->meta_.genesis_hash), to_hex(genesis_hash)));
    }
    WEFT_CHECK(out->load());
    return out;
}

Result<std::unique_ptr<Database>> Database::open_existing(const DatabaseConfig& config) {
    WEFT_CHECK(settle_folder(config.path, beside(config).path));
    std::error_code none;
    if (!std::filesystem::exists(config.path, none)) return fail(ErrorCode::not_found, config.path + ": no chain");
    WEFT_TRY(store::Kv kv, store::Kv::open(config.path, table_names, kv_options(config)));
    auto out = std::unique_ptr<Database>(new Database(std::move(kv), config));
    WEFT_TRY(const bool there, out->read_meta());
    if (!there) return fail(ErrorCode::not_found, config.path + ": no chain");
    WEFT_CHECK(out->load());
    return out;
}

Result<bool> Database::read_meta() {
    WEFT_TRY(const auto stored, kv_.get(table::meta, meta_key));
    if (!stored) return false;
    auto meta = wire::decode<StoredMeta>(*stored);
    if (!meta) return fail(ErrorCode::data_loss, config_.path + ": the database's record of itself is damaged");
    if (meta->layout != layout_number) {
        return fail(ErrorCode::failed_precondition,
                    fmt::format("{}: written with database layout {}, this program has layout {}", config_.path,
                                meta->layout, layout_number));
    }
    meta_ = *std::move(meta);
    first_number_ = meta_.first_number;
    return true;
}

Result<void> Database::load() {
    WEFT_TRY(auto found, block(meta_.head_number));
    if (!found || found->hash != meta_.head_hash) {
        return fail(ErrorCode::data_loss, fmt::format("{}: block {} is missing", config_.path, meta_.head_number));
    }
    head_ = {found, meta_.version};
    newest_ = meta_.version;
    WEFT_TRY(const Hash state_root, root_of(meta_.version, meta_.head_number));
    trie_ = chain::StateTrie(this, state_root);
    remember(found);
    return {};
}

Result<void> Database::create(const chain::Genesis& genesis) {
    meta_ = {layout_number, 0, {}, 0, 1, {}, 0};
    trie_ = chain::StateTrie(this, chain::empty_trie_root);
    const auto block = make_genesis_block(genesis);
    meta_.genesis_hash = block->hash;
    const std::lock_guard lock(writer_mutex_);
    WEFT_CHECK(write(block, chain::genesis_changes(genesis), {}));
    return {};
}

Head Database::head() const {
    const std::lock_guard lock(head_mutex_);
    return head_;
}

Result<api::SealedBlockPtr> Database::header(std::uint64_t number) const {
    {
        const std::lock_guard lock(recent_mutex_);
        if (const auto found = recent_.find(number); found != recent_.end()) return found->second;
    }
    WEFT_TRY(const auto stored, kv_.get(table::headers, number_key(number)));
    if (!stored) return api::SealedBlockPtr();
    WEFT_TRY(const auto record, wire::decode<StoredHeader>(*stored));
    return from_stored(record, nullptr);
}

Result<api::SealedBlockPtr> Database::block(std::uint64_t number) const {
    {
        const std::lock_guard lock(recent_mutex_);
        if (const auto found = recent_.find(number); found != recent_.end()) return found->second;
    }
    const auto key = number_key(number);
    WEFT_TRY(const auto stored_header, kv_.get(table::headers, key));
    WEFT_TRY(const auto stored_body, kv_.get(table::blocks, key));
    if (!stored_header || !stored_body) return api::SealedBlockPtr();
    WEFT_TRY(const auto header_record, wire::decode<StoredHeader>(*stored_header));
    WEFT_TRY(const auto body_record, wire::decode<StoredBlock>(*stored_body));
    return from_stored(header_record, &body_record);
}

Result<std::optional<std::uint64_t>> Database::number_of_hash(const Hash& hash) const {
    {
        const std::lock_guard lock(recent_mutex_);
        if (const auto found = recent_hashes_.find(hash); found != recent_hashes_.end()) return found->second;
    }
    WEFT_TRY(const auto stored, kv_.get(table::hashes, hash));
    if (!stored) return std::nullopt;
    return number_of(*stored);
}

Result<api::SealedBlockPtr> Database::block(const Hash& hash) const {
    WEFT_TRY(const auto number, number_of_hash(hash));
    if (!number) return api::SealedBlockPtr();
    return block(*number);
}

Result<std::optional<Database::Position>> Database::find_transaction(const Hash& hash) const {
    {
        const std::lock_guard lock(recent_mutex_);
        if (const auto found = recent_transactions_.find(hash); found != recent_transactions_.end())
            return found->second;
    }
    WEFT_TRY(const auto stored, kv_.get(table::transactions, hash));
    if (!stored || stored->size() != 16) return std::nullopt;
    return Position{number_of(BytesView(*stored).first(8)), number_of(BytesView(*stored).last(8))};
}

Result<std::uint64_t> Database::version_of(std::uint64_t number) const {
    const Head now = head();
    if (number == now.block->header.number) return now.version;
    WEFT_TRY(const auto stored, kv_.get(table::headers, number_key(number + 1)));
    if (!stored) return fail(ErrorCode::not_found, "header not found");
    WEFT_TRY(const auto record, wire::decode<StoredHeader>(*stored));
    if (record.version < 2) return fail(ErrorCode::not_found, "the state of that block is not kept");
    return record.version - 1;
}

Result<Hash> Database::root_of(std::uint64_t version, std::uint64_t number) const {
    // A version that amended a block's state has a root of its own; versions skipped by going back have no record.
    WEFT_TRY(const auto stored, kv_.get(table::versions, number_key(version)));
    if (stored) {
        WEFT_TRY(const auto record, wire::decode<StoredVersion>(*stored));
        return record.root;
    }
    WEFT_TRY(const auto found, header(number));
    if (!found) return fail(ErrorCode::not_found, "header not found");
    return found->header.state_root;
}

Result<VersionedAccount> Database::account(const Address& address, std::uint64_t version) const {
    if (auto cached = accounts_.find(address, version)) return *std::move(cached);
    WEFT_TRY(const auto stored, kv_.get_version(table::accounts, account_key(address, version)));
    VersionedAccount out;
    if (stored) {
        WEFT_TRY(out, decode_account(*stored));
    }
    accounts_.fill(address, version, out, newest_);
    return out;
}

Result<U256> Database::slot(const Address& address, const U256& key, std::uint64_t version) const {
    WEFT_TRY(const VersionedAccount owner, account(address, version));
    const SlotId id{{address, owner.incarnation}, key};
    if (const auto cached = slots_.find(id, version)) return *cached;
    WEFT_TRY(const auto stored, kv_.get_version(table::slots, slot_key(address, owner.incarnation, key, version)));
    const U256 out = stored ? U256::from_bytes(*stored) : U256{};
    slots_.fill(id, version, out, newest_);
    return out;
}

Result<evm::CodePtr> Database::code(const Hash& code_hash) const {
    if (code_hash == chain::empty_code_hash || code_hash.is_zero()) return evm::empty_code();
    {
        const std::lock_guard lock(codes_mutex_);
        if (const auto found = codes_.find(code_hash); found != codes_.end()) return found->second;
    }
    WEFT_TRY(const auto stored, kv_.get(table::codes, code_hash));
    if (!stored) return fail(ErrorCode::data_loss, "code " + to_hex(code_hash) + " is missing");
    auto code = evm::make_code(*stored, code_hash);
    const std::lock_guard lock(codes_mutex_);
    if (codes_size_ + stored->size() > config_.codes_cached_size_max) {
        codes_.clear();
        codes_size_ = 0;
    }
    if (codes_.emplace(code_hash, code).second) codes_size_ += stored->size();
    return code;
}

Result<Bytes> Database::code_bytes(const Hash& code_hash) const {
    WEFT_TRY(auto stored, kv_.get(table::codes, code_hash));
    if (!stored) return fail(ErrorCode::not_found, "no such code");
    return *std::move(stored);
}

Result<Bytes> Database::preimage(const Hash& hash) const {
    WEFT_TRY(auto stored, kv_.get(table::preimages, hash));
    if (!stored) return fail(ErrorCode::not_found, "a key of the state is known by its hash alone");
    return *std::move(stored);
}

Bytes Database::node_at(const Hash& owner, chain::NibblesView path, std::uint64_t version) const {
    auto found = kv_.get_version(table::nodes, node_key(owner, path, version));
    return found && *found ? **std::move(found) : Bytes{};
}

Bytes Database::node(const Hash& owner, chain::NibblesView path) { return node_at(owner, path, ~std::uint64_t{0}); }

Result<void> Database::prepare(const chain::StateChanges& changes) {
    Prepared next{{}, trie_, changes, {}};
    next.root = chain::apply(next.trie, next.changes, &next.nodes, *config_.workers);
    if (next.trie.damaged()) return fail(ErrorCode::data_loss, config_.path + ": nodes of the state trie are missing");
    prepared_ = std::move(next);
    return {};
}

Result<Hash> Database::root(const chain::StateChanges& changes) {
    const std::lock_guard lock(writer_mutex_);
    WEFT_CHECK(prepare(changes));
    return prepared_->root;
}

Result<void> Database::write_state(store::Kv::Batch& batch, std::uint64_t version) {
    StoredVersion record{prepared_->root, {}, {}, {}};
    for (const auto& change : prepared_->changes.accounts) {
        WEFT_TRY(const VersionedAccount before, account(change.address, meta_.version));
        VersionedAccount after{before.incarnation, std::nullopt};
        if (change.deleted || change.storage_wiped) ++after.incarnation;
        if (!change.deleted) after.account = change.account;
        record.accounts.push_back(account_key(change.address, version));
        batch.put(table::accounts, record.accounts.back(), encode_account(after));
        if (!before.account) batch.put(table::preimages, chain::hashed_key(change.address), change.address);
        for (const auto& [key, value] : change.slots) {
            const Hash bytes = value.to_hash();
            record.slots.push_back(slot_key(change.address, after.incarnation, key, version));
            batch.put(table::slots, record.slots.back(), bytes.view().last(value.byte_length()));
            const SlotId id{{change.address, after.incarnation}, key};
            const auto known = slots_.find(id, meta_.version);
            // A slot that held something has its preimage; what is not cached is written again.
            if (!value.is_zero() && (!known || known->is_zero())) {
                batch.put(table::preimages, chain::hashed_key(key), key.to_hash());
            }
            slots_.put(id, version, value);
        }
        accounts_.put(change.address, version, std::move(after));
    }
    for (const auto& code : prepared_->changes.codes) batch.put(table::codes, code.code_hash, code.bytes);
    for (const auto& node : prepared_->nodes) {
        record.nodes.push_back(node_key(node.owner, node.path, version));
        batch.put(table::nodes, record.nodes.back(), node.rlp);
    }
    batch.put(table::versions, number_key(version), wire::encode(record));
    if (version > config_.versions_kept) batch.erase(table::versions, number_key(version - config_.versions_kept));
    return {};
}

Result<Bytes> Database::proof(std::uint64_t number) const {
    WEFT_TRY(auto found, kv_.get(table::proofs, number_key(number)));
    return std::move(found).value_or(Bytes{});
}

Result<std::uint64_t> Database::write(api::SealedBlockPtr block, const chain::StateChanges& changes, BytesView proof) {
    if (!prepared_ || (block && prepared_->root != block->header.state_root)) WEFT_CHECK(prepare(changes));
    if (block && prepared_->root != block->header.state_root) {
        prepared_.reset();
        return fail(ErrorCode::failed_precondition, "the block's state root is not that of its changes");
    }
    const std::uint64_t version = meta_.next_version;
    StoredMeta next = meta_;
    next.version = version;
    next.next_version = version + 1;
    if (block) {
        next.head_number = block->header.number;
        next.head_hash = block->hash;
    }
    // From here on readers of older versions put nothing into the caches, so what the writer puts there stays newest.
    newest_.store(version, std::memory_order_release);
    store::Kv::Batch batch;
    WEFT_CHECK(write_state(batch, version));
    if (block) put_block(batch, *block, version);
    if (block && !proof.empty()) batch.put(table::proofs, number_key(block->header.number), proof);
    batch.put(table::meta, meta_key, wire::encode(next));
    if (auto written = kv_.write(std::move(batch)); !written) {
        accounts_.clear();
        slots_.clear();
        newest_.store(meta_.version, std::memory_order_release);
        prepared_.reset();
        return std::unexpected(std::move(written).error());
    }
    meta_ = next;
    trie_ = std::move(prepared_->trie);
    prepared_.reset();
    if (trie_.nodes_loaded() > config_.trie_nodes_max) trie_.prune();
    if (block) remember(block);
    const std::lock_guard lock(head_mutex_);
    head_ = {block ? std::move(block) : head_.block, version};
    return version;
}

Result<std::uint64_t> Database::commit(api::SealedBlockPtr block, const chain::StateChanges& changes,
                                       BytesView proof) {
    const std::lock_guard lock(writer_mutex_);
    if (block->header.parent_hash != meta_.head_hash || block->header.number != meta_.head_number + 1) {
        return fail(ErrorCode::failed_precondition, "the block's parent is not the head");
    }
    return write(std::move(block), changes, proof);
}

Result<std::uint64_t> Database::amend(const chain::StateChanges& changes) {
    const std::lock_guard lock(writer_mutex_);
    prepared_.reset();
    return write(nullptr, changes, {});
}

Result<std::vector<api::SealedBlockPtr>> Database::rewind(std::uint64_t version) {
    const std::lock_guard lock(writer_mutex_);
    if (version > meta_.version || version == 0) return fail(ErrorCode::not_found, "no such version of the chain");
    prepared_.reset();
    store::Kv::Batch batch;
    for (std::uint64_t v = meta_.version; v > version; --v) {
        WEFT_TRY(const auto stored, kv_.get(table::versions, number_key(v)));
        if (!stored) continue;  // given back before
        WEFT_TRY(const auto record, wire::decode<StoredVersion>(*stored));
        for (const auto& key : record.accounts) batch.erase(table::accounts, key);
        for (const auto& key : record.slots) batch.erase(table::slots, key);
        for (const auto& key : record.nodes) batch.erase(table::nodes, key);
        batch.erase(table::versions, number_key(v));
    }
    std::vector<api::SealedBlockPtr> removed;
    StoredMeta next = meta_;
    while (true) {
        WEFT_TRY(const auto stored, kv_.get(table::headers, number_key(next.head_number)));
        if (!stored) return fail(ErrorCode::data_loss, "a header is missing");
        WEFT_TRY(const auto record, wire::decode<StoredHeader>(*stored));
        next.head_hash = record.hash;
        if (record.version <= version) break;
        WEFT_TRY(auto old, block(next.head_number));
        if (!old) return fail(ErrorCode::data_loss, "a block is missing");
        const auto key = number_key(next.head_number);
        batch.erase(table::headers, key);
        batch.erase(table::blocks, key);
        batch.erase(table::proofs, key);
        batch.erase(table::hashes, old->hash);
        for (const auto& transaction : old->transactions) batch.erase(table::transactions, transaction->hash);
        removed.push_back(std::move(old));
        --next.head_number;
    }
    next.version = version;
    batch.put(table::meta, meta_key, wire::encode(next));
    newest_.store(meta_.next_version, std::memory_order_release);  // nothing enters the caches meanwhile
    accounts_.clear();
    slots_.clear();
    WEFT_CHECK(kv_.write(std::move(batch)));
    for (const auto& old : removed) forget(*old);
    meta_ = next;
    WEFT_TRY(auto found, block(next.head_number));
    WEFT_TRY(const Hash state_root, root_of(version, next.head_number));
    trie_ = chain::StateTrie(this, state_root);
    {
        const std::lock_guard head_lock(head_mutex_);
        head_ = {std::move(found), version};
    }
    newest_.store(version, std::memory_order_release);
    return removed;
}

std::size_t memory_of(const api::SealedBlock& block) {
    constexpr std::size_t indexed_size = 128;  // in the table of recent transactions
    // The transactions are there as bytes and as values.
    std::size_t out = sizeof block + 2 * block.size;
    out += block.transactions.size() * (sizeof(chain::SignedTransaction) + indexed_size);
    for (const auto& receipt : block.receipts) {
        out += sizeof receipt;
        for (const auto& log : receipt.logs) out += sizeof log + log.topics.size() * Hash::size + log.data.size();
    }
    return out;
}

void Database::remember(const api::SealedBlockPtr& block) {
    const std::lock_guard lock(recent_mutex_);
    const std::uint64_t number = block->header.number;
    if (recent_.empty()) recent_first_ = number;
    if (!recent_.insert_or_assign(number, block).second) return;
    recent_size_ += memory_of(*block);
    recent_hashes_.insert_or_assign(block->hash, number);
    for (std::size_t i = 0; i < block->transactions.size(); ++i) {
        recent_transactions_.insert_or_assign(block->transactions[i]->hash, Position{number, i});
    }
    while (recent_.size() > 1 &&
           (recent_.size() > recent_blocks_max || recent_size_ > config_.blocks_cached_size_max)) {
        drop_oldest();
    }
}

/// @pre recent_mutex_ is held.
void Database::drop_oldest() {
    const auto old = recent_.find(recent_first_++);
    if (old == recent_.end()) return;
    recent_size_ -= memory_of(*old->second);
    recent_hashes_.erase(old->second->hash);
    for (const auto& transaction : old->second->transactions) recent_transactions_.erase(transaction->hash);
    recent_.erase(old);
}

Database::Cached Database::cached() {
    Cached out;
    out.accounts = accounts_.count();
    out.slots = slots_.count();
    {
        const std::lock_guard lock(writer_mutex_);
        out.trie_nodes = trie_.nodes_loaded();
    }
    {
        const std::lock_guard lock(codes_mutex_);
        out.codes_size = codes_size_;
    }
    const std::lock_guard lock(recent_mutex_);
    out.blocks = recent_.size();
    out.blocks_size = recent_size_;
    return out;
}

void Database::forget(const api::SealedBlock& block) {
    const std::lock_guard lock(recent_mutex_);
    if (recent_.erase(block.header.number) != 0) recent_size_ -= memory_of(block);
    recent_hashes_.erase(block.hash);
    for (const auto& transaction : block.transactions) recent_transactions_.erase(transaction->hash);
}

template <class T>
T StateView::checked(Result<T> result, T otherwise) {
    if (result) return *std::move(result);
    const std::lock_guard lock(failure_mutex_);
    if (!failure_) failure_ = std::move(result).error();
    return otherwise;
}

std::optional<chain::Account> StateView::account(const Address& address) {
    return checked(database_->account(address, version_), VersionedAccount{}).account;
}
U256 StateView::storage(const Address& address, const U256& key) {
    return checked(database_->slot(address, key, version_), U256{});
}
evm::CodePtr StateView::code(const Hash& code_hash) { return checked(database_->code(code_hash), evm::empty_code()); }
Hash StateView::block_hash(std::uint64_t number) {
    if (number > number_) return {};
    const auto found = checked(database_->header(number), api::SealedBlockPtr());
    return found ? found->hash : Hash{};
}
bool StateView::has_storage(const Address& address) {
    const auto found = account(address);
    return found && found->storage_root != chain::empty_trie_root;
}

}  // namespace weft::service::storage
