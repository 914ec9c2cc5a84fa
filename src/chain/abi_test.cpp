#include "chain/abi.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/fixtures.hpp"
#include "base/hex.hpp"

namespace weft::chain::abi {
namespace {

Bytes encoded(std::string_view types, std::string_view values) {
    const auto signature = parse_signature(types);
    EXPECT_TRUE(signature) << types;
    const auto bytes = encode(signature->arguments, *json::parse(values));
    EXPECT_TRUE(bytes) << bytes.error().message;
    return bytes.value_or(Bytes{});
}
std::string error_of(std::string_view types, std::string_view values) {
    const auto bytes = encode(parse_signature(types)->arguments, *json::parse(values));
    return bytes ? "no error" : bytes.error().message;
}

TEST(abi, the_official_suite) {
    const auto folder = fixture("ethereum-tests");
    if (!folder) GTEST_SKIP() << no_fixtures;
    std::ifstream in(*folder / "ABITests" / "basic_abi_tests.json");
    std::stringstream text;
    text << in.rdbuf();
    const auto suite = json::parse(text.view()).value();
    std::size_t count = 0;
    for (const auto& [name, test] : suite.members()) {
        std::string types;
        for (const auto& type : test["types"].items()) types += (types.empty() ? "" : ",") + type.text();
        const auto signature = parse_signature(types).value();
        // The suite writes bytes as text.
        std::vector<json::Value> values = test["args"].items();
        for (std::size_t i = 0; i < values.size(); ++i) {
            const auto kind = signature.arguments.parts[i].kind;
            if (kind == Kind::bytes || kind == Kind::fixed_bytes) {
                values[i] = json::Value::string(to_hex(as_bytes(values[i].text())));
            }
        }
        const auto got = encode(signature.arguments, json::Value::array(values));
        ASSERT_TRUE(got) << name << ": " << got.error().message;
        EXPECT_EQ(to_hex(*got), "0x" + test["result"].text()) << name;
        const auto back = decode(signature.arguments, *got);
        ASSERT_TRUE(back) << name << ": " << back.error().message;
        EXPECT_EQ(to_hex(*encode(signature.arguments, *back)), to_hex(*got)) << name;
        ++count;
    }
    EXPECT_EQ(count, 3U);
}

// Cases of the specification's own text.
TEST(abi, examples_of_the_specification) {
    EXPECT_EQ(to_hex(parse_signature("baz(uint32,bool)")->selector()), "0xcdcd77c0");
    EXPECT_EQ(to_hex(parse_signature("sam(bytes,bool,uint[])")->selector()), "0xa5643bf2");
    EXPECT_EQ(to_hex(parse_signature("f(uint,uint32[],bytes10,bytes)")->selector()), "0x8be65246");
    EXPECT_EQ(to_hex(encoded("uint256[][],string[]", R"([[[1,2],[3]],["one","two","three"]])")).size(),
              2U + 2 * 20 * 32);
}

TEST(abi, values_come_back) {
    const std::pair<const char*, const char*> cases[] = {
        {"uint8,int8,int256",
         R"(["255","-128","-57896044618658097711785492504343953926634992332820282019728792003956564819968"])"},
        {"bool,address", R"([true,"0x00000000000000000000000000000000000000ff"])"},
        {"bytes3,bytes,string", R"(["0x010203","0x","hello"])"},
        {"(uint256,(string,bytes[2])[])[2],uint16[3]", R"([[["1",[["a",["0x01","0x"]]]],["2",[]]],["1","2","3"]])"},
        {"()[2],uint8", R"([[[],[]],"7"])"},
    };
    for (const auto& [types, values] : cases) {
        const auto bytes = encoded(types, values);
        const auto back = decode(parse_signature(types)->arguments, bytes);
        ASSERT_TRUE(back) << types << ": " << back.error().message;
        EXPECT_EQ(json::to_string(*back), values) << types;
    }
}

TEST(abi, values_that_do_not_fit_are_named) {
    EXPECT_EQ(error_of("uint8", "[256]"), "256 is too large for uint8");
    EXPECT_EQ(error_of("int8", "[128]"), "128 is too large for int8");
    EXPECT_EQ(error_of("uint8", "[\"-1\"]"), "\"-1\" is no uint8");
    EXPECT_EQ(error_of("address", "[\"0x01\"]"), "\"0x01\" is no address");
    EXPECT_EQ(error_of("bytes2", "[\"0x01\"]"), "1 bytes are no bytes2");
    EXPECT_EQ(error_of("uint8[2]", "[[1]]"), "1 values where 2 belong");
    EXPECT_EQ(error_of("uint8", "[]"), "0 values where 1 belong");
    EXPECT_EQ(error_of("bool", "[1]"), "a bool is true or false");
}

TEST(abi, types_that_are_none_are_refused) {
    for (const char* text : {"uint7", "uint264", "uint0", "bytes33", "bytes0", "foo", "uint8[", "[2]", "uint8[01]", "",
                             "uint8[99999999999]"}) {
        EXPECT_FALSE(parse_type(text)) << text;
    }
    EXPECT_FALSE(parse_type(std::string(100, '(') + "uint8" + std::string(100, ')')));
}

TEST(abi, hostile_bytes_get_an_error_in_bounded_time) {
    const auto type = parse_signature("uint8,bytes,string[],(address,uint64[])[]")->arguments;
    const auto good = encoded("uint8,bytes,string[],(address,uint64[])[]",
                              R"([1,"0x0102",["a","b"],[["0x00000000000000000000000000000000000000ff",[1,2]]]])");
    EXPECT_TRUE(decode(type, good));
    for (std::size_t size = 0; size < good.size(); ++size) {
        EXPECT_FALSE(decode(type, BytesView(good).first(size))) << size;
    }
    // Each word made huge, in turn: no crash, and no memory beyond the bound.
    for (std::size_t at = 0; at + 32 <= good.size(); at += 32) {
        auto bad = good;
        std::fill_n(bad.begin() + static_cast<std::ptrdiff_t>(at), 32, std::uint8_t{0xff});
        static_cast<void>(decode(type, bad));
    }
    // An array of arrays that all point to one another.
    Bytes loop;
    for (int i = 0; i < 1000; ++i) append(loop, U256(i == 0 ? 32 : i == 1 ? 998 : 0).to_hash());
    static_cast<void>(decode(parse_signature("uint8[][][][][][]")->arguments, loop));
    EXPECT_FALSE(decode(parse_signature("()[]")->arguments, *from_hex("0x" + std::string(62, '0') + "20" +
                                                                     std::string(64, 'f'))));
}

}  // namespace
}  // namespace weft::chain::abi
