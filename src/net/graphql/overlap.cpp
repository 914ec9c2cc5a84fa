#include "net/graphql/overlap.hpp"

#include <algorithm>
#include <map>
#include <string_view>

namespace weft::net::graphql {

namespace {

bool same_arguments(const Selection& a, const Selection& b) {
    if (a.arguments.size() != b.arguments.size()) return false;
    return std::ranges::all_of(a.arguments, [&](const Argument& one) {
        const auto other = std::ranges::find(b.arguments, one.name, &Argument::name);
        return other != b.arguments.end() && to_text(other->value) == to_text(one.value);
    });
}

}  // namespace

bool OverlapCheck::check(const Selections& selections, std::vector<Problem>& problems) {
    return check_sets({&selections}, problems);
}

/// Fragments that have no end end here, at the second sight of one.
bool OverlapCheck::collect(const Selections& selections, std::vector<const Selection*>& fields,
                           std::set<std::string_view>& fragments) {
    for (const auto& one : selections) {
        if (steps_left_ == 0) return false;
        --steps_left_;
        if (one.kind == Selection::Kind::field) {
            fields.push_back(&one);
        } else if (one.kind == Selection::Kind::inline_fragment) {
            if (!collect(one.selections, fields, fragments)) return false;
        } else if (fragments.insert(one.name).second) {
            const Fragment* const fragment = document_.fragment(one.name);
            if (fragment != nullptr && !collect(fragment->selections, fields, fragments)) return false;
        }
    }
    return true;
}

bool OverlapCheck::check_sets(Sets sets, std::vector<Problem>& problems) {
    std::ranges::sort(sets);
    const auto [from, to] = std::ranges::unique(sets);
    sets.erase(from, to);
    if (!done_.insert(sets).second) return true;
    std::vector<const Selection*> fields;
    std::set<std::string_view> fragments;
    for (const auto* set : sets) {
        if (!collect(*set, fields, fragments)) return false;
    }
    std::map<std::string_view, std::vector<const Selection*>> by_key;
    for (const auto* field : fields) by_key[field->response_key()].push_back(field);
    for (const auto& [key, same] : by_key) {
        const Selection& first = *same.front();
        Sets below;
        for (const auto* field : same) {
            if (field->name != first.name || !same_arguments(*field, first)) {
                problems.push_back({"Fields \"" + std::string(key) + "\" conflict because " +
                                        (field->name != first.name
                                             ? "\"" + first.name + "\" and \"" + field->name + "\" are different fields"
                                             : std::string("they have differing arguments")) +
                                        ". Use different aliases on the fields to fetch both if this was intentional.",
                                    {first.at, field->at}});
                return true;
            }
            if (!field->selections.empty()) below.push_back(&field->selections);
        }
        if (!below.empty() && !check_sets(std::move(below), problems)) return false;
    }
    return true;
}

}  // namespace weft::net::graphql
