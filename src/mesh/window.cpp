#include "mesh/window.hpp"

#include <algorithm>

namespace weft::mesh {

namespace {

template <class Each>
void for_each_part(WindowCounts& to, const WindowCounts& from, Each each) {
    each(to.calls, from.calls);
    each(to.failed, from.failed);
    each(to.slow, from.slow);
}

}  // namespace

void advance(Window& window, std::int64_t window_ns, std::int64_t now_ns) {
    if (now_ns < window.slice_end_ns) return;
    const std::int64_t slice_ns = std::max(window_ns / static_cast<std::int64_t>(Window::slices), std::int64_t{1});
    const std::int64_t passed = (now_ns - window.slice_end_ns) / slice_ns + 1;
    if (passed >= static_cast<std::int64_t>(Window::slices)) {
        window = {};
        window.slice_end_ns = now_ns + slice_ns;
        return;
    }
    for (std::int64_t i = 0; i < passed; ++i) {
        window.current = (window.current + 1) % Window::slices;
        auto& oldest = window.counts[window.current];
        for_each_part(window.total, oldest, [](std::uint32_t& to, std::uint32_t from) { to -= from; });
        oldest = {};
    }
    window.slice_end_ns += passed * slice_ns;
}

void count(Window& window, bool failed, bool slow) {
    const WindowCounts one{1, failed ? 1U : 0U, slow ? 1U : 0U};
    for (auto* to : {&window.total, &window.counts[window.current]}) {
        for_each_part(*to, one, [](std::uint32_t& sum, std::uint32_t more) { sum += more; });
    }
}

}  // namespace weft::mesh
