#include "service/gateway/typed_data.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/hex.hpp"
#include "base/u256.hpp"
#include "crypto/keccak.hpp"

namespace weft::service::gateway {

namespace {

/// Structs inside structs; the message's own depth is bounded by the JSON reader.
constexpr int depth_max = 64;

struct Member {
    std::string name;
    std::string type;
};
using Types = std::map<std::string, std::vector<Member>, std::less<>>;

std::unexpected<Error> refuse(std::string message) {
    return fail(ErrorCode::invalid_argument, "typed data: " + std::move(message));
}

Result<Types> read_types(const json::Value& value) {
    if (!value.is_object()) return refuse("types is no object");
    Types out;
    for (const auto& [name, members] : value.members()) {
        auto& list = out[name];
        for (const auto& member : members.items()) {
            if (!member["name"].is_string() || !member["type"].is_string())
                return refuse("a member of " + name + " has no name or type");
            list.push_back({member["name"].text(), member["type"].text()});
        }
    }
    return out;
}

/// The domain's type may be left out: it follows from the fields that are there, in the standard's order.
std::vector<Member> domain_type(const json::Value& domain) {
    std::vector<Member> out;
    const Member all[] = {{"name", "string"},
                          {"version", "string"},
                          {"chainId", "uint256"},
                          {"verifyingContract", "address"},
                          {"salt", "bytes32"}};
    for (const auto& member : all) {
        if (domain.find(member.name) != nullptr) out.push_back(member);
    }
    return out;
}

std::string_view base_type(std::string_view type) { return type.substr(0, type.find('[')); }

void collect(const Types& types, std::string_view name, std::set<std::string, std::less<>>& out) {
    const auto found = types.find(name);
    if (found == types.end() || out.contains(name)) return;
    out.emplace(name);
    for (const auto& member : found->second) collect(types, base_type(member.type), out);
}

/// "Mail(Person from,Person to,string contents)Person(string name,address wallet)"
std::string encode_type(const Types& types, std::string_view primary) {
    std::set<std::string, std::less<>> used;
    collect(types, primary, used);
    used.erase(std::string(primary));
    std::vector<std::string> order{std::string(primary)};
    order.insert(order.end(), used.begin(), used.end());
    std::string out;
    for (const auto& name : order) {
        out += name + "(";
        bool first = true;
        for (const auto& member : types.find(name)->second) {
            if (!first) out += ",";
            first = false;
            out += member.type + " " + member.name;
        }
        out += ")";
    }
    return out;
}

class Encoder {
  public:
    explicit Encoder(const Types& types) : types_(types) {}

    Result<Hash> hash_struct(std::string_view type, const json::Value& value, int depth) const {
        if (depth > depth_max) return refuse("nested too deeply");
        const auto found = types_.find(type);
        if (found == types_.end()) return refuse("unknown type " + std::string(type));
        if (!value.is_object()) return refuse("a " + std::string(type) + " is no object");
        Bytes data;
        append(data, crypto::keccak256(as_bytes(encode_type(types_, type))));
        for (const auto& member : found->second) {
            const json::Value* const field = value.find(member.name);
            // A struct that is null counts as zero: that is how recursive types end.
            if ((field == nullptr || field->is_null()) && types_.contains(base_type(member.type)) &&
                !member.type.ends_with(']')) {
                append(data, Hash{});
                continue;
            }
            if (field == nullptr) return refuse(std::string(type) + " lacks " + member.name);
            WEFT_TRY(const Hash word, encode(member.type, *field, depth + 1));
            append(data, word);
        }
        return crypto::keccak256(data);
    }

  private:
    Result<Hash> encode(std::string_view type, const json::Value& value, int depth) const {
        if (type.ends_with(']')) return encode_array(type, value, depth);
        if (types_.contains(type)) return hash_struct(type, value, depth);
        if (type == "string") {
            if (!value.is_string()) return refuse("a string is none");
            return crypto::keccak256(as_bytes(value.text()));
        }
        if (type == "bool") return encode_bool(value);
        if (type == "bytes") {
            WEFT_TRY(const Bytes bytes, bytes_of(value));
            return crypto::keccak256(bytes);
        }
        if (type == "address") {
            auto address = fixed_from_hex<Address>(value.text());
            if (!value.is_string() || !address) return refuse("an address is none");
            return Hash::from(*address);
        }
        if (type.starts_with("bytes")) return encode_fixed_bytes(type, value);
        if (type.starts_with("uint")) return encode_integer(type, type.substr(4), false, value);
        if (type.starts_with("int")) return encode_integer(type, type.substr(3), true, value);
        return refuse("unknown type " + std::string(type));
    }

