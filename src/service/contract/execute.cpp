// Runs a block that somebody else made, for whoever wants to check or commit it.

#include <algorithm>

#include <fmt/format.h>

#include "base/hex.hpp"
#include "base/rlp.hpp"
#include "crypto/keccak.hpp"
#include "service/contract/contract.hpp"
#include "service/contract/message.hpp"

namespace weft::service::contract {

namespace {

template <class T>
std::string show(const T& value) {
    if constexpr (requires { value.has_value(); }) {
        return value ? show(*value) : "nothing";
    } else if constexpr (std::integral<T>) {
        return std::to_string(value);
    } else {
        return to_hex(value.view());
    }
}

/// The first of the fields that an execution decides in which two headers differ.
std::string difference_of(const chain::Header& claimed, const chain::Header& found) {
    std::string out;
    const auto compare = [&](std::string_view name, const auto& a, const auto& b) {
        if (out.empty() && a != b) out = fmt::format("{}: the header says {}, it is {}", name, show(a), show(b));
    };
    compare("gas used", claimed.gas_used, found.gas_used);
    compare("blob gas used", claimed.blob_gas_used, found.blob_gas_used);
    compare("transactions root", claimed.transactions_root, found.transactions_root);
    compare("withdrawals root", claimed.withdrawals_root, found.withdrawals_root);
    compare("receipts root", claimed.receipts_root, found.receipts_root);
    if (out.empty() && claimed.logs_bloom != found.logs_bloom) out = "logs bloom: it is another";
    compare("requests hash", claimed.requests_hash, found.requests_hash);
    compare("state root", claimed.state_root, found.state_root);
    return out;
}

struct Ran {
    chain::Header header;  // but for the state root
    std::vector<chain::Receipt> receipts;
    std::vector<Bytes> requests;
    std::shared_ptr<const chain::StateChanges> changes;
};

Result<Hash> hash_of_block(BytesView encoded) {
    rlp::Reader outer(encoded);
    WEFT_TRY(auto fields, outer.list());
    WEFT_TRY(const BytesView header, fields.item());
    return crypto::keccak256(header);
}

Result<Ran> run_block(const chain::ChainConfig& config, chain::StateReader& reader, const api::SealedBlock& block,
                      Workers& workers) {
    WEFT_CHECK(check_sealable(chain::rules_of(config, block.header)));
    chain::State state(reader);
    chain::BlockExecution execution(config, block.header, state);
    if (const auto begun = execution.begin(); !begun) return std::unexpected(chain::to_error(begun.error()));
    Result<void> all_added;
    execution.add_all(block.transactions, workers, [&](std::size_t i, const chain::Checked<void>& added) {
        if (added) return true;
        all_added = fail(ErrorCode::invalid_argument, fmt::format("transaction {}: {}",
                                                                  to_hex(block.transactions[i]->hash),
                                                                  added.error().message));
        return false;
    });
    WEFT_CHECK(std::move(all_added));
    std::optional<std::vector<chain::Withdrawal>> withdrawals;
    if (block.header.withdrawals_root) withdrawals = block.withdrawals;
    if (const auto ended = execution.finish(block.ommers, withdrawals); !ended) {
        return std::unexpected(chain::to_error(ended.error()));
    }
    Ran out;
    out.header = block.header;
    const std::span<const chain::Withdrawal> withdrawn(block.withdrawals);
    chain::fill_header(out.header, {execution.transactions(), execution.receipts(), execution.requests(), withdrawn,
                                    execution.gas_used(), execution.blob_gas_used()});
    out.requests = execution.requests();
    out.changes = std::make_shared<const chain::StateChanges>(execution.take_changes());
    out.receipts = execution.take_receipts();
    return out;
}

}  // namespace

Task<api::contract::ExecuteReply> Contract::execute(mesh::Context context, api::contract::Execute request) {
    if (!request.block) co_return fail(ErrorCode::invalid_argument, "no block to execute");
    const auto& block = *request.block;
    const auto work = [&](Run& run) { return run_block(config_, *run.at.reader, block, workers_); };
    auto ran = co_await with_state<Ran>(context, wanted_by(block), 0, work);
    const auto root =
        co_await ports_.root(context, {ran.changes, api::BlockRef::with_hash(block.header.parent_hash)});
    ran.header.state_root = root.root;
    co_return api::contract::ExecuteReply{std::move(ran.receipts),
                                          ran.header.gas_used,
                                          ran.header.blob_gas_used.value_or(0),
                                          std::move(ran.requests),
                                          api::storage::to_delta(*ran.changes),
                                          root.root,
                                          difference_of(block.header, ran.header)};
}

namespace {

constexpr std::size_t kept_max = 4;  // blocks of several rounds of one height

/// Fills in the senders: those that the pool has are known, the others are recovered.
Task<void> find_senders(mesh::Context context, const mesh::Port<api::validation::FindPooled>& pool,
                        std::vector<chain::TransactionPtr>& transactions, Workers& workers) {
    if (transactions.empty()) co_return;
    api::validation::FindPooled wanted;
    for (const auto& transaction : transactions) wanted.hashes.push_back(transaction->hash);
    if (const auto found = co_await settled(pool(context, std::move(wanted)))) {
        for (std::size_t i = 0; i < std::min(transactions.size(), found->transactions.size()); ++i) {
            // The same hash is the same transaction, but for a blob transaction's sidecar, which no block carries.
            const auto& known = found->transactions[i];
            if (known && known->hash == transactions[i]->hash && !known->sidecar) transactions[i] = known;
        }
    }
    co_await chain::recover_senders(transactions, evm::Revision::osaka, workers);
}

std::string text_of(const chain::Refusal& refusal) { return chain::to_error(refusal).message; }

}  // namespace

void Contract::keep(Executed executed) {
    const std::lock_guard lock(kept_mutex_);
    if (kept_.size() >= kept_max) kept_.erase(kept_.begin());
    kept_.push_back(std::move(executed));
}

std::optional<Executed> Contract::find_kept(const Hash& hash) {
    const std::lock_guard lock(kept_mutex_);
    for (const auto& it : kept_) {
        if (it.block->hash == hash) return it;
    }
    return std::nullopt;
}

Task<Executed> Contract::execute_next(mesh::Context context, BytesView encoded) {
    auto decoded = co_await chain::decode_block(encoded);
    auto block = std::make_shared<api::SealedBlock>();
    auto parent = co_await ports_.open_state(context, {});
    if (parent.block->hash != decoded.header.parent_hash) {
        co_return fail(ErrorCode::failed_precondition, "not on the head");
    }
    if (const auto valid = chain::validate_header(config_, decoded.header, parent.block->header); !valid) {
        co_return fail(ErrorCode::invalid_argument, text_of(valid.error()));
    }
    if (const auto valid = chain::validate_body(config_, decoded, encoded.size()); !valid) {
        co_return fail(ErrorCode::invalid_argument, text_of(valid.error()));
    }
    co_await find_senders(context, ports_.find_pooled, decoded.transactions, workers_);
    block->hash = chain::hash_of(decoded.header);
    block->header = decoded.header;
    block->transactions = std::move(decoded.transactions);
    block->ommers = std::move(decoded.ommers);
    if (decoded.withdrawals) block->withdrawals = *std::move(decoded.withdrawals);
    block->total_difficulty = parent.block->total_difficulty + block->header.difficulty;
    block->size = encoded.size();
    auto ran = co_await run_block(config_, *parent.reader, *block, workers_);
    if (parent.reader->failure()) co_return std::unexpected(*parent.reader->failure());
    const auto root = co_await ports_.root(context, {ran.changes, std::nullopt});
    ran.header.state_root = root.root;
    if (auto difference = difference_of(block->header, ran.header); !difference.empty()) {
        co_return fail(ErrorCode::invalid_argument, std::move(difference));
    }
    block->receipts = std::move(ran.receipts);
    co_return Executed{std::move(block), std::move(ran.changes)};
}

Task<api::contract::CheckReply> Contract::check(mesh::Context context, api::contract::Check request) {
    const auto hash = co_await hash_of_block(request.block);
    if (find_kept(hash)) co_return api::contract::CheckReply{hash, {}};
    auto executed = co_await settled(execute_next(context, request.block));
    if (!executed) {
        if (executed.error().code != ErrorCode::invalid_argument) co_return std::unexpected(executed.error());
        co_return api::contract::CheckReply{hash, executed.error().message};
    }
    keep(*std::move(executed));
    co_return api::contract::CheckReply{hash, {}};
}

Task<api::contract::AdoptReply> Contract::adopt(mesh::Context context, api::contract::Adopt request) {
    auto executed = find_kept(request.hash);
    if (!executed) {
        if (request.block.empty()) co_return fail(ErrorCode::failed_precondition, "a block that was not made here");
        executed = co_await execute_next(context, request.block);
        if (executed->block->hash != request.hash) co_return fail(ErrorCode::invalid_argument, "not that block");
    }
    co_await ports_.commit(context, {executed->block, executed->changes, std::move(request.proof)});
    const std::lock_guard lock(kept_mutex_);
    kept_.clear();
    co_return api::contract::AdoptReply{std::move(executed->block)};
}

}  // namespace weft::service::contract
