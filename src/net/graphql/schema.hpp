#pragma once
// A GraphQL schema: types as their definition language spells them, and for each field the function that resolves it.
// Objects, scalars, enumerations and input objects; interfaces and unions no schema here has, which is what lets a
// whole request be planned before anything is asked (plan.hpp).

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "net/graphql/document.hpp"

namespace weft::net::graphql {

struct Type;
struct Planned;

/// What fields are resolved on; derived from by who binds resolvers.
class Object {
  public:
    virtual ~Object() = default;
};
using ObjectPtr = std::shared_ptr<Object>;

/// What a field resolves to.
struct Resolved {
    enum class Kind : std::uint8_t { null, leaf, object, list };
    Kind kind = Kind::null;
    std::string json;  // of a leaf
    ObjectPtr object;
    std::vector<Resolved> items;

    [[nodiscard]] static Resolved leaf(std::string json) { return {Kind::leaf, std::move(json), {}, {}}; }
    [[nodiscard]] static Resolved text(std::string_view text) { return leaf(json::quote(text)); }
    [[nodiscard]] static Resolved boolean(bool value) { return leaf(value ? "true" : "false"); }
    [[nodiscard]] static Resolved of(ObjectPtr object) {
        const Kind kind = object ? Kind::object : Kind::null;
        return {kind, {}, std::move(object), {}};
    }
    [[nodiscard]] static Resolved list(std::vector<Resolved> items) { return {Kind::list, {}, {}, std::move(items)}; }
};

/// One field of one object, as its resolver sees it. All of it lives until the resolver has ended.
struct FieldCall {
    Object& object;
    /// Coerced: every argument that was given or has a default.
    const json::Value& arguments;
    const Planned& planned;
    /// Whether the field @p name is asked of what this one resolves to.
    [[nodiscard]] bool selects(std::string_view name) const;
};

using Immediate = std::function<Result<Resolved>(const FieldCall&)>;
using Deferred = std::function<Task<Resolved>(FieldCall)>;

struct Input {
    std::string name;
    std::string description;
    TypeReference type;
    std::optional<Value> default_value;
    const Type* named = nullptr;
    [[nodiscard]] bool is_required() const { return type.non_null && !default_value; }
};

struct Field {
    std::string name;
    std::string description;
    std::vector<Input> arguments;
    TypeReference type;
    const Type* named = nullptr;
    std::optional<std::string> deprecated;
    /// One of the two is set: a field that waits for nothing costs no task.
    Immediate now;
    Deferred later;
    /// How many items its list is taken to hold; 10 if nothing is said.
    std::function<std::uint64_t(const json::Value& arguments)> fan_out;
    [[nodiscard]] const Input* argument(std::string_view name) const;
};

/// Reads a scalar's value, which literals and variables both give as JSON.
using Scalar = std::function<Result<json::Value>(const json::Value&)>;

struct Type {
    enum class Kind : std::uint8_t { scalar, object, enumeration, input };
    Kind kind = Kind::scalar;
    std::string name;
    std::string description;
    std::optional<std::string> specified_by;
    std::vector<Field> fields;
    std::vector<Input> inputs;
    std::vector<std::string> values;
    Scalar scalar;
    [[nodiscard]] const Field* field(std::string_view name) const;
    [[nodiscard]] const Input* input(std::string_view name) const;
    [[nodiscard]] bool is_leaf() const { return kind == Kind::scalar || kind == Kind::enumeration; }
    [[nodiscard]] bool is_input() const { return kind != Kind::object; }
};

struct DirectiveDefinition {
    std::string name;
    std::string description;
    std::vector<Input> arguments;
    std::vector<std::string> places;
};

class Schema {
  public:
    /// @param sdl  definitions of ours; what is wrong in them is asserted against. Introspection's are added.
    explicit Schema(std::string_view sdl);
    Schema(const Schema&) = delete;
    Schema& operator=(const Schema&) = delete;

    [[nodiscard]] const Type* type(std::string_view name) const;
    [[nodiscard]] const std::map<std::string, Type, std::less<>>& types() const { return types_; }
    [[nodiscard]] const std::vector<DirectiveDefinition>& directives() const { return directives_; }
    [[nodiscard]] const DirectiveDefinition* directive(std::string_view name) const;
    /// Null if the schema has no such operation.
    [[nodiscard]] const Type* root(OperationKind kind) const;
    /// A field of @p type, or one that every type or the query has: __typename, __schema, __type.
    [[nodiscard]] const Field* field(const Type& type, std::string_view name) const;

    void scalar(std::string_view type, Scalar read);
    Field& field_of(std::string_view type, std::string_view name);
    /// Binds a resolver of objects that are all of class @p Of.
    template <class Of, class Function>
    void now(std::string_view type, std::string_view name, Function function) {
        field_of(type, name).now = [function = std::move(function)](const FieldCall& call) -> Result<Resolved> {
            return function(static_cast<Of&>(call.object), call);
        };
    }
    /// @p function  Task<Resolved>(Of&, FieldCall); a plain function, since its task must not outlive what it captures.
    template <class Of>
    void later(std::string_view type, std::string_view name, Task<Resolved> (*function)(Of&, FieldCall)) {
        field_of(type, name).later = [function](FieldCall call) {
            return function(static_cast<Of&>(call.object), call);
        };
    }
    /// Asserts that every field has a resolver and every scalar a reader.
    void check() const;

  private:
    friend class SchemaReader;
    void bind_introspection();

    std::map<std::string, Type, std::less<>> types_;
    std::vector<DirectiveDefinition> directives_;
    std::map<std::string, std::string, std::less<>> roots_;
    Field type_name_;
    Field schema_field_;
    Field type_field_;
};

}  // namespace weft::net::graphql
