#include "evm/call.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "base/result.hpp"
#include "base/rlp.hpp"
#include "crypto/keccak.hpp"
#include "evm/interpreter.hpp"
#include "evm/limiter.hpp"
#include "evm/precompile.hpp"
#include "evm/tracer.hpp"

namespace weft::evm {

namespace {

bool is_creation(CallKind kind) { return kind == CallKind::create || kind == CallKind::create2; }

/// Which precompile answers at an address, if any.
std::optional<Address> precompile_at(const Machine& machine, const Address& address) {
    for (const auto& [from, to] : machine.environment->moved_precompiles) {
        if (address == to) return from;
        if (address == from) return std::nullopt;
    }
    return is_precompile(address, machine.schedule->revision) ? std::optional(address) : std::nullopt;
}

/// Runs code in a frame of its own; the output is copied out before the frame's memory is given back.
Outcome run_code(Machine& machine, const Message& message, const Code& code, Bytes& output) {
    Frame& frame = machine.open(message, code);
    frame.gas = static_cast<std::int64_t>(message.gas);
    interpret(frame);
    Outcome outcome;
    outcome.status = frame.status;
    if (frame.status <= Status::revert) {
        outcome.gas_left = frame.gas;
        const auto view = frame.output();
        output.assign(view.begin(), view.end());
    } else {
        outcome.failed_opcode = *frame.pc;
        outcome.failed_stack_size = frame.stack_size;
    }
    machine.close(frame);
    return outcome;
}

/// Before EIP-161 a call brings its recipient into being, even for nothing.
void ensure_exists(Host& host, const Address& address, Revision revision) {
    if (revision < Revision::spurious_dragon && !host.exists(address)) host.set_balance(address, host.balance(address));
}

void transfer(Host& host, const Message& message) {
    if (message.value.is_zero() || message.sender == message.recipient) return;
    host.set_balance(message.sender, host.balance(message.sender) - message.value);
    host.set_balance(message.recipient, host.balance(message.recipient) + message.value);
}

/// The code a call runs: of its code_address, or of the account that one delegates to (EIP-7702), one step only.
CodePtr code_to_run(Machine& machine, const Message& message) {
    Host& host = *machine.host;
    auto code = host.code(message.code_address);
    if (machine.schedule->revision < Revision::prague) return code;
    if (const auto target = delegation_of(code->bytes())) {
        if (message.depth == 0)
            static_cast<void>(host.warm_account(*target));  // deeper, the instruction charged for it
        // A delegation to a precompile runs nothing.
        return precompile_at(machine, *target) ? empty_code() : host.code(*target);
    }
    return code;
}

Outcome run_precompile(Machine& machine, const Address& precompile, const Message& message, Bytes& output) {
    auto result = call_precompile(precompile, machine.schedule->revision, message.input,
                                  static_cast<std::int64_t>(message.gas));
    output = std::move(result.output);
    Outcome outcome;
    outcome.status = result.status;
    outcome.gas_left = result.gas_left;
    return outcome;
}

/// The touch of the RIPEMD-160 precompile outlives a revert: the first clients to run EIP-161 had that bug when a
/// transaction (in block 2,675,119) ran out of gas in it, and so it became the rule.
constexpr Address ripemd_address = [] {
    Address out;
    out.bytes[19] = 3;
    return out;
}();

Outcome run_call(Machine& machine, const Message& message, Bytes& output) {
    Host& host = *machine.host;
    const auto revision = machine.schedule->revision;
    const auto precompile = precompile_at(machine, message.code_address);
    const auto checkpoint = host.checkpoint();
    const auto refund = machine.refund;
    if (message.kind == CallKind::call) {
        ensure_exists(host, message.recipient, revision);
        transfer(host, message);
    }
    if ((message.kind == CallKind::call || message.kind == CallKind::staticcall) &&
        revision >= Revision::spurious_dragon) {
        host.touch(message.recipient);
        if (message.recipient == ripemd_address) machine.ripemd_touched = true;
    }
    Outcome outcome;
    if (precompile) {
        outcome = run_precompile(machine, *precompile, message, output);
    } else if (const auto code = code_to_run(machine, message); code->size() != 0) {
        outcome = run_code(machine, message, *code, output);
    } else {
        outcome.gas_left = static_cast<std::int64_t>(message.gas);
    }
    if (outcome.status != Status::success) {
        host.revert(checkpoint);
        machine.refund = refund;
    }
    return outcome;
}

/// What a creation's init code returned becomes the account's code.
/// @return  success, or why not. @source EIP-2, EIP-170, EIP-3541.
Status deposit(Machine& machine, const Address& address, std::int64_t& gas, Bytes& output) {
    const auto revision = machine.schedule->revision;
    if (revision >= Revision::london && !output.empty() && output[0] == 0xef) return Status::invalid_code_prefix;
    const auto cost = code_deposit_byte_gas * static_cast<std::int64_t>(output.size());
    if (cost > gas) {
        if (revision >= Revision::homestead) return Status::code_store_out_of_gas;
        return Status::success;  // Frontier leaves a contract without code
    }
    if (revision >= Revision::spurious_dragon && output.size() > code_size_max &&
        !machine.environment->allow_unlimited_code) {
        return Status::max_code_size_exceeded;
    }
    gas -= cost;
    if (!output.empty()) machine.host->set_code(address, output);
    return Status::success;
}

/// The creation itself, once its address is known and its sender's nonce counted.
Outcome run_creation(Machine& machine, const Message& message, Bytes& output) {
    Host& host = *machine.host;
    const auto revision = machine.schedule->revision;
    if (revision >= Revision::berlin) static_cast<void>(host.warm_account(message.recipient));
    Outcome outcome;
    outcome.created = message.recipient;
    if (host.has_collision(message.recipient)) {
        outcome.status = Status::contract_address_collision;
        return outcome;
    }
    const auto checkpoint = host.checkpoint();
    const auto refund = machine.refund;
    host.create_account(message.recipient);
    if (revision >= Revision::spurious_dragon) host.set_nonce(message.recipient, 1);
    transfer(host, message);
    Message init = message;
    init.code_address = message.recipient;
    init.input = {};
    const Code code(message.input, Hash{});
    outcome.gas_left = static_cast<std::int64_t>(message.gas);
    if (code.size() != 0) outcome = run_code(machine, init, code, output);
    if (outcome.status == Status::success) {
        outcome.status = deposit(machine, message.recipient, outcome.gas_left, output);
        if (outcome.status != Status::success) outcome.gas_left = 0;
    }
    if (outcome.status != Status::success) {
        host.revert(checkpoint);
        machine.refund = refund;
        if (outcome.status != Status::revert) output.clear();
    }
    outcome.created = message.recipient;
    return outcome;
}

/// What stops a message before it does anything; its gas then goes back.
Status refusal(Machine& machine, const Message& message, std::uint64_t nonce) {
    if (message.depth > call_depth_max) return Status::call_depth_exceeded;
    if (auto* const limiter = machine.limiter) {
        if (message.depth > limiter->depth_max()) limiter->request(Limiter::Reason::depth);
        if (limiter->requested()) return Status::aborted;
    }
    const bool pays = message.kind == CallKind::call || message.kind == CallKind::callcode || is_creation(message.kind);
    if (pays && !message.value.is_zero() && machine.host->balance(message.sender) < message.value) {
        return Status::insufficient_balance;
    }
    if (is_creation(message.kind) && nonce == std::numeric_limits<std::uint64_t>::max()) {
        return Status::nonce_exhausted;  // EIP-2681
    }
    return Status::success;
}

void tell_enter(Machine& machine, const Message& message) {
    // A contract that borrows code is, to its tracers, still the one that calls.
    const auto& from = message.kind == CallKind::delegatecall ? message.recipient : message.sender;
    const bool precompile = !is_creation(message.kind) && precompile_at(machine, message.code_address).has_value();
    machine.tracer->on_enter({message, from, message.code_address, precompile, *machine.host});
}

}  // namespace

Outcome run_message(Machine& machine, Message& message, Bytes& output) {
    Host& host = *machine.host;
    const bool creation = is_creation(message.kind);
    std::uint64_t nonce = 0;
    if (creation) {
        // At depth 0 the transaction has counted itself already.
        nonce = host.nonce(message.sender) - (message.depth == 0 ? 1 : 0);
        message.recipient = message.kind == CallKind::create
                                ? create_address(message.sender, nonce)
                                : create2_address(message.sender, message.salt, message.input);
        message.code_address = message.recipient;
    }
    auto* const tracer = machine.tracer;
    if (tracer != nullptr) tell_enter(machine, message);
    output.clear();
    Outcome outcome;
    outcome.status = refusal(machine, message, nonce);
    outcome.gas_left = static_cast<std::int64_t>(message.gas);
    outcome.created = message.recipient;
    if (outcome.status == Status::success) {
        if (creation && message.depth > 0) host.set_nonce(message.sender, nonce + 1);
        outcome = creation ? run_creation(machine, message, output) : run_call(machine, message, output);
    }
    if (tracer != nullptr) {
        tracer->on_exit({message.depth, outcome.status, message.gas - static_cast<std::uint64_t>(outcome.gas_left),
                         output, outcome.failed_opcode, outcome.failed_stack_size});
    }
    return outcome;
}

Address create_address(const Address& sender, std::uint64_t nonce) {
    rlp::Writer writer;
    const auto list = writer.begin_list();
    writer.string(sender).number(nonce).end_list(list);
    return Address::from(crypto::keccak256(writer.bytes()));
}

Address create2_address(const Address& sender, const Hash& salt, BytesView init_code) {
    Bytes preimage = {0xff};
    append(preimage, sender);
    append(preimage, salt);
    append(preimage, crypto::keccak256(init_code));
    return Address::from(crypto::keccak256(preimage));
}

CallResult execute(Host& host, const Environment& environment, const Message& message) {
    const BorrowedMachine borrowed;
    Machine& machine = *borrowed;
    machine.begin(host, environment);
    // Gas is signed inside. More than half the range can't be bought: what exceeds it is handed back untouched.
    constexpr std::uint64_t gas_max = std::numeric_limits<std::int64_t>::max();
    Message inner = message;
    inner.gas = std::min(message.gas, gas_max);
    CallResult result;
    const auto outcome = run_message(machine, inner, result.output);
    if (machine.ripemd_touched) host.touch(ripemd_address);
    result.status = outcome.status;
    result.gas_left = static_cast<std::uint64_t>(outcome.gas_left) + (message.gas - inner.gas);
    result.gas_refund = machine.refund;
    result.created = outcome.created;
    result.failed_opcode = outcome.failed_opcode;
    result.failed_stack_size = outcome.failed_stack_size;
    return result;
}

}  // namespace weft::evm
