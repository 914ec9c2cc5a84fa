#pragma once
// A GraphQL document as it was written.
//
// @source  GraphQL, October 2021, section 2; "\u{...}" and surrogate pairs of escapes as the edition after it.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "net/graphql/limits.hpp"

namespace weft::net::graphql {

/// Of a token; both count from 1, columns in code points.
struct Location {
    std::uint32_t line = 0;
    std::uint32_t column = 0;
    bool operator==(const Location&) const = default;
};

/// An error of a request, as its "errors" lists it.
struct Problem {
    std::string message;
    std::vector<Location> at = {};
    /// JSON of the path of the field, an array; empty if it belongs to none.
    std::string path = {};
    /// JSON of "extensions", an object; empty if there is none.
    std::string extensions = {};
};

struct Value {
    enum class Kind : std::uint8_t { null, variable, integer, real, string, boolean, enumeration, list, object };
    struct Member;
    Kind kind = Kind::null;
    /// The variable's or enumeration value's name, a number's digits, a string's characters, "true" or "false".
    std::string text;
    std::vector<Value> items;
    std::vector<Member> members;
    Location at;
};
struct Value::Member {
    std::string name;
    Value value;
    Location at;
};
/// As a document would spell it; equal values have equal text, whatever the order of their members.
[[nodiscard]] std::string to_text(const Value& value);

struct Argument {
    std::string name;
    Value value;
    Location at;
};

struct Directive {
    std::string name;
    std::vector<Argument> arguments;
    Location at;
};

/// `Name`, `[Type]`, or either with `!`.
struct TypeReference {
    std::string name;                     // empty for a list
    std::shared_ptr<TypeReference> item;  // of a list
    bool non_null = false;
};
[[nodiscard]] std::string to_text(const TypeReference& type);
[[nodiscard]] bool operator==(const TypeReference& a, const TypeReference& b);

struct Selection {
    enum class Kind : std::uint8_t { field, spread, inline_fragment };
    Kind kind = Kind::field;
    std::string name;            // of the field or the fragment
    std::string alias;           // empty if there is none
    std::string type_condition;  // of an inline fragment; empty if there is none
    std::vector<Argument> arguments;
    std::vector<Directive> directives;
    std::vector<Selection> selections;
    Location at;
    [[nodiscard]] const std::string& response_key() const { return alias.empty() ? name : alias; }
};
using Selections = std::vector<Selection>;

struct VariableDefinition {
    std::string name;
    TypeReference type;
    std::optional<Value> default_value;
    std::vector<Directive> directives;
    Location at;
};

enum class OperationKind : std::uint8_t { query, mutation, subscription };
[[nodiscard]] std::string_view to_string(OperationKind kind);

struct Operation {
    OperationKind kind = OperationKind::query;
    std::string name;  // empty if it has none
    std::vector<VariableDefinition> variables;
    std::vector<Directive> directives;
    Selections selections;
    Location at;
};

struct Fragment {
    std::string name;
    std::string type_condition;
    std::vector<Directive> directives;
    Selections selections;
    Location at;
};

struct Document {
    std::vector<Operation> operations;
    std::vector<Fragment> fragments;
    std::size_t aliases = 0;
    /// The first of that name, or null.
    [[nodiscard]] const Fragment* fragment(std::string_view name) const;
};

/// Reads a document of operations and fragments.
/// @errors the problem: what is wrong and where, or the limit that was passed.
[[nodiscard]] std::expected<Document, Problem> parse(std::string_view text, const Limits& limits = {});

/// The document again, in one canonical layout that reads as the same document.
[[nodiscard]] std::string to_text(const Document& document);

}  // namespace weft::net::graphql
