#pragma once
// One traced execution: which tracer a request asks for, what it must be told around the run, and its text.

#include <memory>
#include <optional>
#include <string>

#include "api/contract.hpp"
#include "chain/execute.hpp"
#include "chain/state.hpp"
#include "evm/limiter.hpp"
#include "evm/tracer.hpp"

namespace weft::service::contract {

class TraceRun {
  public:
    /// What is known of the transaction before it runs.
    struct Subject {
        Address from;
        std::optional<Address> to;
        Address coinbase;
        std::vector<Address> authorities;
        std::uint64_t gas_limit = 0;
        std::uint64_t first_log_index = 0;
        evm::Revision revision = evm::Revision::osaka;
        /// What the run may keep; must outlive it. Null: anything.
        evm::TraceBudget* budget = nullptr;
    };

    virtual ~TraceRun() = default;
    /// @errors invalid_argument  an unknown tracer, or a configuration that is no JSON object.
    [[nodiscard]] static Result<std::unique_ptr<TraceRun>> make(const api::contract::TraceOptions& options,
                                                                const Subject& subject);

    /// Null: the run needs no observer.
    [[nodiscard]] virtual evm::Tracer* tracer() = 0;
    virtual void begin(chain::State&) {}
    virtual void finish(chain::State&) {}
    [[nodiscard]] virtual std::string result(const chain::TransactionOutcome& outcome) = 0;
};

}  // namespace weft::service::contract
