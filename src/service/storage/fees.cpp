#include "service/storage/fees.hpp"

#include <algorithm>

namespace weft::service::storage {

namespace {

constexpr std::uint64_t blocks_max = 1024;           // geth's bound
constexpr std::uint64_t percentile_scale = 1'000'000;  // of a percent

/// The tips that the block's transactions paid, at each percentile of its gas.
std::vector<U256> rewards(const api::SealedBlock& block, const std::vector<std::uint64_t>& percentiles) {
    struct Paid {
        U256 tip;
        std::uint64_t gas = 0;
    };
    const U256 base_fee = block.header.base_fee.value_or(U256{});
    std::vector<Paid> paid;
    for (std::size_t i = 0; i < block.receipts.size(); ++i) {
        paid.push_back(
            {chain::effective_tip(block.transactions[i]->transaction, base_fee), block.receipts[i].gas_used});
    }
    std::ranges::sort(paid, {}, &Paid::tip);
    std::vector<U256> out;
    std::size_t at = 0;
    std::uint64_t gas = paid.empty() ? 0 : paid[0].gas;
    for (const auto percentile : percentiles) {
        if (paid.empty()) {
            out.emplace_back();
            continue;
        }
        const auto threshold = static_cast<std::uint64_t>(static_cast<unsigned __int128>(block.header.gas_used) *
                                                          percentile / (100 * percentile_scale));
        while (gas < threshold && at + 1 < paid.size()) gas += paid[++at].gas;
        out.push_back(paid[at].tip);
    }
    return out;
}

}  // namespace

Result<api::storage::FeeHistoryReply> fee_history(const Database& database, const chain::ChainConfig& config,
                                                  const api::storage::FeeHistory& request, std::uint64_t newest) {
    std::uint64_t before = 0;
    for (const auto percentile : request.percentiles) {
        if (percentile < before || percentile > 100 * percentile_scale) {
            return fail(ErrorCode::invalid_argument, "invalid reward percentile");
        }
        before = percentile;
    }
    const std::uint64_t count = std::min({request.block_count, blocks_max, newest + 1});
    api::storage::FeeHistoryReply reply;
    if (count == 0) return reply;
    reply.oldest_block = newest + 1 - count;
    for (std::uint64_t number = reply.oldest_block; number <= newest; ++number) {
        WEFT_TRY(const auto block, request.percentiles.empty() ? database.header(number) : database.block(number));
        if (!block) return fail(ErrorCode::not_found, "header not found");
        const auto& header = block->header;
        const chain::Rules rules = chain::rules_of(config, header);
        reply.base_fees.push_back(header.base_fee.value_or(U256{}));
        reply.gas_used.push_back(header.gas_used);
        reply.gas_limits.push_back(header.gas_limit);
        reply.blob_base_fees.push_back(
            header.excess_blob_gas ? chain::blob_base_fee(rules, *header.excess_blob_gas) : U256{});
        reply.blob_gas_used.push_back(header.blob_gas_used.value_or(0));
        reply.blob_gas_max.push_back(rules.blobs.max * chain::gas_per_blob);
        for (auto& tip : rewards(*block, request.percentiles)) reply.rewards.push_back(tip);
        if (number == newest) {
            reply.base_fees.push_back(header.base_fee ? chain::next_base_fee(header) : U256{});
            const auto next_excess = header.excess_blob_gas ? chain::next_excess_blob_gas(rules, header) : 0;
            reply.blob_base_fees.push_back(header.excess_blob_gas ? chain::blob_base_fee(rules, next_excess) : U256{});
        }
    }
    return reply;
}

}  // namespace weft::service::storage
