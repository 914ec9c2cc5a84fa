#include "net/rpc_scan.hpp"

#include <immintrin.h>

#include <array>
#include <bit>
#include <charconv>

#include "base/json.hpp"
#include "net/jsonrpc.hpp"
#include "net/websocket_codec.hpp"

namespace weft::net {

namespace {

constexpr std::size_t npos = std::string_view::npos;

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::size_t skip_space(std::string_view text, std::size_t at) {
    while (at < text.size() && is_space(text[at])) ++at;
    return at;
}

/// The first quote, backslash or control character from @p at on, or the end.
std::size_t plain_end(std::string_view text, std::size_t at) {
    const __m256i quote = _mm256_set1_epi8('"');
    const __m256i backslash = _mm256_set1_epi8('\\');
    const __m256i control = _mm256_set1_epi8(0x1f);
    /// A bit for each character that ends the search, of 32 from there on.
    const auto hits = [&](std::size_t from) {
        const __m256i chunk = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text.data() + from));
        const __m256i hit =
            _mm256_or_si256(_mm256_or_si256(_mm256_cmpeq_epi8(chunk, quote), _mm256_cmpeq_epi8(chunk, backslash)),
                            _mm256_cmpeq_epi8(_mm256_min_epu8(chunk, control), chunk));
        return static_cast<std::uint32_t>(_mm256_movemask_epi8(hit));
    };
    for (; at + 32 <= text.size(); at += 32) {
        if (const auto mask = hits(at); mask != 0) return at + static_cast<std::size_t>(std::countr_zero(mask));
    }
    if (text.size() >= 32 && at < text.size()) {
        // The last 32, without those that were looked at.
        const auto mask = hits(text.size() - 32) >> (at + 32 - text.size());
        return mask != 0 ? at + static_cast<std::size_t>(std::countr_zero(mask)) : text.size();
    }
    while (at < text.size() && text[at] != '"' && text[at] != '\\' && static_cast<unsigned char>(text[at]) > 0x1f) ++at;
    return at;
}

bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

/// @param at  after the opening quote. @return after the closing one, or npos.
std::size_t skip_string(std::string_view text, std::size_t at) {
    while (true) {
        at = plain_end(text, at);
        if (at >= text.size()) return npos;
        if (text[at] == '"') return at + 1;
        if (text[at] != '\\' || at + 1 >= text.size()) return npos;
        const char escaped = text[at + 1];
        if (escaped == 'u') {
            if (at + 6 > text.size()) return npos;
            for (std::size_t i = at + 2; i < at + 6; ++i) {
                if (!is_hex(text[i])) return npos;
            }
            at += 6;
        } else if (std::string_view("\"\\/bfnrt").find(escaped) != npos) {
            at += 2;
        } else {
            return npos;
        }
    }
}

std::size_t skip_digits(std::string_view text, std::size_t at) {
    const std::size_t begin = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return at == begin ? npos : at;
}

std::size_t skip_number(std::string_view text, std::size_t at) {
    if (text[at] == '-') ++at;
    if (at >= text.size()) return npos;
    if (text[at] == '0') {
        ++at;
    } else if ((at = skip_digits(text, at)) == npos) {
        return npos;
    }
    if (at < text.size() && text[at] == '.') {
        if ((at = skip_digits(text, at + 1)) == npos) return npos;
    }
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        ++at;
        if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
        at = skip_digits(text, at);
    }
    return at;
}

std::size_t skip_scalar(std::string_view text, std::size_t at) {
    const char c = text[at];
    if (c == '"') return skip_string(text, at + 1);
    if (c == '-' || is_digit(c)) return skip_number(text, at);
    for (const std::string_view word : {"true", "false", "null"}) {
        if (text.substr(at, word.size()) == word) return at + word.size();
    }
    return npos;
}

/// @return after `"name":` and the space behind it, or npos.
std::size_t skip_name(std::string_view text, std::size_t at) {
    at = skip_space(text, at);
    if (at >= text.size() || text[at] != '"') return npos;
    at = skip_string(text, at + 1);
    if (at == npos) return npos;
    at = skip_space(text, at);
    return at < text.size() && text[at] == ':' ? skip_space(text, at + 1) : npos;
}

/// Which containers are open, the innermost last; a bit each, 1 for an object.
class Nesting {
  public:
    [[nodiscard]] std::size_t depth() const { return depth_; }
    [[nodiscard]] bool in_object() const { return (bits_[(depth_ - 1) / 64] >> ((depth_ - 1) % 64) & 1) != 0; }
    void open(bool object) {
        const std::uint64_t bit = std::uint64_t{1} << (depth_ % 64);
        if (object) {
            bits_[depth_ / 64] |= bit;
        } else {
            bits_[depth_ / 64] &= ~bit;
        }
        ++depth_;
    }
    void close() { --depth_; }

