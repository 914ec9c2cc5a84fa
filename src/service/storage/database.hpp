#pragma once
// The node's database: what layout.hpp says, with caches in front and one writer.
//
// Invariants:
//   1. What one commit writes is one batch: after a crash the head, its block, its state and its trie belong together.
//   2. Entries of version v are written once, before any reader is told of v; entries above the head's version are
//      invisible, whatever they are.
//   3. The writer's trie is that of the newest version.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "api/storage.hpp"
#include "base/result.hpp"
#include "base/workers.hpp"
#include "chain/genesis.hpp"
#include "chain/state_trie.hpp"
#include "evm/code.hpp"
#include "service/storage/cache.hpp"
#include "service/storage/layout.hpp"
#include "store/kv.hpp"

namespace weft::service::storage {

struct DatabaseConfig {
    std::string path;
    // As store::KvOptions has them.
    std::size_t cache_size = 64ULL << 20;
    std::size_t write_buffers_size = 64ULL << 20;
    std::size_t accounts_cached_max = 500'000;
    std::size_t slots_cached_max = 1'000'000;
    std::size_t trie_nodes_max = 500'000;
    /// Bytes of contract code, and of the newest blocks with their receipts.
    std::size_t codes_cached_size_max = 64ULL << 20;
    std::size_t blocks_cached_size_max = 64ULL << 20;
    bool sync = false;
    /// Bring the trie up to date; must outlive the database.
    Workers* workers = &serial_workers();
    /// Versions that can be gone back to; older ones lose the list of what they wrote, not their state.
    std::uint64_t versions_kept = 1'000'000;
};

/// Where one is made of a snapshot, to take its place.
[[nodiscard]] DatabaseConfig beside(DatabaseConfig config);
[[nodiscard]] store::KvOptions kv_options(const DatabaseConfig& config);
/// For load.hpp: whether a database has been made there.
[[nodiscard]] Result<bool> has_head(const store::Kv& kv);
/// For snapshot_writer.hpp: the records of a head whose state was written as a version, and whose ancestors' headers
/// are there, but for the genesis block. The head's proof may be empty.
[[nodiscard]] Result<void> write_snapshot_head(store::Kv& kv, const chain::Genesis& genesis,
                                               const api::SealedBlock& head, BytesView proof, std::uint64_t version);
/// For load.hpp: the records of a genesis block whose state was written as a version.
[[nodiscard]] Result<void> write_first_head(store::Kv& kv, const chain::Genesis& genesis, std::uint64_t version);

/// About the bytes of memory that a block takes.
[[nodiscard]] std::size_t memory_of(const api::SealedBlock& block);

/// The newest block and the newest version of the state.
struct Head {
    api::SealedBlockPtr block;
    std::uint64_t version = 0;
};

class Database final : public chain::NodeSource {
  public:
    /// Opens the database of a chain, or makes it from @p genesis.
    ///
    /// @errors as store::Kv::open; failed_precondition  it belongs to another chain or layout; data_loss  damaged.
    [[nodiscard]] static Result<std::unique_ptr<Database>> open(const DatabaseConfig& config,
                                                                const chain::Genesis& genesis);
    /// Opens the database of whatever chain it is.
    /// @errors as open(); not_found  there is none.
    [[nodiscard]] static Result<std::unique_ptr<Database>> open_existing(const DatabaseConfig& config);
    ~Database() override;

    // Thread-safe reads.
    [[nodiscard]] Head head() const;
    /// Of the first block above the genesis block that is here whole; below it there are headers alone.
    [[nodiscard]] std::uint64_t first_number() const { return first_number_; }
    /// Null for a number or hash that the canonical chain doesn't have.
    [[nodiscard]] Result<api::SealedBlockPtr> block(std::uint64_t number) const;
    [[nodiscard]] Result<api::SealedBlockPtr> block(const Hash& hash) const;
    [[nodiscard]] Result<api::SealedBlockPtr> header(std::uint64_t number) const;
    /// Empty: none was kept.
    [[nodiscard]] Result<Bytes> proof(std::uint64_t number) const;
    [[nodiscard]] Result<std::optional<std::uint64_t>> number_of_hash(const Hash& hash) const;
    struct Position {
        std::uint64_t number = 0;
        std::uint64_t index = 0;
    };
    [[nodiscard]] Result<std::optional<Position>> find_transaction(const Hash& hash) const;
    /// The newest version of the state that belongs to a block.
    /// @errors not_found  no such block, or its state was not kept.
    [[nodiscard]] Result<std::uint64_t> version_of(std::uint64_t number) const;
    [[nodiscard]] Result<Hash> root_of(std::uint64_t version, std::uint64_t number) const;

    [[nodiscard]] Result<VersionedAccount> account(const Address& address, std::uint64_t version) const;
    [[nodiscard]] Result<U256> slot(const Address& address, const U256& key, std::uint64_t version) const;
    /// Never null: an unknown hash has empty code.
    [[nodiscard]] Result<evm::CodePtr> code(const Hash& code_hash) const;
    /// @errors not_found  no such code.
    [[nodiscard]] Result<Bytes> code_bytes(const Hash& code_hash) const;
    /// The address or slot key of a hash.
    /// @errors not_found  the state was written by load.hpp, or by a program that kept none.
    [[nodiscard]] Result<Bytes> preimage(const Hash& hash) const;
    [[nodiscard]] Bytes node_at(const Hash& owner, chain::NibblesView path, std::uint64_t version) const;
    [[nodiscard]] Bytes node(const Hash& owner, chain::NibblesView path) override;

