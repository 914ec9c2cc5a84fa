#include "chain/abi.hpp"

#include <algorithm>
#include <charconv>

#include "base/hex.hpp"
#include "crypto/keccak.hpp"

namespace weft::chain::abi {

namespace {

constexpr std::size_t word = 32;

std::unexpected<Error> wrong(std::string what) { return fail(ErrorCode::invalid_argument, std::move(what)); }

bool read_count(std::string_view text, std::size_t most, std::size_t& out) {
    if (text.empty() || (text.size() > 1 && text[0] == '0')) return false;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size() && out <= most;
}

/// Parts between commas that stand in no parentheses.
std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> out;
    if (text.empty()) return out;
    int depth = 0;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '(') ++depth;
        if (text[i] == ')') --depth;
        if (text[i] != ',' || depth != 0) continue;
        out.push_back(text.substr(begin, i - begin));
        begin = i + 1;
    }
    out.push_back(text.substr(begin));
    return out;
}

Result<Type> parse_at(std::string_view text, int depth);

Result<Type> parse_tuple(std::string_view inside, int depth) {
    Type out;
    out.kind = Kind::tuple;
    for (const auto part : split(inside)) {
        WEFT_TRY(auto type, parse_at(part, depth + 1));
        out.parts.push_back(std::move(type));
    }
    return out;
}

Result<Type> parse_elementary(std::string_view text) {
    Type out;
    const auto unknown = [&] { return wrong("unknown type " + std::string(text.substr(0, 80))); };
    if (text == "bool") {
        out.kind = Kind::boolean;
    } else if (text == "address") {
        out.kind = Kind::address;
    } else if (text == "string") {
        out.kind = Kind::string;
    } else if (text == "bytes") {
        out.kind = Kind::bytes;
    } else if (text.starts_with("bytes")) {
        out.kind = Kind::fixed_bytes;
        if (!read_count(text.substr(5), word, out.size) || out.size == 0) return unknown();
    } else {
        out.is_signed = text.starts_with("int");
        if (!out.is_signed && !text.starts_with("uint")) return unknown();
        const auto digits = text.substr(out.is_signed ? 3 : 4);
        std::size_t bits = 256;
        if (!digits.empty() && (!read_count(digits, 256, bits) || bits == 0 || bits % 8 != 0)) return unknown();
        out.bits = static_cast<std::uint16_t>(bits);
    }
    return out;
}

Result<Type> parse_at(std::string_view text, int depth) {
    if (depth > depth_max) return wrong("a type nested too deeply");
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    if (text.ends_with(']')) {
        const auto open = text.rfind('[');
        if (open == std::string_view::npos || open == 0)
            return wrong("unknown type " + std::string(text.substr(0, 80)));
        Type out;
        const auto count = text.substr(open + 1, text.size() - open - 2);
        out.kind = count.empty() ? Kind::array : Kind::fixed_array;
        if (!count.empty() && !read_count(count, items_max, out.size)) {
            return wrong("unknown type " + std::string(text.substr(0, 80)));
        }
        WEFT_TRY(auto part, parse_at(text.substr(0, open), depth + 1));
        out.parts.push_back(std::move(part));
        return out;
    }
    if (text.starts_with('(') && text.ends_with(')')) return parse_tuple(text.substr(1, text.size() - 2), depth);
    return parse_elementary(text);
}

// --- encoding

Result<U256> number_of(const Type& type, const json::Value& value) {
    std::string_view text = value.text();
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    const auto magnitude = u256_from_number(text);
    if (!(value.is_number() || value.is_string()) || !magnitude || (negative && !type.is_signed)) {
        return wrong("\"" + value.text().substr(0, 80) + "\" is no " + type.to_string());
    }
    const unsigned limit = type.bits - (type.is_signed ? 1U : 0U);
    const U256 bound = limit == 256 ? U256{} : U256(1) << limit;
    const bool fits = limit == 256 || *magnitude < bound || (negative && *magnitude == bound);
    if (!fits) return wrong(value.text().substr(0, 80) + " is too large for " + type.to_string());
    return negative ? -*magnitude : *magnitude;
}

void append_word(Bytes& out, const U256& value) { append(out, value.to_hash()); }

/// Data and zeros up to a whole word.
void append_padded(Bytes& out, BytesView data) {
    append(out, data);
    out.resize((out.size() + word - 1) / word * word);
}

Result<Bytes> bytes_of(const Type& type, const json::Value& value) {
    if (!value.is_string()) return wrong("a " + type.to_string() + " is no string");
    if (type.kind == Kind::string) return to_bytes(as_bytes(value.text()));
    auto bytes = from_hex(value.text());
    if (!bytes) return wrong("\"" + value.text().substr(0, 80) + "\" is no " + type.to_string());
    return bytes;
}

