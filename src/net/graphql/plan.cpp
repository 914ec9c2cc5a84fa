#include "net/graphql/plan.hpp"

#include <algorithm>
#include <set>

#include "net/graphql/coerce.hpp"

namespace weft::net::graphql {

namespace {

constexpr std::uint64_t items_taken_for_granted = 10;

bool is_list(const TypeReference& type) { return type.item != nullptr; }

std::uint64_t saturating_product(std::uint64_t a, std::uint64_t b) {
    std::uint64_t out = 0;
    return __builtin_mul_overflow(a, b, &out) ? ~std::uint64_t{0} : out;
}

class Planner {
  public:
    Planner(const Schema& schema, const Document& document, const Limits& limits)
        : schema_(schema), document_(document), limits_(limits) {}

    std::expected<Plan, Problem> plan(const Operation& operation, const json::Value& given) {
        if (auto problem = read_variables(operation, given)) return std::unexpected(*std::move(problem));
        Plan out{operation.kind, {}};
        out.fields = fields({&operation.selections}, *schema_.root(operation.kind), 1, 1);
        if (problem_) return std::unexpected(*std::move(problem_));
        return out;
    }

  private:
    struct Merged {
        std::string_view key;
        std::vector<const Selection*> same;
    };

    void fail_with(Problem problem) {
        if (!problem_) problem_ = std::move(problem);
    }
    void passed(std::string_view limit, std::uint64_t bound, Location at) {
        fail_with({"the query asks for too much (" + std::string(limit) + " = " + std::to_string(bound) + ")", {at}});
    }

    std::optional<Problem> read_variables(const Operation& operation, const json::Value& given) {
        std::vector<json::Value::Member> out;
        for (const auto& variable : operation.variables) {
            const std::string call = "Variable \"$" + variable.name + "\" ";
            if (const json::Value* const value = given.find(variable.name)) {
                auto read = read_variable(schema_, variable.type, *value);
                if (!read) return Problem{call + "got an invalid value: " + read.error().message, {variable.at}};
                out.emplace_back(variable.name, *std::move(read));
            } else if (variable.default_value) {
                auto read = read_literal(schema_, variable.type, *variable.default_value, json::Value{});
                if (!read) return Problem{call + "has an invalid default: " + read.error().message, {variable.at}};
                out.emplace_back(variable.name, **std::move(read));
            } else if (variable.type.non_null) {
                return Problem{call + "of required type \"" + to_text(variable.type) + "\" was not provided.",
                               {variable.at}};
            }
        }
        variables_ = json::Value::object(std::move(out));
        return {};
    }

    /// The arguments, each that was given or has a default.
    json::Value arguments(const std::vector<Argument>& given, const std::vector<Input>& known, Location at) {
        std::vector<json::Value::Member> out;
        for (const auto& input : known) {
            const auto argument = std::ranges::find(given, input.name, &Argument::name);
            std::optional<json::Value> value;
            if (argument != given.end()) {
                auto read = read_literal(schema_, input.type, argument->value, variables_);
                if (!read) {
                    fail_with({"Argument \"" + input.name + "\": " + read.error().message, {argument->at}});
                    return json::Value::object({});
                }
                value = *std::move(read);
            }
            if (!value && input.default_value) {
                value = *read_literal(schema_, input.type, *input.default_value, json::Value{});
            }
            if (value) {
                out.emplace_back(input.name, *std::move(value));
            } else if (input.type.non_null) {
                fail_with({"Argument \"" + input.name + "\" of required type \"" + to_text(input.type) +
                               "\" was not provided.",
                           {at}});
            }
        }
        return json::Value::object(std::move(out));
    }

    bool is_included(const Selection& one) {
        return std::ranges::all_of(one.directives, [&](const Directive& directive) {
            const DirectiveDefinition* const known = schema_.directive(directive.name);
            const bool condition = arguments(directive.arguments, known->arguments, directive.at)["if"].as_boolean();
            return directive.name == "skip" ? !condition : condition;
        });
    }

    void collect(const Selections& selections, std::vector<Merged>& out, std::set<std::string_view>& fragments) {
        for (const auto& one : selections) {
            if (problem_) return;
            if (++fields_ > limits_.fields_max) return passed("fields_max", limits_.fields_max, one.at);
            if (!is_included(one)) continue;
            if (one.kind == Selection::Kind::inline_fragment) {
                collect(one.selections, out, fragments);
            } else if (one.kind == Selection::Kind::spread) {
                if (!fragments.insert(one.name).second) continue;
                collect(document_.fragment(one.name)->selections, out, fragments);
            } else {
                const auto merged = std::ranges::find(out, one.response_key(), &Merged::key);
                if (merged == out.end()) {
                    out.push_back({one.response_key(), {&one}});
                } else {
                    merged->same.push_back(&one);
                }
            }
        }
    }

    std::vector<Planned> fields(const std::vector<const Selections*>& sets, const Type& type, std::size_t depth,
                                std::uint64_t times) {
        std::vector<Merged> merged;
        std::set<std::string_view> fragments;
        for (const auto* set : sets) collect(*set, merged, fragments);
        std::vector<Planned> out;
        for (const auto& one : merged) {
            if (problem_) return out;
            const Selection& first = *one.same.front();
            if (depth > limits_.depth_max) {
                passed("depth_max", limits_.depth_max, first.at);
                return out;
            }
            cost_ = cost_ > limits_.cost_max || times > limits_.cost_max ? ~std::uint64_t{0} : cost_ + times;
            if (cost_ > limits_.cost_max) {
                passed("cost_max", limits_.cost_max, first.at);
                return out;
            }
            out.push_back(planned(one, type, depth, times));
        }
        return out;
    }

    Planned planned(const Merged& merged, const Type& type, std::size_t depth, std::uint64_t times) {
        const Selection& first = *merged.same.front();
        Planned out;
        out.key = merged.key;
        out.field = schema_.field(type, first.name);
        out.parent = &type;
        out.at = first.at;
        out.arguments = arguments(first.arguments, out.field->arguments, first.at);
        if (out.field->named->is_leaf()) {
            out.immediate = true;
            return out;
        }
        std::vector<const Selections*> below;
        for (const auto* one : merged.same) below.push_back(&one->selections);
        if (is_list(out.field->type)) {
            times = saturating_product(
                times, out.field->fan_out ? out.field->fan_out(out.arguments) : items_taken_for_granted);
        }
        out.children = fields(below, *out.field->named, depth + 1, times);
        out.immediate = std::ranges::all_of(
            out.children, [](const Planned& child) { return !child.field->later && child.immediate; });
        return out;
    }

    const Schema& schema_;
    const Document& document_;
    const Limits& limits_;
    json::Value variables_;
    std::optional<Problem> problem_;
    std::size_t fields_ = 0;
    std::uint64_t cost_ = 0;
};

}  // namespace

std::expected<const Operation*, Problem> choose(const Document& document, std::string_view name) {
    if (name.empty()) {
        if (document.operations.size() == 1) return &document.operations.front();
        return std::unexpected(Problem{"Must provide operation name if query contains multiple operations."});
    }
    const auto found = std::ranges::find(document.operations, name, &Operation::name);
    if (found != document.operations.end()) return &*found;
    return std::unexpected(Problem{"Unknown operation named \"" + std::string(name) + "\"."});
}

std::expected<Plan, Problem> make_plan(const Schema& schema, const Document& document, const Operation& operation,
                                       const json::Value& variables, const Limits& limits) {
    return Planner(schema, document, limits).plan(operation, variables);
}

}  // namespace weft::net::graphql
