#pragma once
// The keys that come most often, of any number of keys, in bounded memory.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

namespace weft::service::monitor {

/// Counts are never too low, and too high by at most the sum of all divided by keys_max: a key that comes when all
/// places are taken gets the place, and the count, of the one that came least.
/// @source Metwally, Agrawal, El Abbadi, "Efficient computation of frequent and top-k elements in data streams" (Space-
///         Saving), ICDT 2005.
template <class Key, class Hasher = std::hash<Key>>
class TopCounts {
  public:
    struct Count {
        std::uint64_t count = 0;
        std::uint64_t sum = 0;  // of what came along, since the key has its place
    };
    explicit TopCounts(std::size_t keys_max) : keys_max_(keys_max) {}

    void add(const Key& key, std::uint64_t count, std::uint64_t sum = 0) {
        if (const auto found = counts_.find(key); found != counts_.end()) {
            found->second.count += count;
            found->second.sum += sum;
            return;
        }
        std::uint64_t taken_over = 0;
        if (counts_.size() == keys_max_) {
            const auto least = std::ranges::min_element(
                counts_, {}, [](const auto& entry) { return entry.second.count; });
            taken_over = least->second.count;
            counts_.erase(least);
        }
        counts_.emplace(key, Count{taken_over + count, sum});
    }

    /// The most frequent first; among equals by key.
    [[nodiscard]] std::vector<std::pair<Key, Count>> top(std::size_t count) const {
        std::vector<std::pair<Key, Count>> out(counts_.begin(), counts_.end());
        std::ranges::sort(out, [](const auto& a, const auto& b) {
            return a.second.count != b.second.count ? a.second.count > b.second.count : a.first < b.first;
        });
        if (out.size() > count) out.resize(count);
        return out;
    }
    [[nodiscard]] std::size_t size() const { return counts_.size(); }

  private:
    std::size_t keys_max_;
    std::unordered_map<Key, Count, Hasher> counts_;
};

}  // namespace weft::service::monitor
