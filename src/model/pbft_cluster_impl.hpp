#pragma once
// The simulated cluster, for the engine and for each of its mutants.

#include <algorithm>
#include <deque>
#include <optional>
#include <set>
#include <unordered_map>
#include <variant>

#include <string>

#include "consensus/gate.hpp"
#include "consensus/pbft/accountability.hpp"
#include "consensus/pbft/engine_impl.hpp"
#include "consensus/pbft/signing.hpp"
#include "model/pbft_cluster.hpp"
#include "verify/random.hpp"
#include "verify/schedule.hpp"

namespace weft::model {

namespace cs = weft::consensus;
namespace pbft = weft::consensus::pbft;

/// Unix time at which simulations begin.
inline constexpr std::int64_t epoch_ms = 1'700'000'000'000;

/// Signatures of the simulation: a tag that only sign() makes, kept in the place of r.
class TagVerifier final : public pbft::Verifier {
  public:
    [[nodiscard]] bool is_signed(const pbft::PbftMessage& message) const override {
        return message.signature.r == tag(message);
    }
    static void sign(pbft::PbftMessage& message) { message.signature.r = tag(message); }

  private:
    static Hash tag(const pbft::PbftMessage& m) {
        std::uint64_t sum = 0x5eed;
        for (const std::uint64_t value :
             {static_cast<std::uint64_t>(m.kind), m.height, std::uint64_t{m.round}, std::hash<Hash>{}(m.digest),
              static_cast<std::uint64_t>(m.prepared_round), std::hash<Address>{}(m.signer)}) {
            sum = mix64(sum ^ value) + 0x9e3779b97f4a7c15ULL;
        }
        return U256(sum).to_hash();
    }
};

template <pbft::Mutant mutant>
class PbftCluster {
  public:
    PbftCluster(const PbftOptions& options, bool trace)
        : options_(options),
          keeps_trace_(trace),
          net_(options.seed, 1),
          disk_(options.seed, 2),
          crash_(options.seed, 3),
          lie_(options.seed, 4),
          load_(options.seed, 5),
          tie_(options.seed, 6) {
        setup();
    }

    PbftRun run() {
        for (std::size_t i = 0; i < nodes_.size(); ++i) start(i);
        schedule_.at(1000, 0, Second{});
        advance(options_.faulty_ms);
        if (options_.outage_ms > 0 && run_.failure.empty() && run_.culprits == 0) outage();
        if (run_.failure.empty() && run_.culprits == 0) heal_and_wait();
        run_.virtual_ms = schedule_.now();
        run_.heights = finals_.empty() ? 0 : finals_.rbegin()->first;
        return std::move(run_);
    }

  private:
    using Ptr = pbft::Ptr;
    using EngineType = pbft::Engine<mutant>;

    struct Node {
        std::size_t validator = 0;
        bool is_honest = true;
        bool is_up = false;
        bool is_silent = false;
        bool refuses = false;  // its executor calls every block wrong
        std::uint64_t life = 0;  // grows with each crash: what was under way is void
        std::int64_t skew_ms = 0;
        std::int64_t drift_ppm = 0;
        std::int64_t full_until = 0;  // no record is written before
        bool is_damaged = false;      // comes back with less than it had
        bool is_listening = false;    // its guard's record is lost: it votes nowhere
        cs::Height silent_to = 0;     // nor in these heights
        std::map<Address, cs::Height> told;  // heads of others, while it listens
        std::optional<EngineType> engine;
        cs::Gate gate;
        std::array<std::uint64_t, pbft::timer_count> timers{};
        // Durable.
        cs::RecordPtr record;
        cs::RecordPtr writing;
        std::vector<cs::BlockPtr> chain;
        std::vector<std::vector<Ptr>> proofs;
        pbft::SigningRecord guard;
        struct Backup {
            cs::RecordPtr record;
            std::size_t height = 0;
        } backup;
        // Not the node's: all that its key ever signed.
        std::map<std::pair<std::uint64_t, int>, std::pair<Hash, std::int64_t>> signed_;
        std::vector<Ptr> justified;  // proposals after round 0 for which it prepared
        // A liar's memory.
        std::vector<Ptr> heard;
        std::set<std::size_t> deaf_to;  // instances a twin does not talk with now
        std::uint64_t withheld = 0;     // kinds it never sends, by bit
        std::set<std::size_t> unsent;   // to whom it sends nothing now
    };

