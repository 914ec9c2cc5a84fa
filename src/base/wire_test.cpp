#include "base/wire.hpp"

#include <gtest/gtest.h>

#include "base/hex.hpp"

namespace weft {

// Not in the unnamed namespace: counting the members of HoldsGenerous would need a definition there.
struct Generous {
    bool enabled = true;
    std::uint32_t weight = 7;
    std::string text = "some";
};
struct HoldsGenerous {
    std::uint64_t count = 9;
    Generous inner;
    std::vector<Generous> items;
    std::optional<Generous> maybe;
    std::shared_ptr<const Generous> shared;
};

namespace {

enum class Color : std::uint8_t { red, green };

struct Inner {
    std::uint64_t number = 0;
    std::string text;
    bool operator==(const Inner&) const = default;
};

struct Outer {
    bool flag = false;
    std::uint32_t small = 0;
    std::int64_t negative = 0;
    Color color = Color::red;
    Bytes bytes;
    Address address;
    U256 wide;
    std::optional<std::uint64_t> maybe;
    std::vector<std::uint64_t> packed;
    std::vector<Bytes> strings;
    std::vector<Inner> inners;
    std::shared_ptr<const Inner> shared;
    Inner inner;
};

TEST(wire, every_kind_of_field_comes_back) {
    Outer out{true,
              300,
              -5,
              Color::green,
              {1, 2},
              {},
              U256(1, 2, 3, 4),
              0,
              {1, 128, 1ULL << 63},
              {{}, {9}},
              {{7, "seven"}, {}},
              std::make_shared<Inner>(8, "eight"),
              {9, std::string(300, 'x')}};
    out.address.bytes[19] = 1;
    const auto back = wire::decode<Outer>(wire::encode(out));
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->flag, out.flag);
    EXPECT_EQ(back->small, out.small);
    EXPECT_EQ(back->negative, out.negative);
    EXPECT_EQ(back->color, out.color);
    EXPECT_EQ(back->bytes, out.bytes);
    EXPECT_EQ(back->address, out.address);
    EXPECT_EQ(back->wide, out.wide);
    EXPECT_EQ(back->maybe, std::optional<std::uint64_t>(0));
    EXPECT_EQ(back->packed, out.packed);
    EXPECT_EQ(back->strings, out.strings);
    EXPECT_EQ(back->inners, out.inners);
    ASSERT_TRUE(back->shared);
    EXPECT_EQ(*back->shared, *out.shared);
    EXPECT_EQ(back->inner, out.inner);
}

TEST(wire, encodes_as_the_specification_example_does) {
    EXPECT_EQ(to_hex(wire::encode(Inner{150, "testing"})), "0x089601120774657374696e67");
    EXPECT_TRUE(wire::encode(Outer{}).empty());
}

TEST(wire, zero_comes_back_as_zero_whatever_the_structs_initializers_say) {
    const Generous zero{false, 0, ""};
    const auto is_zero = [](const Generous& value) {
        return !value.enabled && value.weight == 0 && value.text.empty();
    };
    const HoldsGenerous out{0, zero, {zero}, zero, std::make_shared<Generous>(zero)};
    const auto back = wire::decode<HoldsGenerous>(wire::encode(out));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->count, 0U);
    EXPECT_TRUE(is_zero(back->inner));
    EXPECT_TRUE(is_zero(back->items.at(0)));
    EXPECT_TRUE(is_zero(back->maybe.value()));
    EXPECT_TRUE(is_zero(*back->shared));
}

TEST(wire, skips_what_it_does_not_know_and_refuses_what_is_damaged) {
    const struct {
        const char* name;
        const char* hex;
        bool good;
    } table[] = {
        {"unknown varint", "0x7801", true},          {"unknown fixed64", "0x790102030405060708", true},
        {"unknown bytes", "0x7a0161", true},         {"cut varint", "0x0896", false},
        {"cut bytes", "0x120774", false},            {"field zero", "0x0001", false},
        {"group", "0x0b", false},                    {"wrong type", "0x0a0161", false},
        {"eleven-byte varint", "0x08ffffffffffffffffffff01", false},
    };
    for (const auto& row : table) {
        SCOPED_TRACE(row.name);
        EXPECT_EQ(wire::decode<Inner>(*from_hex(row.hex)).has_value(), row.good);
    }
}

TEST(wire, names_of_members_and_types) {
    EXPECT_EQ((reflect::member_name<Outer, 0>), "flag");
    EXPECT_EQ((reflect::member_name<Outer, 8>), "packed");
    EXPECT_EQ((reflect::member_name<Outer, 12>), "inner");
    EXPECT_EQ(reflect::type_name<Inner>(), "Inner");
}

}  // namespace
}  // namespace weft
