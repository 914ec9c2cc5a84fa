#include "service/storage/recent_changes.hpp"

#include <utility>

namespace weft::service::storage {

namespace {

std::size_t count_keys(const chain::StateChanges& changes) {
    std::size_t count = changes.accounts.size();
    for (const auto& account : changes.accounts) count += account.slots.size();
    return count;
}

/// As bytes, and analysed.
std::size_t size_of_codes(const chain::StateChanges& changes) {
    std::size_t size = 0;
    for (const auto& code : changes.codes) size += 2 * code.bytes.size() + code.bytes.size() / 8;
    return size;
}

}  // namespace

void RecentChanges::clear() {
    versions_.clear();
    keys_ = codes_size_ = 0;
}

void RecentChanges::add(std::uint64_t version, Changes changes) {
    const std::size_t keys = count_keys(*changes);
    const std::size_t codes_size = size_of_codes(*changes);
    const std::lock_guard lock(mutex_);
    if (!versions_.empty() && versions_.back().number + 1 != version) clear();
    keys_ += keys;
    codes_size_ += codes_size;
    versions_.push_back({version, keys, codes_size, std::move(changes)});
    const auto is_over = [this] {
        return versions_.size() > versions_max || keys_ > keys_max || codes_size_ > codes_size_max;
    };
    while (!versions_.empty() && is_over()) {
        keys_ -= versions_.front().keys;
        codes_size_ -= versions_.front().codes_size;
        versions_.pop_front();
    }
}

void RecentChanges::begin_line() {
    line_.fetch_add(1, std::memory_order_acq_rel);
    const std::lock_guard lock(mutex_);
    clear();
}

std::optional<std::vector<RecentChanges::Changes>> RecentChanges::between(std::uint64_t from, std::uint64_t to) const {
    std::vector<Changes> out;
    if (from == to) return out;
    const std::lock_guard lock(mutex_);
    if (from > to || versions_.empty() || versions_.front().number > from + 1 || versions_.back().number < to) {
        return std::nullopt;
    }
    for (const auto& version : versions_) {
        if (version.number > from && version.number <= to) out.push_back(version.changes);
    }
    return out;
}

}  // namespace weft::service::storage
