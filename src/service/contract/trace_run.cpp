#include "service/contract/trace_run.hpp"

#include "base/json.hpp"
#include "evm/tracer/call.hpp"
#include "evm/tracer/four_byte.hpp"
#include "evm/tracer/opcode_profile.hpp"
#include "evm/tracer/prestate.hpp"
#include "evm/tracer/struct_log.hpp"

namespace weft::service::contract {

namespace {

class StructLogRun final : public TraceRun {
  public:
    explicit StructLogRun(evm::StructLogOptions options) : tracer_(options) {}
    evm::Tracer* tracer() override { return &tracer_; }
    std::string result(const chain::TransactionOutcome& outcome) override { return tracer_.result(outcome.gas_used); }

  private:
    evm::StructLogTracer tracer_;
};

class CallRun final : public TraceRun {
  public:
    CallRun(evm::CallTracerOptions options, std::uint64_t gas_limit) : tracer_(options), gas_limit_(gas_limit) {}
    evm::Tracer* tracer() override { return &tracer_; }
    std::string result(const chain::TransactionOutcome& outcome) override {
        return tracer_.result(gas_limit_, outcome.gas_used);
    }

  private:
    evm::CallTracer tracer_;
    std::uint64_t gas_limit_;
};

class PrestateRun final : public TraceRun {
  public:
    PrestateRun(evm::PrestateOptions options, const Subject& subject) : tracer_(options), subject_(subject) {}
    evm::Tracer* tracer() override { return &tracer_; }
    void begin(chain::State& state) override {
        tracer_.begin(state, subject_.revision, {subject_.from, subject_.to, subject_.coinbase, subject_.authorities});
    }
    void finish(chain::State& state) override { tracer_.finish(state); }
    std::string result(const chain::TransactionOutcome&) override { return tracer_.result(); }

  private:
    evm::PrestateTracer tracer_;
    Subject subject_;
};

class FourByteRun final : public TraceRun {
  public:
    evm::Tracer* tracer() override { return &tracer_; }
    std::string result(const chain::TransactionOutcome&) override { return tracer_.result(); }

  private:
    evm::FourByteTracer tracer_;
};

class OpcodeProfileRun final : public TraceRun {
  public:
    explicit OpcodeProfileRun(evm::OpcodeProfileOptions options) : tracer_(options) {}
    evm::Tracer* tracer() override { return &tracer_; }
    std::string result(const chain::TransactionOutcome&) override { return tracer_.result(); }

  private:
    evm::OpcodeProfileTracer tracer_;
};

class NoRun final : public TraceRun {
  public:
    evm::Tracer* tracer() override { return nullptr; }
    std::string result(const chain::TransactionOutcome&) override { return "{}"; }
};

}  // namespace

Result<std::unique_ptr<TraceRun>> TraceRun::make(const api::contract::TraceOptions& options, const Subject& subject) {
    json::Value config;
    if (!options.tracer_config.empty()) {
        WEFT_TRY(config, json::parse(options.tracer_config));
    }
    const auto flag = [&](std::string_view name) { return config[name].as_boolean(); };
    if (options.tracer.empty()) {
        return std::make_unique<StructLogRun>(evm::StructLogOptions{options.enable_memory, options.disable_stack,
                                                                    options.disable_storage, options.enable_return_data,
                                                                    options.limit, subject.budget});
    }
    if (options.tracer == "callTracer") {
        return std::make_unique<CallRun>(
            evm::CallTracerOptions{flag("onlyTopCall"), flag("withLog"), subject.first_log_index, subject.budget},
            subject.gas_limit);
    }
    if (options.tracer == "prestateTracer") {
        return std::make_unique<PrestateRun>(evm::PrestateOptions{flag("diffMode"), flag("disableCode"),
                                                                  flag("disableStorage"), flag("includeEmpty"),
                                                                  subject.budget},
                                             subject);
    }
    if (options.tracer == "4byteTracer") return std::make_unique<FourByteRun>();
    if (options.tracer == "opcodeProfile") {
        const auto& by = config["by"].text();
        if (!by.empty() && by != "gas" && by != "count") {
            return fail(ErrorCode::invalid_argument, "opcodeProfile: by must be gas or count");
        }
        const auto unit = by == "count" ? evm::ProfileUnit::count : evm::ProfileUnit::gas;
        return std::make_unique<OpcodeProfileRun>(evm::OpcodeProfileOptions{unit, subject.budget});
    }
    if (options.tracer == "noopTracer") return std::make_unique<NoRun>();
    return fail(ErrorCode::invalid_argument,
                "unknown tracer " + options.tracer +
                    ": callTracer, prestateTracer, 4byteTracer, opcodeProfile, noopTracer, or none for struct logs");
}

}  // namespace weft::service::contract