  private:
    static_assert(json::depth_max % 64 == 0);
    std::array<std::uint64_t, json::depth_max / 64> bits_{};
    std::size_t depth_ = 0;
};

}  // namespace

std::size_t skip_value(std::string_view text, std::size_t at, std::size_t deep_max) {
    Nesting open;
    while (true) {
        // A value begins here.
        at = skip_space(text, at);
        if (at >= text.size()) return npos;
        const char c = text[at];
        if (c == '{' || c == '[') {
            if (open.depth() >= deep_max || open.depth() >= json::depth_max) return npos;
            open.open(c == '{');
            at = skip_space(text, at + 1);
            if (at >= text.size()) return npos;
            if (text[at] != (c == '{' ? '}' : ']')) {
                if (c == '{' && (at = skip_name(text, at)) == npos) return npos;
                continue;
            }
            ++at;
            open.close();
        } else if ((at = skip_scalar(text, at)) == npos) {
            return npos;
        }
        // A value ended here.
        while (open.depth() > 0) {
            at = skip_space(text, at);
            if (at >= text.size()) return npos;
            if (text[at] == ',') {
                ++at;
                if (open.in_object() && (at = skip_name(text, at)) == npos) return npos;
                break;
            }
            if (text[at] != (open.in_object() ? '}' : ']')) return npos;
            ++at;
            open.close();
        }
        if (open.depth() == 0) return at;
    }
}

namespace {

/// Calls @p member with the raw name and value of each member of the object that begins at @p at; it returns false to
/// end the walk. @return after the object; npos if it is none or the walk was ended.
template <class Member>
std::size_t walk_object(std::string_view text, std::size_t at, Member&& member) {
    at = skip_space(text, at);
    if (at >= text.size() || text[at] != '{') return npos;
    at = skip_space(text, at + 1);
    if (at < text.size() && text[at] == '}') return at + 1;
    while (true) {
        at = skip_space(text, at);
        const std::size_t name_at = at + 1;
        if (at >= text.size() || text[at] != '"') return npos;
        at = skip_string(text, name_at);
        if (at == npos) return npos;
        const std::string_view name = text.substr(name_at, at - 1 - name_at);
        at = skip_space(text, at);
        if (at >= text.size() || text[at] != ':') return npos;
        at = skip_space(text, at + 1);
        const std::size_t value_at = at;
        at = skip_value(text, at, json::depth_max - 1);
        if (at == npos || !member(name, text.substr(value_at, at - value_at))) return npos;
        at = skip_space(text, at);
        if (at >= text.size()) return npos;
        if (text[at] == '}') return at + 1;
        if (text[at] != ',') return npos;
        ++at;
    }
}

std::unexpected<Error> refuse(std::int32_t code, const char* why) { return rpc_fail(code, why); }

}  // namespace

Result<RpcRequestSpans> scan_request(std::string_view text) {
    RpcRequestSpans out;
    std::string_view version;
    std::string_view method;
    const char* wrong = nullptr;
    const auto set = [&](std::string_view& member, std::string_view value) {
        if (!member.empty()) wrong = "a member stands twice";
        member = value;
    };
    const std::size_t end = walk_object(text, 0, [&](std::string_view name, std::string_view value) {
        if (name == "jsonrpc") {
            set(version, value);
        } else if (name == "id") {
            set(out.id, value);
        } else if (name == "method") {
            set(method, value);
        } else if (name == "params") {
            set(out.params, value);
        } else if (name.find('\\') != npos) {
            wrong = "a member's name has an escape";
        }
        return true;
    });
    if (end == npos || skip_space(text, end) != text.size()) {
        const std::size_t other = skip_value(text, 0, json::depth_max);
        const bool is_json = other != npos && skip_space(text, other) == text.size();
        return is_json ? refuse(rpc_code::invalid_request, "invalid request")
                       : refuse(rpc_code::parse_error, "parse error");
    }
    if (!is_utf8(text)) return refuse(rpc_code::parse_error, "parse error");
    if (wrong != nullptr) return refuse(rpc_code::invalid_request, wrong);
    if (version != "\"2.0\"") return refuse(rpc_code::invalid_request, "jsonrpc must be \"2.0\"");
    if (method.size() < 3 || method[0] != '"') return refuse(rpc_code::invalid_request, "method is missing");
    out.method = method.substr(1, method.size() - 2);
    if (out.method.find('\\') != npos) return refuse(rpc_code::invalid_request, "the method has an escape");
    if (!out.id.empty() && (out.id[0] == '{' || out.id[0] == '[' || out.id[0] == 't' || out.id[0] == 'f')) {
        return refuse(rpc_code::invalid_request, "id must be a string, a number or null");
    }
    if (out.params == "null") out.params = {};
    if (!out.params.empty() && out.params[0] != '[' && out.params[0] != '{') {
        return refuse(rpc_code::invalid_request, "params must be an array or an object");
    }
    return out;
}