Result<void> encode_to(Bytes& out, const Type& type, const json::Value& value);

/// Heads, then the tails they point to.
Result<void> encode_parts(Bytes& out, const std::vector<const Type*>& types, const std::vector<json::Value>& values) {
    if (types.size() != values.size()) {
        return wrong(std::to_string(values.size()) + " values where " + std::to_string(types.size()) + " belong");
    }
    std::size_t head_size = 0;
    for (const auto* type : types) head_size += type->head_size();
    Bytes tails;
    for (std::size_t i = 0; i < types.size(); ++i) {
        if (types[i]->is_dynamic()) {
            append_word(out, U256(head_size + tails.size()));
            WEFT_CHECK(encode_to(tails, *types[i], values[i]));
        } else {
            WEFT_CHECK(encode_to(out, *types[i], values[i]));
        }
    }
    append(out, tails);
    return {};
}

Result<void> encode_list(Bytes& out, const Type& type, const json::Value& value) {
    if (!value.is_array()) return wrong("a " + type.to_string() + " is an array");
    const auto& values = value.items();
    std::vector<const Type*> types;
    if (type.kind == Kind::tuple) {
        for (const auto& part : type.parts) types.push_back(&part);
    } else {
        types.assign(type.kind == Kind::array ? values.size() : type.size, &type.parts[0]);
    }
    if (type.kind == Kind::array) append_word(out, U256(values.size()));
    return encode_parts(out, types, values);
}

Result<void> encode_to(Bytes& out, const Type& type, const json::Value& value) {
    switch (type.kind) {
        case Kind::number: {
            WEFT_TRY(const auto number, number_of(type, value));
            append_word(out, number);
            return {};
        }
        case Kind::boolean:
            if (value.kind() != json::Kind::boolean) return wrong("a bool is true or false");
            append_word(out, U256(value.as_boolean() ? 1 : 0));
            return {};
        case Kind::address: {
            WEFT_TRY(const auto bytes, bytes_of(type, value));
            if (bytes.size() != Address::size) return wrong("\"" + value.text().substr(0, 80) + "\" is no address");
            append_word(out, U256::from_bytes(bytes));
            return {};
        }
        case Kind::fixed_bytes: {
            WEFT_TRY(const auto bytes, bytes_of(type, value));
            if (bytes.size() != type.size)
                return wrong(std::to_string(bytes.size()) + " bytes are no " + type.to_string());
            append_padded(out, bytes);
            return {};
        }
        case Kind::bytes:
        case Kind::string: {
            WEFT_TRY(const auto bytes, bytes_of(type, value));
            append_word(out, U256(bytes.size()));
            append_padded(out, bytes);
            return {};
        }
        default: return encode_list(out, type, value);
    }
}

// --- decoding

class Decoder {
  public:
    /// @param data  the frame that offsets count from. @param at  of the value's head in it.
    Result<json::Value> value(const Type& type, BytesView data, std::size_t at) {
        if (++items_ > items_max) return wrong("more items than allowed");
        if (!type.is_dynamic()) return in_place(type, data, at);
        WEFT_TRY(const auto offset, word_at(data, at));
        if (!offset.fits_u64() || offset.low() > data.size()) return wrong("an offset that leads out of the data");
        return dynamic(type, data.subspan(offset.low()));
    }

    Result<json::Value> parts(const std::vector<const Type*>& types, BytesView data) {
        std::vector<json::Value> out;
        std::size_t at = 0;
        for (const auto* type : types) {
            WEFT_TRY(auto item, value(*type, data, at));
            out.push_back(std::move(item));
            at += type->head_size();
        }
        return json::Value::array(std::move(out));
    }

  private:
    static Result<U256> word_at(BytesView data, std::size_t at) {
        if (at > data.size() || data.size() - at < word) return wrong("the data is too short");
        return U256::from_bytes(data.subspan(at, word));
    }

    Result<json::Value> in_place(const Type& type, BytesView data, std::size_t at) {
        if (type.kind == Kind::tuple || type.kind == Kind::fixed_array) {
            if (at > data.size()) return wrong("the data is too short");
            return list(type, type.size, data.subspan(at));
        }
        WEFT_TRY(const auto number, word_at(data, at));
        switch (type.kind) {
            case Kind::number: return decimal(type, number);
            case Kind::boolean:
                if (number > U256(1)) return wrong("a bool above 1");
                return json::Value::boolean(!number.is_zero());
            case Kind::address:
                if (number.bit_length() > 160) return wrong("an address of more than 20 bytes");
                return json::Value::string(to_hex(Address::from(number.to_hash())));
            default: {  // fixed bytes
                const Hash bytes = number.to_hash();
                const BytesView view = bytes;
                if (std::ranges::any_of(view.subspan(type.size), [](auto byte) { return byte != 0; })) {
                    return wrong("a " + type.to_string() + " with more bytes");
                }
                return json::Value::string(to_hex(view.first(type.size)));
            }
        }
    }

