#include "service/gateway/eth_fees.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "service/gateway/errors.hpp"
#include "service/gateway/format.hpp"

namespace weft::service::gateway {

namespace {

// The oracle looks at the cheapest tips of the last blocks and takes the 60th percentile of those, as geth's does: the
// cheapest that got in tell what is enough.
constexpr std::uint64_t sampled_block_count = 20;
constexpr std::uint64_t percent = 1'000'000;
constexpr std::uint64_t sampled_percentiles[] = {0, 5 * percent, 10 * percent};
constexpr std::size_t oracle_percentile = 60;
const U256 tip_ignored_below = 2;                // wei: such blocks were filled by their own maker
const U256 tip_max = U256{500'000'000'000};      // 500 gwei

constexpr std::uint64_t history_block_count_max = 1024;
constexpr std::size_t percentile_count_max = 100;

U256 tip_of(const api::storage::FeeHistoryReply& history) {
    constexpr std::size_t columns = std::size(sampled_percentiles);
    std::vector<U256> tips;
    for (std::size_t block = 0; block < history.gas_used.size(); ++block) {
        if (history.gas_used[block] == 0) continue;
        for (std::size_t column = 0; column < columns; ++column) {
            const std::size_t at = block * columns + column;
            if (at < history.rewards.size() && history.rewards[at] >= tip_ignored_below)
                tips.push_back(history.rewards[at]);
        }
    }
    if (tips.empty()) return default_tip;
    std::ranges::sort(tips);
    return std::min(tips[(tips.size() - 1) * oracle_percentile / 100], tip_max);
}

}  // namespace

Task<Fees> current_fees(Call& call) {
    Core& core = call.core;
    const auto head = co_await call.ports().head(call.context, {});
    {
        const std::lock_guard lock(core.fees_mutex);
        if (core.fees && core.fees->head == head.hash) co_return *core.fees;
    }
    api::storage::FeeHistory request{sampled_block_count, api::BlockRef::at(head.number), {}};
    request.percentiles.assign(std::begin(sampled_percentiles), std::end(sampled_percentiles));
    const auto history = co_await call.ports().fee_history(call.context, std::move(request));
    Fees fees;
    fees.head = head.hash;
    fees.tip = tip_of(history);
    if (history.base_fees.size() >= 2) {
        fees.base_fee = history.base_fees[history.base_fees.size() - 2];
        fees.next_base_fee = history.base_fees.back();
    }
    if (history.blob_base_fees.size() >= 2)
        fees.blob_base_fee = history.blob_base_fees[history.blob_base_fees.size() - 2];
    {
        const std::lock_guard lock(core.fees_mutex);
        core.fees = fees;
    }
    co_return fees;
}

namespace {

Task<std::string> gas_price(Call& call) {
    const Fees fees = co_await current_fees(call);
    co_return quantity_json(fees.base_fee + fees.tip);
}

Task<std::string> max_priority_fee(Call& call) {
    const Fees fees = co_await current_fees(call);
    co_return quantity_json(fees.tip);
}

Task<std::string> blob_base_fee(Call& call) {
    const Fees fees = co_await current_fees(call);
    co_return quantity_json(fees.blob_base_fee);
}

Task<std::string> base_fee(Call& call) {
    const Fees fees = co_await current_fees(call);
    co_return quantity_json(fees.next_base_fee);
}

/// Geth takes a quantity, a decimal string or a number here.
Result<std::uint64_t> block_count(const json::Value& value) { return read::any_u64(value); }

Result<std::vector<double>> percentiles(const json::Value& value) {
    if (!value.is_array()) return read::wrong_type(read::kind_name(value), "[]float64");
    std::vector<double> out;
    for (const auto& item : value.items()) {
        if (!item.is_number()) return read::wrong_type(read::kind_name(item), "float64");
        out.push_back(std::strtod(item.text().c_str(), nullptr));
    }
    return out;
}

std::string number_text(double value) {
    char text[64];
    std::snprintf(text, sizeof text, "%f", value);
    return text;
}

Result<std::vector<std::uint64_t>> checked_percentiles(const std::vector<double>& values) {
    if (values.size() > percentile_count_max) {
        return rpc_fail(code::server,
                        "invalid reward percentile: over the query limit " + std::to_string(percentile_count_max));
    }
    std::vector<std::uint64_t> out;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (!(values[i] >= 0 && values[i] <= 100)) {
            return rpc_fail(code::server, "invalid reward percentile: " + number_text(values[i]));
        }
        if (i > 0 && values[i] <= values[i - 1]) {
            return rpc_fail(code::server, "invalid reward percentile: #" + std::to_string(i - 1) + ":" +
                                              number_text(values[i - 1]) + " >= #" + std::to_string(i) + ":" +
                                              number_text(values[i]));
        }
        out.push_back(static_cast<std::uint64_t>(std::llround(values[i] * static_cast<double>(percent))));
    }
    return out;
}

void write_ratios(json::Writer& out, std::string_view name, const std::vector<std::uint64_t>& parts,
                  const std::vector<std::uint64_t>& wholes) {
    out.key(name).begin_array();
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const std::uint64_t whole = i < wholes.size() ? wholes[i] : 0;
        out.real(whole == 0 ? 0 : static_cast<double>(parts[i]) / static_cast<double>(whole));
    }
    out.end_array();
}

void write_quantities(json::Writer& out, std::string_view name, const std::vector<U256>& values) {
    out.key(name).begin_array();
    for (const auto& value : values) out.quantity(value);
    out.end_array();
}

Task<std::string> fee_history(Call& call) {
    const std::uint64_t wanted = co_await call.params.get(0, block_count);
    const api::BlockRef newest = co_await call.params.block_number(1);
    std::vector<double> asked;
    if (call.params.has(2)) asked = co_await call.params.get(2, percentiles);
    if (wanted == 0) co_return std::string(R"({"oldestBlock":"0x0","gasUsedRatio":null})");
    api::storage::FeeHistory request{std::min(wanted, history_block_count_max), newest, {}};
    request.percentiles = co_await checked_percentiles(asked);
    const auto history = co_await call.ports().fee_history(call.context, std::move(request));

    json::Writer out;
    out.begin_object();
    out.quantity("oldestBlock", history.oldest_block);
    if (!asked.empty()) {
        out.key("reward").begin_array();
        for (std::size_t row = 0; row + asked.size() <= history.rewards.size(); row += asked.size()) {
            out.begin_array();
            for (std::size_t i = 0; i < asked.size(); ++i) out.quantity(history.rewards[row + i]);
            out.end_array();
        }
        out.end_array();
    }
    write_quantities(out, "baseFeePerGas", history.base_fees);
    write_ratios(out, "gasUsedRatio", history.gas_used, history.gas_limits);
    write_quantities(out, "baseFeePerBlobGas", history.blob_base_fees);
    write_ratios(out, "blobGasUsedRatio", history.blob_gas_used, history.blob_gas_max);
    out.end_object();
    co_return out.take();
}

}  // namespace

void add_fee_methods(MethodTable& table) {
    table.add({
        {"eth_gasPrice", "Gas price that gets a transaction into a block soon.", {}, gas_price},
        {"eth_maxPriorityFeePerGas", "Tip that gets a transaction into a block soon.", {}, max_priority_fee},
        {"eth_blobBaseFee", "The newest block's base fee for a unit of blob gas.", {}, blob_base_fee},
        {"eth_baseFee", "The next block's base fee.", {}, base_fee},
        {"eth_feeHistory",
         "Base fees, fullness and tips of past blocks.",
         {{"blockCount", Type::quantity}, {"newestBlock", Type::block}, {"rewardPercentiles", Type::array, false}},
         fee_history},
    });
}

}  // namespace weft::service::gateway
