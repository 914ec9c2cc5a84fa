#include "net/http_codec.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "base/hex.hpp"

namespace weft::net {

namespace {

/// tchar of RFC 9110, 5.6.2.
constexpr std::array<bool, 256> token_characters = [] {
    std::array<bool, 256> out{};
    for (char c = '0'; c <= '9'; ++c) out[static_cast<unsigned char>(c)] = true;
    for (char c = 'a'; c <= 'z'; ++c) out[static_cast<unsigned char>(c)] = true;
    for (char c = 'A'; c <= 'Z'; ++c) out[static_cast<unsigned char>(c)] = true;
    for (const char c : std::string_view("!#$%&'*+-.^_`|~")) out[static_cast<unsigned char>(c)] = true;
    return out;
}();

/// What a field's value may hold: visible characters, space, tab, and bytes from 0x80 on.
constexpr std::array<bool, 256> value_characters = [] {
    std::array<bool, 256> out{};
    for (int c = 0x20; c < 256; ++c) out[static_cast<std::size_t>(c)] = c != 0x7f;
    out['\t'] = true;
    return out;
}();

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
/// Eight characters at once.
std::uint64_t lower8(const char* text) {
    constexpr std::uint64_t ones = 0x0101'0101'0101'0101;
    constexpr std::uint64_t tops = ones << 7;
    std::uint64_t word = 0;
    std::memcpy(&word, text, 8);
    const std::uint64_t low = word & ~tops;
    const std::uint64_t from_a = low + ones * (0x80 - 'A');
    const std::uint64_t above_z = low + ones * (0x80 - 'Z' - 1);
    return word | (from_a & ~above_z & ~word & tops) >> 2;
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }

Parsed bad(Head& head, int status, const char* why) {
    head.error_status = status;
    head.error = why;
    return Parsed::bad;
}

/// The next line without its CRLF. A LF without CR is bad: some readers take it for a line's end, some don't.
Parsed next_line(std::string_view bytes, std::size_t& at, const HeadLimits& limits, Head& head,
                 std::string_view& line) {
    const void* found = std::memchr(bytes.data() + at, '\n', bytes.size() - at);
    if (found == nullptr) {
        if (bytes.size() > limits.bytes_max) return bad(head, 431, "header too large");
        return Parsed::more;
    }
    const auto end = static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
    if (end + 1 > limits.bytes_max) return bad(head, 431, "header too large");
    if (end == at || bytes[end - 1] != '\r') return bad(head, 400, "line ends without CR");
    line = bytes.substr(at, end - 1 - at);
    at = end + 1;
    return Parsed::done;
}

Parsed take_content_length(Head& head, std::string_view value) {
    if (head.has_content_length) return bad(head, 400, "more than one Content-Length");
    if (value.empty() || value.size() > 18) return bad(head, 400, "bad Content-Length");
    std::uint64_t length = 0;
    for (const char c : value) {
        if (!is_digit(c)) return bad(head, 400, "bad Content-Length");
        length = length * 10 + static_cast<std::uint64_t>(c - '0');
    }
    head.has_content_length = true;
    head.content_length = length;
    return Parsed::done;
}

/// What an authority may hold (RFC 3986, 3.2) but for a user's name. Whoever routes by it must not be shown a path or a
/// list, of which another reader takes another part.
constexpr std::array<bool, 256> host_characters = [] {
    std::array<bool, 256> out{};
    for (char c = '0'; c <= '9'; ++c) out[static_cast<unsigned char>(c)] = true;
    for (char c = 'a'; c <= 'z'; ++c) out[static_cast<unsigned char>(c)] = true;
    for (char c = 'A'; c <= 'Z'; ++c) out[static_cast<unsigned char>(c)] = true;
    for (const char c : std::string_view("-._~:[]%!$&'()*+;=")) out[static_cast<unsigned char>(c)] = true;
    return out;
}();

bool are_all(std::string_view text, const std::array<bool, 256>& allowed) {
    return std::ranges::all_of(text, [&](char c) { return allowed[static_cast<unsigned char>(c)]; });
}

/// Eight at a time where none is a control character, which is nearly everywhere.
bool is_value(std::string_view text) {
    constexpr std::uint64_t ones = 0x0101'0101'0101'0101;
    constexpr std::uint64_t tops = ones << 7;
    std::size_t at = 0;
    for (; at + 8 <= text.size(); at += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data() + at, 8);
        // A top bit is set where a byte is below 0x20 or is 0x7f; at times where it is neither, never the other way.
        const std::uint64_t below = (word - ones * 0x20) & ~word & tops;
        const std::uint64_t deleted = word ^ ones * 0x7f;
        const std::uint64_t is_deleted = (deleted - ones) & ~deleted & tops;
        if ((below | is_deleted) != 0 && !are_all(text.substr(at, 8), value_characters)) return false;
    }
    return are_all(text.substr(at), value_characters);
}

struct Seen {
    int hosts = 0;
    bool compressed = false;
    bool connection_close = false;
    bool connection_keep_alive = false;
    bool connection_upgrade = false;
    bool websocket = false;
};

Parsed take_known_header(Head& head, Seen& seen, std::string_view name, std::string_view value) {
    switch (name.size()) {
        case 4:
            if (equal_names(name, "host")) {
                ++seen.hosts;
                if (!are_all(value, host_characters)) return bad(head, 400, "bad Host");
            }
            break;
        case 6:
            if (equal_names(name, "expect")) {
                if (!equal_names(value, "100-continue")) return bad(head, 417, "unknown expectation");
                head.expects_continue = true;
            }
            break;
        case 7:
            if (equal_names(name, "upgrade")) seen.websocket = list_has(value, "websocket");
            break;
        case 10:
            if (equal_names(name, "connection")) {
                seen.connection_close = seen.connection_close || list_has(value, "close");
                seen.connection_keep_alive = seen.connection_keep_alive || list_has(value, "keep-alive");
                seen.connection_upgrade = seen.connection_upgrade || list_has(value, "upgrade");
            }
            break;
        case 14:
            if (equal_names(name, "content-length")) return take_content_length(head, value);
            break;
        case 15:
            if (equal_names(name, "accept-encoding")) head.accepts_gzip = list_has(value, "gzip");
            break;
        case 16:
            if (equal_names(name, "content-encoding") && !equal_names(value, "identity")) seen.compressed = true;
            break;
        case 17:
            if (equal_names(name, "transfer-encoding")) {
                if (head.chunked) return bad(head, 400, "more than one Transfer-Encoding");
                if (!equal_names(value, "chunked")) return bad(head, 501, "unknown Transfer-Encoding");
                head.chunked = true;
            }
            break;
        default: break;
    }
    return Parsed::done;
}

Parsed take_header_line(Head& head, Seen& seen, std::string_view line, const HeadLimits& limits) {
    if (line[0] == ' ' || line[0] == '\t') return bad(head, 400, "folded header line");
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return bad(head, 400, "header line without colon");
    const std::string_view name = line.substr(0, colon);
    if (!is_token(name)) return bad(head, 400, "bad header name");
    const std::string_view value = trim(line.substr(colon + 1));
    if (!is_value(value)) return bad(head, 400, "bad character in a header");
    if (head.headers.size() >= limits.count_max) return bad(head, 431, "too many headers");
    head.headers.push_back({name, value});
    return take_known_header(head, seen, name, value);
}

Parsed parse_headers(std::string_view bytes, std::size_t at, const HeadLimits& limits, Head& head, Seen& seen) {
    while (true) {
        std::string_view line;
        if (const Parsed got = next_line(bytes, at, limits, head, line); got != Parsed::done) return got;
        if (line.empty()) break;
        if (const Parsed got = take_header_line(head, seen, line, limits); got != Parsed::done) return got;
    }
    head.size = at;
    if (head.chunked && head.has_content_length) return bad(head, 400, "both Content-Length and Transfer-Encoding");
    if (head.chunked && head.minor_version == 0) return bad(head, 400, "Transfer-Encoding in HTTP/1.0");
    head.keep_alive =
        head.minor_version == 1 ? !seen.connection_close : seen.connection_keep_alive && !seen.connection_close;
    return Parsed::done;
}

Parsed take_version(Head& head, std::string_view version) {
    if (version == "HTTP/1.1") {
        head.minor_version = 1;
    } else if (version == "HTTP/1.0") {
        head.minor_version = 0;
    } else if (version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) && version[6] == '.' &&
               is_digit(version[7])) {
        return bad(head, 505, "only HTTP/1.1 is spoken here");
    } else {
        return bad(head, 400, "bad request line");
    }
    return Parsed::done;
}

