#include "service/gateway/filters.hpp"

#include <random>

#include "base/hex.hpp"
#include "base/time.hpp"
#include "service/gateway/errors.hpp"
#include "service/gateway/format.hpp"

namespace weft::service::gateway {

std::string make_id() {
    thread_local std::random_device device;
    std::uint8_t bytes[16];
    for (std::size_t i = 0; i < sizeof bytes; i += 4) {
        const std::uint32_t word = device();
        std::memcpy(bytes + i, &word, 4);
    }
    std::string digits = to_hex_digits(bytes);
    digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
    return "0x" + digits;
}

Result<std::string> Filters::add(FilterKind kind, LogQuery query, bool full_transactions) {
    const std::int64_t now_ns = monotonic_ns();
    const std::lock_guard lock(mutex_);
    forget_old(now_ns);
    if (filters_.size() >= filter_count_max) return fail(ErrorCode::resource_exhausted, "too many filters");
    std::string id = make_id();
    Filter& filter = filters_[id];
    filter.kind = kind;
    filter.query = std::move(query);
    filter.full_transactions = full_transactions;
    filter.asked_ns = now_ns;
    return id;
}

void Filters::forget_old(std::int64_t now_ns) {
    std::erase_if(filters_, [&](const auto& entry) { return now_ns - entry.second.asked_ns > timeout_ns_; });
}

Result<Filters::Filter*> Filters::find(const std::string& id) {
    const std::int64_t now_ns = monotonic_ns();
    const auto found = filters_.find(id);
    if (found == filters_.end() || now_ns - found->second.asked_ns > timeout_ns_) {
        return rpc_fail(code::server, "filter not found");
    }
    found->second.asked_ns = now_ns;
    return &found->second;
}

bool Filters::remove(const std::string& id) {
    const std::lock_guard lock(mutex_);
    return filters_.erase(id) != 0;
}

Result<FilterKind> Filters::kind(const std::string& id) {
    const std::lock_guard lock(mutex_);
    WEFT_TRY(Filter* const filter, find(id));
    return filter->kind;
}

Result<LogQuery> Filters::query(const std::string& id) {
    const std::lock_guard lock(mutex_);
    WEFT_TRY(Filter* const filter, find(id));
    if (filter->kind != FilterKind::logs) return rpc_fail(code::server, "filter not found");
    return filter->query;
}

Result<std::string> Filters::changes(const std::string& id) {
    json::Writer out;
    std::vector<Hash> hashes;
    std::vector<api::LogEntry> logs;
    std::vector<chain::TransactionPtr> transactions;
    bool is_logs = false;
    bool full = false;
    {
        const std::lock_guard lock(mutex_);
        WEFT_TRY(Filter* const filter, find(id));
        is_logs = filter->kind == FilterKind::logs;
        full = filter->full_transactions;
        hashes.swap(filter->hashes);
        logs.swap(filter->logs);
        transactions.swap(filter->transactions);
    }
    if (is_logs) {
        write_logs(out, logs);
        return out.take();
    }
    out.begin_array();
    for (const auto& hash : hashes) out.data(hash);
    for (const auto& transaction : transactions) {
        if (full) {
            write_transaction(out, *transaction, std::nullopt);
        } else {
            out.data(transaction->hash);
        }
    }
    out.end_array();
    return out.take();
}

void Filters::on_block(const api::SealedBlock& block, bool removed) {
    const std::lock_guard lock(mutex_);
    forget_old(monotonic_ns());
    for (auto entry = filters_.begin(); entry != filters_.end();) {
        Filter& filter = entry->second;
        if (filter.kind == FilterKind::blocks && !removed) {
            filter.hashes.push_back(block.hash);
        } else if (filter.kind == FilterKind::logs && filter.query.covers(block.header.number)) {
            auto logs = matching_logs(block, filter.query.filter, removed);
            filter.logs.insert(filter.logs.end(), std::make_move_iterator(logs.begin()),
                               std::make_move_iterator(logs.end()));
        }
        const bool full = filter.hashes.size() + filter.logs.size() > filter_item_count_max;
        entry = full ? filters_.erase(entry) : std::next(entry);
    }
}

void Filters::on_pending(const chain::TransactionPtr& transaction) {
    const std::lock_guard lock(mutex_);
    for (auto entry = filters_.begin(); entry != filters_.end();) {
        Filter& filter = entry->second;
        if (filter.kind == FilterKind::pending) filter.transactions.push_back(transaction);
        entry = filter.transactions.size() > filter_item_count_max ? filters_.erase(entry) : std::next(entry);
    }
}

}  // namespace weft::service::gateway
