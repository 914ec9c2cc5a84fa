#pragma once
// Answers that are still true, up to a number of bytes; the one that was not asked for longest goes first.

#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "service/proxy/answer.hpp"

namespace weft::service::proxy {

/// Thread-safe.
class Cache {
  public:
    explicit Cache(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    /// @param epoch  how often the chain has been seen to change its mind; answers of earlier epochs about blocks that
    ///               were not final are gone.
    [[nodiscard]] AnswerPtr find(std::string_view key, std::int64_t now_ns, std::uint64_t epoch);
    /// @param until_ns  0: for ever. @param is_final  survives a change of epoch.
    void put(std::string key, AnswerPtr answer, std::int64_t until_ns, bool is_final, std::uint64_t epoch);
    /// Nothing is left of earlier epochs, and nothing of them is taken any more, final or not.
    void clear(std::uint64_t epoch);

    [[nodiscard]] std::size_t bytes() const;
    [[nodiscard]] std::size_t size() const;

  private:
    struct Entry {
        std::string key;
        AnswerPtr answer;
        std::int64_t until_ns;
        std::uint64_t epoch;
        bool is_final;
    };
    using List = std::list<Entry>;
    void drop(List::iterator entry);
    [[nodiscard]] static std::size_t size_of(const Entry& entry);

    const std::size_t bytes_max_;
    mutable std::mutex mutex_;
    std::size_t bytes_ = 0;
    std::uint64_t first_epoch_ = 0;
    List entries_;  // the newest first
    std::unordered_map<std::string_view, List::iterator> by_key_;
};

}  // namespace weft::service::proxy
