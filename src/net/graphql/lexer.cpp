#include "net/graphql/lexer.hpp"

#include <algorithm>
#include <vector>

#include "base/hex.hpp"

namespace weft::net::graphql {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool begins_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool continues_name(char c) { return begins_name(c) || is_digit(c); }

bool is_high_surrogate(std::uint32_t unit) { return unit >= 0xd800 && unit <= 0xdbff; }
bool is_low_surrogate(std::uint32_t unit) { return unit >= 0xdc00 && unit <= 0xdfff; }

void append_utf8(std::string& out, std::uint32_t point) {
    const auto push = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (point < 0x80) return push(point);
    if (point < 0x800) {
        push(0xc0 | point >> 6);
    } else {
        if (point < 0x10000) {
            push(0xe0 | point >> 12);
        } else {
            push(0xf0 | point >> 18);
            push(0x80 | (point >> 12 & 0x3f));
        }
        push(0x80 | (point >> 6 & 0x3f));
    }
    push(0x80 | (point & 0x3f));
}

/// Bytes of the code point that @p text begins with; 0 if it is no UTF-8.
std::size_t utf8_size(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const std::uint8_t first = byte(0);
    if (first < 0x80) return 1;
    const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < size) return 0;
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return 0;
    }
    // Longer than need be, a surrogate, or above the last code point.
    const bool bad = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) ||
                     (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f);
    return bad ? 0 : size;
}

std::size_t leading_space(std::string_view line) { return std::min(line.find_first_not_of(" \t"), line.size()); }

/// A block string without its common indentation and its blank first and last lines.
/// @source  October 2021, section 2.9.4, BlockStringValue
std::string dedent(std::string_view raw) {
    std::vector<std::string_view> lines;
    while (true) {
        const std::size_t end = raw.find_first_of("\r\n");
        lines.push_back(raw.substr(0, end));
        if (end == std::string_view::npos) break;
        raw.remove_prefix(end + (raw.substr(end).starts_with("\r\n") ? 2 : 1));
    }
    std::size_t common = std::string_view::npos;
    for (std::size_t i = 1; i < lines.size(); ++i) {
        const std::size_t indent = leading_space(lines[i]);
        if (indent < lines[i].size()) common = std::min(common, indent);
    }
    if (common != std::string_view::npos) {
        for (std::size_t i = 1; i < lines.size(); ++i) lines[i].remove_prefix(std::min(common, lines[i].size()));
    }
    const auto blank = [](std::string_view line) { return leading_space(line) == line.size(); };
    const auto first = std::ranges::find_if_not(lines, blank);
    auto last = lines.end();
    while (last != first && blank(*(last - 1))) --last;
    std::string out;
    for (auto line = first; line != last; ++line) {
        if (line != first) out += '\n';
        out += *line;
    }
    return out;
}

}  // namespace

std::string describe(const Token& token) {
    switch (token.kind) {
        case Token::Kind::end: return "<EOF>";
        case Token::Kind::punctuator: return "\"" + token.text + "\"";
        case Token::Kind::name: return "Name \"" + token.text + "\"";
        case Token::Kind::integer: return "Int \"" + token.text + "\"";
        case Token::Kind::real: return "Float \"" + token.text + "\"";
        case Token::Kind::string:
        case Token::Kind::block_string: return "String \"" + token.text + "\"";
    }
    return {};
}

Location Lexer::here() {
    for (; counted_ < at_ && counted_ < text_.size(); ++counted_) {
        if ((static_cast<std::uint8_t>(text_[counted_]) & 0xc0) != 0x80) ++column_;
    }
    return {line_, column_};
}

std::unexpected<Problem> Lexer::wrong(std::string what) {
    return std::unexpected(Problem{"Syntax Error: " + std::move(what), {here()}});
}

void Lexer::new_line() {
    at_ += text_.substr(at_).starts_with("\r\n") ? 2 : 1;
    ++line_;
    counted_ = at_;
    column_ = 1;
}

bool Lexer::copy_character(std::string& out) {
    const auto c = static_cast<std::uint8_t>(text_[at_]);
    if (c < 0x20 && c != '\t') return false;
    const std::size_t size = utf8_size(text_.substr(at_));
    if (size == 0) return false;
    out.append(text_, at_, size);
    at_ += size;
    return true;
}

/// False if a comment holds what no document may.
bool Lexer::skip_ignored() {
    while (at_ < text_.size()) {
        const char c = text_[at_];
        if (c == ' ' || c == '\t' || c == ',') {
            ++at_;
        } else if (c == '\n' || c == '\r') {
            new_line();
        } else if (text_.substr(at_).starts_with("\xef\xbb\xbf")) {
            at_ += 3;
        } else if (c == '#') {
            std::string dropped;
            while (at_ < text_.size() && text_[at_] != '\n' && text_[at_] != '\r') {
                dropped.clear();
                if (!copy_character(dropped)) return false;
            }
        } else {
            break;
        }
    }
    return true;
}

