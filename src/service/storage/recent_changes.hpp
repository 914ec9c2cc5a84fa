#pragma once
// What the newest versions of the state changed, so that whoever keeps values of one can go on with them at another.

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "chain/state.hpp"

namespace weft::service::storage {

/// Thread-safe. Bounded in versions, in keys and in the bytes of codes; the oldest go first.
class RecentChanges {
  public:
    using Changes = std::shared_ptr<const chain::StateChanges>;
    static constexpr std::size_t versions_max = 256;
    static constexpr std::size_t keys_max = 200'000;
    /// What a block may deploy is bounded by its gas, which a chain may choose.
    static constexpr std::size_t codes_size_max = 32 << 20;

    /// @param line  not zero; the lines that follow it are those after it.
    explicit RecentChanges(std::uint64_t line) : line_(line) {}

    /// By the writer: what a version changed. Versions grow by one within a line.
    void add(std::uint64_t version, Changes changes);
    /// The chain is taken back: versions above the one gone back to mean nothing from now on.
    void begin_line();
    [[nodiscard]] std::uint64_t line() const { return line_.load(std::memory_order_acquire); }
    /// All that changed after version @p from up to and with @p to, or nothing if that is not known any more.
    [[nodiscard]] std::optional<std::vector<Changes>> between(std::uint64_t from, std::uint64_t to) const;

  private:
    struct Version {
        std::uint64_t number;
        std::size_t keys;
        std::size_t codes_size;
        Changes changes;
    };
    /// With the lock.
    void clear();

    std::atomic<std::uint64_t> line_;
    mutable std::mutex mutex_;
    std::deque<Version> versions_;
    std::size_t keys_ = 0;
    std::size_t codes_size_ = 0;
};

}  // namespace weft::service::storage
