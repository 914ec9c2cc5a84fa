#pragma once
// Threads for tests of what runs in pieces at once.

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "base/workers.hpp"
#include "chain/memory.hpp"

namespace weft::chain {

class TestWorkers final : public Workers {
  public:
    explicit TestWorkers(std::size_t width) : width_(width) {}
    [[nodiscard]] std::size_t width() const override { return width_; }
    [[nodiscard]] bool pays(std::int64_t) const override { return true; }
    void run(std::size_t count, const std::function<void(std::size_t)>& piece) override {
        std::atomic<std::size_t> taken = 0;
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < width_ && i < count; ++i) {
            threads.emplace_back([&] {
                for (std::size_t at = taken++; at < count; at = taken++) piece(at);
            });
        }
    }

  private:
    std::size_t width_;
};

/// A trie's state for any thread, one at a time.
class LockedReader final : public TrieStateReader {
  public:
    using TrieStateReader::TrieStateReader;
    [[nodiscard]] bool is_thread_safe() const override { return true; }
    [[nodiscard]] std::optional<Account> account(const Address& address) override {
        const std::lock_guard lock(mutex_);
        return TrieStateReader::account(address);
    }
    [[nodiscard]] U256 storage(const Address& address, const U256& key) override {
        const std::lock_guard lock(mutex_);
        return TrieStateReader::storage(address, key);
    }
    [[nodiscard]] bool has_storage(const Address& address) override {
        const std::lock_guard lock(mutex_);
        return TrieStateReader::has_storage(address);
    }

  private:
    std::mutex mutex_;
};

}  // namespace weft::chain
