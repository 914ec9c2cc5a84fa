#pragma once
// The division that x86-64 has and C++ has no word for: two limbs by one.

#include <cstdint>

namespace weft {

/// (high * 2^64 + low) / divisor in one machine instruction. @pre high is below the divisor.
[[gnu::always_inline]] inline std::uint64_t divide_wide(std::uint64_t high, std::uint64_t low, std::uint64_t divisor,
                                                        std::uint64_t& remainder) {
#if defined(__x86_64__)
    std::uint64_t quotient;
    __asm__("divq %[divisor]" : "=a"(quotient), "=d"(remainder) : "a"(low), "d"(high), [divisor] "r"(divisor) : "cc");
    return quotient;
#else
    const auto dividend = static_cast<unsigned __int128>(high) << 64 | low;
    remainder = static_cast<std::uint64_t>(dividend % divisor);
    return static_cast<std::uint64_t>(dividend / divisor);
#endif
}

}  // namespace weft