Parsed take_request_line(Head& head, std::string_view line) {
    const std::size_t first = line.find(' ');
    if (first == std::string_view::npos) return bad(head, 400, "bad request line");
    const std::size_t second = line.find(' ', first + 1);
    if (second == std::string_view::npos) return bad(head, 400, "bad request line");
    head.method = line.substr(0, first);
    head.target = line.substr(first + 1, second - first - 1);
    if (!is_token(head.method)) return bad(head, 400, "bad method");
    if (head.target.empty()) return bad(head, 400, "bad request line");
    for (const char c : head.target) {
        if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f)
            return bad(head, 400, "bad character in the target");
    }
    if (const Parsed got = take_version(head, line.substr(second + 1)); got != Parsed::done) return got;
    // Origin form; OPTIONS may ask for "*". A proxy's absolute form and CONNECT have no use here.
    if (head.target[0] != '/' && !(head.target == "*" && head.method == "OPTIONS")) return bad(head, 400, "bad target");
    return Parsed::done;
}

}  // namespace

void Head::clear() {
    // Keeps the headers' memory.
    auto kept = std::move(headers);
    kept.clear();
    *this = Head();
    headers = std::move(kept);
}

std::string_view Head::header(std::string_view name) const {
    for (const auto& header : headers) {
        if (equal_names(header.name, name)) return header.value;
    }
    return {};
}

