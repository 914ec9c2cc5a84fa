#pragma once
// One call made at several targets, as a pure state machine: retry, hedging, fallback, sending to several at once, and
// a quorum of equal answers are one question, whether to begin another attempt, and when to stop.
//
// The driver makes attempts when told to, at a target of its own choice, and reports what comes of them. What it
// chooses by (load, health, what a target can) is no concern of this file.
//
// Invariants:
//   1. At most attempts_max attempts are begun, and at most one outcome is given.
//   2. A call that may not be repeated is begun again only while every earlier attempt was certainly not handled.
//   3. While no outcome is given, an attempt is open, a timer is set, or one was asked for and not yet answered.

#include <array>
#include <cstdint>
#include <optional>
#include <variant>

#include "base/time.hpp"
#include "mesh/backoff.hpp"

namespace weft::mesh {

inline constexpr std::uint32_t attempts_limit = 8;

struct AttemptsConfig {
    /// All attempts of the call, at most attempts_limit.
    std::uint32_t attempts_max = 3;
    /// Begun at once.
    std::uint32_t parallel = 1;
    /// Answers that must be equal; 1: the first counts.
    std::uint32_t quorum = 1;
    /// Another attempt is begun when there is no answer after so long; 0: none is.
    std::int64_t hedge_after_ns = 0;
    /// Whether it does no harm to have the call handled twice.
    bool repeatable = true;
    Backoff backoff = {.min_ns = 10 * ns_per_ms, .max_ns = 500 * ns_per_ms};
};

/// What an attempt came to; the worst to give to the caller first.
enum class AttemptOutcome : std::uint8_t {
    unsent,      // not reached: certainly not handled
    lost,        // nobody knows whether it was handled
    overloaded,  // refused for now, not handled
    unable,      // this target can't answer it, others may
    refused,     // the call itself is wrong, whoever is asked
    good,
};

// Events.
struct AttemptsBegin {};
/// The attempt that was asked for is under way, as number `attempts begun`.
struct AttemptBegun {};
/// There is no target for it: all have been tried, or none may be used.
struct AttemptHasNoTarget {};
struct AttemptEnded {
    std::uint32_t attempt = 0;
    AttemptOutcome outcome = AttemptOutcome::lost;
    /// Equal for equal answers; of `good` and `refused`.
    std::uint64_t digest = 0;
};
/// A time that was asked for has come.
struct AttemptsTimer {
    /// What the budgets for hedges and for retries allow.
    bool may_hedge = true;
    bool may_retry = true;
};
using AttemptsEvent = std::variant<AttemptsBegin, AttemptBegun, AttemptHasNoTarget, AttemptEnded, AttemptsTimer>;

struct AttemptsEffects {
    /// Begin one attempt now, at a target that has not been tried unless all have; answer with AttemptBegun or
    /// AttemptHasNoTarget before anything else.
    bool begin = false;
    /// Targets that were tried may be tried again.
    bool anew = false;
    /// Send a timer event then; replaces what was asked for before.
    std::optional<std::int64_t> timer_ns = {};
    /// The call ends with what this attempt gave.
    std::optional<std::uint32_t> answer = {};
    /// The call ends without an answer: no attempt was made.
    bool nothing = false;
    /// The call ends: no `quorum` of answers were equal.
    bool no_quorum = false;

    [[nodiscard]] bool ends() const { return answer || nothing || no_quorum; }
};

class Attempts {
  public:
    /// @param random  64 uniform bits; spread the waits.
    [[nodiscard]] AttemptsEffects step(const AttemptsConfig& config, const AttemptsEvent& event, std::int64_t now_ns,
                                       std::uint64_t random);

    [[nodiscard]] std::uint32_t begun() const { return begun_; }
    [[nodiscard]] std::uint32_t open() const { return open_; }
    [[nodiscard]] bool ended() const { return ended_; }
    /// Begun because an answer was slow; what the hedging budget counts.
    [[nodiscard]] std::uint32_t hedges() const { return hedges_; }

    bool operator==(const Attempts&) const = default;

  private:
    struct Attempt {
        bool open = false;
        AttemptOutcome outcome = AttemptOutcome::unsent;
        std::uint64_t digest = 0;
        bool operator==(const Attempt&) const = default;
    };

    struct Moment {
        std::int64_t now_ns;
        std::uint64_t random;
    };
    [[nodiscard]] AttemptsEffects on_begun(const AttemptsConfig& config, const Moment& at);
    [[nodiscard]] AttemptsEffects on_end(const AttemptsConfig& config, const AttemptEnded& event, const Moment& at);
    [[nodiscard]] AttemptsEffects on_timer(const AttemptsConfig& config, const AttemptsTimer& event, const Moment& at);
    [[nodiscard]] AttemptsEffects on_answer(const AttemptsConfig& config, std::uint32_t attempt, const Moment& at);
    [[nodiscard]] AttemptsEffects go_on(const AttemptsConfig& config, const Moment& at);
    [[nodiscard]] AttemptsEffects end(const AttemptsConfig& config);
    [[nodiscard]] AttemptsEffects ask();
    [[nodiscard]] bool may_repeat(const AttemptsConfig& config) const;
    [[nodiscard]] std::uint32_t answers() const;

    std::array<Attempt, attempts_limit> attempts_{};
    std::uint32_t begun_ = 0;
    std::uint32_t open_ = 0;
    std::uint32_t to_begin_ = 0;  // of the parallel ones, not yet asked for
    std::uint32_t hedges_ = 0;
    std::uint32_t rounds_ = 0;  // waits so far
    bool asked_ = false;
    bool waiting_ = false;    // in back-off
    bool exhausted_ = false;  // no target was left
    bool ended_ = false;
};

}  // namespace weft::mesh
