#pragma once
// How a node without blocks gets the state of a recent one instead of executing all before it. A pure machine: the
// driver tells it what came, and does what it answers.
//
// 1. A peer names a block whose state is served, the pivot.
// 2. Headers from the genesis block on, in batches. The last of a batch comes with the commits of a quorum, and so does
//    each that names other validators than the one before it. Who those are is known from the headers before, and in
//    the end from the genesis block: nobody's word is believed, and a batch is right or its sender is to blame.
// 3. The pivot's own commits, by the validators that the header below it names.
// 4. Chunks of its state, several at once, each proven against its root before it is kept.
//
// A pivot that nobody serves any more gives way to a newer one. What is wrong is asked of others, and its sender named.

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "chain/snapshot.hpp"
#include "consensus/pbft/extra.hpp"
#include "consensus/pbft/message.hpp"

namespace weft::consensus::pbft {

struct SnapshotConfig {
    Hash genesis;  // the genesis block's, and the validators that it names
    Validators validators;
    const Verifier* verifier = nullptr;
    /// A pivot that is no further ahead is not worth it: executing the blocks is simpler.
    std::uint64_t ahead_min = chain::snapshot_interval;
    std::size_t chunks_at_once = 4;
    std::uint64_t headers_at_once = 1024;
    /// Questions in a row that nothing came of, a pause between two.
    std::size_t failures_max = 30;
};

struct Pivot {
    std::uint64_t number = 0;
    Hash hash;
    Hash parent;
    Bytes proof;
};
struct ProvenHeader {
    std::uint64_t number = 0;
    Hash hash;
    Hash parent;
    Bytes extra_data;
    Bytes proof;  // empty: none came with it
};

// --- what happens. `attempt` is that of the action it answers; answers to older ones are none.

struct PivotFound {
    std::uint64_t attempt = 0;
    std::string peer;
    Pivot pivot;
};
/// The storage is ready for the pivot's headers and chunks.
struct StorageReady {
    std::uint64_t attempt = 0;
    std::vector<chain::SnapshotRange> missing;
};
struct HeadersFound {
    std::uint64_t attempt = 0;
    std::string peer;
    std::vector<ProvenHeader> headers;
};
struct HeadersKept {
    std::uint64_t attempt = 0;
};
struct ChunkKept {
    std::uint64_t attempt = 0;
    chain::SnapshotRange range;
    std::vector<chain::SnapshotRange> missing;
};
/// What a peer sent is wrong: a block that has not the receipts it says, a chunk that is not the state's.
struct AnswerWrong {
    std::uint64_t attempt = 0;
    std::string peer;
    std::string why;
    std::optional<chain::SnapshotRange> range;  // a chunk's; nothing: the pivot's
};
/// No peer answered the question.
struct NobodyHasIt {
    std::uint64_t attempt = 0;
    std::optional<chain::SnapshotRange> range;  // a chunk's; nothing: the pivot or headers
};
/// Storage did not do what it was asked for, and may later.
struct StorageFailed {
    std::uint64_t attempt = 0;
    bool is_busy = false;  // the same will do then
};
struct Finished {
    std::uint64_t attempt = 0;
};
/// After Pause.
struct Resumed {
    std::uint64_t attempt = 0;
};
using SnapshotEvent = std::variant<PivotFound, StorageReady, HeadersFound, HeadersKept, ChunkKept, AnswerWrong,
                                   NobodyHasIt, StorageFailed, Finished, Resumed>;

// --- what is to be done. Each question is answered by one event.

/// Who serves the newest snapshot? Not those peers.
struct AskPivot {
    std::vector<std::string> not_from;
};
struct PrepareStorage {
    Pivot pivot;
};
struct AskHeaders {
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    std::vector<std::string> not_from;
};
struct KeepHeaders {
    std::size_t count = 0;  // of those found, from the first on
};
/// And keep it, if it is right.
struct AskChunk {
    chain::SnapshotRange range;
    std::vector<std::string> not_from;
};
/// Go over to what was made.
struct Finish {};
struct BlamePeer {
    std::string peer;
    std::string why;
};
struct Pause {};
/// The node has the pivot's state.
struct Synced {};
/// The blocks are to be executed instead.
struct Unsuited {
    std::string why;
};
using SnapshotAction = std::variant<AskPivot, PrepareStorage, AskHeaders, KeepHeaders, AskChunk, Finish, BlamePeer,
                                    Pause, Synced, Unsuited>;

struct SnapshotState {
    enum class Stage : std::uint8_t { finding, preparing, headers, chunks, checking, finishing, ended };
    Stage stage = Stage::finding;
    std::uint64_t attempt = 0;  // grows whenever answers on their way lose their meaning
    Pivot pivot;
    std::string pivot_peer;
    std::set<std::string> passed_over;  // liars, and who was of no use: not asked while others can be
    std::size_t failures = 0;

    // The newest header that is proven and kept, and the validators after it.
    std::uint64_t tip = 0;
    Hash tip_hash;
    Validators validators;
    // What it is when the batch that was found is kept.
    std::uint64_t next_tip = 0;
    Hash next_hash;
    Validators next_validators;

    std::vector<chain::SnapshotRange> missing;
    std::vector<chain::SnapshotRange> asked;  // of them
};

[[nodiscard]] std::vector<SnapshotAction> begin(const SnapshotConfig& config, SnapshotState& state);
[[nodiscard]] std::vector<SnapshotAction> step(const SnapshotConfig& config, SnapshotState& state,
                                               const SnapshotEvent& event);

/// Percent of the key space that is not missing.
[[nodiscard]] unsigned percent_of(const std::vector<chain::SnapshotRange>& missing);

/// "snapshot of block 2048: headers, 40 %"; empty once it has ended.
[[nodiscard]] std::string describe(const SnapshotState& state);

}  // namespace weft::consensus::pbft
