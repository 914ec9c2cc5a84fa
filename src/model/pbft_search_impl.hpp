#pragma once
// The search, for the engine and for each of its mutants. What is covered, and why, is in pbft_search.hpp.

#include <algorithm>
#include <array>
#include <bit>
#include <deque>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>

#include "base/result.hpp"
#include "base/u256.hpp"
#include "consensus/pbft/engine_impl.hpp"
#include "model/pbft_search.hpp"
#include "verify/random.hpp"

namespace weft::model {

/// 128 bits: states are told apart by these alone.
struct SearchKey {
    std::uint64_t high = 0;
    std::uint64_t low = 0;

    void add(std::uint64_t value) {
        high = mix64(high ^ value) + 0x9e3779b97f4a7c15ULL;
        low = mix64(low + (value ^ 0x5851f42d4c957f2dULL)) ^ std::rotl(value, 29);
    }
    auto operator<=>(const SearchKey&) const = default;
};

struct SearchKeyHash {
    std::size_t operator()(const SearchKey& key) const { return key.high; }
};

/// The keys that were seen, in one block of memory.
class SearchSeen {
  public:
    /// @return  whether it is new.
    bool insert(const SearchKey& key) {
        if (2 * ++count_ > slots_.size()) grow();
        const bool is_new = put(key);
        if (!is_new) --count_;
        return is_new;
    }

  private:
    bool put(const SearchKey& key) {
        std::size_t at = key.high & (slots_.size() - 1);
        for (; slots_[at] != SearchKey{}; at = (at + 1) & (slots_.size() - 1)) {
            if (slots_[at] == key) return false;
        }
        slots_[at] = key;
        return true;
    }
    void grow() {
        const auto old = std::exchange(slots_, std::vector<SearchKey>(std::max<std::size_t>(1024, 2 * slots_.size())));
        for (const auto& key : old) {
            if (key != SearchKey{}) put(key);
        }
    }
    std::vector<SearchKey> slots_;
    std::size_t count_ = 0;
};

/// What one validator did in one step of the adversary's choice.
struct SearchInput {
    enum Kind : std::uint8_t { timeout, follow, propose, prepares, crash };
    Kind kind = timeout;
    std::uint8_t round = 0;
    std::uint8_t value = 0;
    std::uint8_t senders = 0;  // correct validators whose prepares arrive

    [[nodiscard]] std::uint32_t code() const {
        return static_cast<std::uint32_t>(kind | round << 8 | value << 16 | senders << 24);
    }
    [[nodiscard]] std::string to_string(unsigned validator) const {
        const std::string who = "validator " + std::to_string(validator);
        const std::string of_round = " of round " + std::to_string(round);
        const std::string block = value == 0 ? "A" : "B";
        switch (kind) {
            case timeout: return who + " asks for round " + std::to_string(round);
            case follow: return who + " follows to round " + std::to_string(round);
            case propose: return who + " gets the proposal " + block + of_round;
            case prepares: return who + " gets the prepares of " + block + of_round;
            default: return who + " crashes and starts again";
        }
    }
};

namespace search {

namespace cs = weft::consensus;
namespace pbft = weft::consensus::pbft;

inline constexpr std::int64_t now_ms = 1'700'000'000'000;
inline constexpr std::size_t correct_max = search_validators_max - 2;

/// Everything that is delivered was said by who is named in it: a search forges nothing.
class Trusting final : public pbft::Verifier {
  public:
    [[nodiscard]] bool is_signed(const pbft::PbftMessage&) const override { return true; }
};

/// What one validator said, by round. Values are bits; claims too: 0 for none, else 1 + 2 * prepared round + value.
struct Said {
    std::array<std::uint8_t, search_rounds_max> prepares{};
    std::array<std::uint8_t, search_rounds_max> commits{};
    std::array<std::uint8_t, search_rounds_max> round_changes{};
};

}  // namespace search

template <search::pbft::Mutant mutant>
class PbftSearch {
  public:
    explicit PbftSearch(const PbftSearchOptions& options);

    PbftSearchResult run() {
        if (options_.walks) {
            walk();
        } else {
            breadth_first();
        }
        result_.engine_states = locals_.size();
        result_.good_rounds = good_.size();
        return std::move(result_);
    }

  private:
    using Ptr = search::pbft::Ptr;
    using Message = search::pbft::PbftMessage;
    using Kind = search::pbft::Kind;
    using EngineType = search::pbft::Engine<mutant>;
    using Record = search::pbft::PbftRecord;
    using Id = std::uint32_t;

    /// One correct validator with its past.
    struct Local {
        unsigned index = 0;  // among the correct
        EngineType engine;
        search::cs::RecordPtr record;
        search::Said said;
        std::array<std::uint8_t, search_rounds_max> held{};  // proposals it took since it started, by value
        std::map<std::pair<unsigned, unsigned>, Ptr> round_changes;  // by round and claim
        // As it is, and with the values exchanged: what of the engine can still matter, and what it said, a bit each.
        std::array<SearchKey, 2> keys;
        std::array<std::uint64_t, 2> said_bits{};
    };
    struct State {
        std::array<Id, search::correct_max> locals{};
        std::uint8_t crashes = 0;
    };
    struct Step {
        State state;
        std::uint32_t parent = 0;
        SearchInput input;
        std::uint8_t who = 0;
    };

