#include "app/cpu_time.hpp"

#include <ctime>

#include "base/time.hpp"

namespace weft::app {

static std::int64_t read_clock(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return now.tv_sec * ns_per_s + now.tv_nsec;
}

std::int64_t process_cpu_ns() { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }
std::int64_t thread_cpu_ns() { return read_clock(CLOCK_THREAD_CPUTIME_ID); }

}  // namespace weft::app
