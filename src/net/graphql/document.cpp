#include "net/graphql/document.hpp"

#include <algorithm>

#include "base/json.hpp"

namespace weft::net::graphql {

namespace {

/// Appends @p items between @p open and @p close, which stay away if there are none.
template <class Items, class Write>
void append_list(std::string& out, std::string_view open, const Items& items, std::string_view close, Write write) {
    if (items.empty()) return;
    std::string_view before = open;
    for (const auto& item : items) {
        out += before;
        write(item);
        before = ", ";
    }
    out += close;
}

void append_arguments(std::string& out, const std::vector<Argument>& arguments) {
    append_list(out, "(", arguments, ")", [&](const Argument& one) { out += one.name + ": " + to_text(one.value); });
}

void append_directives(std::string& out, const std::vector<Directive>& directives) {
    for (const auto& directive : directives) {
        out += " @" + directive.name;
        append_arguments(out, directive.arguments);
    }
}

void append_selections(std::string& out, const Selections& selections) {
    if (selections.empty()) return;
    out += " {";
    for (const auto& one : selections) {
        out += ' ';
        if (one.kind == Selection::Kind::field) {
            if (!one.alias.empty()) out += one.alias + ": ";
            out += one.name;
            append_arguments(out, one.arguments);
        } else {
            out += "...";
            if (one.kind == Selection::Kind::spread) out += one.name;
            if (!one.type_condition.empty()) out += " on " + one.type_condition;
        }
        append_directives(out, one.directives);
        append_selections(out, one.selections);
    }
    out += " }";
}

}  // namespace

std::string_view to_string(OperationKind kind) {
    switch (kind) {
        case OperationKind::query: return "query";
        case OperationKind::mutation: return "mutation";
        case OperationKind::subscription: return "subscription";
    }
    return {};
}

std::string to_text(const Value& value) {
    std::string out;
    switch (value.kind) {
        case Value::Kind::null: return "null";
        case Value::Kind::variable: return "$" + value.text;
        case Value::Kind::string: return json::quote(value.text);
        case Value::Kind::integer:
        case Value::Kind::real:
        case Value::Kind::boolean:
        case Value::Kind::enumeration: return value.text;
        case Value::Kind::list:
            if (value.items.empty()) return "[]";
            append_list(out, "[", value.items, "]", [&](const Value& item) { out += to_text(item); });
            return out;
        case Value::Kind::object: break;
    }
    if (value.members.empty()) return "{}";
    std::vector<const Value::Member*> sorted;
    for (const auto& member : value.members) sorted.push_back(&member);
    std::ranges::sort(sorted, {}, &Value::Member::name);
    append_list(out, "{", sorted, "}",
                [&](const Value::Member* member) { out += member->name + ": " + to_text(member->value); });
    return out;
}

std::string to_text(const TypeReference& type) {
    return (type.item ? "[" + to_text(*type.item) + "]" : type.name) + (type.non_null ? "!" : "");
}

bool operator==(const TypeReference& a, const TypeReference& b) {
    if (a.non_null != b.non_null || a.name != b.name || (a.item == nullptr) != (b.item == nullptr)) return false;
    return a.item == nullptr || *a.item == *b.item;
}

const Fragment* Document::fragment(std::string_view name) const {
    const auto found = std::ranges::find(fragments, name, &Fragment::name);
    return found == fragments.end() ? nullptr : &*found;
}

std::string to_text(const Document& document) {
    std::string out;
    for (const auto& operation : document.operations) {
        out += to_string(operation.kind);
        if (!operation.name.empty()) out += " " + operation.name;
        append_list(out, "(", operation.variables, ")", [&](const VariableDefinition& one) {
            out += "$" + one.name + ": " + to_text(one.type);
            if (one.default_value) out += " = " + to_text(*one.default_value);
            append_directives(out, one.directives);
        });
        append_directives(out, operation.directives);
        append_selections(out, operation.selections);
        out += '\n';
    }
    for (const auto& fragment : document.fragments) {
        out += "fragment " + fragment.name + " on " + fragment.type_condition;
        append_directives(out, fragment.directives);
        append_selections(out, fragment.selections);
        out += '\n';
    }
    return out;
}

}  // namespace weft::net::graphql
