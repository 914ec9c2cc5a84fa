// Making blocks: the one to be sealed, and the one that would be sealed now.

#include "base/wire.hpp"
#include "service/contract/contract.hpp"
#include "service/contract/message.hpp"

namespace weft::service::contract {

namespace {

/// Refusals that the next block may not repeat: the transaction waits on.
bool may_fit_later(chain::Rule rule) {
    return rule == chain::Rule::block_gas_exceeded || rule == chain::Rule::block_blob_gas_exceeded ||
           rule == chain::Rule::nonce_too_high || rule == chain::Rule::fee_cap_below_base_fee ||
           rule == chain::Rule::blob_fee_cap_too_low || rule == chain::Rule::block_too_large;
}

std::uint64_t size_of(const api::SealedBlock& block) {
    return chain::encode(api::to_block(block)).size();
}

Result<Made> run_block(const chain::ChainConfig& config, chain::StateReader& reader,
                       const api::contract::Build& request, api::SealedBlock& block, Workers& workers) {
    WEFT_CHECK(check_sealable(chain::rules_of(config, request.header)));
    Made made;
    auto& reply = made.reply;
    chain::State state(reader);
    chain::BlockExecution execution(config, request.header, state);
    if (const auto begun = execution.begin(); !begun) return std::unexpected(chain::to_error(begun.error()));
    execution.add_all(request.transactions, workers, [&](std::size_t i, const chain::Checked<void>& added) {
        if (added || may_fit_later(added.error().rule)) return true;
        reply.refused.push_back(request.transactions[i]->hash);
        reply.reasons.push_back(added.error().message);
        return true;
    });
    if (const auto ended = execution.finish({}, request.withdrawals); !ended) {
        return std::unexpected(chain::to_error(ended.error()));
    }
    block.header = request.header;
    const std::span<const chain::Withdrawal> withdrawn = request.withdrawals
                                                             ? std::span<const chain::Withdrawal>(*request.withdrawals)
                                                             : std::span<const chain::Withdrawal>();
    chain::fill_header(block.header, {execution.transactions(), execution.receipts(), execution.requests(), withdrawn,
                                      execution.gas_used(), execution.blob_gas_used()});
    if (request.withdrawals) block.withdrawals = *request.withdrawals;
    block.transactions = execution.transactions();
    made.changes = std::make_shared<chain::StateChanges>(execution.take_changes());
    block.receipts = execution.take_receipts();
    reply.requests = execution.requests();
    return made;
}

}  // namespace

Task<api::contract::BuildReply> Contract::build(mesh::Context context, api::contract::Build request) {
    auto parent = co_await ports_.open_state(context, {});
    if (parent.block->hash != request.header.parent_hash)
        co_return fail(ErrorCode::failed_precondition, "not on the head");
    auto block = std::make_shared<api::SealedBlock>();
    // On this thread: the chain waits for it, and the pool is for those who can wait for one another.
    auto run = co_await run_block(config_, *parent.reader, request, *block, workers_);
    if (parent.reader->failure()) co_return std::unexpected(*parent.reader->failure());
    auto made = co_await seal(context, *parent.block, std::move(block), std::move(run), {});
    keep({made.reply.block, std::move(made.changes)});
    co_return std::move(made.reply);
}

/// Completes a block that has run: root, hash, size.
Task<Made> Contract::seal(mesh::Context context, const api::SealedBlock& parent,
                          std::shared_ptr<api::SealedBlock> block, Made made, std::optional<api::BlockRef> base) {
    const auto root = co_await ports_.root(context, {made.changes, base});
    block->header.state_root = root.root;
    block->hash = chain::hash_of(block->header);
    block->total_difficulty = parent.total_difficulty + block->header.difficulty;
    block->size = size_of(*block);
    made.reply.block = std::move(block);
    co_return made;
}

Task<Made> Contract::build_pending(mesh::Context context) {
    const auto status = co_await ports_.status(context, {});
    const auto head = co_await ports_.open_state(context, {});
    chain::BlockAttributes attributes;
    attributes.timestamp = std::max(status.next_timestamp, head.block->header.timestamp + 1);
    attributes.coinbase = status.coinbase;
    attributes.gas_limit = status.gas_limit;
    attributes.base_fee = status.next_base_fee;
    attributes.parent_total_difficulty = head.block->total_difficulty;
    api::contract::Build request;
    request.header = chain::make_header(config_, head.block->header, attributes);
    const auto rules = chain::rules_of(config_, request.header);
    if (rules.at_least(evm::Revision::shanghai)) request.withdrawals.emplace();
    const U256 blob_fee =
        request.header.excess_blob_gas ? chain::blob_base_fee(rules, *request.header.excess_blob_gas) : U256{};
    auto best = co_await ports_.best(context, {status.next_base_fee, blob_fee, status.gas_limit});
    request.transactions = std::move(best.transactions);
    co_return co_await build_aside(context, std::move(request));
}

Task<Made> Contract::build_aside(mesh::Context context, api::contract::Build request) {
    auto block = std::make_shared<api::SealedBlock>();
    api::SealedBlockPtr parent;
    const auto work = [&](Run& run) -> Result<Made> {
        parent = run.at.block;
        *block = {};
        return run_block(config_, *run.at.reader, request, *block, workers_);
    };
    const auto base = api::BlockRef::with_hash(request.header.parent_hash);
    auto made = co_await with_state<Made>(context, {base, {}, {}}, 0, work);
    // With a base, so that it is not taken for the block that consensus will commit next.
    co_return co_await seal(context, *parent, std::move(block), std::move(made), base);
}

Task<api::contract::PendingBlockReply> Contract::pending_block(mesh::Context context, api::contract::PendingBlock) {
    auto built = co_await build_pending(context);
    co_return api::contract::PendingBlockReply{std::move(built.reply.block)};
}

Task<api::contract::PreviewReply> Contract::preview(mesh::Context context, api::contract::Preview request) {
    auto built = co_await build_aside(
        context, {request.header, std::move(request.transactions), std::move(request.withdrawals)});
    co_return api::contract::PreviewReply{std::move(built.reply.block), std::move(built.reply.reasons),
                                          std::move(built.reply.requests)};
}

}  // namespace weft::service::contract
