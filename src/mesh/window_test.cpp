#include "mesh/window.hpp"

#include <gtest/gtest.h>

#include <deque>

#include "verify/random.hpp"

namespace weft::mesh {
namespace {

TEST(window, counts_what_a_list_of_all_calls_says_within_a_slice) {
    constexpr std::int64_t window_ns = 1'000, slice_ns = 100;
    struct Call {
        std::int64_t at_ns;
        bool failed, slow;
    };
    verify::Random random(10);
    std::deque<Call> calls;
    Window window;
    std::int64_t now_ns = 5;
    for (int i = 0; i < 20'000; ++i) {
        now_ns += static_cast<std::int64_t>(random.below(i % 100 == 0 ? 3'000 : 30));
        const Call call{now_ns, random.below(3) == 0, random.below(4) == 0};
        calls.push_back(call);
        advance(window, window_ns, now_ns);
        count(window, call.failed, call.slow);
        std::uint32_t least = 0, most = 0;
        while (calls.front().at_ns <= now_ns - window_ns) calls.pop_front();
        for (const auto& it : calls) {
            most += it.failed ? 1 : 0;
            least += it.failed && it.at_ns > now_ns - window_ns + slice_ns ? 1 : 0;
        }
        ASSERT_GE(window.total.failed, least);
        ASSERT_LE(window.total.failed, most);
        ASSERT_LE(window.total.failed, window.total.calls);
        ASSERT_LE(window.total.calls, calls.size());
    }
}

}  // namespace
}  // namespace weft::mesh
