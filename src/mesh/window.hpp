#pragma once
// How many of the last calls failed or were slow: counts of a time that moves on in slices.

#include <array>
#include <cstddef>
#include <cstdint>

namespace weft::mesh {

struct WindowCounts {
    std::uint32_t calls = 0;
    std::uint32_t failed = 0;
    std::uint32_t slow = 0;
};

struct Window {
    static constexpr std::size_t slices = 10;
    std::array<WindowCounts, slices> counts{};
    WindowCounts total;  // of all slices
    std::size_t current = 0;
    std::int64_t slice_end_ns = 0;
};

/// Forgets what is older than @p window_ns, within a slice.
void advance(Window& window, std::int64_t window_ns, std::int64_t now_ns);
/// @pre advance() was called for now.
void count(Window& window, bool failed, bool slow);

}  // namespace weft::mesh
