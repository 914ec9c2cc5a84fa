#include "app/import.hpp"

#include <fmt/format.h>

#include "base/hex.hpp"
#include "chain/execute.hpp"

namespace weft::app {

namespace {

using service::storage::Database;
using service::storage::Head;

constexpr std::size_t trie_nodes_max = 500'000;

/// What the rules of ommers want to know of the chain.
class Ancestors final : public chain::AncestorSource {
  public:
    explicit Ancestors(const Database& database) : database_(database) {}
    [[nodiscard]] const chain::Block* block(const Hash& hash) override {
        const auto found = database_.block(hash);
        if (!found || !*found) return nullptr;
        kept_ = {(*found)->header, {}, (*found)->ommers, std::nullopt};
        return &kept_;
    }

  private:
    const Database& database_;
    chain::Block kept_;
};

std::unexpected<Error> refused(std::uint64_t number, const Hash& hash, std::string_view why) {
    return fail(ErrorCode::failed_precondition, fmt::format("block {} ({}): {}", number, to_hex(hash), why));
}

api::SealedBlockPtr sealed(chain::ExecutedBlock&& executed, const U256& parent_total, std::size_t size) {
    auto out = std::make_shared<api::SealedBlock>();
    out->hash = executed.hash;
    out->total_difficulty = parent_total + executed.block.header.difficulty;
    out->header = std::move(executed.block.header);
    out->transactions = std::move(executed.block.transactions);
    out->receipts = std::move(executed.receipts);
    out->ommers = std::move(executed.block.ommers);
    if (executed.block.withdrawals) out->withdrawals = *std::move(executed.block.withdrawals);
    out->size = size;
    return out;
}

}  // namespace

ChainImport::ChainImport(Database& database, const chain::ChainConfig& config, Workers& workers)
    : database_(database), config_(config), workers_(workers) {}

Result<void> ChainImport::load_trie() {
    const Head head = database_.head();
    WEFT_TRY(const Hash root, database_.root_of(head.version, head.block->header.number));
    trie_ = chain::StateTrie(&database_, root);
    trie_loaded_ = true;
    return {};
}

Result<void> ChainImport::add(BytesView encoded) {
    WEFT_TRY(auto block, chain::decode_block(encoded));
    const Hash hash = chain::hash_of(block.header);
    WEFT_TRY(const auto there, database_.number_of_hash(hash));
    if (there) {
        ++skipped_;
        return {};
    }
    const auto& head = *database_.head().block;
    if (block.header.parent_hash == head.hash) return append(std::move(block), hash, encoded.size());
    if (block.header.number == 0) return refused(0, hash, "the first block of another chain");
    return hold({std::move(block), hash, encoded.size()});
}

Result<void> ChainImport::append(chain::Block block, const Hash& hash, std::size_t size) {
    if (!trie_loaded_) WEFT_CHECK(load_trie());
    const Head head = database_.head();
    const std::uint64_t number = block.header.number;
    const U256& parent_total = head.block->total_difficulty;
    if (const auto checked = chain::validate_merge(config_, block.header, parent_total); !checked) {
        return refused(number, hash, checked.error().message);
    }
    service::storage::StateView view(database_, head.version, head.block->header.number);
    Ancestors ancestors(database_);
    auto executed =
        chain::import_block(config_, head.block->header, std::move(block), view, trie_, &ancestors, size, workers_);
    if (view.failure()) return std::unexpected(*view.failure());
    if (!executed) return refused(number, hash, executed.error().message);
    const auto changes = std::move(executed->changes);
    auto committed = database_.commit(sealed(*std::move(executed), parent_total, size), changes);
    if (!committed) {
        trie_loaded_ = false;
        return std::unexpected(std::move(committed).error());
    }
    if (trie_.nodes_loaded() > trie_nodes_max) trie_.prune();
    ++imported_;
    return {};
}

Result<void> ChainImport::hold(Held held) {
    const auto& header = held.block.header;
    if (fork_.empty()) {
        WEFT_TRY(const auto parent, database_.block(header.parent_hash));
        if (!parent) return refused(header.number, held.hash, "its parent is not there");
        fork_parent_ = parent->header.number;
        fork_total_difficulty_ = parent->total_difficulty;
    } else if (header.parent_hash != fork_.back().hash) {
        return refused(header.number, held.hash, "follows neither the chain nor the fork before it");
    }
    if (fork_.size() == fork_length_max || database_.head().block->header.number - fork_parent_ > fork_length_max) {
        return fail(ErrorCode::resource_exhausted,
                    fmt::format("block {} ({}): of a fork that begins after block {}, more than {} blocks back",
                                header.number, to_hex(held.hash), fork_parent_, fork_length_max));
    }
    fork_total_difficulty_ += header.difficulty;
    fork_.push_back(std::move(held));
    return fork_is_better() ? take_fork() : Result<void>{};
}

bool ChainImport::fork_is_better() const {
    const auto& head = *database_.head().block;
    if (fork_total_difficulty_ != head.total_difficulty) return fork_total_difficulty_ > head.total_difficulty;
    const auto& last = fork_.back().block.header;
    return chain::is_merged(config_, last) && last.number > head.header.number;
}

Result<void> ChainImport::take_fork() {
    WEFT_TRY(const auto version, database_.version_of(fork_parent_));
    WEFT_TRY(const auto removed, database_.rewind(version));
    WEFT_CHECK(load_trie());
    Result<void> done;
    const std::uint64_t before = imported_;
    for (auto& held : std::exchange(fork_, {})) {
        done = append(std::move(held.block), held.hash, held.size);
        if (!done) break;
    }
    if (done) return {};
    WEFT_TRY(const auto at_fork, database_.version_of(fork_parent_));
    WEFT_CHECK(database_.rewind(at_fork));
    WEFT_CHECK(load_trie());
    for (auto block = removed.rbegin(); block != removed.rend(); ++block) {
        WEFT_CHECK(append(api::to_block(**block), (*block)->hash, (*block)->size));
    }
    imported_ = before;
    return done;
}

Result<void> ChainImport::finish() {
    if (fork_.empty()) return {};
    const auto& head = *database_.head().block;
    return refused(fork_[0].block.header.number, fork_[0].hash,
                   fmt::format("a fork of {} blocks with total difficulty {}, no more than the chain's {}",
                               fork_.size(), to_decimal(fork_total_difficulty_), to_decimal(head.total_difficulty)));
}

}  // namespace weft::app
