#pragma once
// gRPC's own bytes on top of HTTP/2: message prefixes, timeouts, status texts.
//
//   message = compressed(1) length(4, big-endian) bytes
//
// @source  github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace weft::net {

inline constexpr std::size_t grpc_prefix_size = 5;
/// What fits into a header with room to spare; longer error data is left out, longer texts are cut.
inline constexpr std::size_t error_data_bytes_max = 32 * 1024;
inline constexpr std::size_t error_text_bytes_max = 4 * 1024;

/// UNIMPLEMENTED, gRPC's status for a method that the server does not have.
/// @param path  "/weft.Storage/Account".
[[nodiscard]] inline Error no_such_grpc_method(std::string_view path) {
    return {ErrorCode::unimplemented, "unknown method " + std::string(path), {}, 0};
}

/// Takes messages apart as they arrive.
class MessageSplitter {
  public:
    explicit MessageSplitter(std::size_t message_bytes_max) : message_bytes_max_(message_bytes_max) {}
    /// Consumes from the front of @p bytes, to the end of a message at most.
    /// @return whether a message is whole; take() it before the next call.
    /// @errors unimplemented  compressed, by a method that the server never said it takes: the status that gRPC has
    ///         for it; resource_exhausted  too long.
    [[nodiscard]] Result<bool> feed(BytesView& bytes);
    [[nodiscard]] Bytes take();
    /// Whether nothing has come since the last message.
    [[nodiscard]] bool between() const { return prefix_size_ == 0; }

  private:
    std::size_t message_bytes_max_;
    std::array<std::uint8_t, grpc_prefix_size> prefix_{};
    std::size_t prefix_size_ = 0;
    std::size_t size_ = 0;
    Bytes message_;
};

/// Gathers the one message of a unary call as it arrives.
class MessageReader {
  public:
    explicit MessageReader(std::size_t message_bytes_max) : splitter_(message_bytes_max) {}
    /// @errors as MessageSplitter::feed; internal  a second message.
    [[nodiscard]] Result<void> feed(BytesView bytes);
    /// @errors internal  the stream ended within the message or before it.
    [[nodiscard]] Result<Bytes> take();

  private:
    MessageSplitter splitter_;
    bool whole_ = false;
};

[[nodiscard]] std::array<std::uint8_t, grpc_prefix_size> grpc_prefix(std::size_t message_size);

/// "250m" and the like; nothing if it isn't one.
[[nodiscard]] std::optional<std::int64_t> parse_grpc_timeout(std::string_view text);
/// Rounded up, at least a millisecond.
[[nodiscard]] std::string to_grpc_timeout(std::int64_t timeout_ns);

[[nodiscard]] std::string percent_encode(std::string_view text);
[[nodiscard]] std::string percent_decode(std::string_view text);

/// An error's detail and data as the value of weft-error-bin; empty if it has neither.
[[nodiscard]] std::string to_error_header(const Error& error);
/// Puts them back; a value that isn't one changes nothing.
void from_error_header(std::string_view value, Error& error);
/// The same for clients of any kind: a google.rpc.Status as the value of grpc-status-details-bin, whose detail is a
/// message of type @p message_name with the code and the data.
[[nodiscard]] std::string to_status_details(const Error& error, std::string_view message_name);
/// What ends a call: the values of grpc-status, grpc-message and, under its name, what else is told of an error.
struct GrpcStatus {
    std::string code = "0";
    std::string message = {};
    std::string_view details_name = {};
    std::string details = {};
};
/// @param error_message  as GrpcServerOptions::error_message.
[[nodiscard]] GrpcStatus to_grpc_status(const Error& error, std::string_view error_message);
/// grpc-status of a code and back; a status unknown here becomes `unknown`.
[[nodiscard]] ErrorCode code_from_grpc(int status);

}  // namespace weft::net