    static Result<json::Value> decimal(const Type& type, const U256& number) {
        const bool negative = type.is_signed && number.bit(255);
        const U256 magnitude = negative ? -number : number;
        const unsigned limit = type.bits - (type.is_signed ? 1U : 0U);
        const bool least = negative && limit < 256 && magnitude == U256(1) << limit;
        if (magnitude.bit_length() > limit && !least) return wrong("a number too large for " + type.to_string());
        return json::Value::string((negative ? "-" : "") + to_decimal(magnitude));
    }

    Result<json::Value> dynamic(const Type& type, BytesView data) {
        if (type.kind == Kind::tuple || type.kind == Kind::fixed_array) return list(type, type.size, data);
        WEFT_TRY(const auto count, word_at(data, 0));
        const auto rest = data.subspan(word);
        if (type.kind == Kind::array) {
            // An item takes a word at least, but for those of no size, which nothing bounds.
            const std::size_t item = std::max<std::size_t>(type.parts[0].head_size(), 1);
            if (!count.fits_u64() || count.low() > rest.size() / item) return wrong("an array longer than the data");
            return list(type, count.low(), rest);
        }
        if (!count.fits_u64() || count.low() > rest.size()) return wrong("bytes longer than the data");
        const auto bytes = rest.first(count.low());
        return json::Value::string(type.kind == Kind::string ? std::string(as_text(bytes)) : to_hex(bytes));
    }

    Result<json::Value> list(const Type& type, std::size_t count, BytesView data) {
        std::vector<const Type*> types;
        if (type.kind == Kind::tuple) {
            for (const auto& part : type.parts) types.push_back(&part);
        } else {
            if (count > items_max) return wrong("more items than allowed");
            types.assign(count, &type.parts[0]);
        }
        return parts(types, data);
    }

    std::size_t items_ = 0;
};

}  // namespace

bool Type::is_dynamic() const {
    switch (kind) {
        case Kind::bytes:
        case Kind::string:
        case Kind::array: return true;
        case Kind::fixed_array:
        case Kind::tuple: return std::ranges::any_of(parts, &Type::is_dynamic);
        default: return false;
    }
}

std::size_t Type::head_size() const {
    if (is_dynamic()) return word;
    if (kind == Kind::fixed_array) return size * parts[0].head_size();
    if (kind != Kind::tuple) return word;
    std::size_t sum = 0;
    for (const auto& part : parts) sum += part.head_size();
    return sum;
}

std::string Type::to_string() const {
    switch (kind) {
        case Kind::number: return (is_signed ? "int" : "uint") + std::to_string(bits);
        case Kind::boolean: return "bool";
        case Kind::address: return "address";
        case Kind::fixed_bytes: return "bytes" + std::to_string(size);
        case Kind::bytes: return "bytes";
        case Kind::string: return "string";
        case Kind::array: return parts[0].to_string() + "[]";
        case Kind::fixed_array: return parts[0].to_string() + "[" + std::to_string(size) + "]";
        case Kind::tuple: break;
    }
    std::string out = "(";
    for (const auto& part : parts) out += (out.size() > 1 ? "," : "") + part.to_string();
    return out + ")";
}

Result<Type> parse_type(std::string_view text) { return parse_at(text, 0); }

Bytes Signature::selector() const {
    const Hash hash = crypto::keccak256(as_bytes(name + arguments.to_string()));
    return to_bytes(hash.view().first(4));
}

Result<Signature> parse_signature(std::string_view text) {
    Signature out;
    const auto open = text.find('(');
    const bool is_call = open != std::string_view::npos && open != 0 && text.ends_with(')') &&
                         text.substr(0, open).find(',') == std::string_view::npos;
    if (is_call) {
        out.name = text.substr(0, open);
        text = text.substr(open + 1, text.size() - open - 2);
    }
    WEFT_TRY(out.arguments, parse_tuple(text, 0));
    return out;
}

Result<Bytes> encode(const Type& type, const json::Value& value) {
    Bytes out;
    WEFT_CHECK(encode_to(out, type, value));
    return out;
}

Result<json::Value> decode(const Type& type, BytesView data) {
    Decoder decoder;
    // The arguments of a call are a tuple without an offset of its own.
    if (type.kind != Kind::tuple) return decoder.value(type, data, 0);
    std::vector<const Type*> types;
    for (const auto& part : type.parts) types.push_back(&part);
    return decoder.parts(types, data);
}

}  // namespace weft::chain::abi
