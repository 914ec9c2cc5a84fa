#include "evm/status.hpp"

#include "base/hex.hpp"
#include "base/result.hpp"
#include "evm/gas.hpp"
#include "evm/opcode.hpp"

namespace weft::evm {

std::string_view to_string(Status status) {
    switch (status) {
        case Status::success: return "";
        case Status::revert: return "execution reverted";
        case Status::failure: return "execution failed";
        case Status::out_of_gas: return "out of gas";
        case Status::invalid_opcode: return "invalid opcode";
        case Status::stack_underflow: return "stack underflow";
        case Status::stack_overflow: return "stack overflow";
        case Status::bad_jump_destination: return "invalid jump destination";
        case Status::static_mode_violation: return "write protection";
        case Status::return_data_out_of_bounds: return "return data out of bounds";
        case Status::call_depth_exceeded: return "max call depth exceeded";
        case Status::insufficient_balance: return "insufficient balance for transfer";
        case Status::nonce_exhausted: return "nonce uint64 overflow";
        case Status::contract_address_collision: return "contract address collision";
        case Status::max_code_size_exceeded: return "max code size exceeded";
        case Status::invalid_code_prefix: return "invalid code: must not begin with 0xef";
        case Status::code_store_out_of_gas: return "contract creation code storage out of gas";
        case Status::precompile_failure: return "precompile failed";
        case Status::aborted: return "execution aborted";
    }
    WEFT_ASSERT(false);
    return {};
}

std::string describe(Status status, std::uint8_t opcode, std::size_t stack_size) {
    const auto& traits = opcode_traits[opcode];
    if (status == Status::invalid_opcode) return "invalid opcode: " + opcode_name(opcode);
    if (status == Status::stack_underflow) {
        return "stack underflow (" + std::to_string(stack_size) + " <=> " + std::to_string(traits.pops) + ")";
    }
    if (status == Status::stack_overflow) {
        const int limit = stack_size_max + traits.pops - traits.pushes;
        return "stack limit reached " + std::to_string(stack_size) + " (" + std::to_string(limit) + ")";
    }
    return std::string(to_string(status));
}

std::string describe(const CallResult& result) {
    return describe(result.status, result.failed_opcode, result.failed_stack_size);
}

namespace {

constexpr std::size_t selector_size = 4;

std::string panic_reason(const U256& code) {
    const struct {
        std::uint64_t code;
        std::string_view text;
    } reasons[] = {
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
        if (code == U256(reason.code)) return std::string(reason.text);
    }
    return "unknown panic code: " + to_quantity(code);
}

}  // namespace

std::optional<std::string> revert_reason(BytesView output) {
    if (output.size() < selector_size) return std::nullopt;
    const auto selector = U256::from_bytes(output.first(selector_size)).low();
    const auto arguments = output.subspan(selector_size);
    if (selector == 0x4e487b71 && arguments.size() >= 32) return panic_reason(U256::from_bytes(arguments.first(32)));
    if (selector != 0x08c379a0 || arguments.size() < 64) return std::nullopt;
    const U256 offset = U256::from_bytes(arguments.first(32));
    if (offset > U256(arguments.size() - 32)) return std::nullopt;
    const auto text = arguments.subspan(offset.low());
    const U256 size = U256::from_bytes(text.first(32));
    if (size > U256(text.size() - 32)) return std::nullopt;
    return std::string(as_text(text.subspan(32, size.low())));
}

}  // namespace weft::evm
