// The rules over the whole tree.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <set>
#include <sstream>

#include "rules.hpp"

namespace weft::tidy {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
    std::ostringstream out;
    out << std::ifstream(path, std::ios::binary).rdbuf();
    return std::move(out).str();
}

/// Text files of the tree, without what was built or downloaded.
const std::vector<File>& tree() {
    static const std::vector<File> files = [] {
        const std::set<std::string> skipped = {"build",     "node_modules", ".git",  ".cache",
                                               "weft-data", "artifacts",    "cache", "out"};
        const std::set<std::string> endings = {".hpp",  ".cpp", ".md",    ".txt",  ".cmake", ".mjs",  ".js",
                                               ".json", ".sol", ".proto", ".html", ".css",   ".yaml", ""};
        std::vector<File> out;
        for (auto at = fs::recursive_directory_iterator(WEFT_SOURCE_DIR); at != fs::recursive_directory_iterator();
             ++at) {
            const auto name = at->path().filename().string();
            if (at->is_directory() && skipped.contains(name)) at.disable_recursion_pending();
            if (!at->is_regular_file() || !endings.contains(at->path().extension().string())) continue;
            out.push_back({fs::relative(at->path(), WEFT_SOURCE_DIR).string(), read(at->path())});
        }
        return out;
    }();
    return files;
}

void expect_none(const std::function<Findings(const File&)>& rule) {
    std::ostringstream found;
    for (const auto& file : tree()) {
        for (const auto& finding : rule(file))
            found << '\n' << finding.path << ":" << finding.line << ": " << finding.what;
    }
    EXPECT_TRUE(found.view().empty()) << found.view();
}

std::size_t count(const std::function<Findings(const File&)>& rule) {
    std::size_t total = 0;
    for (const auto& file : tree()) total += rule(file).size();
    return total;
}

TEST(tidy, finds_the_tree) {
    EXPECT_GT(tree().size(), 100U);
    EXPECT_GT(std::ranges::count_if(tree(), is_header), 50);
}

TEST(tidy, rooms_use_only_rooms_before_them) {
    const auto order = module_order(read(fs::path(WEFT_SOURCE_DIR) / "CMakeLists.txt"));
    ASSERT_GT(order.size(), 10U);
    for (const auto& entry : fs::directory_iterator(fs::path(WEFT_SOURCE_DIR) / "src")) {
        if (!entry.is_directory()) continue;
        EXPECT_NE(std::ranges::find(order, entry.path().filename().string()), order.end())
            << entry.path() << " is not in MODULE_ORDER";
    }
    expect_none([&](const File& file) { return check_order(file, order); });
}

TEST(tidy, headers_hold_no_third_party_and_nothing_heavy) { 
    expect_none([](const File& file) { return check_headers(file, tree()); });
 }
TEST(tidy, the_rules_are_pure) { expect_none(check_purity); }
TEST(tidy, tests_do_not_sleep) { expect_none(check_sleeps); }
TEST(tidy, lines_are_short) { expect_none(check_line_length); }
TEST(tidy, documents_name_what_exists) {
    expect_none([](const File& file) {
        return check_paths(file, [](const std::string& path) { return fs::exists(fs::path(WEFT_SOURCE_DIR) / path); });
    });
}
TEST(tidy, nothing_of_a_machine_and_no_left_overs) { expect_none(check_words); }

TEST(tidy, functions_and_files_are_short) {
    expect_none([](const File& file) { return check_file_length(file, file_lines_max); });
    expect_none([](const File& file) { return check_function_length(file, function_lines_max); });
    const auto functions = count([](const File& file) { return check_function_length(file, function_lines_wanted); });
    const auto files = count([](const File& file) { return check_file_length(file, file_lines_wanted); });
    std::cout << functions << " functions above " << function_lines_wanted << " lines, " << files << " files above "
              << file_lines_wanted << '\n';
}

}  // namespace
}  // namespace weft::tidy
