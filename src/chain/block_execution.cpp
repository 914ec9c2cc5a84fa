// What a block does around its transactions.

#include <algorithm>

#include "chain/ahead.hpp"
#include "chain/execute.hpp"
#include "chain/system_contract.hpp"
#include "evm/code.hpp"

namespace weft::chain {

namespace {

using evm::Revision;

constexpr std::uint64_t system_call_gas = 30'000'000;
constexpr std::uint64_t wei_per_gwei = 1'000'000'000;
/// What an EIP-7934 block may need beside its transactions: header, ommers, withdrawals, prefixes.
constexpr std::uint64_t block_size_reserve = 16 << 10;

enum RequestType : std::uint8_t { deposit_request = 0, withdrawal_request = 1, consolidation_request = 2 };

/// keccak256 of "DepositEvent(bytes,bytes,bytes,bytes,bytes)".
constexpr Hash deposit_topic{{0x64, 0x9b, 0xbc, 0x62, 0xd0, 0xe3, 0x13, 0x42, 0xaf, 0xea, 0x4e,
                              0x5c, 0xd8, 0x2d, 0x40, 0x49, 0xe7, 0xe1, 0xee, 0x91, 0x2f, 0xc0,
                              0x88, 0x9a, 0xa7, 0x90, 0x80, 0x3b, 0xe3, 0x90, 0x38, 0xc5}};

/// A deposit as a request holds it, out of the event's ABI encoding; nothing if that is not laid out as the contract
/// does. @source EIP-6110, is_valid_deposit_event_data.
std::optional<Bytes> parse_deposit(BytesView data) {
    struct Field {
        std::uint64_t offset;
        std::uint64_t size;
    };
    // Public key, withdrawal credentials, amount, signature, index.
    constexpr Field fields[] = {{160, 48}, {256, 32}, {320, 8}, {384, 96}, {512, 8}};
    constexpr std::size_t data_size = 576;
    if (data.size() != data_size) return std::nullopt;
    Bytes out;
    for (std::size_t i = 0; i < std::size(fields); ++i) {
        if (U256::from_bytes(data.subspan(32 * i, 32)) != U256(fields[i].offset)) return std::nullopt;
        if (U256::from_bytes(data.subspan(fields[i].offset, 32)) != U256(fields[i].size)) return std::nullopt;
        append(out, data.subspan(fields[i].offset + 32, fields[i].size));
    }
    return out;
}

}  // namespace

BlockExecution::BlockExecution(const ChainConfig& config, const Header& header, State& state, const StateTrie* trie)
    : config_(config), header_(header), state_(state), environment_(make_environment(config, header)) {
    if (trie != nullptr && !environment_.rules.at_least(Revision::byzantium)) trie_ = *trie;
}

std::optional<evm::CallResult> BlockExecution::system_call(const Address& contract, BytesView input) {
    if (state_.code(contract)->size() == 0) return std::nullopt;
    evm::Environment environment;
    environment.revision = environment_.rules.revision;
    environment.block = environment_.block;
    environment.transaction.origin = system_address;
    environment.limiter = environment_.limiter;
    evm::Message message;
    message.gas = system_call_gas;
    message.sender = system_address;
    message.recipient = message.code_address = contract;
    message.input = input;
    state_.begin_transaction();
    evm::CallResult result = evm::execute(state_, environment, message);
    state_.end_transaction();
    return result;
}

Checked<void> BlockExecution::begin() {
    state_.begin_block(header_.number, environment_.rules.revision);
    if (environment_.rules.dao_fork) {
        U256 total;
        for (const auto& account : dao_accounts()) {
            if (!state_.account(account)) continue;
            total += state_.balance(account);
            state_.set_balance(account, {});
        }
        state_.add_balance(dao_refund_address, total);
        state_.end_transaction();
    }
    if (environment_.rules.at_least(Revision::cancun) && header_.number > 0) {
        (void)system_call(beacon_roots_address, header_.parent_beacon_root.value_or(Hash{}));
    }
    if (environment_.rules.at_least(Revision::prague) && header_.number > 0) {
        (void)system_call(history_storage_address, header_.parent_hash);
    }
    return {};
}

Checked<void> BlockExecution::check_size(const SignedTransaction& transaction) const {
    if (size_ + transaction.encoded.size() + block_size_reserve > environment_.rules.block_size_max) {
        return refuse(Rule::block_too_large);
    }
    return {};
}

Checked<void> BlockExecution::check_gas(const Transaction& tx) const {
    const Rules& rules = environment_.rules;
    if (tx.gas_limit > gas_left()) {
        return refuse(Rule::block_gas_exceeded,
                      "have " + std::to_string(gas_left()) + ", want " + std::to_string(tx.gas_limit));
    }
    if (blob_gas_used_ + blob_gas(tx) > rules.blobs.max * gas_per_blob && rules.at_least(Revision::cancun) &&
        tx.blob_hashes.size() <= rules.blobs_per_transaction_max) {
        return refuse(Rule::block_blob_gas_exceeded);
    }
    return {};
}

void BlockExecution::keep(const TransactionPtr& transaction, TransactionOutcome outcome) {
    outcome_ = std::move(outcome);
    gas_used_ += outcome_.gas_used;
    blob_gas_used_ += blob_gas(transaction->transaction);
    size_ += transaction->encoded.size() + 5;
    append_receipt(*transaction);
    transactions_.push_back(transaction);
}

Checked<void> BlockExecution::add(const TransactionPtr& transaction, evm::Tracer* tracer) {
    if (auto checked = check_size(*transaction); !checked) return checked;
    return run(transaction, tracer);
}

Checked<void> BlockExecution::run(const TransactionPtr& transaction, evm::Tracer* tracer) {
    if (auto checked = check_gas(transaction->transaction); !checked) return checked;
    auto outcome = execute_transaction(state_, environment_, *transaction, tracer);
    if (!outcome) return std::unexpected(std::move(outcome).error());
    keep(transaction, *std::move(outcome));
    return {};
}

void BlockExecution::add_all(std::span<const TransactionPtr> transactions, Workers& workers,
                             const std::function<bool(std::size_t, Checked<void>)>& added) {
    run_all(transactions, workers, true, added);
}

void BlockExecution::run_all(std::span<const TransactionPtr> transactions, Workers& workers, bool checks_size,
                             const std::function<bool(std::size_t, Checked<void>)>& added) {
    // Before Byzantium each receipt has the state's root, which only going in order can give.
    const bool ahead_is_worth_it = !trie_ && AheadExecution::worth_it(state_, transactions.size(), workers);
    AheadExecution ahead(state_, environment_, workers);
    std::size_t first = 0;  // of those executed ahead
    std::size_t end = 0;
    for (std::size_t i = 0; i < transactions.size(); ++i) {
        if (ahead_is_worth_it && i == end) {
            first = end;
            end += ahead.run(transactions.subspan(first));
        }
        Checked<void> answer = checks_size ? check_size(*transactions[i]) : Checked<void>{};
        if (answer) answer = check_gas(transactions[i]->transaction);
        if (answer) {
            auto outcome = i < end ? ahead.take(i - first) : std::nullopt;
            if (outcome) {
                keep(transactions[i], *std::move(outcome));
            } else {
                answer = run(transactions[i], nullptr);
            }
        }
        if (!added(i, std::move(answer))) break;
    }
    ahead_counts_ = ahead.counts();
}

void BlockExecution::append_receipt(const SignedTransaction& transaction) {
    Receipt& receipt = receipts_.emplace_back();
    receipt.type = transaction.transaction.type;
    receipt.success = outcome_.succeeded();
    receipt.cumulative_gas_used = gas_used_;
    receipt.logs = std::move(outcome_.logs);
    receipt.bloom = bloom_of(std::span<const evm::Log>(receipt.logs));
    receipt.gas_used = outcome_.gas_used;
    receipt.effective_gas_price = outcome_.effective_gas_price;
    receipt.contract_address = outcome_.created;
    receipt.blob_gas_used = blob_gas(transaction.transaction);
    if (receipt.blob_gas_used != 0) receipt.blob_gas_price = environment_.block.blob_base_fee;
    if (trie_) {
        StateChanges changes = state_.take_changes();
        receipt.post_state = trie_->apply(changes, nullptr);
        merge(changes_, std::move(changes));
    }
}

Checked<void> BlockExecution::collect_requests() {
    Bytes deposits{deposit_request};
    for (const auto& receipt : receipts_) {
        for (const auto& log : receipt.logs) {
            if (log.address != config_.deposit_contract || log.topics.empty() || log.topics[0] != deposit_topic)
                continue;
            const auto deposit = parse_deposit(log.data);
            if (!deposit) return refuse(Rule::invalid_deposit_event);
            append(deposits, *deposit);
        }
    }
    if (deposits.size() > 1) requests_.push_back(std::move(deposits));
    const struct {
        RequestType type;
        Address contract;
    } queues[] = {{withdrawal_request, withdrawal_requests_address},
                  {consolidation_request, consolidation_requests_address}};
    for (const auto& [type, contract] : queues) {
        const auto result = system_call(contract, {});
        if (!result) return refuse(Rule::system_contract_missing, to_checksum_address(contract));
        if (result->status != evm::Status::success)
            return refuse(Rule::system_call_failed, to_checksum_address(contract));
        if (result->output.empty()) continue;
        Bytes request{type};
        append(request, result->output);
        requests_.push_back(std::move(request));
    }
    return {};
}

void BlockExecution::pay_rewards(std::span<const Header> ommers) {
    const U256& reward = environment_.rules.block_reward;
    if (reward.is_zero()) return;
    U256 total = reward;
    for (const auto& ommer : ommers) {
        state_.add_balance(ommer.coinbase, reward * U256(8 + ommer.number - header_.number) / U256(8));
        total += reward / U256(32);
    }
    state_.add_balance(header_.coinbase, total);
}

Checked<void> BlockExecution::finish(std::span<const Header> ommers,
                                     const std::optional<std::vector<Withdrawal>>& withdrawals) {
    if (environment_.rules.at_least(Revision::prague)) {
        if (auto checked = collect_requests(); !checked) return checked;
    }
    state_.begin_transaction();
    if (withdrawals) {
        for (const auto& withdrawal : *withdrawals) {
            state_.add_balance(withdrawal.address, U256(withdrawal.amount_gwei) * U256(wei_per_gwei));
        }
    }
    pay_rewards(ommers);
    state_.end_transaction();
    return {};
}

StateChanges BlockExecution::take_changes() {
    merge(changes_, state_.take_changes());
    return std::move(changes_);
}

namespace {

/// What execution gave against what the header says.
Checked<void> compare_results(const BlockExecution& execution, const Header& header) {
    if (execution.gas_used() != header.gas_used) {
        return refuse(Rule::invalid_gas_used,
                      "remote: " + std::to_string(header.gas_used) + " local: " + std::to_string(execution.gas_used()));
    }
    const auto& receipts = execution.receipts();
    if (bloom_of(std::span<const Receipt>(receipts)) != header.logs_bloom) return refuse(Rule::invalid_bloom);
    if (receipts_root(receipts) != header.receipts_root) return refuse(Rule::invalid_receipts_root);
    if (header.requests_hash && requests_hash(execution.requests()) != *header.requests_hash) {
        return refuse(Rule::invalid_requests_hash);
    }
    return {};
}

}  // namespace

Checked<ExecutedBlock> import_block(const ChainConfig& config, const Header& parent, Block block, StateReader& reader,
                                    StateTrie& trie, AncestorSource* ancestors, std::size_t encoded_size,
                                    Workers& workers) {
    const Rules rules = rules_of(config, block.header);
    const auto pass = [](Checked<void>& checked) { return std::unexpected(std::move(checked).error()); };
    if (auto checked = validate_header(config, block.header, parent); !checked) return pass(checked);
    if (encoded_size == 0 && rules.block_size_max != ~0ULL) encoded_size = encode(block).size();
    if (auto checked = validate_body(config, block, encoded_size); !checked) return pass(checked);
    if (!block.ommers.empty()) {
        if (ancestors == nullptr) return refuse(Rule::invalid_ommers, "ancestors unknown");
        if (auto checked = validate_ommers(config, block, *ancestors); !checked) return pass(checked);
    }
    if (!recover_senders(block.transactions, rules.revision, workers)) return refuse(Rule::invalid_signature);

    State state(reader);
    BlockExecution execution(config, block.header, state, &trie);
    if (auto checked = execution.begin(); !checked) return pass(checked);
    Checked<void> all_added;
    execution.run_all(block.transactions, workers, false, [&](std::size_t i, Checked<void> added) {
        if (added) return true;
        added.error().message = "could not apply tx " + std::to_string(i) + ": " + added.error().message;
        all_added = std::move(added);
        return false;
    });
    if (!all_added) return pass(all_added);
    if (auto checked = execution.finish(block.ommers, block.withdrawals); !checked) return pass(checked);
    if (auto checked = compare_results(execution, block.header); !checked) return pass(checked);

    ExecutedBlock out;
    out.changes = execution.take_changes();
    StateTrie after = trie;
    const Hash root = after.apply(out.changes, &out.nodes, workers);
    if (after.damaged()) return refuse(Rule::state_unavailable);
    if (root != block.header.state_root) {
        return refuse(Rule::invalid_state_root);
    }
    trie = std::move(after);
    out.receipts = execution.take_receipts();
    out.requests = execution.requests();
    out.hash = hash_of(block.header);
    out.block = std::move(block);
    return out;
}

Header make_header(const ChainConfig& config, const Header& parent, const BlockAttributes& attributes) {
    Header header;
    header.parent_hash = hash_of(parent);
    header.number = parent.number + 1;
    header.timestamp = attributes.timestamp;
    header.coinbase = attributes.coinbase;
    header.gas_limit = attributes.gas_limit != 0 ? attributes.gas_limit : parent.gas_limit;
    header.extra_data = attributes.extra_data;
    header.mix_hash = attributes.prev_randao;
    const bool merged = attributes.parent_total_difficulty ? config.merged_after(*attributes.parent_total_difficulty)
                                                           : is_merged(config, parent);
    const Rules rules = rules_at(config, header.number, header.timestamp, merged);
    if (!merged) header.difficulty = next_difficulty(config, header.timestamp, parent);
    if (rules.at_least(Revision::london)) header.base_fee = attributes.base_fee.value_or(next_base_fee(parent));
    if (rules.at_least(Revision::shanghai)) header.withdrawals_root = empty_trie_root;
    if (rules.at_least(Revision::cancun)) {
        header.blob_gas_used = 0;
        header.excess_blob_gas = next_excess_blob_gas(rules, parent);
        header.parent_beacon_root = attributes.parent_beacon_root.value_or(Hash{});
    }
    if (rules.at_least(Revision::prague)) header.requests_hash = Hash{};
    return header;
}

void fill_header(Header& header, const BlockResults& results) {
    header.transactions_root = transactions_root(results.transactions);
    header.receipts_root = receipts_root(results.receipts);
    header.logs_bloom = bloom_of(results.receipts);
    header.gas_used = results.gas_used;
    if (header.withdrawals_root) header.withdrawals_root = withdrawals_root(results.withdrawals);
    if (header.blob_gas_used) header.blob_gas_used = results.blob_gas_used;
    if (header.requests_hash) header.requests_hash = requests_hash(results.requests);
}

Checked<ExecutedBlock> seal_block(BlockExecution& execution, const Header& header, const BlockAttributes& attributes,
                                  StateTrie& trie) {
    ExecutedBlock out;
    out.block.header = header;
    out.block.transactions = execution.transactions();
    if (header.withdrawals_root) out.block.withdrawals = attributes.withdrawals.value_or(std::vector<Withdrawal>{});
    if (auto checked = execution.finish({}, out.block.withdrawals); !checked) {
        return std::unexpected(std::move(checked).error());
    }
    out.changes = execution.take_changes();
    StateTrie after = trie;
    Header& sealed = out.block.header;
    sealed.state_root = after.apply(out.changes, &out.nodes);
    if (after.damaged()) return refuse(Rule::state_unavailable);
    trie = std::move(after);
    out.receipts = execution.take_receipts();
    out.requests = execution.requests();
    std::span<const Withdrawal> withdrawn;
    if (out.block.withdrawals) withdrawn = *out.block.withdrawals;
    fill_header(sealed, {out.block.transactions, out.receipts, out.requests, withdrawn, execution.gas_used(),
                         execution.blob_gas_used()});
    out.hash = hash_of(sealed);
    return out;
}

}  // namespace weft::chain
