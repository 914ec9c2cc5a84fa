// Ethereum's scalars, read into the one form that JSON-RPC takes.

#include "api/web/graphql_objects.hpp"
#include "api/web/number.hpp"
#include "base/hex.hpp"

namespace weft::api::web {

namespace {

std::unexpected<Error> wrong(std::string_view type, const json::Value& value, std::string_view why) {
    return fail(ErrorCode::invalid_argument,
                std::string(type) + " cannot represent the value " + json::to_string(value) + ": " + std::string(why));
}

Result<json::Value> read_bytes(std::string_view type, const json::Value& value, std::size_t size) {
    if (!value.is_string()) return wrong(type, value, "a hexadecimal string is due");
    const auto bytes = from_hex(value.text());
    if (!bytes) return wrong(type, value, bytes.error().message);
    if (size != 0 && bytes->size() != size)
        return wrong(type, value, "it has " + std::to_string(bytes->size()) + " bytes");
    return json::Value::string(to_hex(*bytes));
}

Result<json::Value> read_integer(std::string_view type, const json::Value& value, bool is_long) {
    if (!value.is_string() && !value.is_number()) return wrong(type, value, "a number is due");
    const auto number = read_number(value.text());
    if (!number) return wrong(type, value, number.error().message);
    if (is_long && !number->fits_u64()) return wrong(type, value, "it is above 64 bits");
    return json::Value::string(to_quantity(*number));
}

}  // namespace

void bind_scalars(Schema& schema) {
    schema.scalar("Bytes32", [](const json::Value& value) { return read_bytes("Bytes32", value, Hash::size); });
    schema.scalar("Address", [](const json::Value& value) { return read_bytes("Address", value, Address::size); });
    schema.scalar("Bytes", [](const json::Value& value) { return read_bytes("Bytes", value, 0); });
    schema.scalar("BigInt", [](const json::Value& value) { return read_integer("BigInt", value, false); });
    schema.scalar("Long", [](const json::Value& value) { return read_integer("Long", value, true); });
}

}  // namespace weft::api::web
