#pragma once
// A cluster of PBFT validators under simulation: the engine as it ships and its driver's gate, over a virtual clock,
// network and disk, with faults and liars that a seed draws.
//
// A run has two phases. In the first anything may happen and the safety properties must hold after every event. In the
// second the network is healed, crashed validators are back, liars are silent, and every correct validator must
// finalise a number of heights within a bound.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "consensus/pbft/engine.hpp"

namespace weft::model {

/// One fault at its time, for scenes that are no seed's.
struct PbftFault {
    enum Kind { crash, cut, isolate, full_disk, damage, jump };
    Kind kind = crash;
    std::int64_t at_ms = 0;
    std::int64_t for_ms = 1000;  // of a jump: how far
    unsigned node = 0;
    unsigned to = 0;  // of a cut: only from node to this one
};

/// What a seed draws; every fault can be switched off alone. Chances are millionths, times milliseconds.
struct PbftOptions {
    std::uint64_t seed = 0;
    unsigned n = 4;
    unsigned liars = 0;        // at most the faults n bears; with twins: each runs twice under one key
    bool twins = false;
    bool forges = false;       // liars make up messages too
    bool guarded = true;       // keys refuse conflicting signatures; off, the engine alone must see to it
    std::int64_t delay_min_ms = 1;
    std::int64_t delay_mean_ms = 20;
    bool spikes = false;       // one delivery in a thousand takes a hundred times as long
    std::uint32_t loss = 0;
    std::uint32_t proposal_loss = 0;  // of one kind alone, so that rounds end half-way
    std::uint32_t prepare_loss = 0;
    std::uint32_t commit_loss = 0;
    std::uint32_t round_change_loss = 0;
    std::uint32_t status_loss = 0;
    std::uint32_t decided_loss = 0;
    std::uint32_t reorder = 0;  // chance of a message coming up to a second later
    std::uint32_t duplicates = 0;
    std::uint32_t partition = 0;  // chance of one a second; it may cut one direction alone
    std::uint32_t clog = 0;       // chance of a link stopping for up to 5 s, a second
    std::uint32_t swizzle = 0;    // chance of links stopping one by one and coming back in another order, a second
    std::uint32_t split = 0;      // chance of two halves for up to 6 s, each with one of every two twins, a second
    std::uint32_t crash = 0;      // chance a second and validator
    std::int64_t down_ms = 3000;  // at most
    std::uint32_t crash_at_write = 0;  // chance a record
    std::uint32_t torn = 500'000;  // chance that a record in the making survives a crash
    std::int64_t write_ms = 3;    // at most, to make a record durable
    std::int64_t execute_ms = 5;
    std::int64_t skew_ms = 0;     // clocks are off by at most this
    std::uint32_t drift_ppm = 0;  // at most; within a second of the right time for all that
    std::uint32_t jump = 0;       // chance of a clock being set anew, within skew_ms, a second and validator
    std::uint32_t full_disk = 0;  // chance of no room for up to 5 s, a second and validator
    // One validator comes back from a crash with less than it had; counts as a fault. Its guard refuses what it
    // contradicts, or, if that is lost too, it listens and then votes in no height in which it may have voted.
    bool old_backup = false;   // with the disk of a while ago
    bool rotten = false;       // with a record that can't be read
    bool wiped = false;        // with nothing but its key
    bool lost_guard = false;   // and without its guard's record
    bool withholds = false;    // liars say some things to nobody and others to some
    bool slow_leader = false;  // the first validator's proposals take nearly all of a round
    bool upgrade = false;      // all start again, one after the other, with all they had
    unsigned changes = 0;      // of seven validators: 1 grows from 1 to 4 to 7, 2 shrinks to 3, 3 replaces one by one
    std::vector<PbftFault> script;
    bool far_clock = false;       // one validator's clock is off by hours; counts as a fault
    bool bad_executor = false;    // one validator refuses every block; counts as a fault
    std::uint32_t idle = 0;       // chance a second that transactions cease or come back
    std::int64_t faulty_ms = 30'000;
    std::int64_t outage_ms = 0;  // then nobody hears anybody for so long,
    bool half_outage = false;    // or only prepares are lost, and a validator is away
    unsigned heights = 5;         // to finalise in the second phase

    [[nodiscard]] std::string to_string() const;
};

/// What seed number @p seed does: each fault is on in a share of the seeds.
[[nodiscard]] PbftOptions draw_pbft_options(std::uint64_t seed);

struct PbftRun {
    /// Empty: all properties held. Otherwise which was broken, and how.
    std::string failure;
    std::uint64_t events = 0;
    std::int64_t virtual_ms = 0;
    std::uint64_t heights = 0;  // the highest final one
    std::int64_t finality_ms_max = 0;  // in the first phase: from a block's second to its being final at a validator
    std::uint64_t hash = 0;     // of everything that happened
    std::size_t culprits = 0;      // found behind two final blocks, if there were more liars than can be borne
    /// Rare things that happened, by name: a night without one of them tests less than it says.
    std::map<std::string, std::uint64_t> probes;
    std::vector<std::string> trace;
};

/// Runs one seed with the engine as it ships. @param trace  keep a line for each event.
[[nodiscard]] PbftRun run_pbft(const PbftOptions& options, bool trace = false);

/// Names of the wrong variants of the rules, and a run with one of them.
[[nodiscard]] const std::vector<std::string>& pbft_mutants();
/// @pre  the name is one of pbft_mutants().
[[nodiscard]] PbftRun run_pbft_mutant(const std::string& name, const PbftOptions& options);

/// The options of a failing run with as many faults switched off as still fail.
[[nodiscard]] PbftOptions shrink_pbft(const PbftOptions& options, const std::string& mutant = {});

}  // namespace weft::model
