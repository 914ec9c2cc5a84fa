#pragma once
// HTTP/1.1 messages as bytes (RFC 9112), without sockets: reading heads and chunked bodies, writing heads.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.hpp"

namespace weft::net {

enum class Parsed : std::uint8_t { more, done, bad };

struct HeadLimits {
    std::size_t bytes_max = 32 * 1024;
    std::size_t count_max = 100;
};

/// The head of a request or a response; its views point into what was parsed.
struct Head {
    std::string_view method;
    std::string_view target;
    int status = 0;              // of a response
    int minor_version = 1;
    std::vector<Header> headers;
    std::size_t size = 0;        // bytes of the head with its empty line
    std::uint64_t content_length = 0;
    bool has_content_length = false;
    bool chunked = false;
    bool keep_alive = true;
    bool expects_continue = false;
    bool accepts_gzip = false;
    bool upgrades_to_websocket = false;

    // When bad: what to answer.
    int error_status = 400;
    const char* error = "";

    void clear();
    [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// Reads a request's head from the start of @p bytes.
/// @return more  no empty line yet; bad  head.error_status and head.error say why.
[[nodiscard]] Parsed parse_request_head(std::string_view bytes, const HeadLimits& limits, Head& head);
/// The same for a response.
[[nodiscard]] Parsed parse_response_head(std::string_view bytes, const HeadLimits& limits, Head& head);

/// Takes a chunked body apart as it arrives (RFC 9112, 7.1).
class ChunkDecoder {
  public:
    /// Consumes from the front of @p input; data is appended to @p body.
    /// @return done  the body and its trailers have ended, the rest of @p input is the next message; bad  error().
    [[nodiscard]] Parsed decode(std::string_view& input, std::string& body, std::size_t body_bytes_max);
    [[nodiscard]] int error_status() const { return error_status_; }
    [[nodiscard]] const char* error() const { return error_; }

  private:
    enum class State : std::uint8_t {
        size_first,
        size,
        extension,
        size_end,
        data,
        data_return,
        data_end,
        trailer_start,
        trailer,
        trailer_line_end,
        trailers_end,
    };
    Parsed bad(int status, const char* why);
    Parsed take_size(char character);
    Parsed step(char character, std::size_t body_size, std::size_t body_bytes_max);

    State state_ = State::size_first;
    int digits_ = 0;
    std::uint64_t left_ = 0;
    std::size_t overhead_ = 0;  // bytes of extensions and trailers
    int error_status_ = 400;
    const char* error_ = "";
};

/// Case-insensitive, ASCII.
[[nodiscard]] bool equal_names(std::string_view a, std::string_view b);
/// Whether a comma-separated list names @p token (any case).
[[nodiscard]] bool list_has(std::string_view list, std::string_view token);
[[nodiscard]] bool is_token(std::string_view text);
/// Without leading and trailing spaces and tabs.
[[nodiscard]] std::string_view trim(std::string_view text);

/// A copy of a parsed request that owns its bytes. @p body is copied too, unless @p large_body has it.
[[nodiscard]] Request make_request(const Head& head, std::string_view head_bytes, std::string_view body,
                                   std::unique_ptr<std::string> large_body, std::string_view peer,
                                   std::string_view peer_subject = {});

struct ResponseFraming {
    bool keep_alive = true;
    bool http_1_0 = false;
    bool head_only = false;  // the body's length without the body
    bool gzip_asked = false;
    bool chunked = false;    // the length is not known
};
/// Appends the head of a response with a body of @p body_size bytes.
void append_response_head(std::string& out, const Response& response, std::size_t body_size, bool gzipped,
                          const ResponseFraming& framing);
/// A header that carries a line's end would let its author write headers of his own: it becomes spaces.
void replace_line_ends(std::string& value);
/// Appends a decimal number.
void append_number(std::string& out, std::uint64_t number);

/// gzip's format, at the fastest level.
[[nodiscard]] std::string gzip(std::string_view text);
/// Whether a body of that type gets smaller.
[[nodiscard]] bool compressible(std::string_view content_type);

}  // namespace weft::net
