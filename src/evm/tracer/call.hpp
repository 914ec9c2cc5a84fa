#pragma once
// geth's callTracer: the tree of calls and creations, at full speed, for it looks at no instruction.

#include <cstdint>
#include <string>
#include <vector>

#include "evm/limiter.hpp"
#include "evm/tracer.hpp"

namespace weft::json {
class Writer;
}

namespace weft::evm {

struct CallTracerOptions {
    bool only_top_call = false;
    bool with_log = false;
    /// Logs that earlier transactions of the block emitted: "index" counts on from there.
    std::uint64_t first_log_index = 0;
    /// Ends the execution when the calls are larger; may be null.
    TraceBudget* budget = nullptr;
};

class CallTracer final : public Tracer {
  public:
    explicit CallTracer(CallTracerOptions options = {}) : options_(options), log_count_(options.first_log_index) {}

    [[nodiscard]] bool wants_steps() const override { return false; }
    void on_enter(const TraceEnter& enter) override;
    void on_exit(const TraceExit& exit) override;
    void on_log(const Log& log) override;
    void on_self_destruct(int depth, const Address& contract, const Address& beneficiary, const U256& balance) override;

    /// The outermost call with all it called.
    /// @param gas_limit, gas_used  of the transaction; they stand for the outermost call's own.
    [[nodiscard]] std::string result(std::uint64_t gas_limit, std::uint64_t gas_used) const;

  private:
    struct LogEntry {
        Log log;
        std::uint64_t index = 0;
        std::size_t position = 0;  // how many calls of its frame came before it
    };
    struct Call {
        std::string_view type;
        Address from;
        Address to;
        bool shows_to = true;
        bool shows_value = true;
        std::uint64_t gas = 0;
        std::uint64_t gas_used = 0;
        U256 value;
        Bytes input;
        Bytes output;
        std::string error;
        std::string revert_reason;
        std::uint64_t log_count_before = 0;
        std::vector<Call> calls;
        std::vector<LogEntry> logs;
    };

    static void write(json::Writer& out, const Call& call, bool parent_failed);
    /// The bytes, if they may be kept.
    [[nodiscard]] Bytes keep(BytesView bytes);

    CallTracerOptions options_;
    std::uint64_t log_count_;
    std::vector<Call> open_;  // from the outermost in; the outermost stays
    int depth_ = 0;
};

}  // namespace weft::evm
