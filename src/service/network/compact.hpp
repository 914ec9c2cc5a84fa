#pragma once
// Compact blocks: a block as its header and 6 bytes a transaction, for receivers that have the transactions.
//
// An id is the low 48 bits of SipHash-2-4 of the transaction's hash. The key comes of the block's hash and a number the
// sender drew, so that nobody can prepare transactions whose ids collide in every block; where two collide all the
// same, the root tells, and nobody is to blame.

#include <functional>
#include <memory>
#include <vector>

#include "base/result.hpp"
#include "chain/block.hpp"
#include "crypto/siphash.hpp"
#include "service/network/message.hpp"

namespace weft::service::network {

/// A block's RLP and where its parts are. Immutable; shared by all who send it.
struct OpenBlock {
    Bytes encoded;
    chain::Header header;
    Hash hash;                            // of the header
    BytesView header_item;                // of encoded, like what follows
    std::vector<BytesView> transactions;  // consensus forms
    Bytes rest;                           // a list of the items after the transactions

    OpenBlock() = default;
    OpenBlock(const OpenBlock&) = delete;
    OpenBlock& operator=(const OpenBlock&) = delete;
};
using OpenBlockPtr = std::shared_ptr<const OpenBlock>;

/// Looks no further into the block than to find its parts.
/// @errors invalid_argument  not a block; resource_exhausted  more than block_transactions_max transactions.
[[nodiscard]] Result<OpenBlockPtr> open_block(Bytes encoded);
/// Whether the transactions are those the header commits to.
[[nodiscard]] bool has_its_transactions(const OpenBlock& block);

[[nodiscard]] crypto::SipKey short_id_key(const Hash& block_hash, std::uint64_t nonce);

/// A compact block and what its views point to, besides the block.
struct CompactForm {
    Bytes ids;
    CompactBlock message;
};
/// @param is_unknown  of a transaction that receivers can't have; up to prefilled_bytes_max of them go along.
[[nodiscard]] std::unique_ptr<CompactForm> make_compact(const OpenBlock& block, std::uint64_t nonce,
                                                        const std::function<bool(const Hash&)>& is_unknown);

/// A compact block on its way to being whole.
class Assembly {
  public:
    /// @param block  its views must stay valid.
    /// @errors invalid_argument  no header, ids of no whole number, prefilled indices out of order or out of range.
    [[nodiscard]] static Result<Assembly> begin(const CompactBlock& block);

    [[nodiscard]] const Hash& hash() const { return hash_; }
    [[nodiscard]] const crypto::SipKey& key() const { return key_; }
    [[nodiscard]] const std::vector<std::uint64_t>& ids() const { return ids_; }
    /// The transaction that ids()[@p index] names, in consensus form; kept by @p owner.
    void match(std::size_t index, BytesView transaction, std::shared_ptr<const void> owner);
    /// Positions in the block of what is not there.
    [[nodiscard]] std::vector<std::uint64_t> missing() const;
    /// What missing() named, in its order. False if they are not as many.
    [[nodiscard]] bool fill(std::span<const Blob> transactions);
    /// The whole block.
    /// @errors failed_precondition  the transactions are not those the header commits to.
    [[nodiscard]] Result<OpenBlockPtr> finish() const;

  private:
    Hash hash_;
    crypto::SipKey key_;
    BytesView header_;
    BytesView rest_;
    std::vector<std::uint64_t> ids_;
    std::vector<std::size_t> positions_;    // of each id
    std::vector<BytesView> transactions_;   // empty: missing
    std::vector<std::shared_ptr<const void>> owners_;
};

}  // namespace weft::service::network
