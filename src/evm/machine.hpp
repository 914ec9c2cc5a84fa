#pragma once
// The memory an execution works in, kept from one execution to the next so that a call allocates nothing: a stack for
// each depth, and one region in which every frame's memory begins where its caller's ends.

#include <atomic>
#include <cstdlib>
#include <memory>
#include <vector>

#include "base/bytes.hpp"
#include "base/u256.hpp"
#include "evm/code.hpp"
#include "evm/execute.hpp"
#include "evm/gas.hpp"

namespace weft::evm {

class Machine;
class Program;

/// One running call. The handlers keep pc, stack top and gas in registers; here is the rest.
struct Frame {
    // What most memory instructions touch, first.
    std::uint8_t* memory = nullptr;
    std::uint64_t memory_size = 0;  // bytes, a multiple of 32
    std::int64_t memory_cost = 0;   // gas paid for it so far
    std::uint64_t memory_room = 0;  // bytes it may grow to without moving
    const Code* code = nullptr;
    const Message* message = nullptr;
    const GasSchedule* schedule = nullptr;
    Host* host = nullptr;
    const Environment* environment = nullptr;
    Machine* machine = nullptr;
    U256* stack = nullptr;     // the slot of the first word
    /// Where a translated program's stack pointer stands when the stack is empty. A Limiter may put a wrong place here.
    std::atomic<U256*> floor = nullptr;
    const Program* program = nullptr;  // what runs, if it is translated
    std::int64_t patience = 0;         // jumps until the code is translated
    Bytes return_data;         // of the last call this frame made; its capacity outlives the frame
    std::size_t chunk = 0;     // which of the machine's chunks `memory` lies in

    // How it ended.
    std::int64_t gas = 0;
    Status status = Status::success;
    const std::uint8_t* pc = nullptr;
    std::uint16_t stack_size = 0;
    std::uint64_t output_offset = 0;
    std::uint64_t output_size = 0;

    // Traced frames only: the gas before the instruction that is under way, -1 when none is.
    Tracer* tracer = nullptr;
    std::int64_t traced_gas = -1;

    void reset_floor() { floor.store(stack - 2, std::memory_order_relaxed); }
    /// From any thread: no block of a translated program can be entered any more, as every height is wrong.
    void distrust_floor() {
        constexpr std::uintptr_t beyond_any_height = std::uintptr_t{1} << 31;
        floor.store(reinterpret_cast<U256*>(reinterpret_cast<std::uintptr_t>(stack - 2) ^ beyond_any_height),
                    std::memory_order_relaxed);
    }
    [[nodiscard]] BytesView output() const { return {memory + output_offset, output_size}; }
};

/// Everything that one transaction's frames share.
class Machine {
  public:
    Machine() = default;
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    /// Makes it ready for a transaction; no frame is open.
    void begin(Host& host, const Environment& environment);

    /// Opens the frame of a message. The Frame stays where it is until close().
    Frame& open(const Message& message, const Code& code);
    /// Closes the innermost frame; its memory becomes zero again, its stack another's.
    void close(Frame& frame);

    /// Makes a frame's memory at least @p size bytes, a multiple of 32. Only the innermost frame may grow; it may move.
    /// @return false, without effect, if the limiter has it so.
    [[nodiscard]] bool grow(Frame& frame, std::uint64_t size);

    Host* host = nullptr;
    const Environment* environment = nullptr;
    const GasSchedule* schedule = nullptr;
    Tracer* tracer = nullptr;
    Limiter* limiter = nullptr;
    std::int64_t refund = 0;          // of the transaction; a failing frame takes its part back
    bool ripemd_touched = false;      // see call.cpp
    Reducer reducer;                  // MULMOD's, of the modulus it met last more than once
    U256 last_modulus;

  private:
    struct Level {
        struct Free {
            void operator()(U256* memory) const { std::free(memory); }
        };
        std::unique_ptr<U256, Free> slots;
        Frame frame;
    };
    struct Chunk {
        struct Free {
            void operator()(std::uint8_t* memory) const { std::free(memory); }
        };
        std::unique_ptr<std::uint8_t, Free> bytes;
        std::size_t size = 0;
    };

    static void add_stack(Level& level);
    void add_chunk(std::size_t index, std::size_t size);
    /// Bytes of stacks and memory that it holds.
    [[nodiscard]] std::uint64_t held() const;

    std::vector<std::unique_ptr<Level>> levels_;
    std::vector<Chunk> chunks_;
    std::size_t open_ = 0;
};

/// A Machine of this thread's, borrowed for one execution; a nested execution gets another.
class BorrowedMachine {
  public:
    BorrowedMachine();
    ~BorrowedMachine();
    BorrowedMachine(const BorrowedMachine&) = delete;
    BorrowedMachine& operator=(const BorrowedMachine&) = delete;
    Machine& operator*() const { return *machine_; }

  private:
    std::unique_ptr<Machine> machine_;
};

}  // namespace weft::evm
