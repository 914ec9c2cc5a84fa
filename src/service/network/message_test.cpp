#include "service/network/message.hpp"

#include <gtest/gtest.h>

#include "base/hex.hpp"

namespace weft::service::network {
namespace {

Hash hash_of_byte(std::uint8_t byte) {
    Hash out;
    out.bytes.fill(byte);
    return out;
}

TEST(frame, the_worked_example_of_the_documentation) {
    // docs/network.md, "An example".
    const Bytes frame = to_frame(Ping{1'700'000'000'000}, 7);
    EXPECT_EQ(to_hex(frame), "0x00000012030000000000000000" "07c786018bcfe56800");
    FrameReader reader;
    BytesView input = frame;
    const auto read = reader.next(input);
    ASSERT_TRUE(read && *read);
    EXPECT_EQ((*read)->type, Type::ping);
    EXPECT_EQ((*read)->request_id, 7U);
    EXPECT_EQ(decode<Ping>((*read)->payload)->clock_ms, 1'700'000'000'000U);
}

TEST(frame, pieces_are_read_as_the_whole_is) {
    Bytes stream;
    for (std::uint64_t i = 1; i <= 5; ++i) append(stream, to_frame(Ping{i * 1'000'000}, i));
    const Bytes large(60'000, 0x5a);
    append(stream, to_frame(ConsensusMessage{{large}}));
    for (const std::size_t step : {1UL, 2UL, 5UL, 13UL, 14UL, 15UL, 1000UL, stream.size()}) {
        SCOPED_TRACE(step);
        FrameReader reader;
        std::vector<std::size_t> sizes;
        for (std::size_t at = 0; at < stream.size(); at += step) {
            BytesView input = BytesView(stream).subspan(at, std::min(step, stream.size() - at));
            while (true) {
                const auto frame = reader.next(input);
                ASSERT_TRUE(frame) << frame.error().message;
                if (!*frame) break;
                sizes.push_back((*frame)->payload.size());
            }
            ASSERT_TRUE(input.empty());
        }
        ASSERT_EQ(sizes.size(), 6U);
        EXPECT_EQ(sizes.back(), large.size() + 6);
    }
}

TEST(frame, what_is_wrong_with_a_header_is_said_before_its_payload_comes) {
    const auto frame = [](std::uint32_t length, std::uint8_t type, std::uint8_t lane, std::uint8_t id) {
        Bytes out;
        for (int i = 3; i >= 0; --i) out.push_back(static_cast<std::uint8_t>(length >> (8 * i)));
        append(out, Bytes{type, lane, 0, 0, 0, 0, 0, 0, 0, id, 0xc1, 0x01});
        return out;
    };
    struct Case {
        std::string_view name;
        Bytes bytes;
        ErrorCode want;
        std::string_view message;
    };
    const Case cases[] = {
        {"type", frame(12, 30, 0, 0), ErrorCode::invalid_argument, "frame of unknown type 30"},
        {"last type", frame(12, 255, 0, 0), ErrorCode::invalid_argument, "frame of unknown type 255"},
        {"lane", frame(12, 3, 1, 1), ErrorCode::invalid_argument, "ping frame in another lane"},
        {"short", frame(9, 3, 0, 1), ErrorCode::invalid_argument, "ping frame is shorter than its header"},
        {"nothing", frame(0, 3, 0, 1), ErrorCode::invalid_argument, "ping frame is shorter than its header"},
        {"long", frame(10 + 65, 3, 0, 1), ErrorCode::resource_exhausted, "ping frame of 65 bytes, at most 64"},
        {"huge", frame(0xffffffff, 15, 2, 1), ErrorCode::resource_exhausted,
         "blocks frame of 4294967285 bytes, at most 9437184"},
        {"request without id", frame(12, 3, 0, 0), ErrorCode::invalid_argument, "ping frame without a request id"},
        {"message with id", frame(12, 1, 0, 1), ErrorCode::invalid_argument, "status frame with a request id"},
    };
    for (const auto& [name, bytes, want, message] : cases) {
        SCOPED_TRACE(name);
        FrameReader reader;
        BytesView input = bytes;
        const auto read = reader.next(input);
        ASSERT_FALSE(read);
        EXPECT_EQ(read.error().code, want);
        EXPECT_EQ(read.error().message, message);
    }
    // Of a frame that is too long nothing is waited for: its first five bytes are enough.
    FrameReader reader;
    const Bytes start{0xff, 0xff, 0xff, 0xff, 15};
    BytesView input = start;
    EXPECT_FALSE(reader.next(input));
}

TEST(frame, keeps_no_more_than_has_arrived) {
    Bytes start;
    begin_frame(start, Type::block, 1, 8 << 20);
    const Bytes part = start;
    FrameReader reader;
    BytesView input = part;
    ASSERT_TRUE(reader.next(input));
    EXPECT_EQ(reader.kept(), part.size());
}

TEST(message, comes_back_as_it_was) {
    const Bytes long_text(300, 'x');
    const Bytes header{0xc2, 0x01, 0x02};
    const Bytes rest{0xc1, 0xc0};
    Proposal proposal{{long_text}, {}};
    proposal.blocks.push_back({{header}, 9, {BytesView(long_text).first(12)}, {}, {rest}});
    proposal.blocks[0].prefilled.push_back({1, {BytesView(long_text).first(100)}});
    const Bytes encoded = encode(proposal);
    const auto decoded = decode<Proposal>(encoded);
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(encode(*decoded), encoded);
    EXPECT_EQ(decoded->blocks[0].nonce, 9U);
    EXPECT_EQ(decoded->blocks[0].prefilled[0].index, 1U);
    EXPECT_EQ(to_bytes(decoded->blocks[0].rest.bytes), rest);
}

TEST(message, is_refused_beyond_its_bounds) {
    AnnounceMessage many;
    many.transactions.resize(announce_count_max + 1);
    EXPECT_EQ(decode<AnnounceMessage>(encode(many)).error().code, ErrorCode::resource_exhausted);
    many.transactions.resize(announce_count_max);
    EXPECT_TRUE(decode<AnnounceMessage>(encode(many)));
    const std::string engine(33, 'x');
    Hello hello;
    hello.engine = std::string_view(engine);
    EXPECT_EQ(decode<Hello>(encode(hello)).error().code, ErrorCode::resource_exhausted);
}

TEST(message, is_refused_in_any_other_encoding) {
    const Bytes good = encode(Pong{5});
    EXPECT_TRUE(decode<Pong>(good));
    for (const auto& bad : {Bytes{}, Bytes{0xc0}, Bytes{0xc1}, Bytes{0x05}, Bytes{0xc2, 0x81, 0x05},
                            Bytes{0xc2, 0x05, 0x05}, Bytes{0xc1, 0x00}, Bytes{0xc1, 0x05, 0x05},
                            Bytes{0xf8, 0x01, 0x05}}) {
        SCOPED_TRACE(to_hex(bad));
        EXPECT_EQ(decode<Pong>(bad).error().code, ErrorCode::invalid_argument);
    }
}

TEST(message, an_identity_is_bound_to_chain_connection_and_prover) {
    const Hash genesis = hash_of_byte(1);
    const Hash exported = hash_of_byte(2);
    const Hash binding = identity_binding(1, genesis, exported, "a");
    EXPECT_EQ(identity_binding(1, genesis, exported, "a"), binding);
    EXPECT_NE(identity_binding(2, genesis, exported, "a"), binding);
    EXPECT_NE(identity_binding(1, exported, exported, "a"), binding);
    EXPECT_NE(identity_binding(1, genesis, genesis, "a"), binding);
    EXPECT_NE(identity_binding(1, genesis, exported, "b"), binding);
}

}  // namespace
}  // namespace weft::service::network
