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
#include "consensus/pbft/engine_impl.hpp"
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
        if (options_.outage_ms > 0 && run_.failure.empty()) outage();
        if (run_.failure.empty()) heal_and_wait();
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
        std::optional<EngineType> engine;
        cs::Gate gate;
        std::array<std::uint64_t, pbft::timer_count> timers{};
        // Durable.
        cs::RecordPtr record;
        cs::RecordPtr writing;
        std::vector<cs::BlockPtr> chain;
        std::vector<std::vector<Ptr>> proofs;
        std::map<std::pair<std::uint64_t, int>, std::pair<Hash, std::int64_t>> signed_;  // the guard's
        // A liar's memory.
        std::vector<Ptr> heard;
        std::set<std::size_t> deaf_to;  // instances a twin does not talk with now
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
    using Happening = std::variant<Deliver, Timer, Written, Answer, Fetched, Restart, Crash, Second, Lie>;

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
        cut_.assign(nodes_.size() * nodes_.size(), 0);
    }

    [[nodiscard]] const Address& address(std::size_t node) const { return (*validators_)[nodes_[node].validator]; }
    [[nodiscard]] std::int64_t clock(const Node& node) const { return epoch_ms + schedule_.now() + node.skew_ms; }

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
        feed(i, cs::Start{node.record, node.chain.back(), validators_});
        feed(i, cs::Waiting{transactions_wait_});
        if (!node.is_honest && options_.forges) schedule_.at(schedule_.now() + 50, tie(), Lie{i});
    }

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
        schedule_.at(schedule_.now() + crash_.between(1, std::max<std::int64_t>(down_ms, 1)), tie(), Restart{i});
    }

    std::uint64_t tie() { return tie_.next() >> 60; }

    // --- the run

    void advance(std::int64_t until) {
        while (run_.failure.empty() && !schedule_.empty() && schedule_.next_time() <= until) {
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
        feed(it.node, cs::Committed{node.chain.back(), validators_});
    }
    void happen(Restart& it) {
        if (nodes_[it.node].is_up) return;
        say(it.node, "starts again");
        start(it.node);
    }
    void happen(Crash& it) {
        if (nodes_[it.node].life == it.life) crash(it.node, options_.down_ms);
    }
    void happen(Second&) {
        schedule_.at(schedule_.now() + 1000, tie(), Second{});
        if (is_healed_) return;
        const std::size_t count = nodes_.size();
        if (net_.chance(options_.partition)) {
            note("partition");
            const bool one_way = net_.chance(300'000);
            const std::uint64_t side = net_.next();
            const std::int64_t until = schedule_.now() + net_.between(500, 12'000);
            for (std::size_t a = 0; a < count; ++a) {
                for (std::size_t b = 0; b < count; ++b) {
                    const bool first = (side >> (a % 64) & 1) != 0;
                    const bool second = (side >> (b % 64) & 1) != 0;
                    if (first != second && (first || !one_way)) cut_[a * count + b] = until;
                }
            }
        }
        if (net_.chance(options_.clog)) {
            note("clogged link");
            cut_[net_.below(count) * count + net_.below(count)] = schedule_.now() + net_.between(100, 5000);
        }
        if (load_.chance(options_.idle)) {
            transactions_wait_ = !transactions_wait_;
            for (std::size_t i = 0; i < count; ++i) {
                if (nodes_[i].is_up) feed(i, cs::Waiting{transactions_wait_});
            }
        }
        for (std::size_t i = 0; i < count; ++i) {
            if (crash_.chance(options_.crash)) crash(i, options_.down_ms);
            if (!nodes_[i].is_honest && options_.twins) {
                nodes_[i].deaf_to.clear();
                for (std::size_t j = 0; j < count; ++j) {
                    if (lie_.chance(400'000)) nodes_[i].deaf_to.insert(j);
                }
            }
        }
    }

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
        if (it.block->height != node.chain.size()) return;  // sync was faster
        node.chain.push_back(it.block);
        std::vector<Ptr> proof;
        for (const auto& vote : it.proof) proof.push_back(std::static_pointer_cast<const pbft::PbftMessage>(vote));
        node.proofs.push_back(std::move(proof));
        if (keeps_trace_) say(i, "finalises height " + std::to_string(it.block->height) + " " + name(it.block->digest));
        answer(i, cs::Committed{it.block, validators_}, options_.execute_ms);
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

    /// Agreement; only blocks that execute; a proof that anybody can check.
    void check_final(std::size_t i, const cs::Commit& it) {
        const auto [known, is_first] = finals_.emplace(it.block->height, it.block->digest);
        if (!is_first && known->second != it.block->digest) {
            return fail("two final blocks at height " + std::to_string(it.block->height));
        }
        if (it.block->bytes.at(0) != 1) return fail("a final block that does not execute");
        std::set<Address> signers;
        std::optional<cs::Round> round;
        for (const auto& vote : it.proof) {
            const auto& message = static_cast<const pbft::PbftMessage&>(*vote);
            const bool fits = message.kind == pbft::Kind::commit && message.height == it.block->height &&
                              message.digest == it.block->digest && verifier_.is_signed(message) &&
                              (!round || *round == message.round);
            if (!fits) return fail("a final block with a wrong proof, at " + std::to_string(i));
            round = message.round;
            signers.insert(message.signer);
        }
        if (signers.size() < pbft::quorum(options_.n)) return fail("a final block with too small a proof");
        if (*round > 0) note("final after round 0");
    }

    /// What a key's guard lets through: nothing that conflicts with what it signed before.
    bool may_sign(std::size_t i, const pbft::PbftMessage& m) {
        Node& node = nodes_[i];
        if (!node.is_honest) return true;
        const auto key = std::pair((m.height << 20) + m.round, static_cast<int>(m.kind));
        const auto content = std::pair(m.digest, m.prepared_round);
        const auto [known, is_first] = node.signed_.emplace(key, content);
        while (node.signed_.size() > 512) node.signed_.erase(node.signed_.begin());
        if (is_first || known->second == content) return true;
        if (options_.guarded) {
            fail("the guard of " + std::to_string(i) + " had to refuse " + describe(m));
            return false;
        }
        return true;
    }

    void heal_and_wait() {
        is_healed_ = true;
        cut_.assign(cut_.size(), 0);
        transactions_wait_ = true;
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            if (!nodes_[i].is_honest) {
                nodes_[i].is_silent = true;
                nodes_[i].deaf_to.clear();
                for (std::size_t j = 0; j < nodes_.size(); ++j) nodes_[i].deaf_to.insert(j);
            } else if (!nodes_[i].is_up) {
                start(i);
            } else {
                feed(i, cs::Waiting{true});
            }
        }
        const std::uint64_t first = (finals_.empty() ? 0 : finals_.rbegin()->first) + 1;
        // Everybody hears everything again within 5 s. The longest timeout may be under way; silent proposers cost
        // one each, once, and after that the short ones of the rounds of new heights.
        const std::int64_t cap_ms = 1000LL << pbft::timeout_doublings_max;
        const auto silent = static_cast<std::int64_t>(options_.liars + (options_.far_clock || options_.bad_executor));
        const std::int64_t work_ms = 10'000 + 10 * options_.execute_ms;
        wait_for(first, cap_ms * (1 + silent) + work_ms);
        wait_for(first + options_.heights, options_.heights * (work_ms + (2000LL << silent)));
    }
    void wait_for(std::uint64_t height, std::int64_t within_ms) {
        const std::int64_t bound_ms = schedule_.now() + within_ms;
        const auto is_there = [&] {
            return std::ranges::all_of(nodes_, [&](const Node& node) {
                return !node.is_honest || node.skew_ms > 3'600'000 || node.chain.size() > height;
            });
        };
        for (std::int64_t until = schedule_.now(); run_.failure.empty() && !is_there(); until += 500) {
            if (until > bound_ms) return fail(why_stuck(height));
            advance(until);
        }
    }
    [[nodiscard]] std::string why_stuck(std::uint64_t wanted) const {
        std::string out = "no progress to height " + std::to_string(wanted) + ":";
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            if (!nodes_[i].is_honest) continue;
            out += " " + std::to_string(i) + " at " + std::to_string(nodes_[i].chain.size());
            if (nodes_[i].engine) out += "/" + std::to_string(nodes_[i].engine->round());
        }
        return out;
    }

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
        if (kind == pbft::Kind::prepare) return options_.loss + options_.prepare_loss;
        return options_.loss + (kind == pbft::Kind::commit ? options_.commit_loss : 0);
    }
    void send(std::size_t from, std::size_t to, const Ptr& message) {
        if (is_cut(from, to) || nodes_[from].is_silent) return;
        if (!is_healed_ && net_.chance(loss_of(message->kind))) return;
        schedule_.at(schedule_.now() + delay(), tie(), Deliver{to, from, message});
        if (!is_healed_ && net_.chance(options_.duplicates)) {
            schedule_.at(schedule_.now() + 10 * delay(), tie(), Deliver{to, from, message});
        }
    }

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
    cs::ValidatorsPtr validators_;
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
    std::map<std::uint64_t, Hash> finals_;  // by height, of correct validators
    PbftRun run_;
};

}  // namespace weft::model

#include "model/pbft_lies_impl.hpp"