    // --- messages

    [[nodiscard]] const Address& address(std::size_t validator) const { return (*validators_)[validator]; }
    [[nodiscard]] std::size_t leader(unsigned round) const { return round % options_.n; }
    [[nodiscard]] Ptr vote(Kind kind, std::size_t from, unsigned round, unsigned value) const;
    [[nodiscard]] Ptr round_change(std::size_t from, unsigned round, unsigned claim, std::uint8_t senders) const;
    [[nodiscard]] search::cs::BlockPtr block(unsigned value, unsigned round) const {
        return blocks_[round * 3 + value];
    }
    [[nodiscard]] unsigned value_of(const Hash& digest) const { return digest == blocks_[0]->digest ? 0 : 1; }
    [[nodiscard]] EngineType make_engine(const Address& self) const;

    // --- steps

    void start(Local& local, search::cs::RecordPtr record);
    void feed(Local& local, const search::cs::Event& event);
    void take(Local& local, const Ptr& message);
    void set_keys(Local& local) const;
    [[nodiscard]] SearchKey full_key(const Local& local) const;
    [[nodiscard]] static std::uint8_t named(std::uint8_t values, bool exchanged) {
        return exchanged ? static_cast<std::uint8_t>((values & 1) << 1 | values >> 1) : values;
    }
    [[nodiscard]] static std::uint8_t named_claims(std::uint8_t claims, bool exchanged);
    /// @param votes_from  its votes in rounds before this are of no account any more.
    void add_record(SearchKey& key, const Record& record, bool exchanged, unsigned votes_from) const;
    Id intern(Local local);
    /// What becomes of a validator; the same id if it says nothing new.
    Id apply(Id id, const SearchInput& input, const State& state);
    void deliver(Local& local, const SearchInput& input, const State& state);

    [[nodiscard]] std::uint8_t senders_of_prepares(const State& state, unsigned round, unsigned value) const;
    [[nodiscard]] bool can_follow(const State& state, std::size_t who, unsigned round) const;
    /// The proposals that some choice of round changes justifies now, by round and value.
    void find_proposals(const State& state);
    void try_round_changes(const State& state, unsigned round, std::size_t next, unsigned missing,
                           std::vector<Ptr>& chosen, std::uint64_t code);
    void try_proposals(const State& state, unsigned round, std::vector<Ptr>& chosen, std::uint64_t code);
    Ptr justified(std::uint64_t code, unsigned round, unsigned value, const std::vector<Ptr>& round_changes);

    /// Calls back with every state that is one step away: bool(state, who, input), false to stop.
    template <class Callback>
    void each_next(const State& state, Callback&& callback);

    // --- properties

    [[nodiscard]] SearchKey key_of(const State& state) const;
    /// What of all that was said can still matter.
    struct Live {
        std::uint64_t bits = 0;   // as in Local::said_bits: whose it is matters
        std::uint64_t facts = 0;  // also bits: has its quorum, whosever votes they are
    };
    [[nodiscard]] Live live(const State& state, bool exchanged) const;
    [[nodiscard]] std::uint64_t live_round_changes(const State& state, unsigned round) const;
    /// Bits of the values that the commits that were said decide.
    unsigned decided(const State& state);
    /// Empty, or what is wrong.
    std::string check(const State& state);
    std::string run_good_round(const State& state, unsigned final_values);

    void breadth_first();
    void walk();
    [[nodiscard]] std::vector<std::string> path_to(std::uint32_t step, const std::vector<Step>& steps) const;
    [[nodiscard]] State first_state();

    PbftSearchOptions options_;
    /// Whether rules hold by which votes can be told to be of no account; otherwise all are kept.
    static constexpr bool reduces_ =
        mutant == search::pbft::Mutant::none || mutant == search::pbft::Mutant::small_quorum ||
        mutant == search::pbft::Mutant::any_claim || mutant == search::pbft::Mutant::unproved_claim ||
        mutant == search::pbft::Mutant::no_justification || mutant == search::pbft::Mutant::forgets_prepared;
    unsigned liars_;
    unsigned correct_;
    unsigned quorum_;  // as this variant has it
    search::Trusting verifier_;
    search::cs::ValidatorsPtr validators_;
    search::cs::BlockPtr head_;
    std::vector<search::cs::BlockPtr> blocks_;  // by round and value; the same digests in each round
    std::deque<Local> locals_;
    std::unordered_map<SearchKey, Id, SearchKeyHash> ids_;
    std::unordered_map<std::uint64_t, Id> applied_;
    std::unordered_map<std::uint64_t, Ptr> justified_;  // null: nothing justifies it
    std::map<std::array<std::uint64_t, 2>, bool> decided_;
    std::unordered_map<SearchKey, bool, SearchKeyHash> good_;
    std::array<std::array<Ptr, 2>, search_rounds_max> proposals_;
    PbftSearchResult result_;
};

}  // namespace weft::model

#include "model/pbft_search_steps_impl.hpp"
#include "model/pbft_search_check_impl.hpp"
