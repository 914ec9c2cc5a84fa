#pragma once
// Errors as values. What can happen in a correct program is a Result now or a Task (task.hpp) later; what can't
// happen is a WEFT_ASSERT, which stays on in every build.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.hpp"

namespace weft {

/// What a caller can decide on. The values are gRPC's status codes, so an error crosses a process unchanged.
enum class ErrorCode : std::uint8_t {
    cancelled = 1,
    unknown = 2,
    invalid_argument = 3,     // the input is wrong in itself: retrying can't help
    deadline_exceeded = 4,
    not_found = 5,
    already_exists = 6,
    permission_denied = 7,
    resource_exhausted = 8,   // a limit of ours: size, depth, queue, rate
    failed_precondition = 9,  // the input is well-formed, but the state refuses it
    aborted = 10,
    out_of_range = 11,
    unimplemented = 12,
    internal = 13,
    unavailable = 14,         // nobody answered: safe to try elsewhere
    data_loss = 15,           // stored bytes are damaged
    unauthenticated = 16,
};

/// Snake-case name of a code, as logs and metrics spell it.
[[nodiscard]] std::string_view to_string(ErrorCode code);

struct Error {
    ErrorCode code = ErrorCode::unknown;
    std::string message;
    /// What the caller needs beyond the text, e.g. the bytes a contract reverted with. Empty if none.
    Bytes data;
    /// A protocol's own code, e.g. JSON-RPC's -32000 or 3; 0 if none.
    std::int32_t detail = 0;
};

template <class T>
using Result = std::expected<T, Error>;

/// Makes the error side of a Result: `return fail(ErrorCode::not_found, "header not found");`
[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
    return std::unexpected<Error>(Error{code, std::move(message), {}, 0});
}

namespace detail {
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);
}

}  // namespace weft

// A macro only because it must see the expression's text. Never compiled out.
#define WEFT_ASSERT(condition) \
    ((condition) ? static_cast<void>(0) : ::weft::detail::assertion_failed(#condition, __FILE__, __LINE__))

#define WEFT_CONCAT_INNER(a, b) a##b
#define WEFT_CONCAT(a, b) WEFT_CONCAT_INNER(a, b)
/// `WEFT_TRY(auto value, f());` assigns the value of a Result or returns its error from the function.
#define WEFT_TRY(declaration, ...)                                       \
    auto WEFT_CONCAT(weft_try_, __LINE__) = (__VA_ARGS__);               \
    if (!WEFT_CONCAT(weft_try_, __LINE__)) {                             \
        return std::unexpected(std::move(WEFT_CONCAT(weft_try_, __LINE__)).error()); \
    }                                                                    \
    declaration = *std::move(WEFT_CONCAT(weft_try_, __LINE__))
/// The same for a Result<void>, or to drop the value.
#define WEFT_CHECK(...)                                                  \
    if (auto weft_check_ = (__VA_ARGS__); !weft_check_) {                \
        return std::unexpected(std::move(weft_check_).error());          \
    }
