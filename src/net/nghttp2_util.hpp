#pragma once
// What both ends of gRPC share of nghttp2; included by their .cpp files only.

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <string_view>

namespace weft::net {

/// Flags for text that outlives every session.
inline constexpr std::uint8_t literal = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;

[[nodiscard]] inline nghttp2_nv make_header(std::string_view name, std::string_view value, std::uint8_t flags) {
    const auto bytes = [](std::string_view text) {
        return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
    };
    return {bytes(name), bytes(value), name.size(), value.size(), flags};
}

[[nodiscard]] inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

inline constexpr std::uint32_t stream_window = 1024 * 1024;
inline constexpr std::int32_t connection_window = 16 * 1024 * 1024;
inline constexpr std::uint32_t header_list_max = 64 * 1024;
/// Serialised bytes that may wait for the peer; what is left waits in nghttp2.
inline constexpr std::size_t http2_output_max = 4 * 1024 * 1024;

}  // namespace weft::net
