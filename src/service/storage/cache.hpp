#pragma once
// The newest value of the state's hot keys, each with the version that wrote it. A reader at version v may take a value
// whose version is not above v: it is the newest there is, so nothing lies between it and v.

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>

namespace weft::service::storage {

/// Thread-safe. Bounded: a shard that is full drops entries, in no particular order.
template <class Key, class Value, class Hasher = std::hash<Key>>
class VersionedCache {
  public:
    explicit VersionedCache(std::size_t entries_max) : shard_entries_max_(entries_max / shard_count + 1) {}

    [[nodiscard]] std::optional<Value> find(const Key& key, std::uint64_t version) {
        auto& shard = shard_of(key);
        const std::lock_guard lock(shard.mutex);
        const auto found = shard.entries.find(key);
        if (found == shard.entries.end() || found->second.version > version) return std::nullopt;
        return found->second.value;
    }

    /// By the writer: the value that version @p version gives a key.
    void put(const Key& key, std::uint64_t version, Value value) {
        auto& shard = shard_of(key);
        const std::lock_guard lock(shard.mutex);
        make_room(shard);
        shard.entries.insert_or_assign(key, Entry{version, std::move(value)});
    }

    /// By a reader: what it found for version @p version, unless a writer has begun a newer one meanwhile (then the
    /// value may not be the newest any more).
    void fill(const Key& key, std::uint64_t version, Value value, const std::atomic<std::uint64_t>& newest) {
        auto& shard = shard_of(key);
        const std::lock_guard lock(shard.mutex);
        if (newest.load(std::memory_order_acquire) != version) return;
        make_room(shard);
        shard.entries.try_emplace(key, Entry{version, std::move(value)});
    }

    [[nodiscard]] std::size_t count() {
        std::size_t out = 0;
        for (auto& shard : shards_) {
            const std::lock_guard lock(shard.mutex);
            out += shard.entries.size();
        }
        return out;
    }

    void clear() {
        for (auto& shard : shards_) {
            const std::lock_guard lock(shard.mutex);
            shard.entries.clear();
        }
    }

  private:
    static constexpr std::size_t shard_count = 64;
    struct Entry {
        std::uint64_t version;
        Value value;
    };
    struct Shard {
        std::mutex mutex;
        std::unordered_map<Key, Entry, Hasher> entries;
    };

    Shard& shard_of(const Key& key) { return shards_[Hasher{}(key) >> 58]; }
    void make_room(Shard& shard) {
        if (shard.entries.size() >= shard_entries_max_) shard.entries.erase(shard.entries.begin());
    }

    const std::size_t shard_entries_max_;
    std::array<Shard, shard_count> shards_;
};

}  // namespace weft::service::storage
