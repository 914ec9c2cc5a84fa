#include "app/flame.hpp"

#include <gtest/gtest.h>

namespace weft::app {
namespace {

std::size_t count(const std::string& text, std::string_view what) {
    std::size_t out = 0;
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++out;
    return out;
}

TEST(flame, boxes_of_one_path_are_one_box) {
    const auto svg = make_flame_graph({"a;b;SLOAD 300", "a;b;ADD 100", "a;c;ADD 600"}, {"a title", "gas"});
    ASSERT_TRUE(svg) << svg.error().message;
    EXPECT_EQ(count(*svg, "<g class=\"box\""), 1U + 1 + 2 + 3);
    EXPECT_NE(svg->find("<title>all: 1,000 gas, 100.00 %</title>"), std::string::npos);
    EXPECT_NE(svg->find("<title>b: 400 gas, 40.00 %</title>"), std::string::npos);
    EXPECT_NE(svg->find("<title>ADD: 600 gas, 60.00 %</title>"), std::string::npos);
    EXPECT_NE(svg->find(">a title</text>"), std::string::npos);
}

TEST(flame, a_box_lies_over_the_one_that_it_is_part_of) {
    const auto svg = *make_flame_graph({"a;x 250", "b;y 750"}, {});
    // 1180 wide from 10 on: a has a quarter, b begins after it.
    EXPECT_NE(svg.find("data-f=\"0\" data-w=\"250\" data-n=\"a\"><title>a: 250 gas, 25.00 %</title>"
                       "<rect x=\"10.00\""),
              std::string::npos);
    EXPECT_NE(svg.find("data-f=\"250\" data-w=\"750\" data-n=\"b\"><title>b: 750 gas, 75.00 %</title>"
                       "<rect x=\"305.00\""),
              std::string::npos);
}

TEST(flame, text_is_escaped_and_addresses_are_short) {
    const auto svg = *make_flame_graph({"<&\">;0x5fbdb2315678afecb367f032d93f642f64180aa3:a9059cbb 5"}, {"<t>", "gas"});
    EXPECT_EQ(svg.find("<&\">"), std::string::npos);
    EXPECT_NE(svg.find("&lt;&amp;&quot;&gt;"), std::string::npos);
    EXPECT_NE(svg.find("data-n=\"0x5fbd..0aa3:a9059cbb\""), std::string::npos);
}

TEST(flame, a_label_is_not_cut_inside_a_character) {
    // Boxes of every width, each with a name of three-byte characters.
    std::vector<std::string> folded;
    for (int i = 1; i <= 40; ++i) {
        std::string name = "x";
        for (int j = 0; j < 12; ++j) name += "\u2026";
        folded.push_back(name + std::to_string(i) + " " + std::to_string(i));
    }
    const auto svg = *make_flame_graph(folded, {});
    for (auto at = svg.find("\xe2"); at != std::string::npos; at = svg.find("\xe2", at + 1)) {
        ASSERT_EQ(svg.substr(at, 3), "\u2026");
    }
}

TEST(flame, refuses_what_is_no_folded_stack) {
    for (const char* line : {"", "a", "a;b", "a;b x", "a;b 0", " 5", "a -5", "a;b 18446744073709551616"}) {
        SCOPED_TRACE(line);
        const auto svg = make_flame_graph({line}, {});
        ASSERT_FALSE(svg);
        EXPECT_EQ(svg.error().code, ErrorCode::invalid_argument);
    }
    EXPECT_FALSE(make_flame_graph({}, {}));
}

}  // namespace
}  // namespace weft::app
