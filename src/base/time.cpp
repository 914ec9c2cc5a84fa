#include "base/time.hpp"

#include <ctime>

namespace weft {

namespace {
std::int64_t read_ns(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return std::int64_t{now.tv_sec} * ns_per_s + now.tv_nsec;
}
}  // namespace

std::int64_t monotonic_ns() { return read_ns(CLOCK_MONOTONIC); }
std::uint64_t unix_seconds() { return static_cast<std::uint64_t>(read_ns(CLOCK_REALTIME) / ns_per_s); }
std::int64_t unix_ms() { return read_ns(CLOCK_REALTIME) / ns_per_ms; }

}  // namespace weft
