#pragma once
// The instances of one service as a caller sees them, as a pure state machine: which of them gets the next call, by all
// that is known: health, zone, weight, calls that wait, latency, and how the calls to it went (mesh/outlier.hpp).
//
// Two ways to choose, as calls are of two kinds. Where they are much alike, reads of a state, what they take says how
// an instance is doing: two choices by peak EWMA. Where what a call takes is in the call (an execution that runs for
// a millisecond or for five seconds), a slow answer says nothing: fewest outstanding, of all, so that those that are
// idle take turns. A group of callers that must see one state after the other goes to the same: the first.
//
// Invariants:
//   1. Nobody who is drained, of weight 0, gets a call.
//   2. While one is healthy and not ejected, nobody else gets one, but in panic, and never by `first`.
//   3. A call that waits for something to happen (a long poll) takes no probe's place and is no measure of latency or
//      of load; that its connection broke counts.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mesh/balance/peak_ewma.hpp"
#include "mesh/balance/zone.hpp"
#include "mesh/instance.hpp"
#include "mesh/outlier.hpp"

namespace weft::mesh {

enum class Choice : std::uint8_t {
    peak_ewma,
    least_outstanding,
    /// In the order of instances(), those of the caller's zone before the others.
    first,
};

enum class CallKind : std::uint8_t {
    /// Takes about as long as others of its kind.
    even,
    /// What it takes is in the request.
    uneven,
    /// Answered when something happens.
    waiting,
};

enum class CallEnd : std::uint8_t {
    answered,
    /// Not in the time it was given, though that was enough.
    failed,
    /// Nobody was reached, or the connection broke.
    lost,
    /// Says nothing about whom it called.
    withdrawn,
};

struct RosterConfig {
    Choice choice = Choice::peak_ewma;
    /// Of the caller; empty: zones don't matter. As nobody tells it of the other callers, it takes them to be as many
    /// in each zone.
    std::string zone;
    PeakEwmaConfig latency;
    /// A lost connection ejects at once, other failures as the breaker says. An instance that does not come back is
    /// told of by the registry, so it isn't left aside for long. Groups are small: of four, three may be ejected, and
    /// one of four left is no reason to panic, for a call to an instance that is gone costs a retry, of which there are
    /// few.
    OutlierConfig outlier = {.breaker = {.failed_percent = 101, .open_max_ns = 8 * ns_per_s},
                             .ejected_percent_max = 75,
                             .panic_percent = 25,
                             .slow_start_ns = 2 * ns_per_s};
};

/// A call that was given to an instance; end() follows.
struct Pick {
    std::size_t index = 0;
    /// Tells the instance from another at its place in a later view.
    std::uint64_t number = 0;
    BreakerTicket ticket;
    CallKind kind = CallKind::even;
    std::int64_t begun_ns = 0;
};

class Roster {
  public:
    explicit Roster(RosterConfig config) : config_(std::move(config)) {}

    /// A new view. What is known of a process stays with it; one that is new, but for the first view, begins slowly.
    /// @return for each instance, in the order of instances(), where it was before.
    std::vector<std::optional<std::size_t>> update(std::vector<Instance> instances, std::int64_t now_ns);
    /// @param avoid   Pick::number of an instance that is not to be taken while there are others.
    /// @param random  64 uniform bits.
    [[nodiscard]] std::optional<Pick> pick(CallKind kind, std::optional<std::uint64_t> avoid, std::int64_t now_ns,
                                           std::uint64_t random);
    /// Once for each pick, whether its instance is still known or not. @return whether it was ejected or is back by it.
    BreakerChange end(const Pick& pick, CallEnd end, std::int64_t now_ns);

    /// Those of a zone are beside each other, each zone's in the order of their ids.
    [[nodiscard]] std::span<const Instance> instances() const { return instances_; }
    [[nodiscard]] std::span<const Candidate> candidates() const { return candidates_; }
    /// Those that are healthy and not drained.
    [[nodiscard]] std::size_t healthy_count() const;
    [[nodiscard]] std::size_t ejected_count() const { return mesh::ejected_count(outlier_); }

  private:
    struct Range {
        std::size_t begin;
        std::size_t end;
    };
    void find_zones();
    void refresh_all(std::int64_t now_ns);
    [[nodiscard]] std::optional<std::size_t> choose(std::int64_t now_ns, std::uint64_t random);
    [[nodiscard]] std::optional<std::size_t> choose_in(Range range, std::int64_t now_ns, std::uint64_t random);
    [[nodiscard]] std::optional<std::size_t> choose_first() const;
    [[nodiscard]] std::size_t settled_instead(std::size_t index, std::uint64_t random) const;
    [[nodiscard]] bool is_settled(std::size_t index) const;
    [[nodiscard]] PeakEwma usual_latency(std::optional<std::size_t> except, std::int64_t now_ns) const;

    RosterConfig config_;
    bool known_ = false;
    std::uint64_t next_number_ = 1;
    std::size_t turn_ = 0;
    // One for each instance.
    std::vector<Instance> instances_;
    std::vector<std::uint64_t> numbers_;
    std::vector<Candidate> candidates_;
    std::vector<PeakEwma> latencies_;
    Outlier outlier_;
    // One for each zone; none if zones don't matter.
    std::vector<Range> zones_;
    std::size_t own_zone_ = 0;
    ZoneShares shares_;
};

}  // namespace weft::mesh
