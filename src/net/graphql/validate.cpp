#include "net/graphql/validate.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "net/graphql/coerce.hpp"
#include "net/graphql/overlap.hpp"

namespace weft::net::graphql {

namespace {

/// A variable where it stands. The type is null where nothing is known of what is due.
struct Usage {
    std::string name;
    Location at;
    std::optional<TypeReference> due;
    bool has_default = false;
};

/// What an operation or a fragment uses itself, without the fragments that it spreads.
struct Uses {
    std::vector<Usage> variables;
    std::vector<std::string> fragments;
};

class Validator {
  public:
    Validator(const Schema& schema, const Document& document, const Limits& limits)
        : schema_(schema), document_(document), limits_(limits), steps_left_(limits.validation_steps_max) {}

    std::vector<Problem> run() {
        unique_names();
        for (const auto& fragment : document_.fragments) check_fragment(fragment);
        for (const auto& operation : document_.operations) check_operation(operation);
        if (document_.operations.empty()) wrong("the document has no operation", {});
        check_spreads();
        for (const auto& operation : document_.operations) check_variables(operation);
        // Conflicts are looked for once nothing else is wrong: names are known and no fragment spreads itself.
        OverlapCheck overlaps(document_, limits_.validation_steps_max);
        for (const auto& operation : document_.operations) {
            if (problems_.empty() && !overlaps.check(operation.selections, problems_)) out_of_steps();
        }
        if (problems_.size() > limits_.errors_max) problems_.resize(limits_.errors_max);
        return std::move(problems_);
    }

  private:
    void wrong(std::string message, std::vector<Location> at) {
        if (problems_.size() <= limits_.errors_max) problems_.push_back({std::move(message), std::move(at)});
    }
    void out_of_steps() {
        problems_ = {{"validating the document takes too long (validation_steps_max = " +
                      std::to_string(limits_.validation_steps_max) + ")"}};
        steps_left_ = 0;
    }
    bool step() {
        if (steps_left_ == 0) return false;
        if (--steps_left_ == 0) out_of_steps();
        return steps_left_ != 0;
    }

    void unique_names() {
        std::set<std::string_view> seen;
        for (const auto& operation : document_.operations) {
            if (operation.name.empty()) {
                if (document_.operations.size() > 1) {
                    wrong("This anonymous operation must be the only defined operation.", {operation.at});
                }
            } else if (!seen.insert(operation.name).second) {
                wrong("There can be only one operation named \"" + operation.name + "\".", {operation.at});
            }
        }
        seen.clear();
        for (const auto& fragment : document_.fragments) {
            if (!seen.insert(fragment.name).second) {
                wrong("There can be only one fragment named \"" + fragment.name + "\".", {fragment.at});
            }
        }
    }

    /// The object type of a condition, or null after a problem.
    const Type* condition_type(const std::string& name, Location at) {
        const Type* const type = schema_.type(name);
        if (type == nullptr) {
            wrong("Unknown type \"" + name + "\".", {at});
        } else if (type->kind != Type::Kind::object) {
            wrong("Fragment cannot condition on non composite type \"" + name + "\".", {at});
            return nullptr;
        }
        return type;
    }

    void check_fragment(const Fragment& fragment) {
        Uses& uses = uses_of_fragment_[fragment.name];
        const Type* const type = condition_type(fragment.type_condition, fragment.at);
        check_directives(fragment.directives, "FRAGMENT_DEFINITION", uses);
        check_selections(fragment.selections, type, uses);
    }

    void check_operation(const Operation& operation) {
        Uses& uses = uses_of_operation_[&operation];
        const Type* const root = schema_.root(operation.kind);
        if (root == nullptr) {
            wrong("Schema is not configured to execute " + std::string(to_string(operation.kind)) + " operation.",
                  {operation.at});
        }
        std::string place(to_string(operation.kind));
        std::ranges::transform(place, place.begin(), [](char c) { return static_cast<char>(c - 'a' + 'A'); });
        check_directives(operation.directives, place, uses);
        std::set<std::string_view> seen;
        for (const auto& variable : operation.variables) {
            if (!seen.insert(variable.name).second) {
                wrong("There can be only one variable named \"$" + variable.name + "\".", {variable.at});
            }
            check_definition(variable);
            check_directives(variable.directives, "VARIABLE_DEFINITION", uses);
        }
        check_selections(operation.selections, root, uses);
    }

    void check_definition(const VariableDefinition& variable) {
        const TypeReference* inner = &variable.type;
        while (inner->item) inner = inner->item.get();
        const Type* const type = schema_.type(inner->name);
        if (type == nullptr) return wrong("Unknown type \"" + inner->name + "\".", {variable.at});
        if (!type->is_input()) {
            return wrong(
                "Variable \"$" + variable.name + "\" cannot be non-input type \"" + to_text(variable.type) + "\".",
                {variable.at});
        }
        if (!variable.default_value) return;
        Uses none;
        check_value(variable.type, *variable.default_value, false, none);
    }

