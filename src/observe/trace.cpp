#include "observe/trace.hpp"

#include <algorithm>
#include <mutex>
#include <random>

#include "base/hex.hpp"
#include "base/time.hpp"

namespace weft::observe {

namespace {

std::uint64_t random_id() {
    thread_local std::mt19937_64 generator{(std::uint64_t{std::random_device{}()} << 32) | std::random_device{}()};
    std::uint64_t id = 0;
    while (id == 0) id = generator();
    return id;
}

void append_hex(std::string& out, std::uint64_t number) {
    static constexpr char digits[] = "0123456789abcdef";
    for (int shift = 60; shift >= 0; shift -= 4) out.push_back(digits[number >> shift & 15]);
}

/// Lower-case digits only, as the specification wants.
bool take_hex(std::string_view text, std::uint64_t& number) {
    number = 0;
    for (const char c : text) {
        const int digit = c >= 'A' && c <= 'F' ? -1 : hex_digit(c);
        if (digit < 0) return false;
        number = number << 4 | static_cast<std::uint64_t>(digit);
    }
    return true;
}

}  // namespace

TraceId make_trace_id() { return {random_id(), random_id()}; }
std::uint64_t make_span_id() { return random_id(); }

std::optional<TraceContext> parse_traceparent(std::string_view text) {
    // version "-" trace-id "-" parent-id "-" flags; a later version may go on after another "-".
    if (text.size() < 55 || text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
    std::uint64_t version = 0;
    std::uint64_t flags = 0;
    TraceContext out;
    if (!take_hex(text.substr(0, 2), version) || version == 0xff) return std::nullopt;
    if (version == 0 ? text.size() != 55 : text.size() > 55 && text[55] != '-') return std::nullopt;
    if (!take_hex(text.substr(3, 16), out.trace.high) || !take_hex(text.substr(19, 16), out.trace.low))
        return std::nullopt;
    if (!take_hex(text.substr(36, 16), out.span) || !take_hex(text.substr(53, 2), flags)) return std::nullopt;
    if (out.trace == TraceId{} || out.span == 0) return std::nullopt;
    out.sampled = (flags & 1) != 0;
    return out;
}

std::string to_traceparent(const TraceContext& context) {
    std::string out = "00-";
    append_hex(out, context.trace.high);
    append_hex(out, context.trace.low);
    out.push_back('-');
    append_hex(out, context.span);
    out.append(context.sampled ? "-01" : "-00");
    return out;
}

struct SpanLog::State {
    mutable std::mutex mutex;
    std::size_t capacity;
    std::size_t next = 0;  // to overwrite, once full
    std::vector<SpanRecord> ring;

    template <class Wanted>
    [[nodiscard]] std::vector<SpanRecord> select(Wanted wanted) const {
        const std::lock_guard lock(mutex);
        std::vector<SpanRecord> out;
        for (std::size_t i = 0; i < ring.size(); ++i) {
            const auto& record = ring[(next + i) % ring.size()];
            if (wanted(record)) out.push_back(record);
        }
        return out;
    }
};

SpanLog::SpanLog(std::size_t capacity) : state_(std::make_unique<State>()) {
    state_->capacity = std::max<std::size_t>(1, capacity);
}
SpanLog::~SpanLog() = default;

void SpanLog::add(SpanRecord record) {
    const std::lock_guard lock(state_->mutex);
    if (state_->ring.size() < state_->capacity) {
        state_->ring.push_back(std::move(record));
        return;
    }
    state_->ring[state_->next] = std::move(record);
    state_->next = (state_->next + 1) % state_->capacity;
}

std::vector<SpanRecord> SpanLog::recent(std::size_t count_max) const {
    auto all = state_->select([](const SpanRecord&) { return true; });
    if (all.size() > count_max) all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(count_max));
    return all;
}

std::vector<SpanRecord> SpanLog::of(TraceId trace) const {
    return state_->select([&](const SpanRecord& record) { return record.trace == trace; });
}

std::vector<SpanRecord> SpanLog::of_low(std::uint64_t trace_low) const {
    return state_->select([&](const SpanRecord& record) { return record.trace.low == trace_low; });
}

SpanLog& spans() {
    static SpanLog log(4096);
    return log;
}

Span::Span(SpanLog& log, std::string_view service, std::string_view name, const TraceContext& parent)
    : log_(parent.sampled ? &log : nullptr), start_ns_(monotonic_ns()) {
    record_.trace = parent.trace == TraceId{} ? make_trace_id() : parent.trace;
    record_.parent = parent.span;
    record_.span = make_span_id();
    if (log_ == nullptr) return;
    record_.service = service;
    record_.name = name;
    record_.start_unix_ms = unix_ms();
}

Span::Span(Span&& other) noexcept
    : log_(std::exchange(other.log_, nullptr)), start_ns_(other.start_ns_), record_(std::move(other.record_)) {}

void Span::attribute(std::string_view key, std::string_view value) {
    if (log_ != nullptr) record_.attributes.emplace_back(key, value);
}

void Span::end() {
    auto* log = std::exchange(log_, nullptr);
    if (log == nullptr) return;
    record_.duration_ns = monotonic_ns() - start_ns_;
    log->add(record_);
}

}  // namespace weft::observe
