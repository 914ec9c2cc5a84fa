#include "evm/interpreter.hpp"

#include <limits>
#include <utility>

#include "base/result.hpp"
#include "evm/instruction.hpp"
#include "evm/limiter.hpp"
#include "evm/threaded/handlers.hpp"
#include "evm/tracer.hpp"

// How a handler is called: preserve_none puts all six in registers, the first four in ones that ordinary calls
// preserve; musttail makes the last call a jump. Macros, because a parameter pack would not be a parameter list.
#define WEFT_EVM_PARAMETERS \
    const std::uint8_t *pc, U256 *top, std::int64_t gas, Frame *frame, U256 *base, const Handler *table
#define WEFT_EVM_GO(function) [[clang::musttail]] return function(pc, top, gas, frame, base, table)
#define WEFT_EVM_NEXT() WEFT_EVM_GO(table[*pc].run)

namespace weft::evm {

namespace {

/// Frames that are not to be translated wait for more jumps than gas can buy.
constexpr std::int64_t forever = std::numeric_limits<std::int64_t>::max();
/// ... but look at the limiter after so many.
constexpr std::int64_t jumps_a_look = 1 << 16;
/// Code that hardly jumps is known by its gas: this much counts as a jump.
constexpr std::int64_t gas_per_jump = 64;

struct Handler {
    [[clang::preserve_none]] void (*run)(WEFT_EVM_PARAMETERS);
};

// --- the ways out, kept apart so that handlers need no stack frame

template <Status status>
[[clang::preserve_none, gnu::noinline, gnu::cold]] void halt(WEFT_EVM_PARAMETERS) {
    static_cast<void>(table);
    frame->status = status;
    frame->gas = gas;
    frame->pc = pc;
    frame->stack_size = static_cast<std::uint16_t>(top - base + 1);
}

/// An operation returned less than 0: the status is its own, or none and then gas ran out.
[[clang::preserve_none, gnu::noinline, gnu::cold]] void halt_failed(WEFT_EVM_PARAMETERS) {
    static_cast<void>(table);
    if (frame->status == Status::success) {
        frame->status = Status::out_of_gas;
        frame->gas = gas;
    }
    frame->pc = pc;
    frame->stack_size = static_cast<std::uint16_t>(top - base + 1);
}

[[clang::preserve_none]] void undefined(WEFT_EVM_PARAMETERS) { WEFT_EVM_GO(halt<Status::invalid_opcode>); }

// --- handlers

template <Opcode opcode>
concept OnStack = requires(U256* top) { run(Tag<opcode>{}, top); };
template <Opcode opcode>
concept OnFrame = requires(const Frame& frame, U256* top) { run(Tag<opcode>{}, frame, top); };

constexpr bool ends_frame(Opcode opcode) {
    return opcode == Opcode::stop || opcode == Opcode::return_ || opcode == Opcode::revert ||
           opcode == Opcode::selfdestruct;
}

template <int bytes>
[[gnu::always_inline]] inline void push_immediate(const std::uint8_t* pc, U256* top) {
    // Whole limbs from the operand's end, then what is left of its beginning; the padding allows 8-byte loads.
    constexpr int whole = bytes / 8;
    constexpr int rest = bytes % 8;
    for (int i = 0; i < whole; ++i) top[1].limb[i] = load_big_endian(pc + 1 + bytes - 8 * (i + 1));
    if constexpr (rest != 0) top[1].limb[whole] = load_big_endian(pc + 1) >> (64 - 8 * rest);
    for (int i = whole + (rest != 0 ? 1 : 0); i < 4; ++i) top[1].limb[i] = 0;
}

/// What the opcode does; the checks are done.
template <Opcode opcode>
[[gnu::always_inline]] inline void on_stack(const std::uint8_t* pc, U256* top, std::int64_t gas, Frame* frame) {
    constexpr auto byte = to_byte(opcode);
    if constexpr (byte >= to_byte(Opcode::push0) && byte <= to_byte(Opcode::push32)) {
        push_immediate<byte - to_byte(Opcode::push0)>(pc, top);
    } else if constexpr (byte >= to_byte(Opcode::dup1) && byte <= to_byte(Opcode::dup16)) {
        copy_word(top[1], top[-(byte - to_byte(Opcode::dup1))]);
    } else if constexpr (byte >= to_byte(Opcode::swap1) && byte <= to_byte(Opcode::swap16)) {
        U256& other = top[-(byte - to_byte(Opcode::swap1)) - 1];
        for (int i = 0; i < 4; ++i) std::swap(top[0].limb[i], other.limb[i]);
    } else if constexpr (opcode == Opcode::pc) {
        set_word(top[1], static_cast<std::uint64_t>(pc - frame->code->begin()));
    } else if constexpr (opcode == Opcode::gas) {
        set_word(top[1], static_cast<std::uint64_t>(gas));
    } else if constexpr (OnStack<opcode>) {
        run(Tag<opcode>{}, top);
    } else if constexpr (OnFrame<opcode>) {
        run(Tag<opcode>{}, *frame, top);
    }
}

/// The general handler: stack height, price, effect, next.
template <Opcode opcode, int price>
[[clang::preserve_none]] void step(WEFT_EVM_PARAMETERS) {
    constexpr auto traits = opcode_traits[to_byte(opcode)];
    if constexpr (traits.pops > 0) {
        if (top < base + (traits.pops - 1)) [[unlikely]] WEFT_EVM_GO(halt<Status::stack_underflow>);
    }
    if constexpr (traits.pushes > traits.pops) {
        if (top >= base + (stack_size_max - 1)) [[unlikely]] WEFT_EVM_GO(halt<Status::stack_overflow>);
    }
    if constexpr (price > 0) {
        gas -= price;
        if (gas < 0) [[unlikely]] WEFT_EVM_GO(halt<Status::out_of_gas>);
    }
    if constexpr (requires { { run(Tag<opcode>{}, *frame, top, gas) } -> std::same_as<std::int64_t>; }) {
        gas = run(Tag<opcode>{}, *frame, top, gas);
        if (gas < 0) [[unlikely]] WEFT_EVM_GO(halt_failed);
    } else {
        on_stack<opcode>(pc, top, gas, frame);
    }
    if constexpr (ends_frame(opcode)) {
        if constexpr (opcode == Opcode::revert) WEFT_EVM_GO(halt<Status::revert>);
        WEFT_EVM_GO(halt<Status::success>);
    }
    top += traits.pushes - traits.pops;
    pc += 1 + traits.immediate;
    WEFT_EVM_NEXT();
}

bool is_to_end(const Frame& frame) {
    return frame.machine->limiter != nullptr && frame.machine->limiter->requested();
}

/// A jump arrived at pc and the code has run enough to be translated: goes on there in its program.
[[clang::preserve_none, gnu::noinline, gnu::cold]] void run_translated(WEFT_EVM_PARAMETERS) {
    if (is_to_end(*frame)) WEFT_EVM_GO(halt<Status::aborted>);
    const auto& program = frame->code->translate(frame->schedule->revision);
    const auto* const block = program.find(static_cast<std::uint64_t>(pc - frame->code->begin()));
    if (program.revision() == frame->schedule->revision) {
        run_program(*frame, program, block, top, gas);
    } else {
        frame->patience = jumps_a_look;
        interpret_from(*frame, pc, top, gas);
    }
}

template <int price>
[[clang::preserve_none]] void jump(WEFT_EVM_PARAMETERS) {
    if (top < base) [[unlikely]] WEFT_EVM_GO(halt<Status::stack_underflow>);
    gas -= price;
    if (gas < 0) [[unlikely]] WEFT_EVM_GO(halt<Status::out_of_gas>);
    const U256& target = *top;
    if (!target.fits_u64() || !frame->code->is_jump_destination(target.limb[0])) [[unlikely]] {
        WEFT_EVM_GO(halt<Status::bad_jump_destination>);
    }
    pc = frame->code->begin() + target.limb[0];
    --top;
    if (--frame->patience < 0) [[unlikely]] WEFT_EVM_GO(run_translated);
    WEFT_EVM_NEXT();
}

template <int price>
[[clang::preserve_none]] void jump_if(WEFT_EVM_PARAMETERS) {
    if (top < base + 1) [[unlikely]] WEFT_EVM_GO(halt<Status::stack_underflow>);
    gas -= price;
    if (gas < 0) [[unlikely]] WEFT_EVM_GO(halt<Status::out_of_gas>);
    top -= 2;
    if (top[1].is_zero()) {
        ++pc;
        WEFT_EVM_NEXT();
    }
    const U256& target = top[2];
    if (!target.fits_u64() || !frame->code->is_jump_destination(target.limb[0])) [[unlikely]] {
        WEFT_EVM_GO(halt<Status::bad_jump_destination>);
    }
    pc = frame->code->begin() + target.limb[0];
    if (--frame->patience < 0) [[unlikely]] WEFT_EVM_GO(run_translated);
    WEFT_EVM_NEXT();
}

template <int opcode, int price>
constexpr Handler pick() {
    if constexpr (price == GasSchedule::undefined) {
        return {undefined};
    } else if constexpr (opcode == to_byte(Opcode::jump)) {
        return {jump<price>};
    } else if constexpr (opcode == to_byte(Opcode::jumpi)) {
        return {jump_if<price>};
    } else {
        return {step<static_cast<Opcode>(opcode), price>};
    }
}

using Table = std::array<Handler, 256>;

template <std::size_t revision, std::size_t... opcode>
constexpr Table make_table(std::index_sequence<opcode...>) {
    return {pick<opcode, gas_schedules[revision].base[opcode]>()...};
}

template <std::size_t... revision>
constexpr std::array<Table, revision_count> make_tables(std::index_sequence<revision...>) {
    return {make_table<revision>(std::make_index_sequence<256>())...};
}

constexpr auto tables = make_tables(std::make_index_sequence<revision_count>());

constexpr const Table& table_of(const Frame& frame) {
    return tables[static_cast<std::size_t>(frame.schedule->revision)];
}

// --- tracing: one handler in all 256 places, which tells the tracer and goes on to the plain one

[[gnu::noinline]] void tell(Frame& frame, const std::uint8_t* pc, const U256* top, std::int64_t gas) {
    if (frame.traced_gas >= 0) frame.tracer->on_charged(frame.traced_gas - gas, Status::success);
    frame.traced_gas = gas;
    const auto& message = *frame.message;
    frame.tracer->on_step({static_cast<std::uint64_t>(pc - frame.code->begin()), *pc, message.depth,
                           static_cast<std::uint64_t>(gas), frame.machine->refund,
                           {frame.stack, static_cast<std::size_t>(top - frame.stack + 1)},
                           {frame.memory, frame.memory_size}, frame.return_data, message, frame.code->bytes(),
                           *frame.host});
}

[[clang::preserve_none]] void traced(WEFT_EVM_PARAMETERS) {
    if (is_to_end(*frame)) [[unlikely]] WEFT_EVM_GO(halt<Status::aborted>);
    tell(*frame, pc, top, gas);
    WEFT_EVM_GO(table_of(*frame)[*pc].run);
}

constexpr Table traced_table = [] {
    Table out{};
    for (auto& handler : out) handler = {traced};
    return out;
}();

}  // namespace

namespace {

/// The program to run, null to go byte by byte.
const Program* choose_program(Frame& frame) {
    const Code& code = *frame.code;
    const auto revision = frame.schedule->revision;
    const auto* program = code.program();
    if (program == nullptr) {
        frame.patience = code.patience();
        if (frame.patience > 0) return nullptr;
        program = &code.translate(revision);
    }
    if (program->revision() == revision) return program;
    frame.patience = forever;
    return nullptr;
}

void interpret_traced(Frame& frame) {
    frame.patience = forever;
    const auto* const pc = frame.code->begin();
    traced_table[*pc].run(pc, frame.stack - 1, frame.gas, &frame, frame.stack, traced_table.data());
    if (frame.traced_gas >= 0) {
        frame.tracer->on_charged(frame.traced_gas - frame.gas, frame.status);
        frame.traced_gas = -1;
    }
}

}  // namespace

void interpret_from(Frame& frame, const std::uint8_t* pc, U256* top, std::int64_t gas) {
    const auto* const table = table_of(frame).data();
    table[*pc].run(pc, top, gas, &frame, frame.stack, table);
}

void interpret(Frame& frame) {
    if (frame.tracer != nullptr) return interpret_traced(frame);
    if (const auto* const program = choose_program(frame)) {
        return run_program(frame, *program, program->begin(), frame.stack - 1, frame.gas);
    }
    const std::int64_t gas = frame.gas;
    const bool waits_for_translation = frame.patience != forever;
    if (!waits_for_translation) frame.patience = jumps_a_look;
    interpret_from(frame, frame.code->begin(), frame.stack - 1, gas);
    if (waits_for_translation) frame.code->set_patience(frame.patience - (gas - frame.gas) / gas_per_jump);
}

}  // namespace weft::evm