    void check_value(const TypeReference& type, const Value& value, bool has_default, Uses& uses) {
        check_literal(schema_, type, value,
                      {[&](std::string message, Location at) { wrong(std::move(message), {at}); },
                       [&](const Value& variable, const TypeReference& due, bool with_default) {
                           uses.variables.push_back({variable.text, variable.at, due, with_default});
                       }},
                      has_default);
    }

    /// Variables of a value that nothing is known to be due for.
    void use_variables(const Value& value, Uses& uses) {
        if (value.kind == Value::Kind::variable) uses.variables.push_back({value.text, value.at, {}, false});
        for (const auto& item : value.items) use_variables(item, uses);
        for (const auto& member : value.members) use_variables(member.value, uses);
    }

    /// @param owner  what errors call it: "field \"Query.block\"".
    void check_arguments(const std::vector<Argument>& given, const std::vector<Input>* known, const std::string& owner,
                         Location at, Uses& uses) {
        std::set<std::string_view> seen;
        for (const auto& argument : given) {
            if (!step()) return;
            if (!seen.insert(argument.name).second) {
                wrong("There can be only one argument named \"" + argument.name + "\".", {argument.at});
            }
            const Input* input = nullptr;
            if (known != nullptr) {
                const auto found = std::ranges::find(*known, argument.name, &Input::name);
                if (found != known->end()) input = &*found;
                if (input == nullptr)
                    wrong("Unknown argument \"" + argument.name + "\" on " + owner + ".", {argument.at});
            }
            if (input != nullptr) {
                check_value(input->type, argument.value, input->default_value.has_value(), uses);
            } else {
                use_variables(argument.value, uses);
            }
        }
        if (known == nullptr) return;
        for (const auto& input : *known) {
            if (input.is_required() && !seen.contains(input.name)) {
                wrong("Argument \"" + input.name + "\" of type \"" + to_text(input.type) + "\" is required on " +
                          owner + ", but it was not provided.",
                      {at});
            }
        }
    }

    void check_directives(const std::vector<Directive>& directives, std::string_view place, Uses& uses) {
        std::set<std::string_view> seen;
        for (const auto& directive : directives) {
            if (!step()) return;
            const DirectiveDefinition* const known = schema_.directive(directive.name);
            if (known == nullptr) {
                wrong("Unknown directive \"@" + directive.name + "\".", {directive.at});
            } else if (std::ranges::find(known->places, place) == known->places.end()) {
                wrong("Directive \"@" + directive.name + "\" may not be used on " + std::string(place) + ".",
                      {directive.at});
            } else if (!seen.insert(directive.name).second) {
                wrong("The directive \"@" + directive.name + "\" can only be used once at this location.",
                      {directive.at});
            }
            check_arguments(directive.arguments, known ? &known->arguments : nullptr,
                            "directive \"@" + directive.name + "\"", directive.at, uses);
        }
    }

    void check_field(const Selection& one, const Type* parent, Uses& uses) {
        check_directives(one.directives, "FIELD", uses);
        const Field* const field = parent ? schema_.field(*parent, one.name) : nullptr;
        const std::string owner = parent ? "field \"" + parent->name + "." + one.name + "\"" : std::string();
        if (parent != nullptr && field == nullptr) {
            wrong("Cannot query field \"" + one.name + "\" on type \"" + parent->name + "\".", {one.at});
        }
        check_arguments(one.arguments, field ? &field->arguments : nullptr, owner, one.at, uses);
        if (field != nullptr && field->named->is_leaf() && !one.selections.empty()) {
            wrong("Field \"" + one.name + "\" must not have a selection since type \"" + to_text(field->type) +
                      "\" has no subfields.",
                  {one.at});
        } else if (field != nullptr && !field->named->is_leaf() && one.selections.empty()) {
            wrong("Field \"" + one.name + "\" of type \"" + to_text(field->type) +
                      "\" must have a selection of subfields. Did you mean \"" + one.name + " { ... }\"?",
                  {one.at});
        }
        check_selections(one.selections, field && !field->named->is_leaf() ? field->named : nullptr, uses);
    }

    void check_condition(const Type* type, const Type* parent, const std::string& what, Location at) {
        if (type != nullptr && parent != nullptr && type != parent) {
            wrong(what + " cannot be spread here as objects of type \"" + parent->name + "\" can never be of type \"" +
                      type->name + "\".",
                  {at});
        }
    }

