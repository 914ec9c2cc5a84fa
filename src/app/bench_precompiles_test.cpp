#include "app/bench_precompiles.hpp"

#include "base/json.hpp"

namespace weft::app {
namespace {

Result<json::Value> rows(const std::string& filter, const std::string& fork = "Osaka", const std::string& blst = "") {
    BenchPrecompilesOptions options;
    options.blst = blst;
    options.filter = filter;
    options.fork = fork;
    options.json = true;
    options.repetitions = 1;
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const auto done = bench_precompiles(options);
    testing::internal::GetCapturedStderr();
    const std::string text = testing::internal::GetCapturedStdout();
    if (!done) return std::unexpected(done.error());
    return json::parse(text);
}

TEST(bench_precompiles, a_row_has_the_price_of_its_fork) {
    const auto osaka = rows("bn254 add");
    ASSERT_TRUE(osaka);
    ASSERT_EQ(osaka->items().size(), 1U);
    EXPECT_EQ(osaka->items()[0]["name"].text(), "bn254 add");
    EXPECT_EQ(osaka->items()[0]["gas"].text(), "150");
    EXPECT_EQ(osaka->items()[0].find("library"), nullptr);
    const auto byzantium = rows("bn254 add", "Byzantium");
    ASSERT_TRUE(byzantium);
    EXPECT_EQ(byzantium->items().at(0)["gas"].text(), "500");
}

TEST(bench_precompiles, what_a_fork_lacks_has_no_row) {
    const auto prague = rows("p256", "Prague");
    ASSERT_TRUE(prague);
    EXPECT_TRUE(prague->items().empty());
}

TEST(bench_precompiles, libraries_accept_what_the_precompiles_accept) {
    for (const auto* const name : {"ecrecover", "p256verify", "sha256 32", "ripemd160 32", "modexp 64"}) {
        SCOPED_TRACE(name);
        const auto found = rows(name);
        ASSERT_TRUE(found) << found.error().message;
        ASSERT_EQ(found->items().size(), 1U);
        EXPECT_NE(found->items()[0].find("library_ns"), nullptr);
    }
}

TEST(bench_precompiles, refuses_what_is_not_there) {
    const auto library = rows("", "Osaka", "/nowhere/libblst.so");
    ASSERT_FALSE(library);
    EXPECT_EQ(library.error().code, ErrorCode::not_found);
    EXPECT_TRUE(library.error().message.contains("/nowhere/libblst.so"));
    const auto fork = rows("", "Nowhere");
    ASSERT_FALSE(fork);
    EXPECT_EQ(fork.error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace weft::app
