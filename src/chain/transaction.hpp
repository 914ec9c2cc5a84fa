#pragma once
// Transactions of types 0 to 4: what they hold, how they are encoded, signed and identified.
//
//   type 0  legacy, with (EIP-155) or without a chain id     rlp([nonce, gas price, gas, to, value, data, v, r, s])
//   type 1  EIP-2930  access list                            0x01 ++ rlp([chain id, nonce, ...])
//   type 2  EIP-1559  two fees                               0x02 ++ rlp([...])
//   type 3  EIP-4844  blobs                                  0x03 ++ rlp([...])
//   type 4  EIP-7702  authorizations                         0x04 ++ rlp([...])

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/rlp.hpp"
#include "base/u256.hpp"
#include "evm/revision.hpp"

namespace weft::chain {

enum class TransactionType : std::uint8_t { legacy = 0, access_list = 1, dynamic_fee = 2, blob = 3, set_code = 4 };

struct AccessListEntry {
    Address address;
    std::vector<Hash> storage_keys;
    bool operator==(const AccessListEntry&) const = default;
};
using AccessList = std::vector<AccessListEntry>;

/// One entry of a type 4 transaction. Its values may be anything their width allows: a wrong one makes the entry void,
/// not the transaction.
struct Authorization {
    U256 chain_id;  // 0: any chain
    Address address;
    std::uint64_t nonce = 0;
    std::uint8_t y_parity = 0;
    U256 r;
    U256 s;
    bool operator==(const Authorization&) const = default;
};

struct Transaction {
    TransactionType type = TransactionType::legacy;
    std::optional<std::uint64_t> chain_id;  // always there from type 1 on
    std::uint64_t nonce = 0;
    std::uint64_t gas_limit = 0;
    /// For types 0 and 1 both fees are the gas price, so that every rule reads the same for all types.
    U256 max_fee_per_gas;
    U256 max_priority_fee_per_gas;
    std::optional<Address> to;  // none: creates a contract
    U256 value;
    Bytes data;
    AccessList access_list;
    U256 max_fee_per_blob_gas;
    std::vector<Hash> blob_hashes;
    std::vector<Authorization> authorizations;
    std::uint8_t y_parity = 0;
    U256 r;
    U256 s;

    [[nodiscard]] bool has_access_list() const { return type != TransactionType::legacy; }
    /// Whether it names two fees rather than a gas price.
    [[nodiscard]] bool has_dynamic_fee() const { return type >= TransactionType::dynamic_fee; }
    /// The gas price of types 0 and 1.
    [[nodiscard]] const U256& gas_price() const { return max_fee_per_gas; }
    /// What clients show as v: 27 or 28, chain id * 2 + 35 or 36, or the parity from type 1 on.
    [[nodiscard]] U256 v() const;
    bool operator==(const Transaction&) const = default;
};

/// What a type 3 transaction carries on the network but not in a block.
struct BlobSidecar {
    std::uint8_t version = 0;        // 0: EIP-4844, one proof a blob; 1: EIP-7594, 128 cell proofs a blob
    std::vector<Bytes> blobs;        // 131,072 bytes each
    std::vector<Bytes> commitments;  // 48 bytes each
    std::vector<Bytes> proofs;       // 48 bytes each
    bool operator==(const BlobSidecar&) const = default;
};

/// A transaction with what is expensive to find out again. Immutable once made; shared by pool, blocks and answers.
struct SignedTransaction {
    Transaction transaction;
    Hash hash;
    Address sender;  // zero: not recovered yet
    Bytes encoded;   // the consensus form
    /// Of a type 3 transaction on its way to a block.
    std::shared_ptr<const BlobSidecar> sidecar;
};
using TransactionPtr = std::shared_ptr<const SignedTransaction>;

/// The consensus form: what a block's transactions root commits to and the hash is made of.
[[nodiscard]] Bytes encode(const Transaction& transaction);
/// Reads the consensus form; all of it, in its only encoding.
/// @errors invalid_argument  not a transaction; unimplemented  "transaction type not supported".
[[nodiscard]] Result<Transaction> decode_transaction(BytesView encoded);

/// The consensus form, or for type 3 with a sidecar the form that peers and eth_sendRawTransaction exchange:
/// 0x03 ++ rlp([body, blobs, commitments, proofs]) or, for version 1, rlp([body, 1, blobs, commitments, proofs]).
[[nodiscard]] Bytes encode_network_form(const SignedTransaction& transaction);
/// Reads either form and hashes it. The sender is not recovered.
/// @errors as decode_transaction.
[[nodiscard]] Result<SignedTransaction> decode_network_form(BytesView encoded);

/// As an item of a block's transaction list: legacy as the list it is, others wrapped in a string.
void append_to_list(rlp::Writer& writer, const SignedTransaction& transaction);
/// @errors as decode_transaction.
[[nodiscard]] Result<SignedTransaction> read_from_list(rlp::Reader& reader);

[[nodiscard]] Hash hash_of(const Transaction& transaction);
/// What the sender signs.
[[nodiscard]] Hash signing_hash(const Transaction& transaction);
/// What an authority signs. @source EIP-7702.
[[nodiscard]] Hash signing_hash(const Authorization& authorization);

/// nullopt if the signature is none; from Homestead also for an s in the upper half of the group (EIP-2).
[[nodiscard]] std::optional<Address> recover_sender(const Transaction& transaction,
                                                    evm::Revision revision = evm::Revision::osaka);
/// The account an authorization speaks for; nullopt if its signature is none. @source EIP-7702, step 3.
[[nodiscard]] std::optional<Address> recover_authority(const Authorization& authorization);

/// Encodes, hashes and recovers. @errors invalid_argument  "invalid sender".
[[nodiscard]] Result<TransactionPtr> make_signed(Transaction transaction);
/// Signs in place. @return nullptr for an invalid key.
[[nodiscard]] TransactionPtr sign_transaction(Transaction transaction, const Hash& secret_key);
/// @return false for an invalid key.
[[nodiscard]] bool sign_authorization(Authorization& authorization, const Hash& secret_key);

inline constexpr std::uint64_t gas_per_blob = 131072;  // 2^17, EIP-4844
inline constexpr std::uint64_t transaction_gas_limit_max = 1 << 24;  // EIP-7825, from Osaka

/// What one unit of gas costs the sender: min(max fee, base fee + tip). @pre max_fee_per_gas >= base_fee.
[[nodiscard]] U256 effective_gas_price(const Transaction& transaction, const U256& base_fee);
/// What the coinbase gets of it; saturates at 0 if the base fee is above the maximum.
[[nodiscard]] U256 effective_tip(const Transaction& transaction, const U256& base_fee);

struct IntrinsicGas {
    std::uint64_t regular = 0;  // charged before the first instruction
    std::uint64_t floor = 0;    // EIP-7623: what the transaction costs at least; 0 before Prague
};
/// @source Yellow Paper, section 6.2 (g_0); EIP-2, 2028, 2930, 3860, 7623, 7702. Saturates at 2^64 - 1.
[[nodiscard]] IntrinsicGas intrinsic_gas(const Transaction& transaction, evm::Revision revision);
[[nodiscard]] inline std::uint64_t blob_gas(const Transaction& transaction) {
    return gas_per_blob * transaction.blob_hashes.size();
}
/// gas limit * max fee + value + blob gas * max blob fee; nullopt above 2^256 - 1.
[[nodiscard]] std::optional<U256> maximum_cost(const Transaction& transaction);

}  // namespace weft::chain