    struct Deliver { std::size_t to, from; Ptr message; };
    struct Timer { std::size_t node; std::uint64_t life; int timer; std::uint64_t number; };
    struct Written { std::size_t node; std::uint64_t life; };
    struct Answer { std::size_t node; std::uint64_t life; cs::Event event; };
    struct Fetched { std::size_t node, from; std::uint64_t life; };
    struct Restart { std::size_t node; };
    struct Crash { std::size_t node; std::uint64_t life; };
    struct Second {};
    struct Lie { std::size_t node; };
    struct Clog { std::size_t link; std::int64_t until; };
    struct Upgrade { std::size_t node; };
    struct Scripted { std::size_t fault; };
    using Happening = std::variant<Deliver, Timer, Written, Answer, Fetched, Restart, Crash, Second, Lie, Clog, Upgrade,
                                   Scripted>;

    // --- the world

    void outage() {
        const std::int64_t end = options_.faulty_ms + options_.outage_ms;
        if (options_.half_outage) {
            note("outage of prepares");
            options_.prepare_loss = 1'000'000;
            const std::size_t away = nodes_.size() - 1;
            for (std::size_t i = 0; i < away; ++i) {
                cut_[i * nodes_.size() + away] = cut_[away * nodes_.size() + i] = end;
            }
        } else {
            note("outage");
            cut_.assign(cut_.size(), end);
        }
        advance(end);
    }

