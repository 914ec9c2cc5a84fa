// Each rule can fail, and does not where it should not.

#include "rules.hpp"

#include <gtest/gtest.h>

namespace weft::tidy {
namespace {

const std::vector<std::string> order = {"base", "chain", "net", "service", "app"};

std::vector<std::size_t> lines(const Findings& findings) {
    std::vector<std::size_t> out;
    for (const auto& finding : findings) out.push_back(finding.line);
    return out;
}
using Lines = std::vector<std::size_t>;

std::string repeated(std::string_view text, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += text;
    return out;
}

TEST(tidy_rules, module_order_is_read_from_cmake) {
    EXPECT_EQ(module_order("project(x)\nset(MODULE_ORDER base chain\n    net service app)\n"), order);
    EXPECT_TRUE(module_order("set(OTHER a b)").empty());
}

TEST(tidy_rules, order_of_rooms) {
    EXPECT_TRUE(
        check_order({"src/net/a.cpp", "#include \"net/a.hpp\"\n#include \"base/b.hpp\"\n#include <vector>\n"}, order)
            .empty());
    EXPECT_EQ(lines(check_order({"src/base/a.cpp", "#include \"base/a.hpp\"\n#include \"net/b.hpp\"\n"}, order)),
              Lines{2});
    EXPECT_EQ(lines(check_order({"src/base/a.cpp", "#include \"b.hpp\"\n"}, order)), Lines{1});
    EXPECT_EQ(lines(check_order({"src/base/a.cpp", "  #  include \"app/b.hpp\"\n"}, order)), Lines{1});
    EXPECT_TRUE(check_order({"test/tidy/rules.cpp", "#include \"rules.hpp\"\n"}, order).empty());
}

TEST(tidy_rules, services_are_strangers_to_one_another) {
    EXPECT_TRUE(check_order({"src/service/wallet/a.cpp", "#include \"service/wallet/a.hpp\"\n"}, order).empty());
    EXPECT_EQ(lines(check_order({"src/service/wallet/a.cpp", "\n#include \"service/storage/a.hpp\"\n"}, order)),
              Lines{2});
    EXPECT_TRUE(check_order({"src/app/a.cpp", "#include \"service/storage/a.hpp\"\n"}, order).empty());
}

TEST(tidy_rules, third_party_and_heavy_headers_in_headers) {
    const std::vector<File> tree = {{"src/net/b.hpp", "#include \"net/a.hpp\"\n"}};
    EXPECT_TRUE(check_headers({"src/net/a.hpp", "#include <vector>\n#include <sys/types.h>\n"}, tree).empty());
    EXPECT_TRUE(check_headers({"src/net/a.cpp", "#include <fmt/format.h>\n#include <regex>\n"}, tree).empty());
    for (const auto* name : {"fmt/format.h", "nghttp2/nghttp2.h", "openssl/ssl.h", "yaml-cpp/yaml.h", "gmp.h",
                             "CLI/CLI.hpp", "regex", "iostream", "sstream"}) {
        EXPECT_EQ(lines(check_headers({"src/net/a.hpp", "\n#include <" + std::string(name) + ">\n"}, tree)), Lines{2})
            << name;
    }
}

TEST(tidy_rules, a_header_that_only_its_own_sources_include_may_hold_third_party) {
    const File header{"src/net/a.hpp", "#include <nghttp2/nghttp2.h>\n"};
    const std::string user = "#include \"net/a.hpp\"\n";
    EXPECT_TRUE(check_headers(header, {{"src/net/b.cpp", user}}).empty());
    EXPECT_EQ(lines(check_headers(header, {{"src/net/b.hpp", user}})), Lines{1});
    EXPECT_EQ(lines(check_headers(header, {{"src/app/b.cpp", user}})), Lines{1});
}

TEST(tidy_rules, what_helps_tests_is_a_test) {
    for (const auto* path :
         {"test/tidy/a.cpp", "src/net/a_test.cpp", "src/net/test_peer.hpp", "src/crypto/vectors.cpp"}) {
        EXPECT_TRUE(is_test({path, ""})) << path;
    }
    for (const auto* path : {"src/net/attest.cpp", "src/net/latest_head.hpp"})
        EXPECT_FALSE(is_test({path, ""})) << path;
}

TEST(tidy_rules, purity) {
    for (const auto* name : {"thread", "mutex", "chrono", "random", "fstream"}) {
        const std::string text = "#include <" + std::string(name) + ">\n";
        EXPECT_EQ(lines(check_purity({"src/evm/a.cpp", text})), Lines{1}) << name;
        EXPECT_EQ(lines(check_purity({"src/mesh/lease_table.cpp", text})), Lines{1}) << name;
        EXPECT_TRUE(check_purity({"src/net/a.cpp", text}).empty()) << name;
        EXPECT_TRUE(check_purity({"src/evm/a_test.cpp", text}).empty()) << name;
    }
    EXPECT_EQ(lines(check_purity({"src/chain/a.cpp", "// now\nconst auto now = monotonic_ns();\n"})), Lines{2});
    EXPECT_TRUE(check_purity({"src/chain/a.cpp", "// calls monotonic_ns() elsewhere\n"}).empty());
}

TEST(tidy_rules, sleeping_tests) {
    const std::string sleeps = std::string("\nstd::this_thread") + "::sleep_for(1ms);\n";
    EXPECT_EQ(lines(check_sleeps({"src/net/a_test.cpp", sleeps})), Lines{2});
    EXPECT_EQ(lines(check_sleeps({"src/net/a_test.cpp", "::usleep(10);"})), Lines{1});
    EXPECT_TRUE(check_sleeps({"src/net/a.cpp", sleeps}).empty());
    EXPECT_TRUE(check_sleeps({"src/net/a_test.cpp", "co_await loop.sleep_for(ns_per_ms);"}).empty());
}

TEST(tidy_rules, line_length_counts_characters) {
    EXPECT_TRUE(check_line_length({"src/a/a.cpp", "x " + std::string(118, 'a')}).empty());
    EXPECT_EQ(lines(check_line_length({"src/a/a.cpp", "\nx " + std::string(119, 'a')})), Lines{2});
    EXPECT_TRUE(check_line_length({"src/a/a.cpp", "x " + repeated("\xc3\xa4", 118)}).empty());
    EXPECT_TRUE(check_line_length({"src/a/a.cpp", "    " + std::string(200, 'a')}).empty());  // one word
    EXPECT_TRUE(check_line_length({"README.md", "x " + std::string(200, 'a')}).empty());
}

TEST(tidy_rules, file_length) {
    EXPECT_TRUE(check_file_length({"src/a/a.cpp", repeated("\n", 700)}, 700).empty());
    EXPECT_FALSE(check_file_length({"src/a/a.cpp", repeated("\n", 701)}, 700).empty());
}

TEST(tidy_rules, function_length) {
    const auto with_body = [](const std::string& head, int statements) {
        return File{"src/a/a.cpp", head + " {\n" + repeated("    f();\n", statements) + "}\n"};
    };
    for (const std::string head : {"void f(int a)", "template <class T>\nauto g(T value) -> int", "A::A() : a_(1)",
                                   "bool operator==(const A& a) const noexcept", "TEST(a, b)",
                                   "namespace a {\nstruct B {\nvoid f()"}) {
        SCOPED_TRACE(head);
        EXPECT_TRUE(check_function_length(with_body(head, 98), 100).empty());
        EXPECT_EQ(check_function_length(with_body(head, 99), 100).size(), 1U);
    }
    for (const std::string head :
         {"namespace a", "#define F(a) \\\n  g(a)\nnamespace a", "struct B", "class alignas(8) C final : public D",
          "enum class E", "template <class T>\nstruct F", "const int table[] ="}) {
        SCOPED_TRACE(head);
        EXPECT_TRUE(check_function_length(with_body(head, 200), 100).empty());
    }
    // Braces in strings, characters and comments are none.
    EXPECT_TRUE(check_function_length({"src/a/a.cpp", "void f() {\n  g(\"{\", '{', R\"x({)x\", 1'000);  // {\n}\n" +
                                                          repeated("int a;\n", 200)},
                                      100).empty());
}

TEST(tidy_rules, documents_name_what_exists) {
    const auto exists = [](const std::string& path) { return path == "src/base/hex.hpp" || path == "docs/a.md"; };
    EXPECT_TRUE(
        check_paths({"README.md", "see `src/base/hex.hpp`, [a](docs/a.md), `weft up`, `a/b` and [b](https://x.y/z)\n"},
                    exists)
            .empty());
    EXPECT_EQ(lines(check_paths({"README.md", "\n`src/base/gone.hpp`\n"}, exists)), Lines{2});
    EXPECT_EQ(lines(check_paths({"docs/b.md", "[a](a.md)\n[c](c.md)\n"}, exists)), Lines{2});
    EXPECT_TRUE(check_paths({"src/a/a.cpp", "// `src/base/gone.hpp`\n"}, exists).empty());
}

TEST(tidy_rules, words) {
    const std::string slash = "/";
    EXPECT_EQ(lines(check_words({"a.md", "\ncd " + slash + "work/main\n"})), Lines{2});
    EXPECT_EQ(lines(check_words({"a.md", "cd " + slash + "root/x\n"})), Lines{1});
    EXPECT_TRUE(check_words({"a.md", "the source/root/of and work/main, ${x}/work/y\n"}).empty());
    for (const std::string marker : {"TO", "FIX"}) {
        const std::string word = marker + (marker == "TO" ? "DO" : "ME");
        EXPECT_EQ(lines(check_words({"a.cpp", "// " + word + ": later\n"})), Lines{1});
    }
    EXPECT_TRUE(check_words({"a.cpp", "mkdtemp(\"weft-XXXXXX\")\n"}).empty());
}

}  // namespace
}  // namespace weft::tidy
