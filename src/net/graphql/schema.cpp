#include "net/graphql/schema.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "net/graphql/introspection.hpp"
#include "net/graphql/parser.hpp"
#include "net/graphql/plan.hpp"

namespace weft::net::graphql {

namespace {

Result<json::Value> wrong_kind(std::string_view type, const json::Value& value) {
    return fail(ErrorCode::invalid_argument,
                std::string(type) + " cannot represent the value " + json::to_string(value));
}

bool is_integer(std::string_view text) { return text.find_first_of(".eE") == std::string_view::npos; }

Result<json::Value> read_int(const json::Value& value) {
    std::int32_t number = 0;
    const std::string& text = value.text();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (!value.is_number() || error != std::errc{} || end != text.data() + text.size()) return wrong_kind("Int", value);
    return value;
}

Result<json::Value> read_float(const json::Value& value) {
    if (!value.is_number() || !std::isfinite(std::strtod(value.text().c_str(), nullptr))) {
        return wrong_kind("Float", value);
    }
    return value;
}

Result<json::Value> read_string(const json::Value& value) {
    if (!value.is_string()) return wrong_kind("String", value);
    return value;
}

Result<json::Value> read_boolean(const json::Value& value) {
    if (value.kind() != json::Kind::boolean) return wrong_kind("Boolean", value);
    return value;
}

Result<json::Value> read_id(const json::Value& value) {
    if (!value.is_string() && !(value.is_number() && is_integer(value.text()))) return wrong_kind("ID", value);
    return json::Value::string(value.text());
}

}  // namespace

bool FieldCall::selects(std::string_view name) const {
    return std::ranges::any_of(planned.children, [&](const Planned& child) { return child.field->name == name; });
}

const Input* Field::argument(std::string_view wanted) const {
    const auto found = std::ranges::find(arguments, wanted, &Input::name);
    return found == arguments.end() ? nullptr : &*found;
}
const Field* Type::field(std::string_view wanted) const {
    const auto found = std::ranges::find(fields, wanted, &Field::name);
    return found == fields.end() ? nullptr : &*found;
}
const Input* Type::input(std::string_view wanted) const {
    const auto found = std::ranges::find(inputs, wanted, &Input::name);
    return found == inputs.end() ? nullptr : &*found;
}

/// Reads definitions into a schema.
class SchemaReader {
  public:
    SchemaReader(Schema& schema, std::string_view sdl) : schema_(schema), in_(sdl, limits_) {
        while (!in_.at_end()) definition();
        if (in_.problem())
            detail::assertion_failed(in_.problem()->message.c_str(), "schema", in_.problem()->at[0].line);
    }

  private:
    std::string description() {
        return in_.sees(Token::Kind::string) || in_.sees(Token::Kind::block_string) ? in_.take().text : std::string();
    }

    std::optional<std::string> directive_text(std::string_view name, std::string_view argument) {
        std::optional<std::string> out;
        for (const auto& directive : in_.directives(true)) {
            if (directive.name != name) continue;
            for (const auto& one : directive.arguments) {
                if (one.name == argument) out = one.value.text;
            }
        }
        return out;
    }

    std::vector<Input> inputs(std::string_view open, std::string_view close) {
        std::vector<Input> out;
        if (!in_.skip(open)) return out;
        while (!in_.sees(close) && !in_.at_end()) {
            Input input;
            input.description = description();
            input.name = in_.name();
            in_.expect(":");
            input.type = in_.type();
            if (in_.skip("=")) input.default_value = in_.value(true);
            out.push_back(std::move(input));
        }
        in_.expect(close);
        return out;
    }

    void fields(Type& type) {
        in_.expect("{");
        while (!in_.sees("}") && !in_.at_end()) {
            Field field;
            field.description = description();
            field.name = in_.name();
            field.arguments = inputs("(", ")");
            in_.expect(":");
            field.type = in_.type();
            field.deprecated = directive_text("deprecated", "reason");
            type.fields.push_back(std::move(field));
        }
        in_.expect("}");
    }

    void directive(std::string text) {
        in_.expect("@");
        DirectiveDefinition out{in_.name(), std::move(text), inputs("(", ")"), {}};
        if (!in_.skip_word("on")) in_.unexpected();
        do {
            out.places.push_back(in_.name());
        } while (in_.skip("|"));
        schema_.directives_.push_back(std::move(out));
    }