    // The writer. One call at a time, which a lock sees to.
    [[nodiscard]] Result<Hash> root(const chain::StateChanges& changes);
    [[nodiscard]] Result<std::uint64_t> commit(api::SealedBlockPtr block, const chain::StateChanges& changes,
                                               BytesView proof = {});
    [[nodiscard]] Result<std::uint64_t> amend(const chain::StateChanges& changes);
    /// @return the blocks taken back, newest first.
    [[nodiscard]] Result<std::vector<api::SealedBlockPtr>> rewind(std::uint64_t version);
    [[nodiscard]] std::uint64_t disk_size() const { return kv_.disk_size(); }
    [[nodiscard]] const DatabaseConfig& config() const { return config_; }

    /// What the caches hold: counts, and bytes for codes and blocks.
    struct Cached {
        std::size_t accounts = 0;
        std::size_t slots = 0;
        std::size_t trie_nodes = 0;
        std::size_t codes_size = 0;
        std::size_t blocks = 0;
        std::size_t blocks_size = 0;
    };
    [[nodiscard]] Cached cached();

  private:
    struct Prepared {
        Hash root;
        chain::StateTrie trie;
        chain::StateChanges changes;  // with storage roots
        std::vector<chain::NodeChange> nodes;
    };

    Database(store::Kv kv, const DatabaseConfig& config);
    /// @return whether there is one; its record of itself is then known.
    [[nodiscard]] Result<bool> read_meta();
    [[nodiscard]] Result<void> load();
    [[nodiscard]] Result<void> create(const chain::Genesis& genesis);
    [[nodiscard]] Result<void> prepare(const chain::StateChanges& changes);
    [[nodiscard]] Result<void> write_state(store::Kv::Batch& batch, std::uint64_t version);
    [[nodiscard]] Result<std::uint64_t> write(api::SealedBlockPtr block, const chain::StateChanges& changes,
                                              BytesView proof);
    void remember(const api::SealedBlockPtr& block);
    void forget(const api::SealedBlock& block);

    store::Kv kv_;
    DatabaseConfig config_;

    mutable std::mutex head_mutex_;
    Head head_;
    StoredMeta meta_;                       // the writer's
    std::uint64_t first_number_ = 0;        // of meta_, which it stays
    std::atomic<std::uint64_t> newest_{0};  // version that is, or is being, written

    std::mutex writer_mutex_;
    chain::StateTrie trie_;
    std::optional<Prepared> prepared_;

    using SlotId = std::pair<std::pair<Address, std::uint64_t>, U256>;
    struct SlotHash {
        std::size_t operator()(const SlotId& id) const noexcept {
            return mix64(std::hash<Address>{}(id.first.first) ^ id.first.second * 0x9e3779b97f4a7c15ULL ^
                         std::hash<U256>{}(id.second));
        }
    };
    mutable VersionedCache<Address, VersionedAccount> accounts_;
    mutable VersionedCache<SlotId, U256, SlotHash> slots_;
    mutable std::mutex codes_mutex_;
    mutable std::unordered_map<Hash, evm::CodePtr> codes_;
    mutable std::size_t codes_size_ = 0;

    /// The newest blocks, whole: most reads are for them.
    static constexpr std::size_t recent_blocks_max = 512;
    void drop_oldest();
    mutable std::mutex recent_mutex_;
    std::uint64_t recent_first_ = 0;
    std::size_t recent_size_ = 0;
    std::unordered_map<std::uint64_t, api::SealedBlockPtr> recent_;
    std::unordered_map<Hash, std::uint64_t> recent_hashes_;
    std::unordered_map<Hash, Position> recent_transactions_;
};

/// The state at one version, for execution. Errors of the database are remembered, not given: look at failure() after.
/// Thread-safe, but for failure().
class StateView final : public chain::StateReader {
  public:
    /// @param number  of the block the state belongs to: block_hash() knows it and its ancestors.
    StateView(const Database& database, std::uint64_t version, std::uint64_t number)
        : database_(&database), version_(version), number_(number) {}

    [[nodiscard]] bool is_thread_safe() const override { return true; }
    [[nodiscard]] std::optional<chain::Account> account(const Address& address) override;
    [[nodiscard]] U256 storage(const Address& address, const U256& key) override;
    [[nodiscard]] evm::CodePtr code(const Hash& code_hash) override;
    [[nodiscard]] Hash block_hash(std::uint64_t number) override;
    [[nodiscard]] bool has_storage(const Address& address) override;
    [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }

  private:
    template <class T>
    T checked(Result<T> result, T otherwise);

    const Database* database_;
    std::uint64_t version_;
    std::uint64_t number_;
    std::mutex failure_mutex_;
    std::optional<Error> failure_;
};

}  // namespace weft::service::storage
