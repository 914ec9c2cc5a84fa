#include "service/gateway/errors.hpp"

#include <optional>

#include "base/hex.hpp"
#include "base/u256.hpp"

namespace weft::service::gateway {

std::unexpected<Error> rpc_fail(std::int32_t rpc_code, std::string message) {
    const auto kind = rpc_code == code::invalid_params ? ErrorCode::invalid_argument : ErrorCode::failed_precondition;
    return std::unexpected<Error>(Error{kind, std::move(message), {}, rpc_code});
}

std::unexpected<Error> no_such_method(std::string_view name) {
    return rpc_fail(code::method_not_found, "the method " + std::string(name) + " does not exist/is not available");
}

Error to_rpc_error(Error error) {
    if (error.detail == code::reverted) {
        error.message = revert_message(error.data);
        return error;
    }
    // Other small numbers are words between processes, not codes.
    if (error.detail < 0 || error.detail == code::transaction_pending) return error;
    switch (error.code) {
        case ErrorCode::internal:
        case ErrorCode::data_loss: error.detail = code::internal; break;
        case ErrorCode::unavailable:
        case ErrorCode::cancelled:
            error.detail = code::server;
            error.message = "service unavailable: " + error.message;
            break;
        case ErrorCode::deadline_exceeded:
            error.detail = code::timeout;
            error.message = "request timed out";
            break;
        // Params carry their code already; what a service calls invalid is, in geth, an error of the method.
        default: error.detail = code::server; break;
    }
    return error;
}

namespace {

/// Solidity's codes. @source docs.soliditylang.org, "Panic via assert and Error via require"; the words are geth's.
std::string panic_reason(const U256& number) {
    struct Reason {
        std::uint64_t number;
        std::string_view text;
    };
    static constexpr Reason reasons[] = {
        {0x00, "generic panic"},
        {0x01, "assert(false)"},
        {0x11, "arithmetic underflow or overflow"},
        {0x12, "division or modulo by zero"},
        {0x21, "enum overflow"},
        {0x22, "invalid encoded storage byte array accessed"},
        {0x31, "out-of-bounds array access; popping on an empty array"},
        {0x32, "out-of-bounds access of an array or bytesN"},
        {0x41, "out of memory"},
        {0x51, "uninitialized function"},
    };
    for (const auto& reason : reasons) {
        if (number == reason.number) return std::string(reason.text);
    }
    return "unknown panic code: " + to_quantity(number);
}

bool starts_with(BytesView output, std::uint32_t selector) {
    return output.size() >= 4 && (std::uint32_t{output[0]} << 24 | std::uint32_t{output[1]} << 16 |
                                  std::uint32_t{output[2]} << 8 | output[3]) == selector;
}

/// The string of an ABI-encoded (string); nullopt if the lengths lie.
std::optional<std::string> abi_string(BytesView data) {
    if (data.size() < 64) return std::nullopt;
    const U256 offset = U256::from_bytes(data.first(32));
    if (!offset.fits_u64() || offset.low() > data.size() - 32) return std::nullopt;
    const BytesView tail = data.subspan(offset.low());
    const U256 size = U256::from_bytes(tail.first(32));
    if (!size.fits_u64() || size.low() > tail.size() - 32) return std::nullopt;
    return std::string(as_text(tail.subspan(32, size.low())));
}

}  // namespace

std::string revert_message(BytesView output) {
    std::string message = "execution reverted";
    if (starts_with(output, 0x08c379a0)) {
        if (auto reason = abi_string(output.subspan(4))) message += ": " + *reason;
    } else if (starts_with(output, 0x4e487b71) && output.size() >= 36) {
        message += ": " + panic_reason(U256::from_bytes(output.subspan(4, 32)));
    }
    return message;
}

}  // namespace weft::service::gateway
