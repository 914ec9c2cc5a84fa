#pragma once
// Inputs of precompiled contracts: right ones, right ones with a bit or the length changed, and wrong ones.

#include "base/bytes.hpp"
#include "random.hpp"

namespace weft::differential {

/// @param number  the precompile's address, 1 to 17 or 256; anything else gets random bytes.
[[nodiscard]] Bytes make_precompile_input(Random& random, std::uint16_t number);

}  // namespace weft::differential
