#pragma once
// Spans: which service did what for which request, and for how long. Ids cross processes as W3C Trace Context.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::observe {

struct TraceId {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    bool operator==(const TraceId&) const = default;
};

/// What a request carries.
struct TraceContext {
    TraceId trace = {};
    std::uint64_t span = 0;  // the caller's
    bool sampled = false;
    bool operator==(const TraceContext&) const = default;
};

/// Random ids, never 0. Not for secrets.
[[nodiscard]] TraceId make_trace_id();
[[nodiscard]] std::uint64_t make_span_id();

/// "00-<32 digits>-<16 digits>-01"; nothing if it isn't one (then the receiver starts a trace of its own).
[[nodiscard]] std::optional<TraceContext> parse_traceparent(std::string_view text);
[[nodiscard]] std::string to_traceparent(const TraceContext& context);

struct SpanRecord {
    TraceId trace = {};
    std::uint64_t span = 0;
    std::uint64_t parent = 0;
    std::string service;
    std::string name;
    std::int64_t start_unix_ms = 0;
    std::int64_t duration_ns = 0;
    bool failed = false;
    std::vector<std::pair<std::string, std::string>> attributes;
};

/// The last spans of a process, the oldest overwritten. Thread-safe.
class SpanLog {
  public:
    explicit SpanLog(std::size_t capacity);
    ~SpanLog();
    void add(SpanRecord record);
    /// Oldest first.
    [[nodiscard]] std::vector<SpanRecord> recent(std::size_t count_max) const;
    [[nodiscard]] std::vector<SpanRecord> of(TraceId trace) const;
    /// The same, of all traces with that low half (what mesh::Context::trace_id carries).
    [[nodiscard]] std::vector<SpanRecord> of_low(std::uint64_t trace_low) const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// The process's own, 4,096 spans.
[[nodiscard]] SpanLog& spans();

/// Measures from its construction to its end and adds itself to a log if the trace is sampled.
class Span {
  public:
    Span(SpanLog& log, std::string_view service, std::string_view name, const TraceContext& parent);
    ~Span() { end(); }
    Span(Span&& other) noexcept;
    Span& operator=(Span&&) = delete;

    void attribute(std::string_view key, std::string_view value);
    void set_failed() { record_.failed = true; }
    /// Once; later calls do nothing.
    void end();
    /// What a call made from within this span carries.
    [[nodiscard]] TraceContext context() const { return {record_.trace, record_.span, log_ != nullptr}; }

  private:
    SpanLog* log_;  // null: not sampled, or ended
    std::int64_t start_ns_;
    SpanRecord record_;
};

}  // namespace weft::observe
