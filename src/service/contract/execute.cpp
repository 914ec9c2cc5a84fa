// Runs a block that somebody else made, for whoever wants to check or commit it.

#include <fmt/format.h>

#include "base/hex.hpp"
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
    api::contract::ExecuteReply reply;
    chain::Header header;
    std::shared_ptr<const chain::StateChanges> changes;
};

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
    out.reply.gas_used = execution.gas_used();
    out.reply.blob_gas_used = execution.blob_gas_used();
    out.reply.requests = execution.requests();
    out.changes = std::make_shared<const chain::StateChanges>(execution.take_changes());
    out.reply.delta = api::storage::to_delta(*out.changes);
    out.reply.receipts = execution.take_receipts();
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
    ran.reply.state_root = root.root;
    ran.header.state_root = root.root;
    ran.reply.difference = difference_of(block.header, ran.header);
    co_return std::move(ran.reply);
}

}  // namespace weft::service::contract