    void setup() {
        auto validators = std::make_shared<cs::Validators>();
        for (unsigned i = 0; i < options_.n; ++i) validators->push_back(Address::from(U256(100 + i).to_hash()));
        validators_ = validators;
        for (unsigned phase = 0; phase < phases; ++phase) sets_.push_back(make_set(phase));
        auto genesis = std::make_shared<cs::Block>();
        genesis->digest = U256(1).to_hash();
        genesis->timestamp_s = epoch_ms / 1000 - 10;
        genesis->proposer = validators->back();
        genesis_ = genesis;
        // Liars have the first places, so that they propose early.
        for (unsigned i = 0; i < options_.n; ++i) {
            Node node;
            node.validator = i;
            node.is_honest = i >= options_.liars;
            node.skew_ms = options_.skew_ms == 0 ? 0 : crash_.between(-options_.skew_ms, options_.skew_ms);
            const auto drift = static_cast<std::int64_t>(options_.drift_ppm);
            node.drift_ppm = drift == 0 ? 0 : crash_.between(-drift, drift);
            if (options_.withholds && !node.is_honest) node.withheld = lie_.next() & lie_.next();
            node.chain = {genesis_};
            node.proofs = {{}};
            if (i == options_.n - 1 && options_.far_clock) node.skew_ms = 2 * 3600 * 1000;
            if (i == options_.n - 1 && options_.bad_executor) node.refuses = true;
            nodes_.push_back(std::move(node));
            if (i < options_.liars && options_.twins) {
                Node twin;
                twin.validator = i;
                twin.is_honest = false;
                twin.chain = {genesis_};
                twin.proofs = {{}};
                nodes_.push_back(std::move(twin));
            }
        }
        if (options_.old_backup || options_.rotten || options_.wiped) {
            const bool last_is_faulty = options_.far_clock || options_.bad_executor;
            of_validator(options_.n - (last_is_faulty ? 2 : 1)).is_damaged = true;
        }
        cut_.assign(nodes_.size() * nodes_.size(), 0);
        if (options_.upgrade) schedule_.at(crash_.between(2000, 20'000), 0, Upgrade{0});
        for (std::size_t i = 0; i < options_.script.size(); ++i) schedule_.at(options_.script[i].at_ms, 0, Scripted{i});
    }
    Node& of_validator(std::size_t validator) {
        return *std::ranges::find(nodes_, validator, [](const Node& it) { return it.validator; });
    }

    static constexpr unsigned phases = 7;
    static constexpr cs::Height phase_heights = 3;
    /// Who votes after so many changes, three heights apart.
    [[nodiscard]] cs::ValidatorsPtr make_set(unsigned phase) const {
        static constexpr unsigned growing[] = {1, 4, 7}, shrinking[] = {7, 4, 3};
        const unsigned first = options_.changes == 3 ? phase % 4 : 0;
        const unsigned last_phase = std::min(phase, 2U);
        const unsigned count = options_.changes == 1   ? growing[last_phase]
                               : options_.changes == 2 ? shrinking[last_phase]
                               : options_.changes == 3 ? 4
                                                       : options_.n;
        const auto begin = validators_->begin() + first;
        return std::make_shared<const cs::Validators>(begin, begin + count);
    }
    [[nodiscard]] const cs::ValidatorsPtr& set_of(cs::Height height) const {
        return sets_[std::min<std::size_t>((height - 1) / phase_heights, sets_.size() - 1)];
    }

    [[nodiscard]] const Address& address(std::size_t node) const { return (*validators_)[nodes_[node].validator]; }
    [[nodiscard]] std::int64_t clock(const Node& node) const {
        const std::int64_t drift = schedule_.now() * node.drift_ppm / 1'000'000;
        return epoch_ms + schedule_.now() + node.skew_ms + std::clamp<std::int64_t>(drift, -400, 400);
    }

    void start(std::size_t i) {
        Node& node = nodes_[i];
        node.is_up = true;
        pbft::Config config;
        config.self = address(i);
        config.verifier = &verifier_;
        config.heartbeat_s = 10;
        node.engine.emplace(config);
        node.gate = {};
        node.timers = {};
        feed(i, cs::Start{node.record, node.chain.back(), set_of(node.chain.size())});
        feed(i, cs::Waiting{transactions_wait_});
        if (!node.is_honest && options_.forges) schedule_.at(schedule_.now() + 50, tie(), Lie{i});
    }

    std::int64_t down_time() { return crash_.between(1, std::max<std::int64_t>(options_.down_ms, 1)); }
    void crash(std::size_t i, std::int64_t down_ms) {
        Node& node = nodes_[i];
        if (!node.is_up) return;
        note("crash");
        say(i, "crashes");
        // What was being written may be there or not; what it would have let out is gone.
        if (node.writing && disk_.chance(options_.torn)) {
            node.record = node.writing;
            note("crash after the write");
        } else if (node.writing) {
            note("crash before the write");
        }
        node.writing = nullptr;
        node.is_up = false;
        ++node.life;
        node.engine.reset();
        if (node.is_damaged && !is_healed_ && crash_.chance(500'000)) damage(i);
        schedule_.at(schedule_.now() + down_ms, tie(), Restart{i});
    }

    std::uint64_t tie() { return tie_.next() >> 60; }

    // --- the run

    void advance(std::int64_t until) {
        while (run_.failure.empty() && run_.culprits == 0 && !schedule_.empty() && schedule_.next_time() <= until) {
            ++run_.events;
            auto event = schedule_.take();
            std::visit([this](auto& it) { this->happen(it); }, event);
        }
    }

    void happen(Deliver& it) {
        Node& node = nodes_[it.to];
        if (!node.is_up || node.is_silent) return;
        if (!node.is_honest) {
            node.heard.push_back(it.message);
            if (node.heard.size() > 64) node.heard.erase(node.heard.begin());
        }
        if (node.gate.is_full()) return note("full gate");
        if (node.is_listening && it.message->kind == pbft::Kind::status) listen(node, address(it.from), *it.message);
        if (keeps_trace_) say(it.to, "gets " + describe(*it.message) + " from " + std::to_string(it.from));
        feed(it.to, cs::Received{address(it.from), it.message});
    }
    void happen(Timer& it) {
        Node& node = nodes_[it.node];
        if (!node.is_up || node.life != it.life) return;
        if (node.timers[static_cast<std::size_t>(it.timer)] != it.number) return;
        node.timers[static_cast<std::size_t>(it.timer)] = 0;
        feed(it.node, cs::TimerFired{it.timer});
    }
    void happen(Written& it) {
        Node& node = nodes_[it.node];
        if (!node.is_up || node.life != it.life) return;
        if (node.full_until > schedule_.now()) {  // the driver tries again
            note("full disk");
            return schedule_.at(schedule_.now() + 100, tie(), Written{it.node, it.life});
        }
        node.record = std::move(node.writing);
        node.writing = nullptr;
        node.gate.persisted([&](cs::Action&& action) { act(it.node, std::move(action)); });
        run_own(it.node);
    }
    void happen(Answer& it) {
        Node& node = nodes_[it.node];
        if (!node.is_up || node.life != it.life) return;
        if (const auto* committed = std::get_if<cs::Committed>(&it.event)) {
            // Another way may have brought it in the meantime.
            if (committed->block != node.chain.back()) return;
        }
        feed(it.node, it.event);
    }
    void happen(Fetched& it) {
        Node& node = nodes_[it.node];
        const Node& from = nodes_[it.from];
        if (!node.is_up || node.life != it.life || !from.is_up || !from.is_honest) return;
        const std::size_t had = node.chain.size();
        for (std::size_t h = had; h < std::min(from.chain.size(), had + 64); ++h) {
            node.chain.push_back(from.chain[h]);
            node.proofs.push_back(from.proofs[h]);
        }
        if (node.chain.size() == had) return;
        note("caught up from a peer");
        say(it.node, "fetches up to height " + std::to_string(node.chain.size() - 1));
        feed(it.node, cs::Committed{node.chain.back(), set_of(node.chain.size())});
    }
    void happen(Restart& it) {
        if (nodes_[it.node].is_up) return;
        say(it.node, "starts again");
        start(it.node);
    }
    void happen(Crash& it) {
        if (nodes_[it.node].life == it.life) crash(it.node, down_time());
    }
    // --- faults: pbft_faults_impl.hpp

    void happen(Second&);
    void happen(Clog& it);
    void happen(Upgrade& it);
    void happen(Scripted& it);
    void trouble_links();
    void trouble_node(std::size_t i);
    void damage(std::size_t i);
    void listen(Node& node, const Address& from, const pbft::PbftMessage& status);

    // --- nodes

    void feed(std::size_t i, const cs::Event& event) {
        Node& node = nodes_[i];
        cs::Actions actions;
        node.engine->step(clock(node), event, actions);
        run_.hash = mix64(run_.hash ^ static_cast<std::uint64_t>(schedule_.now()) << 20 ^ event.index() << 8 ^ i) +
                    actions.size();
        if (run_.events % 16 == 0) run_.hash ^= node.engine->fingerprint();
        node.gate.put(actions, [&](cs::Action&& action) { act(i, std::move(action)); });
        run_own(i);
    }
    /// A node hears its own votes at once, after what it was doing.
    void run_own(std::size_t i) {
        if (is_running_own_) return;
        is_running_own_ = true;
        while (!own_.empty() && run_.failure.empty()) {
            const auto [to, message] = std::move(own_.front());
            own_.pop_front();
            if (nodes_[to].is_up) feed(to, cs::Received{address(to), message});
        }
        own_.clear();
        is_running_own_ = false;
        static_cast<void>(i);
    }

    void act(std::size_t i, cs::Action&& action) {
        std::visit([&](auto& it) { this->perform(i, it); }, action);
    }
    void perform(std::size_t i, cs::Persist& it) {
        Node& node = nodes_[i];
        node.writing = std::move(it.record);
        const auto delay = disk_.chance(10'000) ? 50 * options_.write_ms : options_.write_ms;
        const auto at = schedule_.now() + disk_.between(0, delay);
        schedule_.at(at, tie(), Written{i, node.life});
        if (!is_healed_ && crash_.chance(options_.crash_at_write)) {
            schedule_.at(schedule_.now() + crash_.between(0, delay + 2), tie(), Crash{i, node.life});
        }
    }
    void perform(std::size_t i, cs::Cast& it) {
        const auto message = std::static_pointer_cast<pbft::PbftMessage>(it.message);
        if (!may_sign(i, *message)) return;
        TagVerifier::sign(*message);
        const auto& proposal = nodes_[i].engine->proposal();
        if (message->kind == pbft::Kind::prepare && message->round > 0 && proposal) {
            nodes_[i].justified.push_back(proposal);
        }
        if (keeps_trace_) say(i, "says " + describe(*message));
        if (nodes_[i].is_honest && message->kind == pbft::Kind::round_change) note("round change");
        if (message->kind == pbft::Kind::proposal && message->block && !message->votes.empty()) note("proposed again");
        send_all(i, message);
        own_.emplace_back(i, message);
    }
    void perform(std::size_t i, cs::Broadcast& it) {
        send_all(i, std::static_pointer_cast<const pbft::PbftMessage>(it.message));
    }
    void perform(std::size_t i, cs::Send& it) {
        for (std::size_t j = 0; j < nodes_.size(); ++j) {
            if (address(j) == it.to) send(i, j, std::static_pointer_cast<const pbft::PbftMessage>(it.message));
        }
    }
    void perform(std::size_t i, cs::SetTimer& it) {
        Node& node = nodes_[i];
        const auto number = ++timer_number_;
        node.timers[static_cast<std::size_t>(it.timer)] = number;
        schedule_.at(schedule_.now() + it.delay_ms, tie(), Timer{i, node.life, it.timer, number});
    }
    void perform(std::size_t i, cs::CancelTimer& it) { nodes_[i].timers[static_cast<std::size_t>(it.timer)] = 0; }
    void perform(std::size_t i, cs::Build& it) {
        auto block = std::make_shared<cs::Block>();
        block->parent = it.parent->digest;
        block->height = it.parent->height + 1;
        block->timestamp_s = it.timestamp_s;
        block->proposer = address(i);
        block->digest = U256(block->height, i, ++block_number_, 7).to_hash();
        const bool is_valid = nodes_[i].is_honest || !lie_.chance(100'000);
        block->bytes = {static_cast<std::uint8_t>(is_valid ? 1 : 0)};
        answer(i, cs::Built{it.round, block}, options_.execute_ms);
    }
    void perform(std::size_t i, cs::Execute& it) {
        const bool is_valid = it.block->bytes.at(0) == 1 && !nodes_[i].refuses;
        answer(i, cs::Executed{it.block->digest, is_valid}, options_.execute_ms);
    }
    void perform(std::size_t i, cs::Commit& it) {
        Node& node = nodes_[i];
        if (node.is_honest) check_final(i, it);
        if (!is_healed_) {
            const auto second_ms = static_cast<std::int64_t>(it.block->timestamp_s) * 1000 - epoch_ms;
            run_.finality_ms_max = std::max(run_.finality_ms_max, schedule_.now() - second_ms);
        }
        if (it.block->height != node.chain.size()) return;  // sync was faster
        node.chain.push_back(it.block);
        std::vector<Ptr> proof;
        for (const auto& vote : it.proof) proof.push_back(std::static_pointer_cast<const pbft::PbftMessage>(vote));
        node.proofs.push_back(std::move(proof));
        if (keeps_trace_) say(i, "finalises height " + std::to_string(it.block->height) + " " + name(it.block->digest));
        answer(i, cs::Committed{it.block, set_of(node.chain.size())}, options_.execute_ms);
    }
    void perform(std::size_t i, cs::Fetch& it) {
        for (std::size_t j = 0; j < nodes_.size(); ++j) {
            if (address(j) != it.from || is_cut(i, j) || is_cut(j, i)) continue;
            schedule_.at(schedule_.now() + 2 * delay(), tie(), Fetched{i, j, nodes_[i].life});
        }
    }
    void perform(std::size_t i, cs::Evidence& it) {
        if (!nodes_[i].is_honest) return;
        note("evidence");
        for (std::size_t j = 0; j < nodes_.size(); ++j) {
            if (address(j) == it.culprit && nodes_[j].is_honest) {
                fail("a correct validator is accused: " + std::string(it.rule) + " by " + std::to_string(j));
            }
        }
    }
    void perform(std::size_t i, cs::Penalize& it) {
        if (!nodes_[i].is_honest) return;
        for (std::size_t j = 0; j < nodes_.size(); ++j) {
            // Whose executor differs takes good blocks for bad ones: it is the faulty one, and it may not know.
            if (address(j) == it.peer && nodes_[j].is_honest && !nodes_[i].refuses) {
                fail("a correct validator is penalised: " + std::string(it.reason));
            }
        }
    }

    void answer(std::size_t i, cs::Event event, std::int64_t most_ms) {
        const auto at = schedule_.now() + disk_.between(0, most_ms);
        schedule_.at(at, tie(), Answer{i, nodes_[i].life, std::move(event)});
    }

    // --- properties

    void fail(const std::string& what) {
        if (run_.failure.empty()) run_.failure = what;
        say(~std::size_t{0}, "FAILED: " + what);
    }
    void note(const char* probe) { ++run_.probes[probe]; }

    // pbft_properties_impl.hpp
    void check_final(std::size_t i, const cs::Commit& it);
    void find_culprits(const cs::Commit& it);
    bool may_sign(std::size_t i, const pbft::PbftMessage& m);
    void heal_and_wait();
    void wait_for(std::uint64_t height, std::int64_t within_ms);
    [[nodiscard]] std::string why_stuck(std::uint64_t wanted) const;

    // --- the network

    [[nodiscard]] bool is_cut(std::size_t from, std::size_t to) const {
        return cut_[from * nodes_.size() + to] > schedule_.now() || nodes_[from].deaf_to.contains(to) ||
               nodes_[to].deaf_to.contains(from);
    }
    std::int64_t delay() {
        if (is_healed_) return net_.between(1, 100);
        std::int64_t out = options_.delay_min_ms + net_.between(0, 2 * options_.delay_mean_ms);
        if (options_.spikes && net_.chance(1000)) out *= 100;
        return out;
    }
    void send_all(std::size_t from, const Ptr& message) {
        for (std::size_t to = 0; to < nodes_.size(); ++to) {
            if (nodes_[to].validator != nodes_[from].validator) send(from, to, message);
        }
    }
    [[nodiscard]] std::uint32_t loss_of(pbft::Kind kind) const {
        const std::uint32_t more[] = {options_.proposal_loss,     options_.prepare_loss, options_.commit_loss,
                                      options_.round_change_loss, options_.status_loss,  options_.decided_loss};
        return options_.loss + more[static_cast<std::size_t>(kind)];
    }
    void send(std::size_t from, std::size_t to, const Ptr& message) {
        if (is_cut(from, to) || nodes_[from].is_silent) return;
        const Node& node = nodes_[from];
        if ((node.withheld >> static_cast<int>(message->kind) & 1) != 0 || node.unsent.contains(to)) {
            return note("withheld");
        }
        const bool is_lost = !is_healed_ && net_.chance(loss_of(message->kind));
        if (is_lost) return note(lost_names[static_cast<int>(message->kind)]);
        std::int64_t after = delay();
        if (!is_healed_ && net_.chance(options_.reorder)) note("reordered"), after += net_.between(0, 1000);
        if (!is_healed_ && options_.slow_leader && node.validator == 0 && message->kind == pbft::Kind::proposal) {
            note("slow proposal");
            after += 850LL << std::min(message->round, pbft::timeout_doublings_max);
        }
        schedule_.at(schedule_.now() + after, tie(), Deliver{to, from, message});
        if (!is_healed_ && net_.chance(options_.duplicates)) {
            schedule_.at(schedule_.now() + 10 * delay(), tie(), Deliver{to, from, message});
        }
    }

    static constexpr const char* lost_names[] = {"lost proposal",     "lost prepare", "lost commit",
                                                 "lost round change", "lost status",  "lost final block"};

    // --- lies: pbft_lies_impl.hpp

    void happen(Lie& it);
    [[nodiscard]] Ptr heard_of(const Node& node, pbft::Kind kind);
    cs::BlockPtr make_block(std::size_t i);
    std::vector<Ptr> make_proof(std::size_t i, pbft::Kind kind, cs::Round round, const Hash& digest);
    [[nodiscard]] cs::BlockPtr some_block(std::size_t i);
    Ptr make_lie(std::size_t i);
    void add_claim(std::size_t i, pbft::PbftMessage& out);
    void add_proposal(std::size_t i, cs::Round around, pbft::PbftMessage& out);
    void add_round_changes(std::size_t i, pbft::PbftMessage& proposal);

    // --- words

    [[nodiscard]] static std::string name(const Hash& digest) {
        return std::to_string(digest.bytes[23]) + "." + std::to_string(digest.bytes[15]) + "." +
               std::to_string(digest.bytes[31]);
    }
    [[nodiscard]] static std::string describe(const pbft::PbftMessage& m) {
        static constexpr const char* kinds[] = {"proposal", "prepare", "commit", "round-change", "status", "decided"};
        std::string out = std::string(kinds[static_cast<int>(m.kind)]) + "(" + std::to_string(m.height) + "/" +
                          std::to_string(m.round) + " " + name(m.digest);
        if (m.kind == pbft::Kind::round_change) out += " prepared in " + std::to_string(m.prepared_round);
        return out + ")";
    }
    void say(std::size_t i, const std::string& what) {
        if (!keeps_trace_) return;
        run_.trace.push_back(std::to_string(schedule_.now()) + " ms  " +
                             (i < nodes_.size() ? "node " + std::to_string(i) + " " : std::string()) + what);
    }

    PbftOptions options_;
    bool keeps_trace_;
    verify::Random net_, disk_, crash_, lie_, load_, tie_;
    TagVerifier verifier_;
    cs::ValidatorsPtr validators_;  // all that ever vote
    std::vector<cs::ValidatorsPtr> sets_;
    cs::BlockPtr genesis_;
    std::vector<Node> nodes_;
    std::vector<std::int64_t> cut_;  // until when, by from * nodes + to
    verify::Schedule<Happening> schedule_;
    std::deque<std::pair<std::size_t, Ptr>> own_;
    bool is_running_own_ = false;
    bool is_healed_ = false;
    bool transactions_wait_ = true;
    std::uint64_t timer_number_ = 0;
    std::uint64_t block_number_ = 0;
    std::map<std::uint64_t, cs::Commit> finals_;  // by height, of correct validators
    PbftRun run_;
};

}  // namespace weft::model

#include "model/pbft_faults_impl.hpp"
#include "model/pbft_lies_impl.hpp"
#include "model/pbft_properties_impl.hpp"
