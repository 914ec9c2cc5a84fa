#pragma once
// Where an execution's gas went, as folded stacks: one line for each chain of contracts and functions and each opcode
// at its end, with the gas that was spent there. flamegraph.pl, speedscope and `weft trace --flame` draw them.
//
//   0x5fbd..0aa3:a9059cbb;0xe7f1..0512:70a08231;SLOAD 2100
//
// What a call takes along counts where it is spent: all lines together are the gas of the execution, without what the
// transaction costs before it and gets back after it. Precompiles, and the gas that a failing call loses, have lines
// too.

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "evm/limiter.hpp"
#include "evm/tracer.hpp"

namespace weft::evm {

enum class ProfileUnit : std::uint8_t { gas, count };

struct OpcodeProfileOptions {
    ProfileUnit unit = ProfileUnit::gas;
    /// Ends the execution when there are more lines; may be null.
    TraceBudget* budget = nullptr;
};

class OpcodeProfileTracer final : public Tracer {
  public:
    explicit OpcodeProfileTracer(OpcodeProfileOptions options = {});

    [[nodiscard]] bool wants_steps() const override { return true; }
    void on_enter(const TraceEnter& enter) override;
    void on_exit(const TraceExit& exit) override;
    void on_step(const TraceStep& step) override;
    void on_charged(std::int64_t gas_cost, Status status) override;

    /// "frame;frame;OPCODE 42", by frames and then opcodes.
    [[nodiscard]] std::vector<std::string> folded() const;
    /// {"by", "total", "folded"}.
    [[nodiscard]] std::string result() const;

  private:
    /// All calls that came along one chain of contracts and functions.
    struct Node {
        std::string name;
        std::size_t parent = 0;
        std::map<std::string, std::size_t> children;
        std::array<std::int64_t, 256> gas{};
        std::array<std::uint64_t, 256> count{};
        std::int64_t precompile_gas = 0;
        std::int64_t lost_gas = 0;
        std::uint64_t calls = 0;
        bool is_precompile = false;
    };
    /// One call that is under way.
    struct Open {
        std::size_t node = 0;
        std::int64_t spent = 0;  // by its own instructions and by what it called
        int last_opcode = -1;
    };
    [[nodiscard]] std::size_t child_of(std::size_t parent, const std::string& name);

    OpcodeProfileOptions options_;
    std::vector<Node> nodes_;  // the first is no call: it is above the outermost
    std::vector<Open> open_;
};

}  // namespace weft::evm
