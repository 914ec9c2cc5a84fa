// Prices and dispatch; that the mathematics is right is crypto's to test. The vectors are run through the front door
// all the same: they carry the price of each case.

#include "evm/precompile.hpp"

#include <gtest/gtest.h>

#include "base/fixtures.hpp"
#include "base/hex.hpp"
#include "base/json.hpp"

namespace weft::evm {
namespace {

constexpr std::int64_t plenty = std::int64_t{1} << 50;

Address number(std::uint16_t value) {
    return Address::from(Bytes{static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)});
}

std::int64_t price(std::uint16_t address, Revision revision, BytesView input) {
    return plenty - call_precompile(number(address), revision, input, plenty).gas_left;
}

TEST(precompile, public_vectors) {
    const auto archive = fixture("precompile-vectors");
    if (!archive) GTEST_SKIP() << no_fixtures;
    const struct {
        const char* file;
        std::uint16_t address;
        Revision revision;
    } files[] = {
        {"ecRecover", 1, Revision::osaka},          {"modexp", 5, Revision::byzantium},
        {"modexp_eip2565", 5, Revision::berlin},    {"modexp_eip7883", 5, Revision::osaka},
        {"bn256Add", 6, Revision::istanbul},        {"bn256ScalarMul", 7, Revision::istanbul},
        {"bn256Pairing", 8, Revision::istanbul},    {"blake2F", 9, Revision::istanbul},
        {"fail-blake2f", 9, Revision::istanbul},    {"pointEvaluation", 10, Revision::cancun},
        {"blsG1Add", 11, Revision::prague},         {"fail-blsG1Add", 11, Revision::prague},
        {"blsG1Mul", 12, Revision::prague},         {"blsG1MultiExp", 12, Revision::prague},
        {"fail-blsG1Mul", 12, Revision::prague},    {"fail-blsG1MultiExp", 12, Revision::prague},
        {"blsG2Add", 13, Revision::prague},         {"fail-blsG2Add", 13, Revision::prague},
        {"blsG2Mul", 14, Revision::prague},         {"blsG2MultiExp", 14, Revision::prague},
        {"fail-blsG2Mul", 14, Revision::prague},    {"fail-blsG2MultiExp", 14, Revision::prague},
        {"blsPairing", 15, Revision::prague},       {"fail-blsPairing", 15, Revision::prague},
        {"blsMapG1", 16, Revision::prague},         {"fail-blsMapG1", 16, Revision::prague},
        {"blsMapG2", 17, Revision::prague},         {"fail-blsMapG2", 17, Revision::prague},
        {"p256Verify", 256, Revision::osaka},
    };
    std::size_t count = 0;
    for (const auto& file : files) {
        const auto text = read_fixture(*archive / "geth-precompiles" / (std::string(file.file) + ".json"));
        const auto cases = json::parse(text);
        ASSERT_TRUE(cases.has_value()) << file.file;
        for (const auto& test : cases->items()) {
            SCOPED_TRACE(std::string(file.file) + ": " + test["Name"].text());
            const auto input = from_hex("0x" + test["Input"].text());
            ASSERT_TRUE(input.has_value());
            const auto result = call_precompile(number(file.address), file.revision, *input, plenty);
            ++count;
            if (test.find("ExpectedError") != nullptr) {
                EXPECT_EQ(result.status, Status::precompile_failure);
                continue;
            }
            EXPECT_EQ(result.status, Status::success);
            EXPECT_EQ(to_hex_digits(result.output), test["Expected"].text());
            if (test.find("Gas") != nullptr) EXPECT_EQ(std::to_string(plenty - result.gas_left), test["Gas"].text());
        }
    }
    EXPECT_GT(count, 1000U);
}

TEST(precompile, prices_by_fork) {
    const struct {
        const char* name;
        std::uint16_t address;
        Revision revision;
        std::size_t size;
        std::int64_t want;
    } table[] = {
        {"ecrecover", 1, Revision::frontier, 0, 3000},
        {"sha256 of nothing", 2, Revision::frontier, 0, 60},
        {"sha256 of 33 bytes", 2, Revision::frontier, 33, 60 + 24},
        {"ripemd160 of 32 bytes", 3, Revision::frontier, 32, 600 + 120},
        {"identity of 65 bytes", 4, Revision::frontier, 65, 15 + 9},
        {"modexp of nothing, Byzantium", 5, Revision::byzantium, 0, 0},
        {"modexp of nothing, Berlin", 5, Revision::berlin, 0, 200},
        {"modexp of nothing, Osaka", 5, Revision::osaka, 0, 500},
        {"addition, Byzantium", 6, Revision::byzantium, 0, 500},
        {"addition, Istanbul", 6, Revision::istanbul, 0, 150},
        {"multiplication, Byzantium", 7, Revision::byzantium, 0, 40000},
        {"multiplication, Istanbul", 7, Revision::istanbul, 0, 6000},
        {"pairing of none, Byzantium", 8, Revision::byzantium, 0, 100000},
        {"pairing of two, Byzantium", 8, Revision::byzantium, 384, 260000},
        {"pairing of two, Istanbul", 8, Revision::istanbul, 384, 113000},
        {"p256", 256, Revision::osaka, 0, 6900},
    };
    for (const auto& test : table) {
        SCOPED_TRACE(test.name);
        EXPECT_EQ(price(test.address, test.revision, Bytes(test.size)), test.want);
    }
}

TEST(precompile, too_little_gas_takes_it_all) {
    const auto result = call_precompile(number(2), Revision::osaka, Bytes(1), 71);
    EXPECT_EQ(result.status, Status::out_of_gas);
    EXPECT_EQ(result.gas_left, 0);
    EXPECT_EQ(call_precompile(number(2), Revision::osaka, Bytes(1), 72).status, Status::success);
}

TEST(precompile, modexp_sizes_beyond_reason) {
    const auto input = [](const U256& base, const U256& exponent, const U256& modulus) {
        Bytes out;
        for (const auto& size : {base, exponent, modulus}) append(out, size.to_hash());
        return out;
    };
    const U256 huge = ~U256{};
    for (const auto revision : {Revision::byzantium, Revision::berlin, Revision::osaka}) {
        EXPECT_EQ(call_precompile(number(5), revision, input(huge, 1, 1), plenty).status, Status::out_of_gas);
        EXPECT_EQ(call_precompile(number(5), revision, input(1, huge, 1), plenty).status, Status::out_of_gas);
        EXPECT_EQ(call_precompile(number(5), revision, input(1, 1, huge), plenty).status, Status::out_of_gas);
    }
    // With neither base nor modulus there is nothing to compute, however long the exponent.
    EXPECT_EQ(price(5, Revision::byzantium, input(0, huge, 0)), 0);
    EXPECT_EQ(price(5, Revision::berlin, input(0, huge, 0)), 200);
    EXPECT_EQ(call_precompile(number(5), Revision::osaka, input(1, 1025, 1), plenty).status,
              Status::precompile_failure);
    EXPECT_EQ(call_precompile(number(5), Revision::osaka, input(1024, 1, 1), plenty).status, Status::success);
}

/// Which lengths of an input of zeros (infinity, and numbers that are zero) a precompile takes.
struct Lengths {
    std::uint16_t address;
    bool (*takes)(std::size_t size);
};
constexpr Lengths lengths[] = {
    {0x01, [](std::size_t) { return true; }},
    {0x02, [](std::size_t) { return true; }},
    {0x03, [](std::size_t) { return true; }},
    {0x04, [](std::size_t) { return true; }},
    {0x05, [](std::size_t) { return true; }},
    {0x06, [](std::size_t) { return true; }},
    {0x07, [](std::size_t) { return true; }},
    {0x08, [](std::size_t size) { return size % 192 == 0; }},
    {0x09, [](std::size_t size) { return size == 213; }},
    {0x0a, [](std::size_t) { return false; }},  // zeros are no commitment
    {0x0b, [](std::size_t size) { return size == 256; }},
    {0x0c, [](std::size_t size) { return size != 0 && size % 160 == 0; }},
    {0x0d, [](std::size_t size) { return size == 512; }},
    {0x0e, [](std::size_t size) { return size != 0 && size % 288 == 0; }},
    {0x0f, [](std::size_t size) { return size != 0 && size % 384 == 0; }},
    {0x10, [](std::size_t size) { return size == 64; }},
    {0x11, [](std::size_t size) { return size == 128; }},
    {0x100, [](std::size_t) { return true; }},  // a wrong length is an answer: no output
};

TEST(precompile, takes_its_lengths_and_no_others) {
    constexpr std::size_t size_max = 2 * 384 + 3;
    for (std::size_t i = 0; i < revision_count; ++i) {
        const auto revision = static_cast<Revision>(i);
        std::size_t there = 0;
        for (const auto& [address, takes] : lengths) {
            if (!is_precompile(number(address), revision)) continue;
            ++there;
            for (std::size_t size = 0; size <= size_max; ++size) {
                const auto result = call_precompile(number(address), revision, Bytes(size), plenty);
                const auto want = takes(size) ? Status::success : Status::precompile_failure;
                ASSERT_EQ(result.status, want) << to_string(revision) << " " << address << " with " << size << " bytes";
                if (want != Status::success) ASSERT_EQ(result.gas_left, 0);
            }
        }
        EXPECT_EQ(there, precompiles(revision).size()) << "each is in the table";
    }
}

TEST(precompile, all_ones_of_any_length_break_no_bounds) {
    // Coordinates above the prime, signatures above the order, sizes beyond reason, a flag that is none.
    for (const auto& [address, takes] : lengths) {
        const bool hash_or_signature = address <= 4 || address == 0x100;
        for (std::size_t size = 1; size <= 1200; ++size) {
            const auto result = call_precompile(number(address), Revision::osaka, Bytes(size, 0xff), plenty);
            ASSERT_EQ(result.status, hash_or_signature ? Status::success
                                     : address == 5    ? Status::out_of_gas
                                                       : Status::precompile_failure)
                << address << " with " << size << " bytes";
            if (address == 1 || address == 0x100) ASSERT_TRUE(result.output.empty());
        }
    }
}

TEST(precompile, a_right_input_cut_short_or_grown_is_another) {
    const auto archive = fixture("precompile-vectors");
    if (!archive) GTEST_SKIP() << no_fixtures;
    const struct {
        const char* file;
        std::uint16_t address;
        bool exact;  // otherwise it goes on with zeros, and what is beyond is ignored
    } table[] = {{"ecRecover", 1, false},   {"bn256Add", 6, false},       {"bn256ScalarMul", 7, false},
                 {"bn256Pairing", 8, true}, {"blake2F", 9, true},         {"pointEvaluation", 10, true},
                 {"blsG1Add", 11, true},    {"blsG1MultiExp", 12, true},  {"blsG2Add", 13, true},
                 {"blsG2MultiExp", 14, true}, {"blsPairing", 15, true},   {"blsMapG1", 16, true},
                 {"blsMapG2", 17, true},    {"p256Verify", 256, true}};
    for (const auto& [file, address, exact] : table) {
        const auto cases = json::parse(read_fixture(*archive / "geth-precompiles" / (std::string(file) + ".json")));
        ASSERT_TRUE(cases.has_value()) << file;
        const Bytes input = *from_hex("0x" + cases->items().front()["Input"].text());
        const auto right = call_precompile(number(address), Revision::osaka, input, plenty);
        ASSERT_EQ(right.status, Status::success) << file;
        for (std::size_t size = 0; size < input.size() + 5; ++size) {
            Bytes other = input;
            other.resize(size);
            const auto result = call_precompile(number(address), Revision::osaka, other, plenty);
            if (size == input.size() || (!exact && size > input.size())) {
                ASSERT_EQ(result.output, right.output) << file << " with " << size << " bytes";
            } else if (address == 0x100) {
                ASSERT_TRUE(result.status == Status::success && result.output.empty()) << size;
            } else if (exact && size % (address == 8 ? 192 : address == 12 ? 160 : address == 14 ? 288 : 384) != 0) {
                ASSERT_EQ(result.status, Status::precompile_failure) << file << " with " << size << " bytes";
            }
        }
    }
}

}  // namespace
}  // namespace weft::evm
