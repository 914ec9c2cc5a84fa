#pragma once
// What an observer of an execution is told. Untraced execution pays nothing for it: the traced interpreter has a table
// of handlers of its own, and tracers that only care for calls leave even that one unused.
//
// The order of events: on_enter; then for each instruction on_step, whatever it starts (on_enter ... on_exit of a call,
// on_log, on_self_destruct) and on_charged, which comes before a call's on_enter; then on_exit.

#include <optional>
#include <span>

#include "base/bytes.hpp"
#include "base/u256.hpp"
#include "evm/host.hpp"

namespace weft::evm {

/// A call or creation that begins, whether or not its code will run.
struct TraceEnter {
    const Message& message;
    const Address& from;  // the contract whose code asks for it, or the transaction's sender
    const Address& to;    // whose code runs, before any delegation; for creations the new address
    bool is_precompile;
    Host& host;
};

struct TraceExit {
    int depth;
    Status status;
    std::uint64_t gas_used;
    BytesView output;
    // Of the instruction that failed, for status.hpp's describe().
    std::uint8_t failed_opcode;
    std::uint16_t failed_stack_size;
};

/// An instruction that is about to run.
struct TraceStep {
    std::uint64_t pc;
    std::uint8_t opcode;
    int depth;  // 0 for the outermost frame; geth prints it plus one
    std::uint64_t gas;
    std::int64_t refund;  // of the whole transaction so far
    std::span<const U256> stack;  // the top is last
    BytesView memory;
    BytesView return_data;
    const Message& message;
    BytesView code;
    Host& host;
};

class Tracer {
  public:
    virtual ~Tracer() = default;

    /// False: on_step and on_charged are not wanted, and execution is as fast as without a tracer.
    [[nodiscard]] virtual bool wants_steps() const = 0;

    virtual void on_enter(const TraceEnter& /*enter*/) {}
    virtual void on_exit(const TraceExit& /*exit*/) {}
    virtual void on_step(const TraceStep& /*step*/) {}
    /// The last step's price, all of it: memory growth and the gas a call takes along too. With a failure in
    /// @p status the instruction did not complete; out_of_gas then comes with what it would have cost.
    virtual void on_charged(std::int64_t /*gas_cost*/, Status /*status*/) {}
    virtual void on_log(const Log& /*log*/) {}
    virtual void on_self_destruct(int /*depth*/, const Address& /*contract*/, const Address& /*beneficiary*/,
                                  const U256& /*balance*/) {}
};

}  // namespace weft::evm
