#pragma once
// Processor time that was used so far, in nanoseconds: what benchmarks measure on a machine that others use too.

#include <cstdint>

namespace weft::app {

/// Of all threads of this process.
[[nodiscard]] std::int64_t process_cpu_ns();
/// Of the calling thread.
[[nodiscard]] std::int64_t thread_cpu_ns();

}  // namespace weft::app