std::expected<Token, Problem> Lexer::next() {
    if (!skip_ignored()) return wrong("Invalid character in a comment.");
    if (++tokens_ > tokens_max_) {
        return std::unexpected(
            Problem{"the document has too many tokens (tokens_max = " + std::to_string(tokens_max_) + ")", {here()}});
    }
    const Location at = here();
    if (at_ == text_.size()) return Token{Token::Kind::end, {}, at};
    const char c = text_[at_];
    if (begins_name(c)) {
        const std::size_t start = at_;
        while (continues_name(peek())) ++at_;
        return Token{Token::Kind::name, std::string(text_.substr(start, at_ - start)), at};
    }
    if (is_digit(c) || c == '-') return number();
    if (text_.substr(at_).starts_with("\"\"\"")) return block_string();
    if (c == '"') return string();
    if (text_.substr(at_).starts_with("...")) {
        at_ += 3;
        return Token{Token::Kind::punctuator, "...", at};
    }
    if (std::string_view("!$&():=@[]{|}").find(c) != std::string_view::npos) {
        ++at_;
        return Token{Token::Kind::punctuator, std::string(1, c), at};
    }
    std::string character;
    if (!copy_character(character)) return wrong("Invalid character.");
    return std::unexpected(Problem{"Syntax Error: Unexpected character: \"" + character + "\".", {at}});
}

std::expected<Token, Problem> Lexer::number() {
    Token token{Token::Kind::integer, {}, here()};
    const std::size_t start = at_;
    const auto digits = [&] {
        const std::size_t from = at_;
        while (is_digit(peek())) ++at_;
        return at_ > from;
    };
    if (peek() == '-') ++at_;
    if (peek() == '0') {
        ++at_;
        if (is_digit(peek())) return wrong("Invalid number, unexpected digit after 0.");
    } else if (!digits()) {
        return wrong("Invalid number, expected digit.");
    }
    if (peek() == '.') {
        token.kind = Token::Kind::real;
        ++at_;
        if (!digits()) return wrong("Invalid number, expected digit after the point.");
    }
    if (peek() == 'e' || peek() == 'E') {
        token.kind = Token::Kind::real;
        ++at_;
        if (peek() == '+' || peek() == '-') ++at_;
        if (!digits()) return wrong("Invalid number, expected digit in the exponent.");
    }
    if (peek() == '.' || begins_name(peek())) return wrong("Invalid number, expected its end.");
    token.text = text_.substr(start, at_ - start);
    return token;
}

std::expected<Token, Problem> Lexer::string() {
    Token token{Token::Kind::string, {}, here()};
    ++at_;
    while (true) {
        const char c = peek();
        if (at_ >= text_.size() || c == '\n' || c == '\r') return wrong("Unterminated string.");
        if (c == '"') {
            ++at_;
            return token;
        }
        if (c == '\\') {
            auto escaped = escape();
            if (!escaped) return std::unexpected(std::move(escaped).error());
            token.text += *escaped;
        } else if (!copy_character(token.text)) {
            return wrong("Invalid character within String.");
        }
    }
}

/// After "\u": four digits, or any number of them in braces.
std::expected<std::uint32_t, Problem> Lexer::escaped_unit() {
    const bool braces = peek() == '{';
    if (braces) ++at_;
    std::uint32_t value = 0;
    std::size_t count = 0;
    for (; braces ? peek() != '}' : count < 4; ++count, ++at_) {
        const int digit = at_ < text_.size() ? hex_digit(text_[at_]) : -1;
        if (digit < 0) return wrong("Invalid Unicode escape sequence.");
        value = value << 4 | static_cast<std::uint32_t>(digit);
        if (value > 0x10ffff) return wrong("Invalid Unicode escape sequence.");
    }
    if (braces) ++at_;
    if (count == 0 || (braces && (is_high_surrogate(value) || is_low_surrogate(value)))) {
        return wrong("Invalid Unicode escape sequence.");
    }
    return value;
}

std::expected<std::string, Problem> Lexer::escape() {
    static constexpr std::string_view letters = "\"\\/bfnrt";
    static constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    const char letter = peek(1);
    if (const std::size_t known = letters.find(letter); letter != '\0' && known != std::string_view::npos) {
        at_ += 2;
        return std::string(1, meanings[known]);
    }
    if (letter != 'u') return wrong("Invalid character escape sequence.");
    at_ += 2;
    auto first = escaped_unit();
    if (!first) return std::unexpected(std::move(first).error());
    std::uint32_t point = *first;
    if (is_high_surrogate(point)) {
        if (!text_.substr(at_).starts_with("\\u")) return wrong("Invalid Unicode escape sequence.");
        at_ += 2;
        auto second = escaped_unit();
        if (!second) return std::unexpected(std::move(second).error());
        if (!is_low_surrogate(*second)) return wrong("Invalid Unicode escape sequence.");
        point = 0x10000 + ((point - 0xd800) << 10) + (*second - 0xdc00);
    } else if (is_low_surrogate(point)) {
        return wrong("Invalid Unicode escape sequence.");
    }
    std::string out;
    append_utf8(out, point);
    return out;
}

std::expected<Token, Problem> Lexer::block_string() {
    Token token{Token::Kind::block_string, {}, here()};
    std::string raw;
    at_ += 3;
    while (true) {
        const std::string_view rest = text_.substr(at_);
        if (rest.empty()) return wrong("Unterminated string.");
        if (rest.starts_with("\"\"\"")) break;
        if (rest.starts_with("\\\"\"\"")) {
            raw += "\"\"\"";
            at_ += 4;
        } else if (rest[0] == '\n' || rest[0] == '\r') {
            raw += '\n';
            new_line();
        } else if (!copy_character(raw)) {
            return wrong("Invalid character within String.");
        }
    }
    at_ += 3;
    token.text = dedent(raw);
    return token;
}

}  // namespace weft::net::graphql