Parsed parse_request_head(std::string_view bytes, const HeadLimits& limits, Head& head) {
    head.clear();
    std::size_t at = 0;
    // RFC 9112, 2.2: an empty line before the request is ignored; some clients end a body with one.
    if (bytes.starts_with("\r\n")) at = 2;
    std::string_view line;
    if (const Parsed got = next_line(bytes, at, limits, head, line); got != Parsed::done) return got;
    if (const Parsed got = take_request_line(head, line); got != Parsed::done) return got;
    Seen seen;
    if (const Parsed got = parse_headers(bytes, at, limits, head, seen); got != Parsed::done) return got;
    if (seen.hosts > 1 || (seen.hosts == 0 && head.minor_version == 1)) return bad(head, 400, "want one Host header");
    if (seen.compressed) return bad(head, 415, "compressed requests are not taken");
    head.upgrades_to_websocket = seen.connection_upgrade && seen.websocket && head.minor_version == 1;
    return Parsed::done;
}

Parsed parse_response_head(std::string_view bytes, const HeadLimits& limits, Head& head) {
    head.clear();
    std::size_t at = 0;
    std::string_view line;
    if (const Parsed got = next_line(bytes, at, limits, head, line); got != Parsed::done) return got;
    if (line.size() < 12 || line[8] != ' ' || (line.size() > 12 && line[12] != ' '))
        return bad(head, 400, "bad status line");
    if (const Parsed got = take_version(head, line.substr(0, 8)); got != Parsed::done) return got;
    for (std::size_t i = 9; i < 12; ++i) {
        if (!is_digit(line[i])) return bad(head, 400, "bad status");
        head.status = head.status * 10 + (line[i] - '0');
    }
    if (head.status < 100) return bad(head, 400, "bad status");
    Seen seen;
    const Parsed got = parse_headers(bytes, at, limits, head, seen);
    head.upgrades_to_websocket = seen.connection_upgrade && seen.websocket;
    return got;
}

Parsed ChunkDecoder::bad(int status, const char* why) {
    error_status_ = status;
    error_ = why;
    return Parsed::bad;
}

Parsed ChunkDecoder::take_size(char character) {
    const int digit = hex_digit(character);
    if (digit >= 0) {
        if (++digits_ > 15) return bad(400, "bad chunk size");
        left_ = left_ << 4 | static_cast<std::uint64_t>(digit);
        state_ = State::size;
        return Parsed::more;
    }
    if (state_ == State::size_first) return bad(400, "bad chunk size");
    if (character == ';') {
        state_ = State::extension;
    } else if (character == '\r') {
        state_ = State::size_end;
    } else {
        return bad(400, "bad chunk size");
    }
    return Parsed::more;
}

