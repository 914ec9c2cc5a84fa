#include "chain/validate.hpp"

#include <algorithm>

#include "base/hex.hpp"
#include "crypto/keccak.hpp"
#include "crypto/kzg.hpp"
#include "crypto/kzg_blob.hpp"

namespace weft::chain {

namespace {

struct RuleText {
    Rule rule;
    std::string_view fixture;
    std::string_view message;
};

constexpr std::string_view pool_only = "";

/// One entry a rule, in the order of the enumeration (checked below).
constexpr RuleText rule_texts[] = {
    {Rule::malformed_transaction, "BlockException.RLP_STRUCTURES_ENCODING", "malformed transaction"},
    {Rule::type_not_supported, "TransactionException.TYPE_NOT_SUPPORTED", "transaction type not supported"},
    {Rule::access_list_before_fork, "TransactionException.TYPE_1_TX_PRE_FORK", "transaction type not supported"},
    {Rule::dynamic_fee_before_fork, "TransactionException.TYPE_2_TX_PRE_FORK", "transaction type not supported"},
    {Rule::blob_before_fork, "TransactionException.TYPE_3_TX_PRE_FORK", "transaction type not supported"},
    {Rule::set_code_before_fork, "TransactionException.TYPE_4_TX_PRE_FORK", "transaction type not supported"},
    {Rule::invalid_chain_id, "TransactionException.INVALID_CHAINID", "invalid chain id for signer"},
    {Rule::not_replay_protected, pool_only, "only replay-protected (EIP-155) transactions allowed over RPC"},
    {Rule::invalid_signature, "TransactionException.INVALID_SIGNATURE_VRS", "invalid sender"},
    {Rule::tip_above_fee_cap, "TransactionException.PRIORITY_GREATER_THAN_MAX_FEE_PER_GAS",
     "max priority fee per gas higher than max fee per gas"},
    {Rule::init_code_size_exceeded, "TransactionException.INITCODE_SIZE_EXCEEDED", "max initcode size exceeded"},
    {Rule::intrinsic_gas_too_low, "TransactionException.INTRINSIC_GAS_TOO_LOW", "intrinsic gas too low"},
    {Rule::floor_gas_too_low, "TransactionException.INTRINSIC_GAS_BELOW_FLOOR_GAS_COST",
     "insufficient gas for floor data gas cost"},
    {Rule::gas_limit_above_cap, "TransactionException.GAS_LIMIT_EXCEEDS_MAXIMUM", "transaction gas limit too high"},
    {Rule::gas_overflow, "TransactionException.GASLIMIT_PRICE_PRODUCT_OVERFLOW",
     "insufficient funds for gas * price + value"},
    {Rule::nonce_is_max, "TransactionException.NONCE_IS_MAX", "nonce has max value"},
    {Rule::blob_without_hashes, "TransactionException.TYPE_3_TX_ZERO_BLOBS", "blob transaction missing blob hashes"},
    {Rule::blob_creation, "TransactionException.TYPE_3_TX_CONTRACT_CREATION", "blob transaction of type create"},
    {Rule::blob_hash_version, "TransactionException.TYPE_3_TX_INVALID_BLOB_VERSIONED_HASH",
     "blob has invalid hash version"},
    {Rule::blob_count_exceeded, "TransactionException.TYPE_3_TX_BLOB_COUNT_EXCEEDED",
     "blob transaction has too many blobs"},
    {Rule::blob_with_sidecar, "TransactionException.TYPE_3_TX_WITH_FULL_BLOBS",
     "unexpected blob sidecar in transaction"},
    {Rule::set_code_creation, "TransactionException.TYPE_4_TX_CONTRACT_CREATION",
     "EIP-7702 transaction cannot be used to create contract"},
    {Rule::set_code_without_authorizations, "TransactionException.TYPE_4_EMPTY_AUTHORIZATION_LIST",
     "EIP-7702 transaction with empty auth list"},
    {Rule::fee_cap_below_base_fee, "TransactionException.INSUFFICIENT_MAX_FEE_PER_GAS",
     "max fee per gas less than block base fee"},
    {Rule::blob_fee_cap_too_low, "TransactionException.INSUFFICIENT_MAX_FEE_PER_BLOB_GAS",
     "max fee per blob gas less than block blob gas fee"},
    {Rule::block_gas_exceeded, "TransactionException.GAS_ALLOWANCE_EXCEEDED", "gas limit reached"},
    {Rule::block_blob_gas_exceeded, "TransactionException.TYPE_3_TX_MAX_BLOB_GAS_ALLOWANCE_EXCEEDED",
     "blob gas limit reached"},
    {Rule::sender_not_eoa, "TransactionException.SENDER_NOT_EOA", "sender not an eoa"},
    {Rule::nonce_too_low, "TransactionException.NONCE_MISMATCH_TOO_LOW", "nonce too low"},
    {Rule::nonce_too_high, "TransactionException.NONCE_MISMATCH_TOO_HIGH", "nonce too high"},
    {Rule::insufficient_funds, "TransactionException.INSUFFICIENT_ACCOUNT_FUNDS",
     "insufficient funds for gas * price + value"},
    {Rule::already_known, pool_only, "already known"},
    {Rule::underpriced, pool_only, "transaction underpriced"},
    {Rule::replacement_underpriced, pool_only, "replacement transaction underpriced"},
    {Rule::pool_full, pool_only, "txpool is full"},
    {Rule::account_limit_exceeded, pool_only, "account limit exceeded"},
    {Rule::oversized_data, pool_only, "oversized data"},
    {Rule::exceeds_block_gas_limit, pool_only, "exceeds block gas limit"},
    {Rule::future_replaces_pending, pool_only, "future transaction tries to replace pending"},
    {Rule::authority_in_flight_limit, pool_only, "in-flight transaction limit reached for delegated accounts"},
    {Rule::sidecar_missing, pool_only, "missing sidecar in blob transaction"},
    {Rule::sidecar_mismatch, "BlockException.INVALID_VERSIONED_HASHES", "blob sidecar does not match the transaction"},
    {Rule::nonce_gapped, pool_only, "nonce too high"},
    {Rule::fee_above_cap, pool_only, "tx fee exceeds the configured cap"},
    {Rule::unknown_parent, "BlockException.UNKNOWN_PARENT", "unknown ancestor"},
    {Rule::invalid_number, "BlockException.INVALID_BLOCK_NUMBER", "invalid block number"},
    {Rule::invalid_timestamp, "BlockException.INVALID_BLOCK_TIMESTAMP_OLDER_THAN_PARENT", "invalid timestamp"},
    {Rule::invalid_gas_limit, "BlockException.INVALID_GASLIMIT", "invalid gas limit"},
    {Rule::gas_used_above_limit, "BlockException.GAS_USED_OVERFLOW", "invalid gasUsed"},
    {Rule::invalid_extra_data, "BlockException.EXTRA_DATA_TOO_BIG", "extra-data too long"},
    {Rule::invalid_dao_extra_data, "BlockException.EXTRA_DATA_INVALID_DAO", "bad DAO pro-fork extra-data"},
    {Rule::invalid_difficulty, "BlockException.INVALID_DIFFICULTY", "invalid difficulty"},
    {Rule::invalid_base_fee, "BlockException.INVALID_BASEFEE_PER_GAS", "invalid baseFee"},
    {Rule::invalid_header_fields, "BlockException.INCORRECT_BLOCK_FORMAT", "header fields do not fit the fork"},
    {Rule::invalid_excess_blob_gas, "BlockException.INCORRECT_EXCESS_BLOB_GAS", "invalid excessBlobGas"},
    {Rule::invalid_blob_gas_used, "BlockException.INCORRECT_BLOB_GAS_USED", "invalid blobGasUsed"},
    {Rule::invalid_ommers, "BlockException.INVALID_UNCLES", "invalid uncles"},
    {Rule::invalid_ommer_parent, "BlockException.UNCLE_PARENT_INCORRECT", "uncle's parent is not ancestor"},
    {Rule::invalid_nonce, "BlockException.INVALID_NONCE", "invalid nonce"},
    {Rule::work_after_merge, "BlockException.IMPORT_IMPOSSIBLE_PARIS_WRONG_POW", "proof of work after the merge"},
    {Rule::stake_before_merge, "BlockException.IMPORT_IMPOSSIBLE_PARIS_WRONG_POS", "proof of stake before the merge"},
    {Rule::malformed_block, "BlockException.RLP_STRUCTURES_ENCODING", "malformed block"},
    {Rule::invalid_transactions_root, "BlockException.INVALID_TRANSACTIONS_ROOT", "transaction root hash mismatch"},
    {Rule::invalid_withdrawals_root, "BlockException.INVALID_WITHDRAWALS_ROOT", "withdrawals root hash mismatch"},
    {Rule::invalid_ommers_hash, "BlockException.INVALID_UNCLES_HASH", "uncle root hash mismatch"},
    {Rule::invalid_gas_used, "BlockException.INVALID_GAS_USED", "invalid gas used"},
    {Rule::invalid_receipts_root, "BlockException.INVALID_RECEIPTS_ROOT", "invalid receipt root hash"},
    {Rule::invalid_bloom, "BlockException.INVALID_LOG_BLOOM", "invalid bloom"},
    {Rule::invalid_state_root, "BlockException.INVALID_STATE_ROOT", "invalid merkle root"},
    {Rule::invalid_requests_hash, "BlockException.INVALID_REQUESTS", "invalid requests hash"},
    {Rule::block_too_large, "BlockException.RLP_BLOCK_LIMIT_EXCEEDED", "block RLP-encoded size exceeds maximum"},
    {Rule::system_call_failed, "BlockException.SYSTEM_CONTRACT_CALL_FAILED", "system call failed to execute"},
    {Rule::system_contract_missing, "BlockException.SYSTEM_CONTRACT_EMPTY", "empty system contract"},
    {Rule::invalid_deposit_event, "BlockException.INVALID_DEPOSIT_EVENT_LAYOUT", "unable to parse deposit data"},
    {Rule::state_unavailable, pool_only, "missing trie node"},
};

consteval bool in_order() {
    for (std::size_t i = 0; i < std::size(rule_texts); ++i) {
        if (static_cast<std::size_t>(rule_texts[i].rule) != i) return false;
    }
    return std::size(rule_texts) == rule_count;
}
static_assert(in_order());

bool is_wrong_by_itself(Rule rule) { return rule < Rule::fee_cap_below_base_fee; }

constexpr std::size_t code_size_max = 24576;            // EIP-170
constexpr std::size_t init_code_size_max = 2 * code_size_max;  // EIP-3860
constexpr std::uint8_t blob_hash_version = 0x01;

Checked<void> validate_type(const Transaction& tx, const Rules& rules) {
    using evm::Revision;
    struct Need {
        Revision revision;
        Rule rule;
    };
    constexpr Need needs[] = {{Revision::frontier, Rule::type_not_supported},
                              {Revision::berlin, Rule::access_list_before_fork},
                              {Revision::london, Rule::dynamic_fee_before_fork},
                              {Revision::cancun, Rule::blob_before_fork},
                              {Revision::prague, Rule::set_code_before_fork}};
    const auto& need = needs[static_cast<std::size_t>(tx.type)];
    if (!rules.at_least(need.revision)) return refuse(need.rule);
    return {};
}

Checked<void> validate_blobs(const Transaction& tx, const Rules& rules) {
    if (!tx.to) return refuse(Rule::blob_creation);
    if (tx.blob_hashes.empty()) return refuse(Rule::blob_without_hashes);
    if (tx.blob_hashes.size() > rules.blobs_per_transaction_max) {
        return refuse(Rule::blob_count_exceeded, "have " + std::to_string(tx.blob_hashes.size()) + ", permitted " +
                                                     std::to_string(rules.blobs_per_transaction_max));
    }
    for (std::size_t i = 0; i < tx.blob_hashes.size(); ++i) {
        if (tx.blob_hashes[i].bytes[0] != blob_hash_version) {
            return refuse(Rule::blob_hash_version, "blob " + std::to_string(i));
        }
    }
    return {};
}

Checked<void> validate_gas(const Transaction& tx, const Rules& rules) {
    const IntrinsicGas gas = intrinsic_gas(tx, rules.revision);
    const auto text = [&tx](std::uint64_t needed) {
        return "gas " + std::to_string(tx.gas_limit) + ", minimum needed " + std::to_string(needed);
    };
    if (tx.gas_limit < gas.regular) return refuse(Rule::intrinsic_gas_too_low, text(gas.regular));
    if (tx.gas_limit < gas.floor) return refuse(Rule::floor_gas_too_low, text(gas.floor));
    return {};
}

}  // namespace

std::string_view fixture_name(Rule rule) { return rule_texts[static_cast<std::size_t>(rule)].fixture; }
std::string_view to_string(Rule rule) { return rule_texts[static_cast<std::size_t>(rule)].message; }

std::unexpected<Refusal> refuse(Rule rule, std::string_view detail) {
    std::string message(to_string(rule));
    if (!detail.empty()) {
        message += ": ";
        message += detail;
    }
    return std::unexpected<Refusal>(Refusal{rule, std::move(message)});
}

Error to_error(const Refusal& refusal) {
    const auto code = is_wrong_by_itself(refusal.rule) ? ErrorCode::invalid_argument : ErrorCode::failed_precondition;
    return {code, refusal.message, {}, -32000};
}

std::string to_checksum_address(const Address& address) {
    std::string digits = to_hex_digits(address);
    const Hash hash = crypto::keccak256(as_bytes(digits));
    for (std::size_t i = 0; i < digits.size(); ++i) {
        const int nibble = hash.bytes[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15;
        if (nibble >= 8 && digits[i] >= 'a') digits[i] = static_cast<char>(digits[i] - 'a' + 'A');
    }
    return "0x" + digits;
}

Checked<void> validate_transaction(const Transaction& tx, const Rules& rules, std::uint64_t chain_id,
                                   const Address& sender) {
    if (auto checked = validate_type(tx, rules); !checked) return checked;
    // Before EIP-155 a v above 28 was no signature at all.
    if (tx.chain_id && !rules.at_least(evm::Revision::spurious_dragon)) return refuse(Rule::invalid_signature);
    if (tx.chain_id && *tx.chain_id != chain_id) {
        return refuse(Rule::invalid_chain_id,
                      "have " + std::to_string(*tx.chain_id) + " want " + std::to_string(chain_id));
    }
    if (tx.nonce == ~0ULL) {
        return refuse(Rule::nonce_is_max,
                      "address " + to_checksum_address(sender) + ", nonce: " + std::to_string(tx.nonce));
    }
    if (tx.gas_limit > rules.transaction_gas_max) {
        return refuse(Rule::gas_limit_above_cap, "cap: " + std::to_string(rules.transaction_gas_max) +
                                                     ", tx: " + std::to_string(tx.gas_limit));
    }
    if (tx.max_priority_fee_per_gas > tx.max_fee_per_gas) {
        return refuse(Rule::tip_above_fee_cap, "address " + to_checksum_address(sender) + ", maxPriorityFeePerGas: " +
                                                   to_decimal(tx.max_priority_fee_per_gas) +
                                                   ", maxFeePerGas: " + to_decimal(tx.max_fee_per_gas));
    }
    if (tx.type == TransactionType::blob) {
        if (auto checked = validate_blobs(tx, rules); !checked) return checked;
    }
    if (tx.type == TransactionType::set_code) {
        if (!tx.to) return refuse(Rule::set_code_creation);
        if (tx.authorizations.empty()) return refuse(Rule::set_code_without_authorizations);
    }
    if (!tx.to && rules.at_least(evm::Revision::shanghai) && tx.data.size() > init_code_size_max) {
        return refuse(Rule::init_code_size_exceeded, "code size " + std::to_string(tx.data.size()) + " limit " +
                                                         std::to_string(init_code_size_max));
    }
    return validate_gas(tx, rules);
}

Checked<void> validate_sidecar(const SignedTransaction& transaction, const Rules& rules) {
    using crypto::blob_size;
    using crypto::cells_per_blob;
    constexpr std::size_t point_size = 48;
    const BlobSidecar& sidecar = *transaction.sidecar;
    const auto& hashes = transaction.transaction.blob_hashes;
    const std::uint8_t version = rules.at_least(evm::Revision::osaka) ? 1 : 0;
    if (sidecar.version != version) {
        return refuse(Rule::sidecar_mismatch,
                      "version " + std::to_string(sidecar.version) + ", want " + std::to_string(version));
    }
    const std::size_t proofs = hashes.size() * (version == 1 ? cells_per_blob : 1);
    if (sidecar.blobs.size() != hashes.size() || sidecar.commitments.size() != hashes.size() ||
        sidecar.proofs.size() != proofs) {
        return refuse(Rule::sidecar_mismatch, "wrong number of blobs, commitments or proofs");
    }
    const auto has_size = [](const std::vector<Bytes>& items, std::size_t size) {
        return std::ranges::all_of(items, [size](const Bytes& item) { return item.size() == size; });
    };
    if (!has_size(sidecar.blobs, blob_size) || !has_size(sidecar.commitments, point_size) ||
        !has_size(sidecar.proofs, point_size)) {
        return refuse(Rule::sidecar_mismatch, "blob, commitment or proof of wrong size");
    }
    for (std::size_t i = 0; i < hashes.size(); ++i) {
        if (crypto::kzg_to_versioned_hash(sidecar.commitments[i]) != hashes[i]) {
            return refuse(Rule::sidecar_mismatch, "blob " + std::to_string(i) + " mismatches its versioned hash");
        }
    }
    return {};
}

Checked<void> validate_blob_proofs(const BlobSidecar& sidecar) {
    using crypto::cells_per_blob;
    for (std::size_t i = 0; i < sidecar.blobs.size(); ++i) {
        const BytesView blob = sidecar.blobs[i];
        const BytesView commitment = sidecar.commitments[i];
        const bool holds = sidecar.version == 0
                               ? crypto::kzg_verify_blob_proof(blob, commitment, sidecar.proofs[i])
                               : crypto::kzg_verify_cell_proofs(blob, commitment,
                                                                std::span(sidecar.proofs)
                                                                    .subspan(cells_per_blob * i, cells_per_blob));
        if (!holds) return refuse(Rule::sidecar_mismatch, "blob " + std::to_string(i) + " is not what its proofs show");
    }
    return {};
}

}  // namespace weft::chain
