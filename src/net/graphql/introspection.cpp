#include "net/graphql/introspection.hpp"

#include "net/graphql/schema.hpp"

namespace weft::net::graphql {

const std::string_view introspection_sdl = R"(
scalar Int
scalar Float
scalar String
scalar Boolean
scalar ID

"Includes this field or fragment only when the `if` argument is true."
directive @include("Included when true." if: Boolean!) on FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT
"Skips this field or fragment when the `if` argument is true."
directive @skip("Skipped when true." if: Boolean!) on FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT
"Marks an element of a schema as no longer supported."
directive @deprecated("Why, and what to use instead." reason: String = "No longer supported")
    on FIELD_DEFINITION | ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION | ENUM_VALUE
"Names the specification of a scalar."
directive @specifiedBy("Where it is specified." url: String!) on SCALAR

type __Hidden { __typename: String!  __schema: __Schema!  __type(name: String!): __Type }

type __Schema {
    description: String
    types: [__Type!]!
    queryType: __Type!
    mutationType: __Type
    subscriptionType: __Type
    directives: [__Directive!]!
}
type __Type {
    kind: __TypeKind!
    name: String
    description: String
    specifiedByURL: String
    fields(includeDeprecated: Boolean = false): [__Field!]
    interfaces: [__Type!]
    possibleTypes: [__Type!]
    enumValues(includeDeprecated: Boolean = false): [__EnumValue!]
    inputFields(includeDeprecated: Boolean = false): [__InputValue!]
    ofType: __Type
}
enum __TypeKind { SCALAR OBJECT INTERFACE UNION ENUM INPUT_OBJECT LIST NON_NULL }
type __Field {
    name: String!
    description: String
    args(includeDeprecated: Boolean = false): [__InputValue!]!
    type: __Type!
    isDeprecated: Boolean!
    deprecationReason: String
}
type __InputValue {
    name: String!
    description: String
    type: __Type!
    defaultValue: String
    isDeprecated: Boolean!
    deprecationReason: String
}
type __EnumValue { name: String!  description: String  isDeprecated: Boolean!  deprecationReason: String }
type __Directive {
    name: String!
    description: String
    isRepeatable: Boolean!
    locations: [__DirectiveLocation!]!
    args(includeDeprecated: Boolean = false): [__InputValue!]!
}
enum __DirectiveLocation {
    QUERY MUTATION SUBSCRIPTION FIELD FRAGMENT_DEFINITION FRAGMENT_SPREAD INLINE_FRAGMENT VARIABLE_DEFINITION SCHEMA
    SCALAR OBJECT FIELD_DEFINITION ARGUMENT_DEFINITION INTERFACE UNION ENUM ENUM_VALUE INPUT_OBJECT
    INPUT_FIELD_DEFINITION
}
)";

