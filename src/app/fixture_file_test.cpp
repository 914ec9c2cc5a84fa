// Fixture files that are broken in every way: each is named with its case and its fault, and the others go on.

#include "app/fixture_file.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "app/blocktest.hpp"
#include "app/statetest.hpp"
#include "base/hex.hpp"

namespace weft::app {
namespace {

class Folder {
  public:
    Folder() {
        std::string name = std::filesystem::temp_directory_path() / "fixtures-XXXXXX";
        path_ = mkdtemp(name.data());
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    void write(const std::string& name, std::string_view text) const { std::ofstream(path_ / name) << text; }
    [[nodiscard]] std::string path() const { return path_.string(); }

  private:
    std::filesystem::path path_;
};

struct Run {
    int status;
    std::string output;
};
Run run(int (*command)(std::span<const std::string>), const std::string& path) {
    testing::internal::CaptureStdout();
    const int status = command(std::vector{path});
    return {status, testing::internal::GetCapturedStdout()};
}

int block_tests(std::span<const std::string> paths) { return blocktest_command(paths, 2); }

/// A state test that holds: its transaction is none, is refused, and the state stays.
struct StateTest {
    std::string account = R"("0x00000000000000000000000000000000000000aa")"
                          R"(:{"balance":"0x01","nonce":"0x00","code":"0x","storage":{"0x00":"0x01"}})";
    std::string pre = "{" + account + "}";
    std::string env = R"({"currentCoinbase":"0x00000000000000000000000000000000000000cc","currentNumber":"0x01"})";
    std::string hash = [this] { return to_hex(fixture_state(*json::parse(pre)).trie.root()); }();
    std::string transaction = R"({"nonce":"0x00"})";
    std::string cases = R"([{"hash":")" + hash +
                        R"(","logs":"0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",)"
                        R"("txbytes":"0x","expectException":"TransactionException.MALFORMED"}])";