    Result<Hash> encode_array(std::string_view type, const json::Value& value, int depth) const {
        if (depth > depth_max) return refuse("nested too deeply");
        const auto open = type.rfind('[');
        if (open == std::string_view::npos || !value.is_array())
            return refuse("a " + std::string(type) + " is no array");
        const std::string_view size = type.substr(open + 1, type.size() - open - 2);
        if (!size.empty() && std::to_string(value.items().size()) != size)
            return refuse("a " + std::string(type) + " has another length");
        Bytes data;
        for (const auto& item : value.items()) {
            WEFT_TRY(const Hash word, encode(type.substr(0, open), item, depth + 1));
            append(data, word);
        }
        return crypto::keccak256(data);
    }

    static Result<Hash> encode_bool(const json::Value& value) {
        if (!value.is_boolean()) return refuse("a bool is none");
        Hash out;
        out.bytes[31] = value.as_boolean() ? 1 : 0;
        return out;
    }

    static Result<Bytes> bytes_of(const json::Value& value) {
        auto bytes = from_hex(value.text());
        if (!value.is_string() || !bytes) return refuse("bytes are none");
        return bytes;
    }

    static std::optional<unsigned> number_of(std::string_view digits) {
        if (digits.empty() || digits.size() > 3) return std::nullopt;
        unsigned out = 0;
        for (const char digit : digits) {
            if (digit < '0' || digit > '9') return std::nullopt;
            out = out * 10 + static_cast<unsigned>(digit - '0');
        }
        return out;
    }

    static Result<Hash> encode_fixed_bytes(std::string_view type, const json::Value& value) {
        const auto size = number_of(type.substr(5));
        if (!size || *size == 0 || *size > 32) return refuse("unknown type " + std::string(type));
        WEFT_TRY(const Bytes bytes, bytes_of(value));
        if (bytes.size() != *size) return refuse("a " + std::string(type) + " has another length");
        Hash out;
        std::ranges::copy(bytes, out.bytes.begin());
        return out;
    }

    static Result<Hash> encode_integer(std::string_view type, std::string_view width, bool is_signed,
                                       const json::Value& value) {
        const auto bits = width.empty() ? 256U : number_of(width).value_or(0);
        if (bits == 0 || bits > 256 || bits % 8 != 0) return refuse("unknown type " + std::string(type));
        if (!value.is_string() && !value.is_number()) return refuse("a " + std::string(type) + " is no number");
        std::string_view text = value.text();
        const bool negative = text.starts_with('-');
        if (negative) text.remove_prefix(1);
        const auto magnitude = u256_from_number(text);
        if (!magnitude) return refuse("a " + std::string(type) + " is no number");
        const unsigned value_bits = is_signed ? bits - 1 : bits;
        const U256 limit =
            value_bits == 256 ? U256{} : U256{1} << value_bits;  // of a positive value, excluded; 0: none
        const bool fits = negative ? is_signed && *magnitude <= limit : limit.is_zero() || *magnitude < limit;
        if (!fits) return refuse("a number does not fit " + std::string(type));
        return (negative ? -*magnitude : *magnitude).to_hash();
    }

    const Types& types_;
};

}  // namespace

Result<Hash> typed_data_hash(const json::Value& document) {
    if (!document.is_object()) return refuse("no object");
    const json::Value& domain = document["domain"];
    const json::Value& primary = document["primaryType"];
    if (!domain.is_object() || !primary.is_string()) return refuse("domain or primaryType is missing");
    WEFT_TRY(Types types, read_types(document["types"]));
    if (!types.contains("EIP712Domain")) types["EIP712Domain"] = domain_type(domain);
    const Encoder encoder(types);
    Bytes data{0x19, 0x01};
    WEFT_TRY(const Hash domain_hash, encoder.hash_struct("EIP712Domain", domain, 0));
    append(data, domain_hash);
    if (primary.text() != "EIP712Domain") {
        WEFT_TRY(const Hash message_hash, encoder.hash_struct(primary.text(), document["message"], 0));
        append(data, message_hash);
    }
    return crypto::keccak256(data);
}

}  // namespace weft::service::gateway