namespace {

/// What introspection's fields are resolved on: a view of a part of the schema, which outlives every request.
template <class Part>
struct Seen : Object {
    explicit Seen(const Part& seen) : part(&seen) {}
    const Part* part;
};
/// A type as it is referred to: the named one, or a list or non-null of another.
struct SeenType : Object {
    explicit SeenType(TypeReference reference) : type(std::move(reference)) {}
    TypeReference type;
};

Resolved text_or_null(std::string_view text) { return text.empty() ? Resolved{} : Resolved::text(text); }

template <class Item>
Resolved list_of(const std::vector<Item>& items) {
    std::vector<Resolved> out;
    for (const auto& item : items) out.push_back(Resolved::of(std::make_shared<Seen<Item>>(item)));
    return Resolved::list(std::move(out));
}

Resolved texts(const std::vector<std::string>& items) {
    std::vector<Resolved> out;
    for (const auto& item : items) out.push_back(Resolved::text(item));
    return Resolved::list(std::move(out));
}

Resolved seen_type(TypeReference type) { return Resolved::of(std::make_shared<SeenType>(std::move(type))); }
Resolved seen_type(const Type* type) { return type ? seen_type(TypeReference{type->name, {}, false}) : Resolved{}; }

std::string_view kind_of(const Schema& schema, const TypeReference& type) {
    if (type.non_null) return "NON_NULL";
    if (type.item) return "LIST";
    switch (schema.type(type.name)->kind) {
        case Type::Kind::scalar: return "SCALAR";
        case Type::Kind::object: return "OBJECT";
        case Type::Kind::enumeration: return "ENUM";
        case Type::Kind::input: return "INPUT_OBJECT";
    }
    return {};
}

Resolved wrapped_type(const TypeReference& type) {
    if (type.non_null) {
        TypeReference inner = type;
        inner.non_null = false;
        return seen_type(std::move(inner));
    }
    return type.item ? seen_type(*type.item) : Resolved{};
}

Resolved fields_of(const Type& type, bool deprecated_too) {
    std::vector<Resolved> out;
    for (const auto& field : type.fields) {
        if (deprecated_too || !field.deprecated) out.push_back(Resolved::of(std::make_shared<Seen<Field>>(field)));
    }
    return Resolved::list(std::move(out));
}

/// Adds name and description, which every part has.
template <class Part>
void bind_names(Schema& schema, std::string_view type) {
    schema.now<Seen<Part>>(type, "name", [](auto& seen, auto&) { return Resolved::text(seen.part->name); });
    schema.now<Seen<Part>>(type, "description", [](auto& seen, auto&) { return text_or_null(seen.part->description); });
}

void bind_type(Schema& schema) {
    // What only a named type of one kind has; null for any other.
    const auto of_kind = [&schema](std::string_view field, Type::Kind kind, auto give) {
        schema.now<SeenType>("__Type", field, [&schema, kind, give](SeenType& seen, const FieldCall& call) {
            const bool named = !seen.type.non_null && !seen.type.item;
            const Type* const type = named ? schema.type(seen.type.name) : nullptr;
            return type != nullptr && type->kind == kind ? give(*type, call) : Resolved{};
        });
    };
    const auto named = [&schema](std::string_view field, auto give) {
        schema.now<SeenType>("__Type", field, [&schema, give](SeenType& seen, const FieldCall&) {
            const bool is_named = !seen.type.non_null && !seen.type.item;
            return is_named ? give(*schema.type(seen.type.name)) : Resolved{};
        });
    };
    schema.now<SeenType>("__Type", "kind", [&schema](SeenType& seen, const FieldCall&) {
        return Resolved::text(kind_of(schema, seen.type));
    });
    named("name", [](const Type& type) { return Resolved::text(type.name); });
    named("description", [](const Type& type) { return text_or_null(type.description); });
    named("specifiedByURL", [](const Type& type) { return text_or_null(type.specified_by.value_or("")); });
    schema.now<SeenType>("__Type", "ofType", [](SeenType& seen, const FieldCall&) { return wrapped_type(seen.type); });
    of_kind("fields", Type::Kind::object, [](const Type& type, const FieldCall& call) {
        return fields_of(type, call.arguments["includeDeprecated"].as_boolean());
    });
    of_kind("interfaces", Type::Kind::object, [](const Type&, const FieldCall&) { return Resolved::list({}); });
    named("possibleTypes", [](const Type&) { return Resolved{}; });
    of_kind("enumValues", Type::Kind::enumeration,
            [](const Type& type, const FieldCall&) { return list_of(type.values); });
    of_kind("inputFields", Type::Kind::input, [](const Type& type, const FieldCall&) { return list_of(type.inputs); });
}

void bind_input(Schema& schema) {
    bind_names<Input>(schema, "__InputValue");
    schema.now<Seen<Input>>("__InputValue", "type", [](auto& seen, auto&) { return seen_type(seen.part->type); });
    schema.now<Seen<Input>>("__InputValue", "defaultValue", [](auto& seen, auto&) {
        return seen.part->default_value ? Resolved::text(to_text(*seen.part->default_value)) : Resolved{};
    });
    schema.now<Seen<Input>>("__InputValue", "isDeprecated", [](auto&, auto&) { return Resolved::boolean(false); });
    schema.now<Seen<Input>>("__InputValue", "deprecationReason", [](auto&, auto&) { return Resolved{}; });
}

void bind_field(Schema& schema) {
    bind_names<Field>(schema, "__Field");
    schema.now<Seen<Field>>("__Field", "args", [](auto& seen, auto&) { return list_of(seen.part->arguments); });
    schema.now<Seen<Field>>("__Field", "type", [](auto& seen, auto&) { return seen_type(seen.part->type); });
    schema.now<Seen<Field>>("__Field", "isDeprecated",
                            [](auto& seen, auto&) { return Resolved::boolean(seen.part->deprecated.has_value()); });
    schema.now<Seen<Field>>("__Field", "deprecationReason",
                            [](auto& seen, auto&) { return text_or_null(seen.part->deprecated.value_or("")); });
    using Name = Seen<std::string>;
    schema.now<Name>("__EnumValue", "name", [](auto& seen, auto&) { return Resolved::text(*seen.part); });
    schema.now<Name>("__EnumValue", "description", [](auto&, auto&) { return Resolved{}; });
    schema.now<Name>("__EnumValue", "isDeprecated", [](auto&, auto&) { return Resolved::boolean(false); });
    schema.now<Name>("__EnumValue", "deprecationReason", [](auto&, auto&) { return Resolved{}; });
}

void bind_directive(Schema& schema) {
    using Known = Seen<DirectiveDefinition>;
    bind_names<DirectiveDefinition>(schema, "__Directive");
    schema.now<Known>("__Directive", "isRepeatable", [](auto&, auto&) { return Resolved::boolean(false); });
    schema.now<Known>("__Directive", "locations", [](auto& seen, auto&) { return texts(seen.part->places); });
    schema.now<Known>("__Directive", "args", [](auto& seen, auto&) { return list_of(seen.part->arguments); });
}

}  // namespace

void Schema::bind_introspection() {
    const auto root_type = [this](std::string_view field, OperationKind kind) {
        now<Object>("__Schema", field, [this, kind](auto&, auto&) { return seen_type(root(kind)); });
    };
    now<Object>("__Schema", "description", [](auto&, auto&) { return Resolved{}; });
    now<Object>("__Schema", "types", [this](auto&, auto&) {
        std::vector<Resolved> out;
        for (const auto& [name, type] : types_) out.push_back(seen_type(&type));
        return Resolved::list(std::move(out));
    });
    root_type("queryType", OperationKind::query);
    root_type("mutationType", OperationKind::mutation);
    root_type("subscriptionType", OperationKind::subscription);
    now<Object>("__Schema", "directives", [this](auto&, auto&) { return list_of(directives_); });
    bind_type(*this);
    bind_input(*this);
    bind_field(*this);
    bind_directive(*this);
    schema_field_.now = [](const FieldCall&) { return Resolved::of(std::make_shared<Object>()); };
    type_field_.now = [this](const FieldCall& call) { return seen_type(type(call.arguments["name"].text())); };
}

}  // namespace weft::net::graphql
