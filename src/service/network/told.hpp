#pragma once
// Which transactions were seen of late, and which peers know them.

#include <bitset>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/bytes.hpp"

namespace weft::service::network {

/// Peers have slots; a slot is free again when its peer has gone.
inline constexpr std::size_t peer_slots = 128;

class Told {
  public:
    using Peers = std::bitset<peer_slots>;
    static constexpr std::size_t count_max = 1 << 16;
    static constexpr std::int64_t seen_ns = 120'000'000'000;

    /// Who knows the transaction; the oldest entry makes room for a new one.
    [[nodiscard]] Peers& of(const Hash& hash) { return entry(hash).peers; }
    /// Whether its body came in the last two minutes, and notes that it has now.
    [[nodiscard]] bool see(const Hash& hash, std::int64_t now_ns) {
        auto& at = entry(hash);
        const bool seen = at.seen_ns != 0 && now_ns - at.seen_ns < seen_ns;
        if (!seen) at.seen_ns = now_ns;
        return seen;
    }
    [[nodiscard]] bool seen(const Hash& hash, std::int64_t now_ns) const {
        const auto at = entries_.find(hash);
        return at != entries_.end() && at->second.seen_ns != 0 && now_ns - at->second.seen_ns < seen_ns;
    }
    [[nodiscard]] bool contains(const Hash& hash) const { return entries_.contains(hash); }
    void forget_peer(std::size_t slot) {
        for (auto& [hash, at] : entries_) at.peers.reset(slot);
    }
    [[nodiscard]] std::size_t size() const { return entries_.size(); }

  private:
    struct Entry {
        Peers peers;
        std::int64_t seen_ns = 0;
    };
    Entry& entry(const Hash& hash) {
        const auto [at, is_new] = entries_.try_emplace(hash);
        if (!is_new) return at->second;
        if (order_.size() < count_max) {
            order_.push_back(hash);
        } else {
            entries_.erase(order_[oldest_]);
            order_[oldest_] = hash;
            oldest_ = (oldest_ + 1) % count_max;
        }
        return at->second;
    }
    std::unordered_map<Hash, Entry> entries_;
    std::vector<Hash> order_;
    std::size_t oldest_ = 0;
};

}  // namespace weft::service::network