    void definition() {
        std::string text = description();
        const std::string word = in_.name();
        if (word == "directive") return directive(std::move(text));
        if (word == "schema") {
            in_.expect("{");
            while (!in_.sees("}") && !in_.at_end()) {
                const std::string operation = in_.name();
                in_.expect(":");
                schema_.roots_.emplace(operation, in_.name());
            }
            return in_.expect("}");
        }
        Type type;
        type.description = std::move(text);
        type.name = in_.name();
        if (word == "type") {
            type.kind = Type::Kind::object;
            fields(type);
        } else if (word == "input") {
            type.kind = Type::Kind::input;
            type.inputs = inputs("{", "}");
        } else if (word == "enum") {
            type.kind = Type::Kind::enumeration;
            in_.expect("{");
            while (!in_.sees("}") && !in_.at_end()) type.values.push_back(in_.name());
            in_.expect("}");
        } else {
            WEFT_ASSERT(word == "scalar");
            type.specified_by = directive_text("specifiedBy", "url");
        }
        const std::string name = type.name;
        WEFT_ASSERT(schema_.types_.emplace(name, std::move(type)).second);
    }

    Schema& schema_;
    Limits limits_;
    Parser in_;
};

Schema::Schema(std::string_view sdl) {
    SchemaReader{*this, sdl};
    SchemaReader{*this, introspection_sdl};
    const auto link = [this](TypeReference type) {
        while (type.item) type = TypeReference(*type.item);
        const Type* const named = this->type(type.name);
        if (named == nullptr) detail::assertion_failed(("no type " + type.name).c_str(), "schema", 0);
        return named;
    };
    const auto link_inputs = [&](std::vector<Input>& inputs) {
        for (auto& input : inputs) input.named = link(input.type);
    };
    for (auto& [name, type] : types_) {
        link_inputs(type.inputs);
        for (auto& field : type.fields) {
            field.named = link(field.type);
            link_inputs(field.arguments);
        }
    }
    for (auto& directive : directives_) link_inputs(directive.arguments);
    // The fields that no type lists are read as those of a type that nobody sees.
    const auto hidden = types_.find("__Hidden");
    const auto take = [&](std::string_view name) { return *hidden->second.field(name); };
    type_name_ = take("__typename");
    schema_field_ = take("__schema");
    type_field_ = take("__type");
    types_.erase(hidden);
    scalar("Int", read_int);
    scalar("Float", read_float);
    scalar("String", read_string);
    scalar("Boolean", read_boolean);
    scalar("ID", read_id);
    bind_introspection();
}

const Type* Schema::type(std::string_view name) const {
    const auto found = types_.find(name);
    return found == types_.end() ? nullptr : &found->second;
}

const DirectiveDefinition* Schema::directive(std::string_view name) const {
    const auto found = std::ranges::find(directives_, name, &DirectiveDefinition::name);
    return found == directives_.end() ? nullptr : &*found;
}

const Type* Schema::root(OperationKind kind) const {
    const auto found = roots_.find(to_string(kind));
    return found == roots_.end() ? nullptr : type(found->second);
}

const Field* Schema::field(const Type& type, std::string_view name) const {
    if (const Field* const own = type.field(name)) return own;
    if (type.kind != Type::Kind::object) return nullptr;
    if (name == type_name_.name) return &type_name_;
    if (&type != root(OperationKind::query)) return nullptr;
    return name == schema_field_.name ? &schema_field_ : name == type_field_.name ? &type_field_ : nullptr;
}

void Schema::scalar(std::string_view type, Scalar read) {
    const auto found = types_.find(type);
    WEFT_ASSERT(found != types_.end() && found->second.kind == Type::Kind::scalar);
    found->second.scalar = std::move(read);
}

Field& Schema::field_of(std::string_view type, std::string_view name) {
    const auto found = types_.find(type);
    WEFT_ASSERT(found != types_.end());
    const auto field = std::ranges::find(found->second.fields, name, &Field::name);
    if (field == found->second.fields.end()) detail::assertion_failed(std::string(name).c_str(), "schema", 0);
    return *field;
}

void Schema::check() const {
    for (const auto& [name, type] : types_) {
        if (type.kind == Type::Kind::scalar && !type.scalar) detail::assertion_failed(name.c_str(), "scalar", 0);
        for (const auto& field : type.fields) {
            if (!field.now && !field.later) detail::assertion_failed(field.name.c_str(), name.c_str(), 0);
        }
    }
}

}  // namespace weft::net::graphql
