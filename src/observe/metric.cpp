#include "observe/metric.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <mutex>
#include <variant>

#include "base/result.hpp"

namespace weft::observe {

std::size_t cell_index() {
    static std::atomic<std::size_t> next{0};
    thread_local const std::size_t own = next.fetch_add(1, std::memory_order_relaxed) % cell_count;
    return own;
}

Histogram::Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)) {
    WEFT_ASSERT(std::ranges::is_sorted(bounds_));
    for (auto& cell : cells_) cell.counts = std::make_unique<std::atomic<std::uint64_t>[]>(bounds_.size() + 1);
}

void Histogram::observe(double value) {
    auto& cell = cells_[cell_index()];
    const auto bucket = static_cast<std::size_t>(std::ranges::lower_bound(bounds_, value) - bounds_.begin());
    cell.counts[bucket].fetch_add(1, std::memory_order_relaxed);
    cell.sum.fetch_add(value, std::memory_order_relaxed);
}

Histogram::Snapshot Histogram::snapshot() const {
    Snapshot out;
    out.bounds = bounds_;
    out.counts.resize(bounds_.size() + 1);
    for (const auto& cell : cells_) {
        out.sum += cell.sum.load(std::memory_order_relaxed);
        for (std::size_t i = 0; i < out.counts.size(); ++i)
            out.counts[i] += cell.counts[i].load(std::memory_order_relaxed);
    }
    for (const auto count : out.counts) out.count += count;
    return out;
}

double Histogram::Snapshot::quantile(double q) const {
    if (count == 0) return 0;
    const auto wanted = static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count)));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < bounds.size(); ++i) {
        seen += counts[i];
        if (seen >= wanted) return bounds[i];
    }
    return bounds.empty() ? 0 : bounds.back();
}

std::vector<double> latency_bounds() {
    return {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
}

namespace {

using Metric =
    std::variant<std::unique_ptr<Counter>, std::unique_ptr<Gauge>, std::unique_ptr<Histogram>, std::function<double()>>;

struct Family {
    std::string help;
    std::string_view kind;
    std::map<std::string, Metric> metrics;  // by their labels' text
};

void append_number(std::string& out, double value) {
    if (std::isnan(value)) {
        out += "NaN";
    } else if (std::isinf(value)) {
        out += value > 0 ? "+Inf" : "-Inf";
    } else {
        char text[40];
        out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
    }
}

void append_escaped(std::string& out, std::string_view text, bool quotes) {
    for (const char c : text) {
        if (c == '\\') {
            out += "\\\\";
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '"' && quotes) {
            out += "\\\"";
        } else {
            out.push_back(c);
        }
    }
}

bool valid_name(std::string_view name) {
    if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
    return std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ':';
    });
}

std::string labels_text(Labels labels) {
    std::string out;
    for (const auto& [name, value] : labels) {
        WEFT_ASSERT(valid_name(name));
        if (!out.empty()) out.push_back(',');
        out += name;
        out += "=\"";
        append_escaped(out, value, true);
        out.push_back('"');
    }
    return out;
}

void append_sample(std::string& out, std::string_view name, std::string_view suffix, std::string_view labels,
                   std::string_view more, double value) {
    out += name;
    out += suffix;
    if (!labels.empty() || !more.empty()) {
        out.push_back('{');
        out += labels;
        if (!labels.empty() && !more.empty()) out.push_back(',');
        out += more;
        out.push_back('}');
    }
    out.push_back(' ');
    append_number(out, value);
    out.push_back('\n');
}

void append_histogram(std::string& out, std::string_view name, std::string_view labels, const Histogram& histogram) {
    const auto now = histogram.snapshot();
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < now.counts.size(); ++i) {
        total += now.counts[i];
        std::string bound = "le=\"";
        append_number(bound, i < now.bounds.size() ? now.bounds[i] : INFINITY);
        bound.push_back('"');
        append_sample(out, name, "_bucket", labels, bound, static_cast<double>(total));
    }
    append_sample(out, name, "_sum", labels, "", now.sum);
    append_sample(out, name, "_count", labels, "", static_cast<double>(now.count));
}

}  // namespace

struct Metrics::State {
    mutable std::mutex mutex;
    std::map<std::string, Family, std::less<>> families;

    /// The metric of that name and labels, made by @p make if it is new.
    template <class Make>
    Metric& get(std::string_view name, std::string_view help, std::string_view kind, Labels labels, Make make) {
        WEFT_ASSERT(valid_name(name));
        auto found = families.find(name);
        if (found == families.end())
            found = families.emplace(std::string(name), Family{std::string(help), kind, {}}).first;
        WEFT_ASSERT(found->second.kind == kind);
        auto& metrics = found->second.metrics;
        std::string key = labels_text(labels);
        const auto existing = metrics.find(key);
        if (existing != metrics.end()) return existing->second;
        return metrics.emplace(std::move(key), make()).first->second;
    }
};

Metrics::Metrics() : state_(std::make_unique<State>()) {}
Metrics::~Metrics() = default;

Counter& Metrics::counter(std::string_view name, std::string_view help, Labels labels) {
    const std::lock_guard lock(state_->mutex);
    return *std::get<std::unique_ptr<Counter>>(
        state_->get(name, help, "counter", labels, [] { return std::make_unique<Counter>(); }));
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help, Labels labels) {
    const std::lock_guard lock(state_->mutex);
    return *std::get<std::unique_ptr<Gauge>>(
        state_->get(name, help, "gauge", labels, [] { return std::make_unique<Gauge>(); }));
}

Histogram& Metrics::histogram(std::string_view name, std::string_view help, std::vector<double> bounds, Labels labels) {
    const std::lock_guard lock(state_->mutex);
    return *std::get<std::unique_ptr<Histogram>>(
        state_->get(name, help, "histogram", labels, [&] { return std::make_unique<Histogram>(std::move(bounds)); }));
}

void Metrics::callback(std::string_view name, std::string_view help, std::function<double()> value, Labels labels) {
    const std::lock_guard lock(state_->mutex);
    state_->get(name, help, "gauge", labels, [] { return std::function<double()>(); }) = std::move(value);
}

std::string Metrics::text() const {
    const std::lock_guard lock(state_->mutex);
    std::string out;
    for (const auto& [name, family] : state_->families) {
        out += "# HELP " + name + " ";
        append_escaped(out, family.help, false);
        out += "\n# TYPE " + name + " ";
        out += family.kind;
        out.push_back('\n');
        for (const auto& [labels, metric] : family.metrics) {
            if (const auto* counter = std::get_if<std::unique_ptr<Counter>>(&metric)) {
                append_sample(out, name, "", labels, "", static_cast<double>((*counter)->value()));
            } else if (const auto* gauge = std::get_if<std::unique_ptr<Gauge>>(&metric)) {
                append_sample(out, name, "", labels, "", static_cast<double>((*gauge)->value()));
            } else if (const auto* histogram = std::get_if<std::unique_ptr<Histogram>>(&metric)) {
                append_histogram(out, name, labels, **histogram);
            } else if (const auto* ask = std::get_if<std::function<double()>>(&metric)) {
                append_sample(out, name, "", labels, "", (*ask)());
            }
        }
    }
    return out;
}

Metrics& metrics() {
    static Metrics own;
    return own;
}

}  // namespace weft::observe
