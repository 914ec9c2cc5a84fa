#pragma once
// What prose can't enforce, as functions from a file to what is wrong in it. Each has a test that shows that it can
// fail, and one test applies them all to the tree.

#include <string>
#include <string_view>
#include <vector>

namespace weft::tidy {

struct File {
    std::string path;  // from the root of the tree, "src/base/hex.hpp"
    std::string text;
};

struct Finding {
    std::string path;
    std::size_t line = 0;  // counts from 1
    std::string what;
};
using Findings = std::vector<Finding>;

/// MODULE_ORDER of the root CMakeLists.txt.
[[nodiscard]] std::vector<std::string> module_order(std::string_view cmake_lists);

/// A room includes only itself and rooms to its left; a service never includes another.
[[nodiscard]] Findings check_order(const File& file, const std::vector<std::string>& order);
/// Third-party headers, and heavy ones of the standard library, stand in .cpp files, or in headers that only .cpp files
/// of the same folder include: whoever uses a room never gets them.
[[nodiscard]] Findings check_headers(const File& file, const std::vector<File>& tree);
/// The rules, and the pure machines of the runtime, know no thread, lock, clock, random device or file.
[[nodiscard]] Findings check_purity(const File& file);
/// Tests wait for what they need, not for a time.
[[nodiscard]] Findings check_sleeps(const File& file);

inline constexpr std::size_t line_length_max = 120;
inline constexpr std::size_t function_lines_max = 100;
inline constexpr std::size_t file_lines_max = 700;
/// What is above these is counted, not refused.
inline constexpr std::size_t function_lines_wanted = 70;
inline constexpr std::size_t file_lines_wanted = 600;

[[nodiscard]] Findings check_line_length(const File& file);
[[nodiscard]] Findings check_file_length(const File& file, std::size_t lines_max);
[[nodiscard]] Findings check_function_length(const File& file, std::size_t lines_max);

/// Paths of this tree that a document names exist. @p exists is asked with paths from the root.
[[nodiscard]] Findings check_paths(const File& file, bool (*exists)(const std::string& path));
/// No path of somebody's machine, no left-over marker.
[[nodiscard]] Findings check_words(const File& file);

[[nodiscard]] bool is_cpp(const File& file);  // headers too
[[nodiscard]] bool is_header(const File& file);
[[nodiscard]] bool is_test(const File& file);

}  // namespace weft::tidy
