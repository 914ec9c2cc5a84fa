#pragma once
// What validators ask one another for strong reads. It travels like the engine's messages and is none of them: the
// first byte tells.
//
//   message = kind (1: question, 2: answer) nonce (8, big-endian) height (8; of a question 0)

#include <cstdint>
#include <optional>

#include "base/big_endian.hpp"
#include "base/bytes.hpp"

namespace weft::service::consensus {

struct ReadMessage {
    enum class Kind : std::uint8_t { question = 1, answer = 2 };
    Kind kind = Kind::question;
    std::uint64_t nonce = 0;
    std::uint64_t height = 0;
};

[[nodiscard]] inline Bytes encode_read_message(const ReadMessage& message) {
    Bytes out{static_cast<std::uint8_t>(message.kind)};
    append_big_endian(out, message.nonce);
    append_big_endian(out, message.height);
    return out;
}

/// Nothing: it is no such message.
[[nodiscard]] inline std::optional<ReadMessage> decode_read_message(BytesView bytes) {
    constexpr std::size_t size = 17;
    if (bytes.size() != size || (bytes[0] != 1 && bytes[0] != 2)) return std::nullopt;
    ReadMessage out;
    out.kind = static_cast<ReadMessage::Kind>(bytes[0]);
    out.nonce = from_big_endian(bytes.subspan(1, 8));
    out.height = from_big_endian(bytes.subspan(9, 8));
    return out;
}

}  // namespace weft::service::consensus
