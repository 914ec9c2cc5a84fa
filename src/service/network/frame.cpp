#include "service/network/frame.hpp"

#include <algorithm>
#include <array>

namespace weft::service::network {

namespace {

constexpr std::uint32_t kib = 1024;
constexpr std::uint32_t mib = 1024 * kib;

/// In the order of the enumeration.
constexpr auto rules = std::to_array<TypeRule>({
    {Type::hello, "hello", Lane::consensus, Kind::message, kib},
    {Type::status, "status", Lane::consensus, Kind::message, 256},
    {Type::disconnect, "disconnect", Lane::consensus, Kind::message, kib},
    {Type::ping, "ping", Lane::consensus, Kind::request, 64},
    {Type::pong, "pong", Lane::consensus, Kind::reply, 64},
    {Type::identity, "identity", Lane::consensus, Kind::message, 128},
    {Type::consensus, "consensus", Lane::consensus, Kind::message, 64 * kib},
    {Type::proposal, "proposal", Lane::blocks, Kind::message, 4 * mib},
    {Type::get_block_transactions, "get_block_transactions", Lane::blocks, Kind::request, 256 * kib},
    {Type::block_transactions, "block_transactions", Lane::blocks, Kind::reply, 8 * mib},
    {Type::get_block, "get_block", Lane::blocks, Kind::request, 64},
    {Type::block, "block", Lane::blocks, Kind::reply, 8 * mib},
    {Type::get_headers, "get_headers", Lane::requests, Kind::request, 64},
    {Type::headers, "headers", Lane::requests, Kind::reply, 4 * mib},
    {Type::get_blocks, "get_blocks", Lane::requests, Kind::request, 64},
    {Type::blocks, "blocks", Lane::requests, Kind::reply, 9 * mib},
    {Type::transactions, "transactions", Lane::transactions, Kind::message, mib},
    {Type::announce, "announce", Lane::transactions, Kind::message, 256 * kib},
    {Type::get_transactions, "get_transactions", Lane::requests, Kind::request, 16 * kib},
    {Type::pooled, "pooled", Lane::transactions, Kind::reply, mib},
    {Type::get_peers, "get_peers", Lane::requests, Kind::request, 16},
    {Type::peers, "peers", Lane::requests, Kind::reply, 16 * kib},
    {Type::get_snapshot, "get_snapshot", Lane::requests, Kind::request, 16},
    {Type::snapshot, "snapshot", Lane::requests, Kind::reply, 9 * mib},
    {Type::get_chunk, "get_chunk", Lane::requests, Kind::request, 128},
    {Type::chunk, "chunk", Lane::requests, Kind::reply, 2 * mib},
    {Type::named_proposal, "named_proposal", Lane::consensus, Kind::message, 64 * kib},
    {Type::links, "links", Lane::consensus, Kind::message, 8 * kib},
    {Type::relayed, "relayed", Lane::consensus, Kind::message, 64 * kib},
    {Type::relayed_proposal, "relayed_proposal", Lane::blocks, Kind::message, 4 * mib},
});
static_assert([] {
    for (std::size_t i = 0; i < rules.size(); ++i) {
        if (static_cast<std::size_t>(rules[i].type) != i) return false;
        if (rules[i].payload_max + frame_header_size > frame_bytes_max) return false;
    }
    return true;
}());

constexpr std::size_t length_size = 4;
constexpr std::size_t capacity_kept_max = 64 * kib;

std::uint64_t read_number(BytesView bytes) {
    std::uint64_t value = 0;
    for (const auto byte : bytes) value = value << 8 | byte;
    return value;
}

void write_number(Bytes& out, std::uint64_t value, std::size_t size) {
    for (std::size_t i = size; i-- > 0;) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

/// The whole frame's size, if the bytes that are there tell.
Result<std::optional<std::size_t>> size_of(BytesView bytes) {
    if (bytes.size() <= length_size) return std::optional<std::size_t>();
    const TypeRule* rule = find_rule(bytes[length_size]);
    if (rule == nullptr) {
        return fail(ErrorCode::invalid_argument, "frame of unknown type " + std::to_string(bytes[length_size]));
    }
    const std::size_t size = read_number(bytes.first(length_size)) + length_size;
    const std::string name(rule->name);
    if (size < frame_header_size) return fail(ErrorCode::invalid_argument, name + " frame is shorter than its header");
    if (size - frame_header_size > rule->payload_max) {
        return fail(ErrorCode::resource_exhausted, name + " frame of " + std::to_string(size - frame_header_size) +
                                                       " bytes, at most " + std::to_string(rule->payload_max));
    }
    return std::optional(size);
}

Result<Frame> parse(BytesView bytes) {
    const TypeRule& rule = *find_rule(bytes[length_size]);
    const std::string name(rule.name);
    if (bytes[length_size + 1] != static_cast<std::uint8_t>(rule.lane)) {
        return fail(ErrorCode::invalid_argument, name + " frame in another lane");
    }
    const std::uint64_t id = read_number(bytes.subspan(length_size + 2, 8));
    if ((id != 0) != (rule.kind != Kind::message)) {
        return fail(ErrorCode::invalid_argument,
                    name + (id == 0 ? " frame without a request id" : " frame with a request id"));
    }
    return Frame{rule.type, id, bytes.subspan(frame_header_size)};
}

}  // namespace

const TypeRule* find_rule(std::uint8_t type) { return type < rules.size() ? &rules[type] : nullptr; }

const TypeRule& rule_of(Type type) { return rules[static_cast<std::size_t>(type)]; }

void begin_frame(Bytes& out, Type type, std::uint64_t request_id, std::size_t payload_size) {
    const TypeRule& rule = rule_of(type);
    WEFT_ASSERT(payload_size <= rule.payload_max && (request_id != 0) == (rule.kind != Kind::message));
    out.reserve(out.size() + frame_header_size + payload_size);
    write_number(out, frame_header_size - length_size + payload_size, length_size);
    out.push_back(static_cast<std::uint8_t>(type));
    out.push_back(static_cast<std::uint8_t>(rule.lane));
    write_number(out, request_id, 8);
}

Bytes encode_frame(const Frame& frame) {
    Bytes out;
    begin_frame(out, frame.type, frame.request_id, frame.payload.size());
    append(out, frame.payload);
    return out;
}

Result<std::optional<Frame>> FrameReader::next(BytesView& input) {
    if (std::exchange(given_, false)) {
        kept_.clear();
        if (kept_.capacity() > capacity_kept_max) kept_ = {};
    }
    if (kept_.empty()) {
        // Most frames arrive whole, and are read where they are.
        WEFT_TRY(const auto size, size_of(input));
        if (size && *size <= input.size()) {
            WEFT_TRY(const Frame frame, parse(input.first(*size)));
            input = input.subspan(*size);
            return std::optional(frame);
        }
    }
    const auto take = [&](std::size_t up_to) {
        const std::size_t count = std::min(input.size(), up_to - std::min(up_to, kept_.size()));
        append(kept_, input.first(count));
        input = input.subspan(count);
    };
    take(length_size + 1);
    WEFT_TRY(const auto size, size_of(kept_));
    if (!size) return std::optional<Frame>();
    take(*size);
    if (kept_.size() < *size) return std::optional<Frame>();
    given_ = true;
    WEFT_TRY(const Frame frame, parse(kept_));
    return std::optional(frame);
}

}  // namespace weft::service::network
