#include "base/result.hpp"

#include <cstdio>
#include <cstdlib>

namespace weft {

std::string_view to_string(ErrorCode code) {
    switch (code) {
        case ErrorCode::cancelled: return "cancelled";
        case ErrorCode::unknown: return "unknown";
        case ErrorCode::invalid_argument: return "invalid_argument";
        case ErrorCode::deadline_exceeded: return "deadline_exceeded";
        case ErrorCode::not_found: return "not_found";
        case ErrorCode::already_exists: return "already_exists";
        case ErrorCode::permission_denied: return "permission_denied";
        case ErrorCode::resource_exhausted: return "resource_exhausted";
        case ErrorCode::failed_precondition: return "failed_precondition";
        case ErrorCode::aborted: return "aborted";
        case ErrorCode::out_of_range: return "out_of_range";
        case ErrorCode::unimplemented: return "unimplemented";
        case ErrorCode::internal: return "internal";
        case ErrorCode::unavailable: return "unavailable";
        case ErrorCode::data_loss: return "data_loss";
        case ErrorCode::unauthenticated: return "unauthenticated";
    }
    return "unknown";
}

namespace detail {

void assertion_failed(const char* expression, const char* file, int line) {
    std::fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expression);
    std::abort();
}

}  // namespace detail

}  // namespace weft
