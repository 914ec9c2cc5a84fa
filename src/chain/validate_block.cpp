// What must be right about a block before anything of it is executed.

#include <algorithm>

#include "base/hex.hpp"
#include "chain/validate.hpp"

namespace weft::chain {

namespace {

using evm::Revision;

constexpr std::size_t extra_data_max = 32;
constexpr std::uint64_t gas_limit_min = 5000;
constexpr std::uint64_t gas_limit_max = ~0ULL >> 1;
constexpr std::uint64_t gas_limit_divisor = 1024;
constexpr std::uint64_t dao_extra_blocks = 10;
constexpr std::string_view dao_extra_data = "dao-hard-fork";
constexpr std::size_t ommers_max = 2;
constexpr std::uint64_t ommer_generations_max = 6;

std::string have_want(std::uint64_t have, std::uint64_t want) {
    return "have " + std::to_string(have) + ", want " + std::to_string(want);
}

Checked<void> validate_gas_limit(const Header& header, const Header& parent, const Rules& rules) {
    if (header.gas_limit > gas_limit_max)
        return refuse(Rule::invalid_gas_limit, have_want(header.gas_limit, gas_limit_max));
    // The first block with a base fee may use twice the gas of its parent, and its target is the parent's limit.
    const bool starts_fees = rules.at_least(Revision::london) && !parent.base_fee;
    const std::uint64_t before = starts_fees ? parent.gas_limit * 2 : parent.gas_limit;
    const std::uint64_t difference = before > header.gas_limit ? before - header.gas_limit : header.gas_limit - before;
    if (difference >= before / gas_limit_divisor || header.gas_limit < gas_limit_min) {
        return refuse(Rule::invalid_gas_limit, have_want(header.gas_limit, before));
    }
    if (header.gas_used > header.gas_limit) {
        return refuse(Rule::gas_used_above_limit,
                      "have " + std::to_string(header.gas_used) + ", gasLimit " + std::to_string(header.gas_limit));
    }
    return {};
}

Checked<void> validate_extra_data(const ChainConfig& config, const Header& header) {
    // Whose validators it names is for the consensus engine to judge.
    if (header.extra_data.size() > extra_data_max && !config.qbft) {
        return refuse(Rule::invalid_extra_data, std::to_string(header.extra_data.size()) + " > 32");
    }
    const auto& dao = config.at(Fork::dao);
    if (config.dao_fork_support && dao && header.number >= *dao && header.number - *dao < dao_extra_blocks &&
        as_text(header.extra_data) != dao_extra_data) {
        return refuse(Rule::invalid_dao_extra_data);
    }
    return {};
}

Checked<void> validate_seal_fields(const ChainConfig& config, const Header& header, const Header& parent) {
    if (is_merged(config, header)) {
        if (header.nonce != 0) return refuse(Rule::invalid_nonce);
        if (header.ommers_hash != empty_list_hash) return refuse(Rule::invalid_ommers_hash);
        return {};
    }
    if (is_merged(config, parent) && parent.number > 0) return refuse(Rule::work_after_merge);
    const U256 want = next_difficulty(config, header.timestamp, parent);
    if (header.difficulty != want) {
        return refuse(Rule::invalid_difficulty, "have " + to_decimal(header.difficulty) + ", want " + to_decimal(want));
    }
    return {};
}

/// Each field is there exactly if its fork is.
Checked<void> validate_fields(const Header& header, const Rules& rules) {
    const bool london = rules.at_least(Revision::london);
    const bool shanghai = rules.at_least(Revision::shanghai);
    const bool cancun = rules.at_least(Revision::cancun);
    const bool prague = rules.at_least(Revision::prague);
    if (header.base_fee.has_value() != london) return refuse(Rule::invalid_header_fields, "baseFeePerGas");
    if (header.withdrawals_root.has_value() != shanghai) return refuse(Rule::invalid_header_fields, "withdrawalsRoot");
    if (header.blob_gas_used.has_value() != cancun) return refuse(Rule::invalid_header_fields, "blobGasUsed");
    if (header.excess_blob_gas.has_value() != cancun) return refuse(Rule::invalid_header_fields, "excessBlobGas");
    if (header.parent_beacon_root.has_value() != cancun) {
        return refuse(Rule::invalid_header_fields, "parentBeaconBlockRoot");
    }
    if (header.requests_hash.has_value() != prague) return refuse(Rule::invalid_header_fields, "requestsHash");
    return {};
}

Checked<void> validate_fees(const Header& header, const Header& parent, const Rules& rules) {
    if (header.base_fee) {
        const U256 want = next_base_fee(parent);
        if (*header.base_fee != want) {
            return refuse(Rule::invalid_base_fee,
                          "have " + to_decimal(*header.base_fee) + ", want " + to_decimal(want));
        }
    }
    if (!header.blob_gas_used) return {};
    const std::uint64_t used = *header.blob_gas_used;
    if (used > rules.blobs.max * gas_per_blob) {
        return refuse(Rule::block_blob_gas_exceeded, have_want(used, rules.blobs.max * gas_per_blob));
    }
    if (used % gas_per_blob != 0) return refuse(Rule::invalid_blob_gas_used, std::to_string(used));
    const std::uint64_t want = next_excess_blob_gas(rules, parent);
    if (*header.excess_blob_gas != want)
        return refuse(Rule::invalid_excess_blob_gas, have_want(*header.excess_blob_gas, want));
    return {};
}

/// What can be said of a block's transactions without their senders and the state.
Checked<void> validate_transactions(const ChainConfig& config, const Block& block, const Rules& rules) {
    for (const auto& one : block.transactions) {
        const Transaction& tx = one->transaction;
        if (auto checked = validate_transaction(tx, rules, config.chain_id, one->sender); !checked) return checked;
        if (tx.max_fee_per_gas < block.header.base_fee.value_or(U256{})) return refuse(Rule::fee_cap_below_base_fee);
    }
    return {};
}

}  // namespace

Checked<void> validate_merge(const ChainConfig& config, const Header& header, const U256& parent_total_difficulty) {
    const bool merged = config.merged_after(parent_total_difficulty);
    if (is_merged(config, header) == merged) return {};
    return refuse(merged ? Rule::work_after_merge : Rule::stake_before_merge);
}

Checked<void> validate_header(const ChainConfig& config, const Header& header, const Header& parent) {
    if (header.parent_hash != hash_of(parent)) return refuse(Rule::unknown_parent, to_hex(header.parent_hash));
    if (header.number != parent.number + 1) return refuse(Rule::invalid_number);
    if (header.timestamp <= parent.timestamp) return refuse(Rule::invalid_timestamp);
    const Rules rules = rules_of(config, header);
    if (auto checked = validate_extra_data(config, header); !checked) return checked;
    if (auto checked = validate_gas_limit(header, parent, rules); !checked) return checked;
    if (auto checked = validate_fields(header, rules); !checked) return checked;
    if (auto checked = validate_seal_fields(config, header, parent); !checked) return checked;
    return validate_fees(header, parent, rules);
}

Checked<void> validate_body(const ChainConfig& config, const Block& block, std::size_t encoded_size) {
    const Header& header = block.header;
    const Rules rules = rules_of(config, header);
    if (encoded_size > rules.block_size_max) {
        return refuse(Rule::block_too_large,
                      std::to_string(encoded_size) + " > " + std::to_string(rules.block_size_max));
    }
    if (ommers_hash(block.ommers) != header.ommers_hash) return refuse(Rule::invalid_ommers_hash);
    if (transactions_root(block.transactions) != header.transactions_root) {
        if (auto checked = validate_transactions(config, block, rules); !checked) return checked;
        return refuse(Rule::invalid_transactions_root);
    }
    if (block.withdrawals.has_value() != header.withdrawals_root.has_value()) {
        return refuse(Rule::invalid_header_fields, "withdrawals");
    }
    if (block.withdrawals && withdrawals_root(*block.withdrawals) != *header.withdrawals_root) {
        return refuse(Rule::invalid_withdrawals_root);
    }
    std::uint64_t blob_gas_used = 0;
    for (const auto& transaction : block.transactions) blob_gas_used += blob_gas(transaction->transaction);
    if (!header.blob_gas_used) return {};  // a blob transaction is then refused for its type
    if (blob_gas_used > rules.blobs.max * gas_per_blob) {
        return refuse(Rule::block_blob_gas_exceeded, have_want(blob_gas_used, rules.blobs.max * gas_per_blob));
    }
    if (blob_gas_used != *header.blob_gas_used) {
        return refuse(Rule::invalid_blob_gas_used, have_want(*header.blob_gas_used, blob_gas_used));
    }
    return {};
}

Checked<void> validate_ommers(const ChainConfig& config, const Block& block, AncestorSource& ancestors) {
    if (block.ommers.empty()) return {};
    if (block.ommers.size() > ommers_max) return refuse(Rule::invalid_ommers, "too many uncles");
    struct Ancestor {
        Hash hash;
        Header header;
    };
    std::vector<Ancestor> chain;  // the parent first
    std::vector<Hash> used{hash_of(block.header)};
    Hash at = block.header.parent_hash;
    for (std::uint64_t i = 0; i <= ommer_generations_max; ++i) {
        const Block* ancestor = ancestors.block(at);
        if (ancestor == nullptr) break;
        chain.push_back({at, ancestor->header});
        for (const auto& ommer : ancestor->ommers) used.push_back(hash_of(ommer));
        at = ancestor->header.parent_hash;
    }
    for (const auto& ommer : block.ommers) {
        const Hash hash = hash_of(ommer);
        if (std::ranges::find(used, hash) != used.end()) return refuse(Rule::invalid_ommers, "duplicate uncle");
        used.push_back(hash);
        if (std::ranges::find(chain, hash, &Ancestor::hash) != chain.end()) {
            return refuse(Rule::invalid_ommers, "uncle is ancestor");
        }
        // A sibling of the block itself is no ommer, so its parent is at least the block's grandparent.
        const auto parent = std::ranges::find(chain, ommer.parent_hash, &Ancestor::hash);
        if (parent == chain.end() || parent == chain.begin()) {
            return refuse(Rule::invalid_ommer_parent);
        }
        if (auto checked = validate_header(config, ommer, parent->header); !checked) {
            checked.error().message.insert(0, "uncle: ");
            return checked;
        }
    }
    return {};
}

}  // namespace weft::chain
