#pragma once
// Counters, gauges and histograms, and their text for Prometheus (exposition format 0.0.4).
//
// Threads write to cells of their own, so that counting a request touches no shared cache line; reading adds the cells
// up.

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::observe {

inline constexpr std::size_t cell_count = 8;
/// This thread's cell.
[[nodiscard]] std::size_t cell_index();

/// A sum over threads.
class Cells {
  public:
    void add(std::uint64_t amount) { cells_[cell_index()].value.fetch_add(amount, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t sum() const {
        std::uint64_t total = 0;
        for (const auto& cell : cells_) total += cell.value.load(std::memory_order_relaxed);
        return total;
    }

  private:
    struct alignas(64) Cell {
        std::atomic<std::uint64_t> value{0};
    };
    std::array<Cell, cell_count> cells_;
};

/// Only grows.
class Counter {
  public:
    void add(std::uint64_t amount = 1) { cells_.add(amount); }
    [[nodiscard]] std::uint64_t value() const { return cells_.sum(); }

  private:
    Cells cells_;
};

class Gauge {
  public:
    void set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
    void add(std::int64_t amount) { value_.fetch_add(amount, std::memory_order_relaxed); }
    [[nodiscard]] std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::int64_t> value_{0};
};

/// How often a value fell at or below each bound.
class Histogram {
  public:
    /// @param bounds  ascending; a last bucket without bound is added.
    explicit Histogram(std::vector<double> bounds);
    void observe(double value);

    struct Snapshot {
        std::vector<double> bounds;
        std::vector<std::uint64_t> counts;  // one more than bounds; not cumulative
        double sum = 0;
        std::uint64_t count = 0;
        /// Upper bound of the bucket that holds the @p q quantile, 0 without values.
        [[nodiscard]] double quantile(double q) const;
    };
    [[nodiscard]] Snapshot snapshot() const;

  private:
    struct alignas(64) Cell {
        std::atomic<double> sum{0};
        std::unique_ptr<std::atomic<std::uint64_t>[]> counts;
    };
    std::vector<double> bounds_;
    std::array<Cell, cell_count> cells_;
};

/// Seconds, 100 us to 10 s.
[[nodiscard]] std::vector<double> latency_bounds();

using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

/// Owns the metrics; what it gives stays where it is until the registry ends. Thread-safe. The same name and labels
/// give the same metric; a name used for two kinds is asserted against.
class Metrics {
  public:
    Metrics();
    ~Metrics();
    Counter& counter(std::string_view name, std::string_view help, Labels labels = {});
    Gauge& gauge(std::string_view name, std::string_view help, Labels labels = {});
    Histogram& histogram(std::string_view name, std::string_view help, std::vector<double> bounds, Labels labels = {});
    /// A gauge that is asked when the text is made. The function may be called from any thread.
    void callback(std::string_view name, std::string_view help, std::function<double()> value, Labels labels = {});

    /// Content type "text/plain; version=0.0.4".
    [[nodiscard]] std::string text() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// The process's own.
[[nodiscard]] Metrics& metrics();

}  // namespace weft::observe