Parsed ChunkDecoder::step(char character, std::size_t body_size, std::size_t body_bytes_max) {
    constexpr std::size_t overhead_max = 8 * 1024;
    switch (state_) {
        case State::size_first:
        case State::size: return take_size(character);
        case State::extension:
        case State::trailer:
            if (character == '\r') {
                state_ = state_ == State::extension ? State::size_end : State::trailer_line_end;
            } else if (!value_characters[static_cast<unsigned char>(character)]) {
                return bad(400, "bad character in a chunk");
            } else if (++overhead_ > overhead_max) {
                return bad(431, "chunk extensions or trailers too long");
            }
            return Parsed::more;
        case State::size_end:
            if (character != '\n') return bad(400, "chunk size ends without CRLF");
            if (left_ > body_bytes_max - body_size) return bad(413, "body too large");
            state_ = left_ == 0 ? State::trailer_start : State::data;
            return Parsed::more;
        case State::data: break;
        case State::data_return:
            if (character != '\r') return bad(400, "chunk longer than its size");
            state_ = State::data_end;
            return Parsed::more;
        case State::data_end:
            if (character != '\n') return bad(400, "chunk longer than its size");
            state_ = State::size_first;
            digits_ = 0;
            left_ = 0;
            return Parsed::more;
        case State::trailer_start:
            if (character == '\r') {
                state_ = State::trailers_end;
            } else if (!token_characters[static_cast<unsigned char>(character)]) {
                return bad(400, "bad trailer");
            } else {
                state_ = State::trailer;
            }
            return Parsed::more;
        case State::trailer_line_end:
            if (character != '\n') return bad(400, "bad trailer");
            state_ = State::trailer_start;
            return Parsed::more;
        case State::trailers_end: return character == '\n' ? Parsed::done : bad(400, "bad trailer");
    }
    return bad(400, "bad chunk");
}

Parsed ChunkDecoder::decode(std::string_view& input, std::string& body, std::size_t body_bytes_max) {
    while (!input.empty()) {
        if (state_ == State::data) {
            const std::size_t take = std::min<std::uint64_t>(left_, input.size());
            body.append(input.substr(0, take));
            input.remove_prefix(take);
            left_ -= take;
            if (left_ == 0) state_ = State::data_return;
            continue;
        }
        const Parsed got = step(input.front(), body.size(), body_bytes_max);
        input.remove_prefix(1);
        if (got != Parsed::more) return got;
    }
    return Parsed::more;
}

