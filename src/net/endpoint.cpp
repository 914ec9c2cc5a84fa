#include "net/endpoint.hpp"

#include <charconv>

namespace weft::net {

Result<Endpoint> Endpoint::parse(std::string_view text) {
    const auto bad = [&](const char* what) {
        return fail(ErrorCode::invalid_argument, "address '" + std::string(text) + "': " + what);
    };
    Endpoint out;
    if (text.starts_with("unix:")) {
        out.is_unix = true;
        out.host = text.substr(5);
        if (out.host.empty()) return bad("empty path");
        if (out.host.size() > 107) return bad("path longer than 107 bytes");  // sun_path holds 108
        return out;
    }
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return bad("want host:port");
    std::string_view host = text.substr(0, colon);
    const std::string_view port = text.substr(colon + 1);
    if (host.starts_with('[')) {
        if (!host.ends_with(']')) return bad("']' expected");
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        return bad("an IPv6 address needs brackets");
    }
    if (host.empty()) return bad("empty host");
    for (const char character : host) {
        if (static_cast<unsigned char>(character) <= 0x20 || character == 0x7f || character == '/' ||
            character == '@') {
            return bad("bad character in the host");
        }
    }
    unsigned number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (port.empty() || error != std::errc() || end != port.data() + port.size() || number > 65535)
        return bad("bad port");
    out.host = host;
    out.port = static_cast<std::uint16_t>(number);
    return out;
}

std::string Endpoint::to_string() const {
    if (is_unix) return "unix:" + host;
    const bool bracket = host.find(':') != std::string::npos;
    return (bracket ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Url> Url::parse(std::string_view text) {
    const auto bad = [&](const char* what) {
        return fail(ErrorCode::invalid_argument, "URL '" + std::string(text) + "': " + what);
    };
    Url out;
    const std::size_t colon = text.find("://");
    if (colon == std::string_view::npos) return bad("want scheme://host");
    out.scheme = text.substr(0, colon);
    if (out.scheme != "http" && out.scheme != "ws" && !out.secure())
        return bad("only http, https, ws and wss are spoken");
    const std::string_view rest = text.substr(colon + 3);
    const std::size_t end = rest.find_first_of("/?#");
    std::string authority(rest.substr(0, end));
    std::string_view target = end == std::string_view::npos ? std::string_view() : rest.substr(end);
    target = target.substr(0, target.find('#'));
    for (const char character : target) {
        if (static_cast<unsigned char>(character) <= 0x20 || static_cast<unsigned char>(character) >= 0x7f) {
            return bad("bad character in the path");
        }
    }
    const std::size_t after_bracket = authority.rfind(']');
    const std::size_t port = authority.find(':', after_bracket == std::string::npos ? 0 : after_bracket);
    if (port == std::string::npos) authority += out.secure() ? ":443" : ":80";
    WEFT_TRY(out.endpoint, Endpoint::parse(authority));
    out.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
    return out;
}

}  // namespace weft::net
