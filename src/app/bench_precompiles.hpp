#pragma once
// `weft bench precompiles`: what each precompiled contract costs for its gas, and what a library needs for the same.

#include <string>

#include "base/result.hpp"

namespace weft::app {

struct BenchPrecompilesOptions {
    std::string blst;    // path of libblst.so; empty: its column is missing
    std::string filter;  // part of a row's name; empty: all rows
    std::string fork = "Osaka";  // whose prices count, by its fixture name
    int repetitions = 7;
    bool json = false;
};

/// Prints ns per call, gas, Mgas/s and the library's ns for each row: the lowest CPU time of the repetitions.
/// @errors not_found         a library was named that isn't there.
///         invalid_argument  no such fork.
[[nodiscard]] Result<void> bench_precompiles(const BenchPrecompilesOptions& options);

}  // namespace weft::app