    [[nodiscard]] std::string text() const {
        return R"({"the case":{"env":)" + env + R"(,"pre":)" + pre + R"(,"transaction":)" + transaction +
               R"(,"post":{"Osaka":)" + cases + "}}}";
    }
};

TEST(fixture_file, a_state_test_that_holds_passes) {
    const Folder folder;
    folder.write("good.json", StateTest().text());
    const auto [status, output] = run(statetest_command, folder.path());
    EXPECT_EQ(status, 0) << output;
    EXPECT_TRUE(output.ends_with("1 passed, 0 failed\n")) << output;
}

TEST(fixture_file, each_fault_is_named_and_the_others_go_on) {
    const auto with = [](auto change) {
        StateTest test;
        change(test);
        return test.text();
    };
    const std::string good = StateTest().text();
    const struct {
        const char* name;
        std::string text;
        const char* want;  // after the file's name
    } table[] = {
        {"empty file", "", "\n    "},
        {"not JSON", "once upon a time", "\n    "},
        {"cut short", good.substr(0, good.size() / 2), "\n    "},
        {"too deep", std::string(500, '['), "\n    "},
        {"an array", "[]", "no tests: not an object, or an empty one"},
        {"no tests", "{}", "no tests: not an object, or an empty one"},
        {"a test that is none", R"({"the case":7})", ": the case\n    not an object"},
        {"no pre", R"({"the case":{"env":{},"transaction":{},"post":{}}})", ": the case\n    pre: not there"},
        {"no env", R"({"the case":{"pre":{},"transaction":{},"post":{}}})", ": the case\n    env: not there"},
        {"pre is a list", with([](auto& test) { test.pre = "[]"; }), ": the case\n    pre: not what it should be"},
        {"post is a list", R"({"the case":{"env":{},"pre":{},"transaction":{},"post":[]}})",
         ": the case\n    post: not what it should be"},
        {"post without forks", R"({"the case":{"env":{},"pre":{},"transaction":{},"post":{}}})",
         ": the case\n    post: no fork"},
        {"fork without cases", with([](auto& test) { test.cases = "[]"; }), ": the case\n    post.Osaka: no cases"},
        {"address too short", with([](auto& test) { test.pre = R"({"0xaa":{}})"; }),
         ": the case\n    pre.0xaa: not an address"},
        {"account is a text", with([](auto& test) {
             test.pre = R"({"0x00000000000000000000000000000000000000aa":"0x"})";
         }), "aa: not an account"},
        {"balance too large", with([](auto& test) {
             test.pre.replace(test.pre.find("0x01"), 4, "0x1" + std::string(64, '0'));
         }), "balance: not a number of 256 bits"},
        {"nonce too large", with([](auto& test) {
             test.pre.replace(test.pre.find(R"("nonce":"0x00")"), 14, R"("nonce":"0x10000000000000000")");
         }), "nonce: not a number of 64 bits"},
        {"no code", with([](auto& test) { test.pre.replace(test.pre.find(R"("code":"0x",)"), 12, ""); }),
         "code: not there"},
        {"storage is a list", with([](auto& test) {
             test.pre.replace(test.pre.find(R"({"0x00":"0x01"})"), 15, "[]");
         }), "storage: not there"},
        {"slot too large", with([](auto& test) {
             test.pre.replace(test.pre.find(R"("0x00":"0x01")"), 6, "\"0x" + std::string(65, '1') + "\"");
         }), ": not a slot"},
        {"no hexadecimal", with([](auto& test) { test.transaction = R"({"data":["0x00","0xsix"]})"; }),
         ": the case\n    transaction.data[1]: not hexadecimal"},
        {"another root", with([](auto& test) { test.cases.replace(test.cases.find("0x"), 4, "0xee"); }),
         ": the case\n    root 0x"},
    };
    for (const auto& [name, text, want] : table) {
        SCOPED_TRACE(name);
        const Folder folder;
        folder.write("a-bad.json", text);
        folder.write("z-good.json", good);
        const auto [status, output] = run(statetest_command, folder.path());
        EXPECT_EQ(status, 1);
        EXPECT_TRUE(output.starts_with("FAIL " + folder.path() + "/a-bad.json")) << output;
        EXPECT_TRUE(output.contains(want)) << output;
        EXPECT_TRUE(output.ends_with("1 passed, 1 failed\n")) << output;
    }
}

TEST(fixture_file, block_tests_are_held_to_their_form_too) {
    const struct {
        const char* name;
        std::string test;
        const char* want;
    } table[] = {
        {"nothing", "{}", "network: not there"},
        {"no blocks", R"({"network":"Osaka","genesisRLP":"0x","pre":{},"lastblockhash":"0x"})", "blocks: not there"},
        {"blocks is an object", R"({"network":"Osaka","genesisRLP":"0x","pre":{},"lastblockhash":"0x","blocks":{}})",
         "blocks: not what it should be"},
        {"genesis of nothing", R"({"network":"Osaka","genesisRLP":"0x","pre":{},"lastblockhash":"0x","blocks":[]})",
         "genesis: "},
        {"genesis of zeros", R"({"network":"Osaka","genesisRLP":"0xc0","pre":{},"lastblockhash":"0x","blocks":[]})",
         "genesis: "},
        {"a block that is no hexadecimal",
         R"({"network":"Osaka","genesisRLP":"0x","pre":{},"lastblockhash":"0x","blocks":[{"rlp":"0xzz"}]})",
         "blocks[0].rlp: not hexadecimal"},
    };
    for (const auto& [name, test, want] : table) {
        SCOPED_TRACE(name);
        const Folder folder;
        folder.write("bad.json", R"({"the case":)" + test + "}");
        const auto [status, output] = run(block_tests, folder.path());
        EXPECT_EQ(status, 1);
        EXPECT_TRUE(output.starts_with("FAIL " + folder.path() + "/bad.json: the case\n    " + want)) << output;
        EXPECT_TRUE(output.ends_with("0 passed, 1 failed\n")) << output;
    }
}

TEST(fixture_file, what_is_of_another_kind_or_fork_is_counted_apart) {
    const Folder folder;
    folder.write("block.json", R"({"a block test":{"blocks":[]}})");
    StateTest other;
    std::string text = other.text();
    text.replace(text.find("Osaka"), 5, "Nowhere");
    folder.write("fork.json", text);
    const auto [status, output] = run(statetest_command, folder.path());
    EXPECT_EQ(status, 1) << "nothing was tested";
    EXPECT_TRUE(output.contains("skipped, 1 times: not a state test\n")) << output;
    EXPECT_TRUE(output.contains("skipped, 1 times: unknown fork Nowhere\n")) << output;
    EXPECT_TRUE(output.ends_with("0 passed, 0 failed, 2 skipped\n")) << output;
}

TEST(fixture_file, a_path_that_is_not_there_is_an_error) {
    testing::internal::CaptureStderr();
    EXPECT_EQ(statetest_command(std::vector<std::string>{"/nowhere/at/all"}), 1);
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "weft statetest: /nowhere/at/all: no such file or folder\n");
}

}  // namespace
}  // namespace weft::app
