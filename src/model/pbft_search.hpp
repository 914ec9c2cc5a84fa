#pragma once
// Search of what PBFT can reach in one height: the engine as it ships, every order in which what was said may be used.
//
// Correct validators are engines. The liars, as many as n bears, and the leader of every round (its proposals alone)
// are one adversary that knows everything and may send, to each validator alone:
//   - a proposal of either of two values for any round, with any quorum of the round changes that were asked for and
//     of its own, which claim nothing or either value prepared in any earlier round, with all prepares there are;
//   - prepares, commits and round changes of the liars for anything.
// Correct validators' timers fire whenever it suits the adversary; what was said is delivered, twice, late or never.
//
// What makes it finite and small, and why nothing is lost by it:
//   - Two values are enough: renaming all but one of two conflicting blocks to one name only merges quorums.
//   - What is delivered is used at once. A vote short of its quorum changes nothing that a validator says, so it may as
//     well arrive with the vote that completes the quorum. All votes for one block come together: more do no harm.
//   - A proposal carries the fewest round changes that count, every liar's among them: another one only restricts it.
//   - A proposed block executes at once, and what is persisted is said at once: a validator that goes on before is one
//     whose proposal or vote nobody uses.
//   - Final blocks need no state: whether the commits that were said decide a block is asked of an engine that watches,
//     and who has decided does nothing more, as one that is not scheduled.
//   - Correct validators, and the two values, are alike but for their names: of states that differ by these one is
//     kept.
//   - A vote that can't come to a quorum any more is as good as not said; one that has its quorum needs no name. Both
//     follow from rules that some wrong variants break: for those all votes are kept apart.
// An engine's state is taken for equal to another's if round, record, what it said and which proposals it holds are.

#include <cstdint>
#include <string>
#include <vector>

namespace weft::model {

inline constexpr unsigned search_rounds_max = 4;
inline constexpr unsigned search_validators_max = 7;
inline constexpr unsigned search_walk_max = 100;  // steps; the right rules come to an end well before

struct PbftSearchOptions {
    unsigned n = 4;        // 4 to search_validators_max
    unsigned rounds = 3;   // to search_rounds_max; L2's good round comes after them
    unsigned crashes = 0;  // of correct validators, which start again from their record
    bool walks = false;    // random walks in place of breadth first
    std::uint64_t states_max = 10'000'000;  // to stop at; of walks, steps
    std::uint64_t seed = 1;                 // of walks
};

struct PbftSearchResult {
    /// Empty: agreement holds in every state that was reached, and from each a good round decides.
    std::string failure;
    std::vector<std::string> path;  // to the failure
    bool is_exhausted = false;      // nothing is left to reach
    std::uint64_t states = 0;       // of walks: steps
    std::uint64_t transitions = 0;
    std::uint64_t engine_states = 0;  // different states of one validator
    std::uint64_t final_states = 0;   // in which a block is final: without any, agreement says nothing
    std::uint64_t good_rounds = 0;    // run after different states; each decided
    std::uint64_t depth = 0;          // of walks: how many
};

/// @param mutant  one of pbft_search_mutants(), or empty for the engine as it ships.
[[nodiscard]] PbftSearchResult search_pbft(const PbftSearchOptions& options, const std::string& mutant = {});

/// Wrong variants that a search can tell from the right one.
[[nodiscard]] const std::vector<std::string>& pbft_search_mutants();

}  // namespace weft::model
