#pragma once
// Why a transaction or a block is refused. Every reason is one value with two texts: the name the official fixtures
// give it and the message that clients and tools match on.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/u256.hpp"
#include "chain/block.hpp"
#include "chain/fork.hpp"
#include "chain/transaction.hpp"

namespace weft::chain {

enum class Rule : std::uint8_t {
    // A transaction, by itself.
    malformed_transaction,
    type_not_supported,
    access_list_before_fork,
    dynamic_fee_before_fork,
    blob_before_fork,
    set_code_before_fork,
    invalid_chain_id,
    not_replay_protected,
    invalid_signature,
    tip_above_fee_cap,
    init_code_size_exceeded,
    intrinsic_gas_too_low,
    floor_gas_too_low,
    gas_limit_above_cap,
    gas_overflow,
    nonce_is_max,
    blob_without_hashes,
    blob_creation,
    blob_hash_version,
    blob_count_exceeded,
    blob_with_sidecar,  // the network form where the consensus form belongs
    set_code_creation,
    set_code_without_authorizations,
    // A transaction, in a block or against the state.
    fee_cap_below_base_fee,
    blob_fee_cap_too_low,
    block_gas_exceeded,
    block_blob_gas_exceeded,
    sender_not_eoa,
    nonce_too_low,
    nonce_too_high,
    insufficient_funds,
    // The pool's own.
    already_known,
    underpriced,
    replacement_underpriced,
    pool_full,
    account_limit_exceeded,
    oversized_data,
    exceeds_block_gas_limit,
    future_replaces_pending,
    authority_in_flight_limit,
    sidecar_missing,
    sidecar_mismatch,
    nonce_gapped,
    fee_above_cap,
    // A header.
    unknown_parent,
    invalid_number,
    invalid_timestamp,
    invalid_gas_limit,
    gas_used_above_limit,
    invalid_extra_data,
    invalid_dao_extra_data,
    invalid_difficulty,
    invalid_base_fee,
    invalid_header_fields,
    invalid_excess_blob_gas,
    invalid_blob_gas_used,
    invalid_ommers,
    invalid_ommer_parent,
    invalid_nonce,
    work_after_merge,
    stake_before_merge,
    // A block against its header.
    malformed_block,
    invalid_transactions_root,
    invalid_withdrawals_root,
    invalid_ommers_hash,
    invalid_gas_used,
    invalid_receipts_root,
    invalid_bloom,
    invalid_state_root,
    invalid_requests_hash,
    block_too_large,
    system_call_failed,
    system_contract_missing,
    invalid_deposit_event,
    state_unavailable,  // our own fault: nodes of the trie are missing
};
inline constexpr auto rule_count = static_cast<std::size_t>(Rule::state_unavailable) + 1;

struct Refusal {
    Rule rule = Rule::malformed_transaction;
    std::string message;
};

template <class T>
using Checked = std::expected<T, Refusal>;

/// E.g. "TransactionException.INSUFFICIENT_ACCOUNT_FUNDS".
[[nodiscard]] std::string_view fixture_name(Rule rule);
/// The message without a transaction's values, e.g. "nonce too low".
[[nodiscard]] std::string_view to_string(Rule rule);
/// A refusal with the bare message, or with ": " and @p detail after it.
[[nodiscard]] std::unexpected<Refusal> refuse(Rule rule, std::string_view detail = {});
/// For interfaces that carry plain errors: code failed_precondition (invalid_argument where the transaction is wrong by
/// itself), the same message, detail -32000.
[[nodiscard]] Error to_error(const Refusal& refusal);

/// "0x" and mixed-case digits. @source EIP-55.
[[nodiscard]] std::string to_checksum_address(const Address& address);

/// Everything that can be said of a transaction without the state and without its block's contents: type, chain id,
/// fees in order, sizes, intrinsic gas. Not the signature, which its sender stands for.
/// @param sender  for the message only.
[[nodiscard]] Checked<void> validate_transaction(const Transaction& transaction, const Rules& rules,
                                                 std::uint64_t chain_id, const Address& sender);

/// A blob transaction's sidecar: as many blobs, commitments and proofs as it must have, of the right sizes, by
/// commitments that hash to what the transaction names.
/// @pre  the transaction has a sidecar.
[[nodiscard]] Checked<void> validate_sidecar(const SignedTransaction& transaction, const Rules& rules);
/// Whether the blobs are what the commitments commit to. Takes about 20 ms a blob, so it comes last.
/// @pre  validate_sidecar() passed.
[[nodiscard]] Checked<void> validate_blob_proofs(const BlobSidecar& sidecar);

/// Whether a block is of proof of work or of stake is decided by the total difficulty that its parent has reached.
[[nodiscard]] Checked<void> validate_merge(const ChainConfig& config, const Header& header,
                                           const U256& parent_total_difficulty);
/// A header against its parent's: everything but proof of work.
[[nodiscard]] Checked<void> validate_header(const ChainConfig& config, const Header& header, const Header& parent);
/// A block's contents against its header, before execution: roots, ommers hash, presence of fields, blob counts, size.
/// Where the transactions are not the header's, one that no block of these rules may hold is the better reason.
/// @param encoded_size  of the block's RLP (EIP-7934).
[[nodiscard]] Checked<void> validate_body(const ChainConfig& config, const Block& block, std::size_t encoded_size);

/// Ancestors by hash, for the ommers rules.
class AncestorSource {
  public:
    virtual ~AncestorSource() = default;
    /// Null if unknown. The pointer holds until the next call.
    [[nodiscard]] virtual const Block* block(const Hash& hash) = 0;
};
/// At most two ommers, each a valid header of the last six generations that was not named before. An invalid header is
/// refused for what it is.
/// @source Yellow Paper, section 11.1.
[[nodiscard]] Checked<void> validate_ommers(const ChainConfig& config, const Block& block, AncestorSource& ancestors);

}  // namespace weft::chain
