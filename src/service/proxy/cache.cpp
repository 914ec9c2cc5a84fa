#include "service/proxy/cache.hpp"

#include <iterator>

namespace weft::service::proxy {

namespace {
/// Of one entry besides its texts: list node, map node, the answer's own members.
constexpr std::size_t entry_overhead = 320;
/// One answer may take this share of all.
constexpr std::size_t share_max = 16;
}  // namespace

std::size_t Cache::size_of(const Entry& entry) {
    return entry.key.size() + entry.answer->body.capacity() + entry_overhead;
}

AnswerPtr Cache::find(std::string_view key, std::int64_t now_ns, std::uint64_t epoch) {
    const std::scoped_lock lock(mutex_);
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    const auto entry = found->second;
    const bool is_over =
        (entry->until_ns != 0 && entry->until_ns <= now_ns) || (!entry->is_final && entry->epoch != epoch);
    if (is_over) {
        drop(entry);
        return nullptr;
    }
    entries_.splice(entries_.begin(), entries_, entry);
    return entry->answer;
}

void Cache::put(std::string key, AnswerPtr answer, std::int64_t until_ns, bool is_final, std::uint64_t epoch) {
    const std::scoped_lock lock(mutex_);
    if (epoch < first_epoch_) return;
    if (const auto found = by_key_.find(key); found != by_key_.end()) drop(found->second);
    entries_.push_front({std::move(key), std::move(answer), until_ns, epoch, is_final});
    const auto entry = entries_.begin();
    const std::size_t size = size_of(*entry);
    if (size > bytes_max_ / share_max) {
        entries_.pop_front();
        return;
    }
    by_key_.emplace(entry->key, entry);
    bytes_ += size;
    while (bytes_ > bytes_max_) drop(std::prev(entries_.end()));
}

void Cache::drop(List::iterator entry) {
    bytes_ -= size_of(*entry);
    by_key_.erase(entry->key);
    entries_.erase(entry);
}

std::size_t Cache::bytes() const {
    const std::scoped_lock lock(mutex_);
    return bytes_;
}

std::size_t Cache::size() const {
    const std::scoped_lock lock(mutex_);
    return by_key_.size();
}

void Cache::clear(std::uint64_t epoch) {
    const std::scoped_lock lock(mutex_);
    first_epoch_ = epoch;
    by_key_.clear();
    entries_.clear();
    bytes_ = 0;
}

}  // namespace weft::service::proxy
