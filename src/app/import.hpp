#pragma once
// Blocks of a file into a node's database: each is checked, executed and committed as if it had come from a peer. What
// is there already is left, so that an import that was broken off goes on where it ended.

#include <cstdint>
#include <functional>
#include <vector>

#include "base/result.hpp"
#include "base/workers.hpp"
#include "chain/block.hpp"
#include "chain/fork.hpp"
#include "chain/state_trie.hpp"
#include "service/storage/database.hpp"

namespace weft::app {

/// Blocks of a fork that are held until it has more difficulty than the chain, and blocks that one may take back.
inline constexpr std::size_t fork_length_max = 1024;

class ChainImport {
  public:
    /// @param database  and @p workers outlive this.
    ChainImport(service::storage::Database& database, const chain::ChainConfig& config, Workers& workers);

    /// Takes the next block: skipped if it is there, committed if its parent is the head, held if it is of a fork. The
    /// fork replaces the chain once it is better: by total difficulty, and after the merge by its length.
    ///
    /// @errors failed_precondition  "block 7 (0x..): REASON"; the chain is then as it was before the block, and before
    ///                              the fork if it was of one.
    ///         invalid_argument     no block.
    ///         resource_exhausted   a fork of more than fork_length_max blocks.
    ///         data_loss            the database is damaged.
    [[nodiscard]] Result<void> add(BytesView encoded);
    /// After the last block.
    /// @errors failed_precondition  a fork is held that is no better than the chain.
    [[nodiscard]] Result<void> finish();

    [[nodiscard]] std::uint64_t imported() const { return imported_; }
    [[nodiscard]] std::uint64_t skipped() const { return skipped_; }

  private:
    struct Held {
        chain::Block block;
        Hash hash;
        std::size_t size = 0;
    };

    [[nodiscard]] Result<void> append(chain::Block block, const Hash& hash, std::size_t size);
    [[nodiscard]] Result<void> hold(Held held);
    [[nodiscard]] bool fork_is_better() const;
    /// Makes the held fork the chain, or leaves the chain as it is.
    [[nodiscard]] Result<void> take_fork();
    [[nodiscard]] Result<void> load_trie();

    service::storage::Database& database_;
    const chain::ChainConfig& config_;
    Workers& workers_;
    chain::StateTrie trie_;  // of the head's state, once loaded
    bool trie_loaded_ = false;
    std::vector<Held> fork_;
    std::uint64_t fork_parent_ = 0;  // number of the block of the chain that the fork begins after
    U256 fork_total_difficulty_;
    std::uint64_t imported_ = 0;
    std::uint64_t skipped_ = 0;
};

}  // namespace weft::app