BatchScanner::BatchScanner(std::string_view text) : text_(text), at_(skip_space(text, 0) + 1) {}

Result<std::string_view> BatchScanner::next() {
    const auto bad = [] { return refuse(rpc_code::parse_error, "parse error"); };
    if (ended_) return std::string_view{};
    at_ = skip_space(text_, at_);
    if (at_ >= text_.size()) return bad();
    if (text_[at_] == ']') {
        // "[1,]" is no JSON.
        if (!first_ || skip_space(text_, at_ + 1) != text_.size()) return bad();
        ended_ = true;
        return std::string_view{};
    }
    const std::size_t begin = at_;
    at_ = skip_value(text_, at_, json::depth_max - 1);
    if (at_ == npos) return bad();
    const std::string_view item = text_.substr(begin, at_ - begin);
    first_ = false;
    at_ = skip_space(text_, at_);
    if (at_ >= text_.size()) return bad();
    if (text_[at_] == ']') {
        if (skip_space(text_, at_ + 1) != text_.size()) return bad();
        ended_ = true;
    } else if (text_[at_] != ',') {
        return bad();
    } else {
        ++at_;
        if (first_character(text_.substr(at_)) == ']') return bad();
    }
    return item;
}

Result<RpcReplySpans> scan_reply(std::string_view text) {
    RpcReplySpans out;
    bool twice = false;
    const auto set = [&](std::string_view& member, std::string_view value) {
        twice = twice || !member.empty();
        member = value;
    };
    const std::size_t end = walk_object(text, 0, [&](std::string_view name, std::string_view value) {
        if (name == "id") set(out.id, value);
        if (name == "result") set(out.result, value);
        if (name == "error" && value != "null") set(out.error, value);
        return true;
    });
    if (end == npos || twice || skip_space(text, end) != text.size() || (out.result.empty() && out.error.empty())) {
        return fail(ErrorCode::data_loss, "no JSON-RPC reply");
    }
    if (!out.error.empty()) {
        const std::string_view code = member_of(out.error, "code");
        std::from_chars(code.data(), code.data() + code.size(), out.code);
        out.message = member_of(out.error, "message");
        if (out.message.size() >= 2) out.message = out.message.substr(1, out.message.size() - 2);
    }
    return out;
}

char first_character(std::string_view text) {
    const std::size_t at = skip_space(text, 0);
    return at < text.size() ? text[at] : '\0';
}

std::string_view member_of(std::string_view object, std::string_view name) {
    std::string_view found;
    static_cast<void>(walk_object(object, 0, [&](std::string_view candidate, std::string_view value) {
        if (candidate != name) return true;
        found = value;
        return false;
    }));
    return found;
}

void for_each_member(std::string_view object,
                     const std::function<void(std::string_view name, std::string_view value)>& member) {
    static_cast<void>(walk_object(object, 0, [&](std::string_view name, std::string_view value) {
        member(name, value);
        return true;
    }));
}

std::size_t items_of(std::string_view array, std::string_view* items, std::size_t count) {
    if (first_character(array) != '[') return npos;
    BatchScanner scanner(array);
    std::size_t found = 0;
    while (true) {
        const auto item = scanner.next();
        if (!item) return npos;
        if (item->empty()) return found;
        if (found < count) items[found] = *item;
        ++found;
    }
}

void for_each_item(std::string_view array, const std::function<void(std::string_view item)>& item) {
    if (first_character(array) != '[') return;
    BatchScanner scanner(array);
    while (true) {
        const auto next = scanner.next();
        if (!next || next->empty()) return;
        item(*next);
    }
}

std::string without_space(std::string_view json) {
    std::string out;
    out.reserve(json.size());
    std::size_t at = 0;
    while (at < json.size()) {
        if (json[at] == '"') {
            const std::size_t end = skip_string(json, at + 1);
            if (end == npos) break;
            out.append(json.substr(at, end - at));
            at = end;
        } else {
            if (!is_space(json[at])) out.push_back(json[at]);
            ++at;
        }
    }
    return out;
}

namespace {
std::string reply_text(std::string_view id, std::string_view name, std::string_view value) {
    std::string out;
    out.reserve(id.size() + value.size() + 40);
    out.append(R"({"jsonrpc":"2.0","id":)").append(id.empty() ? "null" : id).append(",\"").append(name).append("\":");
    out.append(value).push_back('}');
    return out;
}
}  // namespace

std::string rpc_result_text(std::string_view id, std::string_view result) { return reply_text(id, "result", result); }
std::string rpc_error_text(std::string_view id, std::string_view error) { return reply_text(id, "error", error); }

}  // namespace weft::net
