#include "consensus/pbft/snapshot_sync.hpp"

#include <algorithm>
#include <utility>

#include "base/big_endian.hpp"
#include "consensus/pbft/codec.hpp"

namespace weft::consensus::pbft {

namespace {

using Stage = SnapshotState::Stage;
using Range = chain::SnapshotRange;

bool is_same(const Range& a, const Range& b) {
    return a.first == b.first && a.last == b.last && a.slot_first == b.slot_first;
}

bool is_proven(const ProvenHeader& header, const Validators& validators, const Verifier& verifier) {
    const auto commits = decode_proof(header.proof, header.number);
    return commits && is_final(*commits, header.hash, header.number, validators, verifier);
}

/// One step; the members are what it reads and writes.
class Machine {
  public:
    Machine(const SnapshotConfig& config, SnapshotState& state) : config_(config), state_(state) {}

    std::vector<SnapshotAction> take() { return std::move(out_); }

    /// From the start, with whatever is the newest pivot now.
    void find() {
        ++state_.attempt;
        state_.stage = Stage::finding;
        out_.emplace_back(AskPivot{passed_over()});
    }

    void on(const PivotFound& event) {
        if (state_.stage == Stage::checking) return check(event);
        if (state_.stage != Stage::finding) return;
        if (event.pivot.number > config_.ahead_min) return adopt(event);
        // One peer's word that there is nothing better is no reason to execute every block.
        if (!state_.passed_over.insert(event.peer).second) return on(NobodyHasIt{});
        find();
    }

    void on(const StorageReady& event) {
        if (state_.stage != Stage::preparing) return;
        state_.missing = event.missing;
        state_.asked.clear();
        state_.tip = 0;
        state_.tip_hash = config_.genesis;
        state_.validators = config_.validators;
        state_.stage = Stage::headers;
        ask_headers();
    }

    void on(const HeadersFound& event) {
        if (state_.stage != Stage::headers) return;
        state_.next_tip = state_.tip;
        state_.next_hash = state_.tip_hash;
        state_.next_validators = state_.validators;
        auto validators = state_.validators;
        Hash parent = state_.tip_hash;
        std::uint64_t number = state_.tip;
        bool is_other = false;  // the pivot is not the chain's block of that number
        for (const auto& header : event.headers) {
            const bool is_last = &header == &event.headers.back();
            const auto extra = decode_extra(header.extra_data);
            if (header.number != ++number || header.parent != parent || !extra || extra->validators.empty()) {
                return distrust_headers(event.peer, "headers that are no chain");
            }
            if ((is_last || extra->validators != validators) &&
                !is_proven(header, validators, *config_.verifier)) {
                return distrust_headers(event.peer, "a header without the proof that it is final");
            }
            parent = header.hash;
            validators = extra->validators;
            if (number == state_.pivot.number) is_other = header.hash != state_.pivot.hash;
            if (number >= state_.pivot.number) continue;
            state_.next_tip = number;
            state_.next_hash = parent;
            state_.next_validators = validators;
        }
        if (event.headers.empty()) return distrust_headers(event.peer, "no headers");
        if (is_other) return distrust_pivot("a snapshot of a block that is not final");
        out_.emplace_back(KeepHeaders{static_cast<std::size_t>(state_.next_tip - state_.tip)});
    }

    void on(const HeadersKept&) {
        if (state_.stage != Stage::headers) return;
        state_.tip = state_.next_tip;
        state_.tip_hash = state_.next_hash;
        state_.validators = std::exchange(state_.next_validators, {});
        ask_headers();
    }

    void on(const ChunkKept& event) {
        if (!forget(event.range)) return;
        state_.missing = event.missing;
        state_.failures = 0;
        go_on();
    }

    void on(const AnswerWrong& event) {
        if (!event.range) {
            if (state_.stage == Stage::preparing) distrust_pivot(event.why);
            return;
        }
        if (!forget(*event.range)) return;
        blame(event.peer, event.why);
        go_on();
    }

    void on(const NobodyHasIt& event) {
        if (event.range && !forget(*event.range)) return;
        if (state_.stage == Stage::finding && state_.pivot.number == 0) {
            return end(Unsuited{"no peer has a snapshot that is far enough ahead"});
        }
        if (state_.stage == Stage::checking && !event.range) return ask_chunks_again();
        // Perhaps those who are left out would have it. Headers that nobody has may be a false pivot's.
        state_.passed_over.clear();
        if (state_.stage == Stage::headers) state_.passed_over.insert(state_.pivot_peer);
        if (state_.stage == Stage::checking) return;  // one question is enough
        if (!may_fail()) return;
        // Of a chunk: is its pivot still served? Others may be on their way and are waited for.
        if (event.range) state_.stage = Stage::checking;
        out_.emplace_back(Pause{});
    }

    void on(const StorageFailed& event) {
        if (state_.stage == Stage::ended || !may_fail()) return;
        if (state_.stage != Stage::finishing || !event.is_busy) {
            // It may have been started again: it knows what it has.
            ++state_.attempt;
            state_.stage = Stage::preparing;
        }
        out_.emplace_back(Pause{});
    }

    void on(const Finished&) {
        if (state_.stage == Stage::finishing) end(Synced{});
    }

