#pragma once
// Fields that answer under one key must be the same field with the same arguments, all the way down.
//
// Compared are not pairs, which are as many as the square of a hostile document's fields, but each field with the first
// of its key; the fields of one key have their selections merged and are gone through together, and a set of
// selections that was gone through is not gone through again.
//
// @source  GraphQL, October 2021, section 5.3.2, FieldsInSetCanMerge, for schemas without interfaces and unions

#include <set>
#include <vector>

#include "net/graphql/document.hpp"

namespace weft::net::graphql {

class OverlapCheck {
  public:
    OverlapCheck(const Document& document, std::size_t steps_max) : document_(document), steps_left_(steps_max) {}

    /// Adds to @p problems. False if the steps ran out.
    bool check(const Selections& selections, std::vector<Problem>& problems);

  private:
    using Sets = std::vector<const Selections*>;
    bool check_sets(Sets sets, std::vector<Problem>& problems);
    bool collect(const Selections& selections, std::vector<const Selection*>& fields,
                 std::set<std::string_view>& fragments);

    const Document& document_;
    std::size_t steps_left_;
    std::set<Sets> done_;
};

}  // namespace weft::net::graphql
