#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace weft::app {

/// The address itself if nobody listens there, with a free port instead of port 0. By the time it is used somebody may
/// have taken it; then who uses it says so.
/// @errors unavailable       "listen 127.0.0.1:8545: Address already in use".
///         invalid_argument  no address of this machine.
[[nodiscard]] Result<std::string> free_address(std::string_view address);

}  // namespace weft::app
