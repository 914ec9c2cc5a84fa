#pragma once
// Runs a case in each of weft's ways to run code, and counts what it reached.

#include <array>
#include <string>

#include "base/workers.hpp"
#include "case.hpp"
#include "chain/execute.hpp"
#include "evm/tracer.hpp"

namespace weft::differential {

/// A case's end, in what every implementation must agree on.
struct Ending {
    bool refused = false;
    std::string reason;  // of a refusal; not compared
    evm::Status status = evm::Status::success;
    std::uint64_t gas_used = 0;
    std::uint64_t gas_used_peak = 0;
    Bytes output;
    std::vector<evm::Log> logs;
    CaseState post;
    std::size_t absent_authorities = 0;       // that the state before does not have
    std::vector<std::uint64_t> block_hashes;  // numbers of blocks whose hash was asked for
};
/// All exceptional halts are one: they take all gas and leave nothing, and translated code, which pays for a block of
/// instructions at its begin, may run out of gas just before the instruction that would have failed in another way.
[[nodiscard]] bool operator==(const Ending& a, const Ending& b);

/// How code runs: byte by byte, translated before the first instruction, or byte by byte and watched.
enum class Tier : std::uint8_t { exact, translated, traced };

[[nodiscard]] Ending run(const Case& subject, Tier tier, evm::Tracer* tracer = nullptr);

/// What a block's transactions did, and how many of them ran ahead of their turn.
struct BlockEnding {
    std::vector<std::string> answers;  // a transaction's refusal, or nothing
    std::vector<chain::Receipt> receipts;
    std::uint64_t gas_used = 0;
    CaseState post;
    chain::AheadCounts counts;  // not compared
};
[[nodiscard]] bool operator==(const BlockEnding& a, const BlockEnding& b);
[[nodiscard]] BlockEnding run(const Block& block, Workers& workers);

/// What a run of the fuzzer has come past.
class Coverage final : public evm::Tracer {
  public:
    /// Counts go to this revision until the next begin().
    void begin(evm::Revision revision) { revision_ = revision, frames_.clear(); }
    void write(json::Writer& writer) const;

    [[nodiscard]] bool wants_steps() const override { return true; }
    void on_enter(const evm::TraceEnter& enter) override;
    void on_exit(const evm::TraceExit& exit) override;
    void on_step(const evm::TraceStep& step) override;

  private:
    struct Of {
        std::array<std::uint64_t, 256> opcodes{};
        std::array<std::uint64_t, 32> endings{};  // of frames, by status
        std::uint64_t cases = 0;
        int depth_max = 0;
    };
    struct Calls {
        std::uint64_t succeeded = 0, without_output = 0, failed = 0;
    };
    struct FrameKind {
        std::uint16_t precompile = 0;  // 0: none
    };

    evm::Revision revision_ = evm::Revision::osaka;
    std::array<Of, evm::revision_count> revisions_;
    std::map<std::uint16_t, Calls> precompiles_;
    std::vector<FrameKind> frames_;
};

/// Collects steps as [depth, pc, opcode's name, gas, top word] for the one who looks where two runs part. The STOP that
/// stands behind the code's end, which geth shows and EthereumJS doesn't, is left out.
class StepWriter final : public evm::Tracer {
  public:
    static constexpr std::size_t steps_max = 100'000;
    [[nodiscard]] bool wants_steps() const override { return true; }
    void on_step(const evm::TraceStep& step) override;
    [[nodiscard]] std::string take() { return "[" + std::move(text_) + "]"; }

  private:
    std::string text_;
    std::size_t count_ = 0;
};

}  // namespace weft::differential
