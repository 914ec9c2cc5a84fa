#pragma once
// Threads for tests of what runs in pieces at once.

#include <atomic>
#include <thread>
#include <vector>

#include "base/workers.hpp"

namespace weft::chain {

class TestWorkers final : public Workers {
  public:
    explicit TestWorkers(std::size_t width) : width_(width) {}
    [[nodiscard]] std::size_t width() const override { return width_; }
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

}  // namespace weft::chain
