#include "base/json.hpp"

#include <charconv>
#include <cmath>

#include "base/hex.hpp"

namespace weft::json {

Value Value::boolean(bool value) {
    Value out;
    out.kind_ = Kind::boolean;
    out.text_ = value ? "true" : "false";
    return out;
}
Value Value::number(std::string text) {
    Value out;
    out.kind_ = Kind::number;
    out.text_ = std::move(text);
    return out;
}
Value Value::string(std::string text) {
    Value out;
    out.kind_ = Kind::string;
    out.text_ = std::move(text);
    return out;
}
Value Value::array(std::vector<Value> items) {
    Value out;
    out.kind_ = Kind::array;
    out.items_ = std::move(items);
    return out;
}
Value Value::object(std::vector<Member> members) {
    Value out;
    out.kind_ = Kind::object;
    out.members_ = std::move(members);
    return out;
}

const Value* Value::find(std::string_view key) const {
    for (const auto& [name, value] : members_) {
        if (name == key) return &value;
    }
    return nullptr;
}

const Value& Value::operator[](std::string_view key) const {
    static const Value none;
    const Value* found = find(key);
    return found != nullptr ? *found : none;
}

namespace {

void append_utf8(std::string& out, std::uint32_t point) {
    if (point < 0x80) {
        out.push_back(static_cast<char>(point));
    } else if (point < 0x800) {
        out.push_back(static_cast<char>(0xc0 | point >> 6));
        out.push_back(static_cast<char>(0x80 | (point & 0x3f)));
    } else if (point < 0x10000) {
        out.push_back(static_cast<char>(0xe0 | point >> 12));
        out.push_back(static_cast<char>(0x80 | (point >> 6 & 0x3f)));
        out.push_back(static_cast<char>(0x80 | (point & 0x3f)));
    } else {
        out.push_back(static_cast<char>(0xf0 | point >> 18));
        out.push_back(static_cast<char>(0x80 | (point >> 12 & 0x3f)));
        out.push_back(static_cast<char>(0x80 | (point >> 6 & 0x3f)));
        out.push_back(static_cast<char>(0x80 | (point & 0x3f)));
    }
}

/// Length of the well-formed UTF-8 sequence at the start of text, or 0 (RFC 3629: no surrogates, no overlong forms).
std::size_t utf8_length(std::string_view text) {
    const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    const auto tail = [&](std::size_t i) { return (at(i) & 0xc0U) == 0x80U; };
    const unsigned first = at(0);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return tail(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        if (!tail(1) || !tail(2)) return 0;
        if (first == 0xe0 && at(1) < 0xa0) return 0;
        if (first == 0xed && at(1) > 0x9f) return 0;
        return 3;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        if (!tail(1) || !tail(2) || !tail(3)) return 0;
        if (first == 0xf0 && at(1) < 0x90) return 0;
        if (first == 0xf4 && at(1) > 0x8f) return 0;
        return 4;
    }
    return 0;
}

class Parser {
  public:
    explicit Parser(std::string_view text) : text_(text) {}

    Result<Value> document() {
        WEFT_TRY(Value out, value(0));
        skip_space();
        if (at_ != text_.size()) return malformed("text after the document");
        return out;
    }

  private:
    std::unexpected<Error> malformed(const char* what) const {
        std::size_t line = 1;
        std::size_t column = 1;
        for (std::size_t i = 0; i < at_ && i < text_.size(); ++i) {
            if (text_[i] == '\n') {
                ++line;
                column = 1;
            } else {
                ++column;
            }
        }
        return fail(ErrorCode::invalid_argument,
                    "line " + std::to_string(line) + " column " + std::to_string(column) + ": " + what);
    }

