#pragma once
// How the node's database is laid out: tables, keys, records.
//
// State is kept by VERSION. The version grows by one with each block and with each amendment of the newest state; a
// key's value at version v is the newest entry whose version is not above v. So every past state can be read, and going
// back is deleting entries.
//
//   blocks        number                        -> StoredBlock
//   headers       number                        -> StoredHeader          what range scans need
//   hashes        block hash                    -> number
//   transactions  transaction hash              -> number, index
//   accounts      address, ~version             -> incarnation, account | (empty: gone)
//   slots         address, incarnation, key, ~version -> value
//   codes         code hash                     -> code
//   nodes         owner, path, 0x10, ~version   -> RLP | (empty: gone)
//   versions      version                       -> StoredVersion         what it wrote, for going back
//   meta          name                          -> value
//   proofs        number                        -> why the block is final, as the engine that committed it encodes that
//   preimages     hash of an address or slot key -> itself                 for chunks of a state
//
// Numbers are big-endian, so that their order is the keys' order. ~version is the complement: the newest comes first.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "api/types.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "chain/account.hpp"
#include "chain/snapshot.hpp"
#include "store/kv.hpp"

namespace weft::service::storage {

namespace table {
inline constexpr store::Table blocks = 0;
inline constexpr store::Table headers = 1;
inline constexpr store::Table hashes = 2;
inline constexpr store::Table transactions = 3;
inline constexpr store::Table accounts = 4;
inline constexpr store::Table slots = 5;
inline constexpr store::Table codes = 6;
inline constexpr store::Table nodes = 7;
inline constexpr store::Table versions = 8;
inline constexpr store::Table meta = 9;
inline constexpr store::Table proofs = 10;
inline constexpr store::Table preimages = 11;
}  // namespace table
inline constexpr std::array<std::string_view, 12> table_names = {"blocks",   "headers", "hashes", "transactions",
                                                                "accounts", "slots",   "codes",  "nodes",
                                                                "versions", "meta",    "proofs", "preimages"};

/// Grows when the layout changes; a database of another one is refused.
inline constexpr std::uint64_t layout_number = 1;

struct StoredTransaction {
    Bytes encoded;
    /// Kept, because recovering it is dear, and because an impersonated sender can't be recovered.
    Address sender;
};
struct StoredBlock {
    std::vector<StoredTransaction> transactions;
    std::vector<Bytes> receipts;
    std::vector<Bytes> ommers;
    std::vector<chain::Withdrawal> withdrawals;
};
struct StoredHeader {
    Bytes header;
    Hash hash;
    U256 total_difficulty;
    std::uint64_t size = 0;
    /// Of the state right after it; 0: the state was not kept, and neither was the block's body.
    std::uint64_t version = 0;
};
struct StoredVersion {
    Hash root;
    std::vector<Bytes> accounts;
    std::vector<Bytes> slots;
    std::vector<Bytes> nodes;
};
struct StoredMeta {
    std::uint64_t layout = 0;
    std::uint64_t head_number = 0;
    Hash head_hash;
    std::uint64_t version = 0;
    /// The next one to give away: versions are never used twice.
    std::uint64_t next_version = 0;
    Hash genesis_hash;
    /// Blocks above the genesis block are here from this one on: a snapshot's, or 0.
    std::uint64_t first_number = 0;
};

/// A database that is being filled from a snapshot: it has no StoredMeta yet.
struct StoredSync {
    Hash block_hash;
    std::vector<chain::SnapshotRange> missing;
};

/// An account with the number of lives of its address: storage of an earlier life is unreachable, so that deleting an
/// account costs nothing.
struct VersionedAccount {
    std::uint64_t incarnation = 0;
    std::optional<chain::Account> account;
};

[[nodiscard]] Bytes number_key(std::uint64_t number);
[[nodiscard]] std::uint64_t number_of(BytesView key);
[[nodiscard]] Bytes account_key(const Address& address, std::uint64_t version);
[[nodiscard]] Bytes slot_key(const Address& address, std::uint64_t incarnation, const U256& key, std::uint64_t version);
[[nodiscard]] Bytes node_key(const Hash& owner, BytesView path, std::uint64_t version);
/// Bytes of a versioned key before its version.
inline constexpr std::size_t version_size = 8;

[[nodiscard]] Bytes encode_account(const VersionedAccount& account);
/// @errors data_loss  not written by encode_account.
[[nodiscard]] Result<VersionedAccount> decode_account(BytesView value);

[[nodiscard]] StoredBlock to_stored(const api::SealedBlock& block);
[[nodiscard]] StoredHeader to_stored_header(const api::SealedBlock& block, std::uint64_t version);
/// @errors data_loss  damaged.
[[nodiscard]] Result<api::SealedBlockPtr> from_stored(const StoredHeader& header, const StoredBlock* body);

}  // namespace weft::service::storage