    void check_selections(const Selections& selections, const Type* parent, Uses& uses) {
        for (const auto& one : selections) {
            if (!step()) return;
            if (one.kind == Selection::Kind::field) {
                check_field(one, parent, uses);
            } else if (one.kind == Selection::Kind::inline_fragment) {
                check_directives(one.directives, "INLINE_FRAGMENT", uses);
                const Type* type = parent;
                if (!one.type_condition.empty()) {
                    type = condition_type(one.type_condition, one.at);
                    check_condition(type, parent, "Fragment", one.at);
                }
                check_selections(one.selections, type, uses);
            } else {
                check_directives(one.directives, "FRAGMENT_SPREAD", uses);
                uses.fragments.push_back(one.name);
                const Fragment* const fragment = document_.fragment(one.name);
                if (fragment == nullptr) {
                    wrong("Unknown fragment \"" + one.name + "\".", {one.at});
                } else {
                    check_condition(schema_.type(fragment->type_condition), parent, "Fragment \"" + one.name + "\"",
                                    one.at);
                }
            }
        }
    }

    /// Every fragment must be reached from an operation, and none from itself.
    void check_spreads() {
        std::set<std::string> reached;
        for (const auto& operation : document_.operations) reach(uses_of_operation_[&operation], reached);
        std::set<std::string> done;
        std::set<std::string> open;
        for (const auto& fragment : document_.fragments) {
            if (!reached.contains(fragment.name)) {
                wrong("Fragment \"" + fragment.name + "\" is never used.", {fragment.at});
            }
            find_cycle(fragment.name, open, done);
        }
    }

    /// Adds the fragments that @p uses spreads, directly or not.
    void reach(const Uses& uses, std::set<std::string>& reached) {
        std::vector<const Uses*> waiting = {&uses};
        while (!waiting.empty()) {
            const Uses* const next = waiting.back();
            waiting.pop_back();
            for (const auto& name : next->fragments) {
                if (!step()) return;
                const auto found = uses_of_fragment_.find(name);
                if (found != uses_of_fragment_.end() && reached.insert(name).second) waiting.push_back(&found->second);
            }
        }
    }

    /// Depth first; the recursion is as deep as fragments spread one another.
    void find_cycle(const std::string& name, std::set<std::string>& open, std::set<std::string>& done) {
        const auto found = uses_of_fragment_.find(name);
        if (found == uses_of_fragment_.end() || done.contains(name) || !step()) return;
        if (open.size() > limits_.depth_max) {
            return wrong("fragments are nested too deep (depth_max = " + std::to_string(limits_.depth_max) + ")", {});
        }
        if (!open.insert(name).second) {
            const Fragment* const fragment = document_.fragment(name);
            return wrong("Cannot spread fragment \"" + name + "\" within itself.", {fragment->at});
        }
        for (const auto& next : found->second.fragments) find_cycle(next, open, done);
        open.erase(name);
        done.insert(name);
    }

    void check_variables(const Operation& operation) {
        const Uses& own = uses_of_operation_[&operation];
        std::set<std::string> fragments;
        reach(own, fragments);
        std::vector<const Uses*> all = {&own};
        for (const auto& name : fragments) all.push_back(&uses_of_fragment_[name]);
        std::set<std::string_view> used;
        for (const auto* uses : all) {
            for (const auto& usage : uses->variables) {
                if (!step()) return;
                used.insert(usage.name);
                check_usage(operation, usage);
            }
        }
        for (const auto& variable : operation.variables) {
            if (!used.contains(variable.name)) {
                wrong("Variable \"$" + variable.name + "\" is never used.", {variable.at});
            }
        }
    }

    void check_usage(const Operation& operation, const Usage& usage) {
        const auto variable = std::ranges::find(operation.variables, usage.name, &VariableDefinition::name);
        if (variable == operation.variables.end()) {
            return wrong("Variable \"$" + usage.name + "\" is not defined.", {usage.at, operation.at});
        }
        if (!usage.due) return;
        TypeReference due = *usage.due;
        const bool given_default =
            usage.has_default || (variable->default_value && variable->default_value->kind != Value::Kind::null);
        if (due.non_null && !variable->type.non_null && given_default) due.non_null = false;
        if (!fits(variable->type, due)) {
            wrong("Variable \"$" + usage.name + "\" of type \"" + to_text(variable->type) +
                      "\" used in position expecting type \"" + to_text(*usage.due) + "\".",
                  {variable->at, usage.at});
        }
    }

    /// Whether every value of @p type is one of @p due.
    static bool fits(const TypeReference& type, const TypeReference& due) {
        if (due.non_null && !type.non_null) return false;
        if ((type.item == nullptr) != (due.item == nullptr)) return false;
        return type.item ? fits(*type.item, *due.item) : type.name == due.name;
    }

    const Schema& schema_;
    const Document& document_;
    const Limits& limits_;
    std::size_t steps_left_;
    std::vector<Problem> problems_;
    std::map<std::string, Uses, std::less<>> uses_of_fragment_;
    std::map<const Operation*, Uses> uses_of_operation_;
};

}  // namespace

std::vector<Problem> validate(const Schema& schema, const Document& document, const Limits& limits) {
    return Validator(schema, document, limits).run();
}

}  // namespace weft::net::graphql