    void skip_space() {
        while (at_ < text_.size() &&
               (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) {
            ++at_;
        }
    }

    bool take(char character) {
        if (at_ >= text_.size() || text_[at_] != character) return false;
        ++at_;
        return true;
    }

    Result<Value> value(std::size_t depth) {
        if (depth > depth_max) return fail(ErrorCode::resource_exhausted, "JSON nested too deeply");
        skip_space();
        if (at_ == text_.size()) return malformed("unexpected end");
        switch (text_[at_]) {
            case '{': return object(depth);
            case '[': return array(depth);
            case '"': {
                WEFT_TRY(std::string text, string());
                return Value::string(std::move(text));
            }
            case 't': return literal("true", Value::boolean(true));
            case 'f': return literal("false", Value::boolean(false));
            case 'n': return literal("null", Value());
            default: return number();
        }
    }

    Result<Value> literal(std::string_view word, Value value) {
        if (text_.substr(at_, word.size()) != word) return malformed("unexpected character");
        at_ += word.size();
        return value;
    }

    bool digits() {
        const std::size_t start = at_;
        while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
        return at_ > start;
    }

    Result<Value> number() {
        const std::size_t start = at_;
        take('-');
        if (take('0')) {
            if (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9')
                return malformed("number with leading zero");
        } else if (!digits()) {
            return malformed("unexpected character");
        }
        if (take('.') && !digits()) return malformed("digits expected");
        if (take('e') || take('E')) {
            if (!take('+')) take('-');
            if (!digits()) return malformed("digits expected");
        }
        return Value::number(std::string(text_.substr(start, at_ - start)));
    }

    Result<std::uint32_t> four_digits() {
        std::uint32_t out = 0;
        for (int i = 0; i < 4; ++i, ++at_) {
            const int digit = at_ < text_.size() ? hex_digit(text_[at_]) : -1;
            if (digit < 0) return malformed("four hexadecimal digits expected");
            out = out << 4 | static_cast<std::uint32_t>(digit);
        }
        return out;
    }

    Result<void> escape(std::string& out) {
        if (at_ == text_.size()) return malformed("unexpected end");
        const char kind = text_[at_++];
        switch (kind) {
            case '"': case '\\': case '/': out.push_back(kind); return {};
            case 'b': out.push_back('\b'); return {};
            case 'f': out.push_back('\f'); return {};
            case 'n': out.push_back('\n'); return {};
            case 'r': out.push_back('\r'); return {};
            case 't': out.push_back('\t'); return {};
            case 'u': break;
            default: --at_; return malformed("unknown escape");
        }
        WEFT_TRY(std::uint32_t point, four_digits());
        if (point >= 0xd800 && point < 0xdc00) {
            if (!take('\\') || !take('u')) return malformed("lone surrogate");
            WEFT_TRY(const std::uint32_t low, four_digits());
            if (low < 0xdc00 || low > 0xdfff) return malformed("lone surrogate");
            point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
        } else if (point >= 0xdc00 && point < 0xe000) {
            return malformed("lone surrogate");
        }
        append_utf8(out, point);
        return {};
    }

    Result<std::string> string() {
        ++at_;
        std::string out;
        while (true) {
            std::size_t end = at_;
            while (end < text_.size() && static_cast<unsigned char>(text_[end]) >= 0x20 && text_[end] != '"' &&
                   text_[end] != '\\' && static_cast<unsigned char>(text_[end]) < 0x80) {
                ++end;
            }
            out.append(text_, at_, end - at_);
            at_ = end;
            if (at_ == text_.size()) return malformed("string does not end");
            if (take('"')) return out;
            if (take('\\')) {
                WEFT_CHECK(escape(out));
                continue;
            }
            if (static_cast<unsigned char>(text_[at_]) < 0x20) return malformed("control character in a string");
            const std::size_t length = utf8_length(text_.substr(at_, 4));
            if (length == 0) return malformed("not UTF-8");
            out.append(text_, at_, length);
            at_ += length;
        }
    }

    Result<Value> array(std::size_t depth) {
        ++at_;
        std::vector<Value> items;
        skip_space();
        if (take(']')) return Value::array({});
        while (true) {
            WEFT_TRY(Value item, value(depth + 1));
            items.push_back(std::move(item));
            skip_space();
            if (take(']')) return Value::array(std::move(items));
            if (!take(',')) return malformed("',' or ']' expected");
        }
    }

    Result<Value> object(std::size_t depth) {
        ++at_;
        std::vector<Value::Member> members;
        skip_space();
        if (take('}')) return Value::object({});
        while (true) {
            skip_space();
            if (at_ == text_.size() || text_[at_] != '"') return malformed("a key expected");
            WEFT_TRY(std::string key, string());
            skip_space();
            if (!take(':')) return malformed("':' expected");
            WEFT_TRY(Value member, value(depth + 1));
            members.emplace_back(std::move(key), std::move(member));
            skip_space();
            if (take('}')) return Value::object(std::move(members));
            if (!take(',')) return malformed("',' or '}' expected");
        }
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

void append_quoted(std::string& out, std::string_view text) {
    static constexpr char digits[] = "0123456789abcdef";
    out.push_back('"');
    for (std::size_t i = 0; i < text.size();) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if (byte >= 0x80) {
            const std::size_t length = utf8_length(text.substr(i, 4));
            if (length == 0) {
                out.append("\xef\xbf\xbd");
                ++i;
            } else {
                out.append(text, i, length);
                i += length;
            }
            continue;
        }
        ++i;
        switch (byte) {
            case '"': out.append("\\\""); break;
            case '\\': out.append("\\\\"); break;
            case '\n': out.append("\\n"); break;
            case '\r': out.append("\\r"); break;
            case '\t': out.append("\\t"); break;
            default:
                if (byte < 0x20) {
                    out.append("\\u00");
                    out.push_back(digits[byte >> 4]);
                    out.push_back(digits[byte & 15]);
                } else {
                    out.push_back(static_cast<char>(byte));
                }
        }
    }
    out.push_back('"');
}

}  // namespace

Result<Value> parse(std::string_view text) { return Parser(text).document(); }

void Writer::separate() {
    if (after_key_) {
        after_key_ = false;
        return;
    }
    if (!first_ && depth_ > 0) out_.push_back(',');
    first_ = false;
}

Writer& Writer::begin_object() {
    separate();
    out_.push_back('{');
    first_ = true;
    ++depth_;
    return *this;
}
Writer& Writer::end_object() {
    WEFT_ASSERT(depth_ > 0 && !after_key_);
    out_.push_back('}');
    first_ = false;
    --depth_;
    return *this;
}
Writer& Writer::begin_array() {
    separate();
    out_.push_back('[');
    first_ = true;
    ++depth_;
    return *this;
}
Writer& Writer::end_array() {
    WEFT_ASSERT(depth_ > 0 && !after_key_);
    out_.push_back(']');
    first_ = false;
    --depth_;
    return *this;
}
Writer& Writer::key(std::string_view name) {
    WEFT_ASSERT(!after_key_);
    separate();
    append_quoted(out_, name);
    out_.push_back(':');
    after_key_ = true;
    return *this;
}
Writer& Writer::null() { return raw("null"); }
Writer& Writer::boolean(bool value) { return raw(value ? "true" : "false"); }
Writer& Writer::string(std::string_view text) {
    separate();
    append_quoted(out_, text);
    return *this;
}
Writer& Writer::integer(std::int64_t value) {
    char text[24];
    return raw({text, static_cast<std::size_t>(std::to_chars(text, text + sizeof text, value).ptr - text)});
}
Writer& Writer::unsigned_integer(std::uint64_t value) {
    char text[24];
    return raw({text, static_cast<std::size_t>(std::to_chars(text, text + sizeof text, value).ptr - text)});
}
Writer& Writer::real(double value) {
    WEFT_ASSERT(std::isfinite(value));
    char text[40];
    return raw({text, static_cast<std::size_t>(std::to_chars(text, text + sizeof text, value).ptr - text)});
}
Writer& Writer::data(BytesView bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    separate();
    const std::size_t start = out_.size();
    out_.resize(start + 4 + 2 * bytes.size());
    char* to = out_.data() + start;
    *to++ = '"';
    *to++ = '0';
    *to++ = 'x';
    for (const auto byte : bytes) {
        *to++ = digits[byte >> 4];
        *to++ = digits[byte & 15];
    }
    *to = '"';
    return *this;
}
Writer& Writer::quantity(std::uint64_t value) {
    separate();
    out_.push_back('"');
    out_.append(to_quantity(value));
    out_.push_back('"');
    return *this;
}
Writer& Writer::quantity(const U256& value) {
    separate();
    out_.push_back('"');
    out_.append(to_quantity(value));
    out_.push_back('"');
    return *this;
}
Writer& Writer::raw(std::string_view json) {
    separate();
    out_.append(json);
    return *this;
}
Writer& Writer::value(const Value& value) {
    switch (value.kind()) {
        case Kind::null: return null();
        case Kind::boolean:
        case Kind::number: return raw(value.text());
        case Kind::string: return string(value.text());
        case Kind::array:
            begin_array();
            for (const auto& item : value.items()) this->value(item);
            return end_array();
        case Kind::object:
            begin_object();
            for (const auto& [name, member] : value.members()) key(name).value(member);
            return end_object();
    }
    return *this;
}

std::string Writer::take() {
    first_ = true;
    after_key_ = false;
    depth_ = 0;
    return std::move(out_);
}

std::string to_string(const Value& value) {
    Writer out;
    out.value(value);
    return out.take();
}

std::string quote(std::string_view text) {
    std::string out;
    append_quoted(out, text);
    return out;
}

}  // namespace weft::json
