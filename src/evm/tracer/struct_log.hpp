#pragma once
// geth's default trace: one entry an instruction, as debug_traceTransaction and debug_traceCall answer without a
// tracer.

#include <cstdint>
#include <map>
#include <string>

#include "evm/limiter.hpp"
#include "evm/tracer.hpp"

namespace weft::evm {

/// The request's options, by geth's names.
struct StructLogOptions {
    bool enable_memory = false;
    bool disable_stack = false;
    bool disable_storage = false;
    bool enable_return_data = false;
    /// Entries stop when their text is longer than this, in bytes; 0: never.
    std::uint64_t limit = 0;
    /// Ends the execution when the entries are larger; may be null.
    TraceBudget* budget = nullptr;
};

class StructLogTracer final : public Tracer {
  public:
    explicit StructLogTracer(StructLogOptions options = {}) : options_(options) {}

    [[nodiscard]] bool wants_steps() const override { return true; }
    void on_exit(const TraceExit& exit) override;
    void on_step(const TraceStep& step) override;
    void on_charged(std::int64_t gas_cost, Status status) override;

    /// The reply: {"gas", "failed", "returnValue", "structLogs"}.
    /// @param gas_used  of the whole transaction, what its receipt says.
    [[nodiscard]] std::string result(std::uint64_t gas_used) const;

  private:
    /// The instruction whose price is not known yet; nothing while entries are cut off.
    struct Pending {
        bool open = false;
        std::uint64_t pc = 0;
        std::uint8_t opcode = 0;
        std::uint64_t gas = 0;
        int depth = 0;
        std::int64_t refund = 0;
        std::size_t stack_size = 0;
        std::string rest;  // "stack", "returnData", "memory" and "storage", as JSON members
    };

    [[nodiscard]] std::string members_of(const TraceStep& step);
    [[nodiscard]] std::string storage_of(const TraceStep& step);

    StructLogOptions options_;
    std::map<Address, std::map<U256, U256>> storage_;  // what SLOAD and SSTORE have shown so far
    Pending pending_;
    std::string logs_;
    Status status_ = Status::success;
    Bytes output_;
};

}  // namespace weft::evm
