#include "net/graphql/coerce.hpp"

#include <algorithm>
#include <set>

namespace weft::net::graphql {

namespace {

std::unexpected<Error> wrong_value(std::string message) {
    return fail(ErrorCode::invalid_argument, std::move(message));
}

/// A literal of a scalar or enumeration as the JSON that a variable would have.
json::Value plain_json(const Value& value) {
    switch (value.kind) {
        case Value::Kind::integer:
        case Value::Kind::real: return json::Value::number(value.text);
        case Value::Kind::boolean: return json::Value::boolean(value.text == "true");
        case Value::Kind::string:
        case Value::Kind::enumeration: return json::Value::string(value.text);
        case Value::Kind::list: return json::Value::array({});
        case Value::Kind::object: return json::Value::object({});
        default: return {};
    }
}

Result<json::Value> read_leaf(const Type& type, const json::Value& value) {
    if (type.kind == Type::Kind::scalar) return type.scalar(value);
    if (value.is_string() && std::ranges::find(type.values, value.text()) != type.values.end()) return value;
    return wrong_value("Value " + json::to_string(value) + " does not exist in \"" + type.name + "\" enum.");
}

/// @p make gives the coerced value of a field, or nothing if it was not given; defaults are put in here.
template <class Make>
Result<json::Value> read_members(const Schema& schema, const Type& type, Make make) {
    std::vector<json::Value::Member> out;
    for (const auto& input : type.inputs) {
        Result<std::optional<json::Value>> value = make(input);
        if (!value) return std::unexpected(std::move(value).error());
        if (!value->has_value() && input.default_value) {
            value = read_literal(schema, input.type, *input.default_value, json::Value{});
            if (!value) return std::unexpected(std::move(value).error());
        }
        if (value->has_value()) {
            out.emplace_back(input.name, **std::move(value));
        } else if (input.type.non_null) {
            return wrong_value("Field \"" + input.name + "\" of required type \"" + to_text(input.type) +
                               "\" was not provided.");
        }
    }
    return json::Value::object(std::move(out));
}

Result<json::Value> read_object(const Schema& schema, const Type& type, const json::Value& value) {
    if (!value.is_object()) return wrong_value("Expected type \"" + type.name + "\" to be an object.");
    for (const auto& [name, unused] : value.members()) {
        if (type.input(name) == nullptr) {
            return wrong_value("Field \"" + name + "\" is not defined by type \"" + type.name + "\".");
        }
    }
    return read_members(schema, type, [&](const Input& input) -> Result<std::optional<json::Value>> {
        const json::Value* const member = value.find(input.name);
        if (member == nullptr) return std::optional<json::Value>();
        auto read = read_variable(schema, input.type, *member);
        if (!read) return wrong_value("at \"" + input.name + "\": " + read.error().message);
        return std::optional(*std::move(read));
    });
}

void check_object(const Schema& schema, const Type& type, const Value& value, const LiteralCheck& check) {
    if (value.kind != Value::Kind::object) {
        return check.wrong("Expected value of type \"" + type.name + "\", found " + to_text(value) + ".", value.at);
    }
    std::set<std::string_view> seen;
    for (const auto& member : value.members) {
        const Input* const input = type.input(member.name);
        if (!seen.insert(member.name).second) {
            check.wrong("There can be only one input field named \"" + member.name + "\".", member.at);
        } else if (input == nullptr) {
            check.wrong("Field \"" + member.name + "\" is not defined by type \"" + type.name + "\".", member.at);
        } else {
            check_literal(schema, input->type, member.value, check, input->default_value.has_value());
        }
    }
    for (const auto& input : type.inputs) {
        if (input.is_required() && !seen.contains(input.name)) {
            check.wrong("Field \"" + type.name + "." + input.name + "\" of required type \"" + to_text(input.type) +
                            "\" was not provided.",
                        value.at);
        }
    }
}

}  // namespace

Result<json::Value> read_variable(const Schema& schema, const TypeReference& type, const json::Value& value) {
    if (value.is_null()) {
        if (type.non_null) return wrong_value("Expected non-nullable type \"" + to_text(type) + "\" not to be null.");
        return value;
    }
    if (type.item) {
        std::vector<json::Value> items;
        if (!value.is_array()) {
            WEFT_TRY(auto one, read_variable(schema, *type.item, value));
            items.push_back(std::move(one));
            return json::Value::array(std::move(items));
        }
        for (std::size_t i = 0; i < value.items().size(); ++i) {
            auto item = read_variable(schema, *type.item, value.items()[i]);
            if (!item) return wrong_value("at [" + std::to_string(i) + "]: " + item.error().message);
            items.push_back(*std::move(item));
        }
        return json::Value::array(std::move(items));
    }
    const Type& named = *schema.type(type.name);
    return named.kind == Type::Kind::input ? read_object(schema, named, value) : read_leaf(named, value);
}

void check_literal(const Schema& schema, const TypeReference& type, const Value& value, const LiteralCheck& check,
                   bool has_default) {
    if (value.kind == Value::Kind::variable) return check.variable(value, type, has_default);
    const auto expected = [&] {
        check.wrong("Expected value of type \"" + to_text(type) + "\", found " + to_text(value) + ".", value.at);
    };
    if (value.kind == Value::Kind::null) return type.non_null ? expected() : void();
    if (type.item) {
        if (value.kind != Value::Kind::list) return check_literal(schema, *type.item, value, check);
        for (const auto& item : value.items) check_literal(schema, *type.item, item, check);
        return;
    }
    const Type& named = *schema.type(type.name);
    if (named.kind == Type::Kind::input) return check_object(schema, named, value, check);
    const bool is_enumeration = named.kind == Type::Kind::enumeration;
    if ((value.kind == Value::Kind::enumeration) != is_enumeration) return expected();
    if (const auto read = read_leaf(named, plain_json(value)); !read) check.wrong(read.error().message, value.at);
}

Result<std::optional<json::Value>> read_literal(const Schema& schema, const TypeReference& type, const Value& value,
                                                const json::Value& variables) {
    if (value.kind == Value::Kind::variable) {
        const json::Value* const given = variables.find(value.text);
        if (given == nullptr) return std::optional<json::Value>();
        if (given->is_null() && type.non_null) {
            return wrong_value("Variable \"$" + value.text + "\" must not be null where \"" + to_text(type) +
                               "\" is due.");
        }
        return std::optional(*given);
    }
    if (value.kind == Value::Kind::null) return std::optional(json::Value{});
    if (type.item) {
        std::vector<json::Value> items;
        const bool is_list = value.kind == Value::Kind::list;
        for (std::size_t i = 0; i < (is_list ? value.items.size() : 1); ++i) {
            WEFT_TRY(auto item, read_literal(schema, *type.item, is_list ? value.items[i] : value, variables));
            if (!item && type.item->non_null) return wrong_value("a variable in a list was not given");
            items.push_back(item ? *std::move(item) : json::Value{});
        }
        return std::optional(json::Value::array(std::move(items)));
    }
    const Type& named = *schema.type(type.name);
    if (named.kind != Type::Kind::input) {
        WEFT_TRY(auto leaf, read_leaf(named, plain_json(value)));
        return std::optional(std::move(leaf));
    }
    WEFT_TRY(auto object, read_members(schema, named, [&](const Input& input) -> Result<std::optional<json::Value>> {
                 const auto member = std::ranges::find(value.members, input.name, &Value::Member::name);
                 if (member == value.members.end()) return std::optional<json::Value>();
                 return read_literal(schema, input.type, member->value, variables);
             }));
    return std::optional(std::move(object));
}

}  // namespace weft::net::graphql
