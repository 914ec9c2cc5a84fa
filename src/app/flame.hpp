#pragma once
// Flame graphs: folded stacks as one SVG that needs nothing else. A box's width is its share; a click makes it the
// whole, and its title says what it stands for.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace weft::app {

struct FlameOptions {
    std::string title;
    std::string unit = "gas";
};

/// @param folded  "outer;inner;leaf 42", weights above 0.
/// @errors        invalid_argument  a line without a weight, or none at all; resource_exhausted  too many boxes.
/// @source        Brendan Gregg, "The Flame Graph", Communications of the ACM 59(6), 2016.
[[nodiscard]] Result<std::string> make_flame_graph(const std::vector<std::string>& folded, const FlameOptions& options);

}  // namespace weft::app
