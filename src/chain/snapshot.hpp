#pragma once
// A state in chunks that prove themselves: whoever knows the state's root can tell of each chunk alone whether it is
// right, and after all of them has every account, slot, code and stored trie node.
//
// A chunk is some accounts in order of their hashed addresses, each with all its slots, but for the last one: its slots
// may end early, and the next chunk then goes on within that account and holds nothing else. Codes come with the first
// chunk of an account that has them, once a chunk.

#include <optional>
#include <vector>

#include "chain/block.hpp"
#include "chain/fork.hpp"
#include "chain/range_proof.hpp"
#include "chain/receipt.hpp"
#include "chain/state.hpp"

namespace weft::chain {

/// A state is served in chunks if its block's number is a multiple of this: one state for all who ask, long enough for
/// them to finish.
inline constexpr std::uint64_t snapshot_interval = 1024;
/// So many of the newest.
inline constexpr std::uint64_t snapshots_kept = 2;
/// Bytes of a chunk, about: what one account and its code, or a slot, are above it is on top.
inline constexpr std::uint64_t chunk_bytes_wanted = 512 << 10;

struct SnapshotAccount {
    Address address;
    Account account;
    std::vector<SlotChange> slots;  // in order of their hashed keys; none zero
};

/// What a chunk is asked to begin with.
struct SnapshotRange {
    /// Hashed addresses, both in the range.
    Hash first;
    Hash last = last_key;
    /// Above zero: go on within the account of @p first, which has had all slots below this hashed key.
    Hash slot_first;
};

struct SnapshotChunk {
    std::vector<SnapshotAccount> accounts;  // all from the range's first one to last
    Hash last = last_key;
    /// The last account's slots are all up to this hashed key.
    Hash slot_last = last_key;
    std::vector<Bytes> account_proof;
    std::vector<Bytes> slot_proof;  // of the last account's slots
    std::vector<Bytes> codes;
};

/// The receipts of a snapshot's block, read from their consensus form and with what that leaves out.
/// @param block   its senders recovered.
/// @errors invalid_argument  not the receipts that the header commits to.
[[nodiscard]] Result<std::vector<Receipt>> receipts_of(const ChainConfig& config, const Block& block,
                                                       std::span<const Bytes> encoded);

/// What chunks are made of.
class SnapshotSource : public NodeSource {
  public:
    /// @errors not_found  the preimage was not kept.
    [[nodiscard]] virtual Result<Address> address_of(const Hash& hashed) = 0;
    [[nodiscard]] virtual Result<U256> slot_of(const Hash& hashed) = 0;
    [[nodiscard]] virtual Result<Bytes> code_of(const Hash& code_hash) = 0;
};

/// The chunk that a range begins with.
/// @errors as source; invalid_argument  no such range or account to go on within; data_loss  a node is missing.
[[nodiscard]] Result<SnapshotChunk> make_chunk(SnapshotSource& source, const Hash& root, const SnapshotRange& range,
                                               std::uint64_t bytes_wanted = chunk_bytes_wanted);

/// Whether a chunk is the state's at the beginning of that range.
///
/// @param nodes  gets the stored nodes that the chunk shows; of use only if it is right.
/// @return  what to ask for next; nothing: the range is complete.
/// @errors invalid_argument  it is not.
[[nodiscard]] Result<std::optional<SnapshotRange>> verify_chunk(const Hash& root, const SnapshotRange& range,
                                                                const SnapshotChunk& chunk,
                                                                std::vector<NodeChange>* nodes = nullptr);

}  // namespace weft::chain