bool equal_names(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    if (a.size() < 8) {
        for (std::size_t i = 0; i < a.size(); ++i) {
            if (lower(a[i]) != lower(b[i])) return false;
        }
        return true;
    }
    const auto differ = [&](std::size_t at) { return lower8(a.data() + at) != lower8(b.data() + at); };
    for (std::size_t at = 0; at + 8 < a.size(); at += 8) {
        if (differ(at)) return false;
    }
    return !differ(a.size() - 8);  // some of it twice
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

bool list_has(std::string_view list, std::string_view token) {
    while (!list.empty()) {
        const std::size_t comma = list.find(',');
        std::string_view item = list.substr(0, comma);
        const std::size_t parameters = item.find(';');
        const std::string_view weight =
            parameters == std::string_view::npos ? std::string_view() : trim(item.substr(parameters + 1));
        item = trim(item.substr(0, parameters));
        const bool refused = weight == "q=0" || weight == "q=0.0" || weight == "q=0.00" || weight == "q=0.000";
        if (equal_names(item, token) && !refused) return true;
        if (comma == std::string_view::npos) break;
        list.remove_prefix(comma + 1);
    }
    return false;
}

bool is_token(std::string_view text) {
    if (text.empty()) return false;
    for (const char c : text) {
        if (!token_characters[static_cast<unsigned char>(c)]) return false;
    }
    return true;
}

Block::Block(std::size_t size) : data_(static_cast<char*>(weft::detail::allocate_frame(size))), size_(size) {}
Block::~Block() {
    if (data_ != nullptr) weft::detail::free_frame(data_, size_);
}

Request make_request(const Head& head, std::string_view head_bytes, std::string_view body,
                     std::unique_ptr<std::string> large_body, std::string_view peer, std::string_view peer_subject) {
    const std::size_t header_bytes = head.headers.size() * sizeof(Header);
    const std::size_t copied_body = large_body ? 0 : body.size();
    Request out;
    out.block = Block(header_bytes + head_bytes.size() + peer.size() + peer_subject.size() + copied_body);
    char* at = out.block.data();
    auto* headers = reinterpret_cast<Header*>(at);
    at += header_bytes;
    char* text = at;
    std::memcpy(text, head_bytes.data(), head_bytes.size());
    at += head_bytes.size();
    const auto moved = [&](std::string_view view) {
        return std::string_view(text + (view.data() - head_bytes.data()), view.size());
    };
    for (std::size_t i = 0; i < head.headers.size(); ++i) {
        new (headers + i) Header{moved(head.headers[i].name), moved(head.headers[i].value)};
    }
    out.headers = {headers, head.headers.size()};
    out.method = moved(head.method);
    out.target = moved(head.target);
    const std::size_t question = out.target.find('?');
    out.path = out.target.substr(0, question);
    if (question != std::string_view::npos) out.query = out.target.substr(question + 1);
    const auto copied = [&](std::string_view view) {
        if (!view.empty()) std::memcpy(at, view.data(), view.size());
        return std::string_view(std::exchange(at, at + view.size()), view.size());
    };
    out.peer = copied(peer);
    out.peer_subject = copied(peer_subject);
    if (large_body) {
        out.body = *large_body;
        out.large_body = std::move(large_body);
    } else {
        out.body = copied(body);
    }
    return out;
}

std::string_view Request::header(std::string_view name) const {
    for (const auto& header : headers) {
        if (equal_names(header.name, name)) return header.value;
    }
    return {};
}

std::string_view reason_phrase(int status) {
    switch (status) {
        case 100: return "Continue";
        case 101: return "Switching Protocols";
        case 200: return "OK";
        case 201: return "Created";
        case 202: return "Accepted";
        case 204: return "No Content";
        case 206: return "Partial Content";
        case 301: return "Moved Permanently";
        case 302: return "Found";
        case 303: return "See Other";
        case 304: return "Not Modified";
        case 307: return "Temporary Redirect";
        case 308: return "Permanent Redirect";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 406: return "Not Acceptable";
        case 408: return "Request Timeout";
        case 409: return "Conflict";
        case 411: return "Length Required";
        case 412: return "Precondition Failed";
        case 413: return "Content Too Large";
        case 415: return "Unsupported Media Type";
        case 417: return "Expectation Failed";
        case 422: return "Unprocessable Content";
        case 426: return "Upgrade Required";
        case 429: return "Too Many Requests";
        case 431: return "Request Header Fields Too Large";
        case 500: return "Internal Server Error";
        case 501: return "Not Implemented";
        case 502: return "Bad Gateway";
        case 503: return "Service Unavailable";
        case 504: return "Gateway Timeout";
        case 505: return "HTTP Version Not Supported";
        default: return "";
    }
}

void append_number(std::string& out, std::uint64_t number) {
    char text[20];
    out.append(text, std::to_chars(text, text + sizeof text, number).ptr);
}

void replace_line_ends(std::string& value) {
    for (char& c : value) {
        if (!value_characters[static_cast<unsigned char>(c)]) c = ' ';
    }
}

namespace {
void append_header_text(std::string& out, std::string_view text) {
    for (const char c : text) out.push_back(value_characters[static_cast<unsigned char>(c)] ? c : ' ');
}
}  // namespace

void append_response_head(std::string& out, const Response& response, std::size_t body_size, bool gzipped,
                          const ResponseFraming& framing) {
    if (response.status == 200) {
        out.append("HTTP/1.1 200 OK\r\n");
    } else {
        out.append("HTTP/1.1 ");
        append_number(out, static_cast<std::uint64_t>(response.status));
        out.push_back(' ');
        out.append(reason_phrase(response.status));
        out.append("\r\n");
    }
    const bool bodiless = response.status < 200 || response.status == 204 || response.status == 304;
    if (!bodiless) {
        if (!response.content_type.empty()) {
            out.append("Content-Type: ");
            append_header_text(out, response.content_type);
            out.append("\r\n");
        }
        if (framing.chunked) {
            // The end of the connection ends a body that HTTP/1.0 can't have in chunks.
            if (!framing.http_1_0) out.append("Transfer-Encoding: chunked\r\n");
        } else {
            out.append("Content-Length: ");
            append_number(out, body_size);
            out.append("\r\n");
        }
        if (gzipped) out.append("Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n");
    }
    for (const auto& [name, value] : response.headers) {
        if (!is_token(name)) continue;
        out.append(name);
        out.append(": ");
        append_header_text(out, value);
        out.append("\r\n");
    }
    if (!framing.keep_alive) {
        out.append("Connection: close\r\n");
    } else if (framing.http_1_0) {
        out.append("Connection: keep-alive\r\n");
    }
    out.append("\r\n");
}

}  // namespace weft::net
