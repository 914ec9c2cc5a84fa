#include "service/gateway/params.hpp"

#include "base/hex.hpp"
#include "service/gateway/errors.hpp"

namespace weft::service::gateway {

namespace read {

namespace {

bool has_prefix(std::string_view text) {
    return text.size() >= 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
}

/// hexutil's texts for a string that is no number; base has the others.
Result<std::string_view> quantity_text(const json::Value& value, std::string_view type) {
    if (!value.is_string()) return wrong_type("non-string", type);
    const std::string_view text = value.text();
    if (text.empty()) return wrong_type("empty hex string", type);
    if (text.size() == 2 && has_prefix(text)) return wrong_type("hex string \"0x\"", type);
    return text;
}

template <class Fixed>
Result<Fixed> fixed(const json::Value& value, std::string_view type) {
    if (!value.is_string()) return wrong_type("non-string", type);
    const std::string_view text = value.text();
    if (text.empty()) return wrong_type("empty hex string", type);
    if (!has_prefix(text)) return wrong_type("hex string without 0x prefix", type);
    const std::string_view digits = text.substr(2);
    if (digits.size() % 2 != 0) return wrong_type("hex string of odd length", type);
    if (digits.size() != 2 * Fixed::size) {
        return fail(ErrorCode::invalid_argument, "hex string has length " + std::to_string(digits.size()) + ", want " +
                                                     std::to_string(2 * Fixed::size) + " for " + std::string(type));
    }
    Fixed out;
    for (std::size_t i = 0; i < Fixed::size; ++i) {
        const int high = hex_digit(digits[2 * i]);
        const int low = hex_digit(digits[2 * i + 1]);
        if (high < 0 || low < 0) return wrong_type("invalid hex string", type);
        out.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
    }
    return out;
}

/// Geth keeps block numbers in a signed 64-bit number; the negative ones are its tags.
Result<api::BlockRef> numbered(std::string_view text, bool number_only) {
    if (text.empty()) return fail(ErrorCode::invalid_argument, "empty hex string");
    WEFT_TRY(const std::uint64_t number, quantity_from_hex(text));
    if (number >> 63 != 0) {
        return fail(ErrorCode::invalid_argument,
                    number_only ? "block number larger than int64" : "blocknumber too high");
    }
    return api::BlockRef::at(number);
}

std::optional<api::BlockTag> tag_of(std::string_view text) {
    if (text == "latest") return api::BlockTag::latest;
    if (text == "pending") return api::BlockTag::pending;
    if (text == "safe") return api::BlockTag::safe;
    if (text == "finalized") return api::BlockTag::finalized;
    if (text == "earliest") return api::BlockTag::earliest;
    return std::nullopt;
}

Result<api::BlockRef> block_object(const json::Value& value) {
    const json::Value& block_hash = value["blockHash"];
    const json::Value& number = value["blockNumber"];
    if (!block_hash.is_null() && !number.is_null()) {
        return fail(ErrorCode::invalid_argument,
                    "cannot specify both BlockHash and BlockNumber, choose one or the other");
    }
    if (!number.is_null()) return block(number, true);
    if (block_hash.is_null()) return fail(ErrorCode::invalid_argument, "block number or hash is needed");
    WEFT_TRY(const Hash hash_value, hash(block_hash));
    api::BlockRef out = api::BlockRef::with_hash(hash_value);
    if (const json::Value& canonical = value["requireCanonical"]; !canonical.is_null()) {
        WEFT_TRY(out.require_canonical, boolean(canonical));
    }
    return out;
}

}  // namespace

std::unexpected<Error> wrong_type(std::string_view what, std::string_view type) {
    return fail(ErrorCode::invalid_argument,
                "json: cannot unmarshal " + std::string(what) + " into Go value of type " + std::string(type));
}

std::string_view kind_name(const json::Value& value) {
    switch (value.kind()) {
        case json::Kind::boolean: return "bool";
        case json::Kind::number: return "number";
        case json::Kind::string: return "string";
        case json::Kind::array: return "array";
        case json::Kind::object: return "object";
        default: return "null";
    }
}

Result<Address> address(const json::Value& value) { return fixed<Address>(value, "common.Address"); }
Result<Hash> hash(const json::Value& value) { return fixed<Hash>(value, "common.Hash"); }

Result<std::uint64_t> quantity(const json::Value& value, std::string_view type) {
    WEFT_TRY(const std::string_view text, quantity_text(value, type));
    auto number = quantity_from_hex(text);
    if (!number) return wrong_type(number.error().message, type);
    return *number;
}

Result<U256> big(const json::Value& value, std::string_view type) {
    WEFT_TRY(const std::string_view text, quantity_text(value, type));
    auto number = u256_from_quantity(text);
    if (!number) return wrong_type(number.error().message, type);
    return *number;
}

Result<Bytes> data(const json::Value& value) {
    if (!value.is_string()) return wrong_type("non-string", "hexutil.Bytes");
    if (value.text().empty()) return wrong_type("empty hex string", "hexutil.Bytes");
    auto bytes = from_hex(value.text());
    if (!bytes) return wrong_type(bytes.error().message, "hexutil.Bytes");
    return bytes;
}

Result<bool> boolean(const json::Value& value) {
    if (!value.is_boolean()) return wrong_type(kind_name(value), "bool");
    return value.as_boolean();
}

Result<std::string> text(const json::Value& value) {
    if (!value.is_string()) return wrong_type(kind_name(value), "string");
    return value.text();
}

Result<api::BlockRef> block(const json::Value& value, bool number_only) {
    if (value.is_object() && !number_only) return block_object(value);
    if (!value.is_string() && !value.is_number()) {
        return wrong_type(kind_name(value), number_only ? "rpc.BlockNumber" : "rpc.BlockNumberOrHash");
    }
    if (value.is_string()) {
        if (const auto tag = tag_of(value.text())) return api::BlockRef{*tag, 0, {}, false};
        if (value.text().size() == 66 && !number_only) {
            WEFT_TRY(const Hash hash_value, hash(value));
            return api::BlockRef::with_hash(hash_value);
        }
    }
    return numbered(value.text(), number_only);
}

Result<Hash> storage_key(std::string_view text) {
    std::string_view digits = has_prefix(text) ? text.substr(2) : text;
    const auto quoted = [&] { return json::quote(text.substr(0, 100)); };
    if (digits.size() > 64) return invalid_params("storage key too long (want at most 32 bytes): " + quoted());
    Hash out;
    std::size_t at = 64 - digits.size();
    for (const char character : digits) {
        const int digit = hex_digit(character);
        if (digit < 0) return invalid_params("invalid hex in storage key: " + quoted());
        out.bytes[at / 2] |= static_cast<std::uint8_t>(at % 2 == 0 ? digit << 4 : digit);
        ++at;
    }
    return out;
}

Result<U256> any_number(const json::Value& value) {
    if (!value.is_number() && !value.is_string()) return wrong_type(kind_name(value), "number");
    auto number = u256_from_number(value.text());
    if (!number) return fail(ErrorCode::invalid_argument, number.error().message);
    return *number;
}

Result<std::uint64_t> any_u64(const json::Value& value) {
    WEFT_TRY(const U256 number, any_number(value));
    if (!number.fits_u64()) return fail(ErrorCode::invalid_argument, "number > 64 bits");
    return number.low();
}

Result<U256> any_word(const json::Value& value) {
    if (value.is_number()) return any_number(value);
    if (!value.is_string()) return wrong_type(kind_name(value), "string");
    WEFT_TRY(const Hash word, storage_key(value.text()));
    return U256::from_bytes(word);
}

}  // namespace read

const json::Value& Params::at(std::size_t index) const {
    static const json::Value none;
    const auto& items = values_->items();
    return index < items.size() ? items[index] : none;
}

Result<void> Params::check_count(std::size_t count_max) const {
    if (!values_->is_array() && !values_->is_null()) return invalid_params("non-array args");
    if (size() > count_max) return invalid_params("too many arguments, want at most " + std::to_string(count_max));
    return {};
}

std::unexpected<Error> Params::missing(std::size_t index) {
    return invalid_params("missing value for required argument " + std::to_string(index));
}

Error Params::about(std::size_t index, Error error) {
    if (error.detail != 0) return error;
    error.message = "invalid argument " + std::to_string(index) + ": " + error.message;
    error.detail = code::invalid_params;
    return error;
}

}  // namespace weft::service::gateway
