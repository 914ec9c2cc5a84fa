#pragma once
// Several tasks of one request at once, on the executor that runs it.

#include <cstddef>
#include <functional>
#include <optional>
#include <utility>

#include "base/task.hpp"

namespace weft::net::graphql {

/// Runs count tasks, several at once, each by its index; true if all gave true.
class Together {
  public:
    using Start = std::function<Task<bool>(std::size_t index)>;
    Together(Executor* home, std::size_t count, std::size_t concurrent_max, Start start)
        : home_(home), count_(count), concurrent_max_(concurrent_max), start_(std::move(start)) {}

    /// To be awaited before this goes.
    Task<bool> run();

  private:
    void begin();

    Executor* home_;
    std::size_t count_;
    std::size_t concurrent_max_;
    Start start_;
    std::size_t next_ = 0;
    std::size_t running_ = 0;
    bool whole_ = true;
    bool beginning_ = false;
    std::optional<Promise<void>> ended_;
};

}  // namespace weft::net::graphql
