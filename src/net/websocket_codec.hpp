#pragma once
// WebSocket frames as bytes (RFC 6455, 5.2), without sockets.
//
//   frame = FIN(1) RSV(3) opcode(4) | MASK(1) length(7) | [length 16 or 64] | [key 32] | payload

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace weft::net {

enum class Opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// Takes frames apart as they arrive and joins the fragments of messages.
class FrameDecoder {
  public:
    /// @param from_client  then every frame must be masked, else none (5.1).
    FrameDecoder(bool from_client, std::size_t message_bytes_max)
        : from_client_(from_client), message_bytes_max_(message_bytes_max) {}

    enum class Event : std::uint8_t { none, message, ping, pong, close, error };

    /// Consumes from the front of @p input until something is complete or the input ends (none). After error or close
    /// nothing may follow.
    [[nodiscard]] Event next(std::string_view& input);

    /// The message, or the payload of ping and pong.
    [[nodiscard]] std::string take_payload() { return std::move(control_ ? control_payload_ : message_); }
    /// Of a close frame (1005 if it had none), or to close with after an error.
    [[nodiscard]] std::uint16_t close_code() const { return close_code_; }
    [[nodiscard]] const std::string& close_reason() const { return close_reason_; }
    /// Of the message: text, not binary.
    [[nodiscard]] bool is_text() const { return message_opcode_ == Opcode::text; }

  private:
    Event error(std::uint16_t code, const char* why);
    Event take_header();
    Event frame_ended();
    Event close_frame_ended();

    bool from_client_;
    std::size_t message_bytes_max_;
    std::array<std::uint8_t, 14> header_{};
    std::size_t header_size_ = 0;
    std::size_t header_wanted_ = 2;
    bool in_payload_ = false;
    bool final_ = false;
    bool control_ = false;
    bool in_message_ = false;  // a fragment has come, the last one hasn't
    Opcode opcode_ = Opcode::text;
    Opcode message_opcode_ = Opcode::text;
    std::uint64_t left_ = 0;
    std::array<std::uint8_t, 4> key_{};
    std::size_t key_at_ = 0;
    std::string message_;
    std::string control_payload_;
    std::uint16_t close_code_ = 0;
    std::string close_reason_;
};

/// Appends one whole frame. @p mask_key is null for a server.
void append_frame(std::string& out, Opcode opcode, std::string_view payload, const std::uint32_t* mask_key);
/// The payload of a close frame.
[[nodiscard]] std::string close_payload(std::uint16_t code, std::string_view reason);
/// Whether a peer may send it (RFC 6455, 7.4).
[[nodiscard]] bool valid_close_code(std::uint16_t code);
/// RFC 3629.
[[nodiscard]] bool is_utf8(std::string_view text);
/// What the server answers to Sec-WebSocket-Key.
[[nodiscard]] std::string websocket_accept(std::string_view key);
[[nodiscard]] std::string to_base64(std::string_view bytes);
/// False if it is no base64. Padding may be missing.
[[nodiscard]] bool from_base64(std::string_view text, std::string& bytes);

}  // namespace weft::net
