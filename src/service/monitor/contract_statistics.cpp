#include "service/monitor/contract_statistics.hpp"

#include <algorithm>

namespace weft::service::monitor {

namespace {

using api::monitor::ContractOrder;

std::uint64_t weight(const auto& totals, ContractOrder order) {
    switch (order) {
        case ContractOrder::gas: return totals.gas;
        case ContractOrder::calls: return totals.calls;
        case ContractOrder::failures: return totals.failures;
        case ContractOrder::growth:
            return totals.slots_created - std::min(totals.slots_created, totals.slots_cleared);
    }
    return 0;
}

}  // namespace

ContractStatistics::Totals& ContractStatistics::of(const Address& address) {
    if (const auto found = contracts_.find(address); found != contracts_.end()) return found->second;
    if (contracts_.size() == contracts_max) {
        contracts_.erase(std::ranges::min_element(contracts_, {}, [](const auto& one) { return one.second.calls; }));
    }
    return contracts_[address];
}

void ContractStatistics::add(const std::vector<api::contract::ContractActivity>& block) {
    for (const auto& one : block) {
        Totals& totals = of(one.address);
        totals.transactions += one.transactions;
        totals.calls += one.calls;
        totals.gas += one.gas;
        totals.slots_created += one.slots_created;
        totals.slots_cleared += one.slots_cleared;
        totals.slots_updated += one.slots_updated;
        for (const auto& failure : one.failures) {
            totals.failures += failure.count;
            totals.reasons.add(failure.name, failure.count, failure.gas);
        }
        for (const auto& selector : one.selectors) totals.selectors.add(selector.name, selector.count, selector.gas);
        for (const auto& slot : one.slots) totals.slots.add(slot.key, slot.count);
    }
}

api::contract::ContractActivity ContractStatistics::describe(const Address& address, const Totals& totals) {
    api::contract::ContractActivity out;
    out.address = address;
    out.transactions = totals.transactions;
    out.calls = totals.calls;
    out.gas = totals.gas;
    out.slots_created = totals.slots_created;
    out.slots_cleared = totals.slots_cleared;
    out.slots_updated = totals.slots_updated;
    for (const auto& [name, count] : totals.reasons.top(reasons_max)) {
        out.failures.push_back({name, count.count, count.sum});
    }
    for (const auto& [name, count] : totals.selectors.top(selectors_max)) {
        out.selectors.push_back({name, count.count, count.sum});
    }
    for (const auto& [key, count] : totals.slots.top(slots_max)) out.slots.push_back({key, count.count});
    return out;
}

std::optional<api::contract::ContractActivity> ContractStatistics::find(const Address& address) const {
    const auto found = contracts_.find(address);
    if (found == contracts_.end()) return std::nullopt;
    return describe(address, found->second);
}

std::vector<api::contract::ContractActivity> ContractStatistics::top(std::size_t count, ContractOrder order) const {
    std::vector<std::pair<std::uint64_t, Address>> ranking;
    for (const auto& [address, totals] : contracts_) ranking.emplace_back(weight(totals, order), address);
    std::ranges::sort(ranking, [](const auto& a, const auto& b) {
        return a.first != b.first ? a.first > b.first : a.second < b.second;
    });
    if (ranking.size() > count) ranking.resize(count);
    std::vector<api::contract::ContractActivity> out;
    for (const auto& [amount, address] : ranking) out.push_back(describe(address, contracts_.at(address)));
    return out;
}

}  // namespace weft::service::monitor
