// The official RLP suite, against the reader and writer that blocks and transactions use.

#include <gtest/gtest.h>

#include "base/fixtures.hpp"
#include "base/hex.hpp"
#include "base/json.hpp"
#include "base/rlp.hpp"

namespace weft {
namespace {

/// Digits of any length to big-endian bytes.
Bytes big_number(std::string_view decimal) {
    Bytes out;
    for (const char digit : decimal) {
        unsigned carry = static_cast<unsigned>(digit - '0');
        for (auto byte = out.rbegin(); byte != out.rend(); ++byte) {
            carry += *byte * 10U;
            *byte = static_cast<std::uint8_t>(carry);
            carry >>= 8;
        }
        if (carry != 0) out.insert(out.begin(), static_cast<std::uint8_t>(carry));
    }
    return out;
}

void write(rlp::Writer& out, const json::Value& value) {
    if (value.is_array()) {
        const auto list = out.begin_list();
        for (const auto& item : value.items()) write(out, item);
        out.end_list(list);
    } else if (value.is_number()) {
        out.string(big_number(value.text()));
    } else if (value.text().starts_with('#')) {
        out.string(big_number(std::string_view(value.text()).substr(1)));
    } else {
        out.string(as_bytes(value.text()));
    }
}

/// Whether all of it is one well-formed item, lists included.
bool is_well_formed(rlp::Reader& in) {
    if (!in.next_is_list()) return in.string().has_value();
    auto list = in.list();
    if (!list) return false;
    while (!list->done()) {
        if (!is_well_formed(*list)) return false;
    }
    return true;
}

TEST(rlp, official_suite) {
    const auto folder = fixture("ethereum-tests");
    if (!folder) GTEST_SKIP() << no_fixtures;
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(*folder / "RLPTests")) {
        if (entry.path().extension() != ".json") continue;
        const auto suite = json::parse(read_fixture(entry.path())).value();
        for (const auto& [name, test] : suite.members()) {
            SCOPED_TRACE(name);
            ++count;
            std::string text = test["out"].text();
            if (!text.starts_with("0x")) text.insert(0, "0x");
            const Bytes encoded = from_hex(text).value();
            rlp::Reader reader(encoded);
            const bool valid = is_well_formed(reader) && reader.done();
            EXPECT_EQ(valid, test["in"].text() != "INVALID");
            if (!valid || test["in"].text() == "VALID") continue;
            rlp::Writer writer;
            write(writer, test["in"]);
            EXPECT_EQ(to_hex(writer.bytes()), text);
        }
    }
    EXPECT_GT(count, 40U);
}

}  // namespace
}  // namespace weft