    void on(const Resumed&) {
        switch (state_.stage) {
            case Stage::finding:
            case Stage::headers: return find();
            case Stage::preparing: out_.emplace_back(PrepareStorage{state_.pivot}); return;
            case Stage::checking: return ask_others();
            case Stage::finishing: out_.emplace_back(Finish{}); return;
            case Stage::chunks:
            case Stage::ended: return;
        }
    }

  private:
    void adopt(const PivotFound& found) {
        ++state_.attempt;
        state_.pivot = found.pivot;
        state_.pivot_peer = found.peer;
        state_.stage = Stage::preparing;
        out_.emplace_back(PrepareStorage{state_.pivot});
    }

    /// A chunk was not to be had: the pivot has given way to a newer one, or peers were slow or away.
    void check(const PivotFound& found) {
        if (found.pivot.number > state_.pivot.number) return adopt(found);
        ask_chunks_again();
    }
    /// Who named the pivot may name it for ever and serve none of it.
    void ask_others() {
        auto not_from = state_.passed_over;
        not_from.insert(state_.pivot_peer);
        out_.emplace_back(AskPivot{{not_from.begin(), not_from.end()}});
    }
    void ask_chunks_again() {
        state_.stage = Stage::chunks;
        go_on();
    }

    void ask_headers() {
        if (state_.tip + 1 < state_.pivot.number) {
            out_.emplace_back(AskHeaders{state_.tip + 1, config_.headers_at_once, passed_over()});
            return;
        }
        const ProvenHeader pivot{state_.pivot.number, state_.pivot.hash, state_.pivot.parent, {}, state_.pivot.proof};
        if (pivot.parent != state_.tip_hash || !is_proven(pivot, state_.validators, *config_.verifier)) {
            return distrust_pivot("a snapshot of a block that is not final");
        }
        state_.stage = Stage::chunks;
        go_on();
    }

    void go_on() {
        if (state_.stage != Stage::chunks) return;
        if (state_.missing.empty() && state_.asked.empty()) {
            state_.stage = Stage::finishing;
            out_.emplace_back(Finish{});
            return;
        }
        for (const auto& range : state_.missing) {
            if (state_.asked.size() >= config_.chunks_at_once) return;
            const auto is_it = [&](const Range& it) { return is_same(it, range); };
            if (std::ranges::any_of(state_.asked, is_it)) continue;
            state_.asked.push_back(range);
            out_.emplace_back(AskChunk{range, passed_over()});
        }
    }

    /// @return  whether it had been asked for.
    bool forget(const Range& range) {
        return std::erase_if(state_.asked, [&](const Range& it) { return is_same(it, range); }) != 0;
    }

    void blame(const std::string& peer, const std::string& why) {
        state_.passed_over.insert(peer);
        out_.emplace_back(BlamePeer{peer, why});
    }
    void distrust_headers(const std::string& peer, const char* why) {
        blame(peer, why);
        ask_headers();
    }
    void distrust_pivot(const std::string& why) {
        blame(state_.pivot_peer, why);
        find();
    }

    bool may_fail() {
        if (++state_.failures <= config_.failures_max) return true;
        end(Unsuited{"nobody serves what is missing of the snapshot"});
        return false;
    }

    template <class End>
    void end(End&& how) {
        ++state_.attempt;
        state_.stage = Stage::ended;
        out_.emplace_back(std::forward<End>(how));
    }

    [[nodiscard]] std::vector<std::string> passed_over() const {
        return {state_.passed_over.begin(), state_.passed_over.end()};
    }

    const SnapshotConfig& config_;
    SnapshotState& state_;
    std::vector<SnapshotAction> out_;
};

}  // namespace

std::vector<SnapshotAction> begin(const SnapshotConfig& config, SnapshotState& state) {
    Machine machine(config, state);
    machine.find();
    return machine.take();
}

std::vector<SnapshotAction> step(const SnapshotConfig& config, SnapshotState& state, const SnapshotEvent& event) {
    Machine machine(config, state);
    std::visit(
        [&](const auto& it) {
            if (it.attempt == state.attempt) machine.on(it);
        },
        event);
    return machine.take();
}

unsigned percent_of(const std::vector<Range>& missing) {
    // By the first four bytes of hashed addresses, which are spread evenly.
    std::uint64_t left = 0;
    for (const auto& range : missing) {
        left += from_big_endian(range.last.view().first(4)) - from_big_endian(range.first.view().first(4)) + 1;
    }
    const std::uint64_t whole = std::uint64_t{1} << 32;
    return static_cast<unsigned>((whole - std::min(left, whole)) * 100 / whole);
}

std::string describe(const SnapshotState& state) {
    const auto number = state.pivot.number;
    const auto with = [&](const std::string& what) { return "snapshot of block " + std::to_string(number) + what; };
    switch (state.stage) {
        case Stage::finding: return "looking for a snapshot";
        case Stage::preparing: return with("");
        case Stage::headers: return with(": headers, " + std::to_string(state.tip * 100 / number) + " %");
        case Stage::chunks:
        case Stage::checking: return with(", " + std::to_string(percent_of(state.missing)) + " %");
        case Stage::finishing: return with(", 100 %");
        case Stage::ended: break;
    }
    return {};
}

}  // namespace weft::consensus::pbft
