#pragma once
// What one GraphQL request may cost. Each bound is named in the error of the request that passes it, so that its author
// knows which one to stay under.

#include <cstddef>
#include <cstdint>

namespace weft::net::graphql {

struct Limits {
    std::size_t document_bytes_max = 64 * 1024;
    std::size_t tokens_max = 10'000;
    /// Selections inside selections, with fragments put in; lists and objects inside values too.
    std::size_t depth_max = 32;
    std::size_t aliases_max = 200;
    /// Steps of validation: fields and fragments looked at, which hostile fragments multiply.
    std::size_t validation_steps_max = 100'000;
    /// Fields to execute, with fragments put in, before lists multiply them.
    std::size_t fields_max = 5'000;
    /// The same after they did, by what each list is taken to hold (Field::fan_out).
    std::uint64_t cost_max = 1'000'000;
    /// Fields that were in fact executed.
    std::size_t resolved_max = 2'000'000;
    std::size_t response_bytes_max = 25'000'000;
    /// Errors that are told; what is beyond is dropped.
    std::size_t errors_max = 100;
    /// Fields or list items of one level that wait at once.
    std::size_t concurrent_max = 32;
};

}  // namespace weft::net::graphql
