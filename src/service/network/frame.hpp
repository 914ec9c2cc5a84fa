#pragma once
// Frames: what a connection's bytes are cut into.
//
//   frame = length (4) | type (1) | lane (1) | request id (8) | payload        numbers big-endian
//
// length counts what follows it. The lane is the type's own; the request id joins a reply to its request and is 0
// elsewhere. What a type may weigh is known from the first 5 bytes, before anything is kept.

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace weft::service::network {

/// In order of priority.
enum class Lane : std::uint8_t { consensus, blocks, requests, transactions };
inline constexpr std::size_t lane_count = 4;

enum class Type : std::uint8_t {
    hello,
    status,
    disconnect,
    ping,
    pong,
    identity,
    consensus,
    proposal,
    get_block_transactions,
    block_transactions,
    get_block,
    block,
    get_headers,
    headers,
    get_blocks,
    blocks,
    transactions,
    announce,
    get_transactions,
    pooled,
    get_peers,
    peers,
    get_snapshot,
    snapshot,
    get_chunk,
    chunk,
    named_proposal,
    links,
    relayed,
    relayed_proposal,
};

enum class Kind : std::uint8_t { message, request, reply };

/// What is known of a type.
struct TypeRule {
    Type type;
    std::string_view name;
    Lane lane;
    Kind kind;
    std::uint32_t payload_max;  // bytes
};
/// Null for a number that is no type's.
[[nodiscard]] const TypeRule* find_rule(std::uint8_t type);
[[nodiscard]] const TypeRule& rule_of(Type type);

struct Frame {
    Type type = Type::hello;
    std::uint64_t request_id = 0;
    BytesView payload;
};

inline constexpr std::size_t frame_header_size = 14;
inline constexpr std::size_t frame_bytes_max = 10 << 20;  // of any type

/// The frame's bytes, after which the payload is to be appended: @p payload_size bytes of it.
void begin_frame(Bytes& out, Type type, std::uint64_t request_id, std::size_t payload_size);
[[nodiscard]] Bytes encode_frame(const Frame& frame);

/// Cuts a stream into frames. It keeps no more than one frame, and of that no more than has arrived.
class FrameReader {
  public:
    /// The next frame, or nothing if @p input holds no more whole ones; all of it is taken then. The payload is valid
    /// until the next call, and no longer than the input.
    /// @errors invalid_argument  no such type, another lane than the type's, a length below the header's, a request
    ///         id where there must be none or none where there must be one; resource_exhausted  the payload is above
    ///         the type's limit. The stream can't be read on.
    [[nodiscard]] Result<std::optional<Frame>> next(BytesView& input);
    [[nodiscard]] std::size_t kept() const { return kept_.size(); }

  private:
    Bytes kept_;
    bool given_ = false;  // kept_ is the frame that was given last
};

}  // namespace weft::service::network
