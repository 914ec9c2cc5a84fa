#pragma once
// What validators ask one another for strong reads. It travels like the engine's messages and is none of them: the
// first byte tells.
//
//   message = kind (1: question, 2: answer) nonce (8, big-endian) height (8; of a question 0)

#include <cstdint>
#include <optional>

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
    for (const auto value : {message.nonce, message.height}) {
        for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
    }
    return out;
}

/// Nothing: it is no such message.
[[nodiscard]] inline std::optional<ReadMessage> decode_read_message(BytesView bytes) {
    constexpr std::size_t size = 17;
    if (bytes.size() != size || (bytes[0] != 1 && bytes[0] != 2)) return std::nullopt;
    ReadMessage out;
    out.kind = static_cast<ReadMessage::Kind>(bytes[0]);
    for (const auto byte : bytes.subspan(1, 8)) out.nonce = out.nonce << 8 | byte;
    for (const auto byte : bytes.subspan(9, 8)) out.height = out.height << 8 | byte;
    return out;
}

}  // namespace weft::service::consensus
