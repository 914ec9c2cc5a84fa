#include "mesh/balance/edf.hpp"

#include <algorithm>

namespace weft::mesh {

namespace {

/// Beyond this doubles would be too coarse for light steps; the heap is moved back to zero.
constexpr double due_max = 1 << 20;

bool is_before(const Edf::Entry& a, const Edf::Entry& b) { return a.due != b.due ? a.due < b.due : a.order < b.order; }

/// In rounds of a warm candidate of weight 1.
double step_of(const Candidate& candidate) {
    return static_cast<double>(ramp_full) / static_cast<double>(std::max<std::uint64_t>(candidate.share(), 1));
}

/// Puts the first entry where it belongs after it was given a later deadline.
void sift_down(std::vector<Edf::Entry>& heap) {
    const Edf::Entry moved = heap[0];
    std::size_t at = 0;
    for (std::size_t child = 1; child < heap.size(); child = 2 * at + 1) {
        if (child + 1 < heap.size() && is_before(heap[child + 1], heap[child])) ++child;
        if (!is_before(heap[child], moved)) break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moved;
}

void begin(Edf& edf, std::span<const Candidate> candidates) {
    edf = {};
    for (const auto& candidate : candidates) {
        const double due = candidate.share() > 0 ? step_of(candidate) : 1;
        edf.heap.push_back({due, edf.next_order++, static_cast<std::uint32_t>(edf.heap.size())});
        edf.latest = std::max(edf.latest, due);
    }
    std::ranges::make_heap(edf.heap, [](const Edf::Entry& a, const Edf::Entry& b) { return is_before(b, a); });
}

}  // namespace

std::optional<std::size_t> pick_edf(Edf& edf, std::span<const Candidate> candidates) {
    if (edf.heap.size() != candidates.size()) begin(edf, candidates);
    // One that can't be called goes behind all others, so each is met at most once.
    for (std::size_t tries = 0; tries < candidates.size(); ++tries) {
        auto& first = edf.heap[0];
        if (first.due > due_max) {
            const double passed = first.due;
            for (auto& entry : edf.heap) entry.due -= passed;
            edf.latest -= passed;
        }
        const std::size_t index = first.index;
        const bool callable = candidates[index].share() > 0;
        first.due = callable ? first.due + step_of(candidates[index]) : edf.latest;
        first.order = edf.next_order++;
        edf.latest = std::max(edf.latest, first.due);
        sift_down(edf.heap);
        if (callable) return index;
    }
    return std::nullopt;
}

}  // namespace weft::mesh
