// The chain's thread: builds, executes, stores and fetches blocks.

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "base/hex.hpp"
#include "base/time.hpp"
#include "chain/execute.hpp"
#include "service/consensus/pbft.hpp"

namespace weft::service::consensus {

namespace {

constexpr std::int64_t step_timeout_ns = 60 * ns_per_s;
constexpr std::uint64_t fetched_at_once = 64;
constexpr std::int64_t neighbour_retry_ms = 100;

mesh::Context context() { return mesh::Context::with_timeout(step_timeout_ns); }

}  // namespace

/// The newest block, and the validators after it: from the last epoch's beginning on each header may hold a vote.
Result<void> Pbft::take_up_head() {
    WEFT_TRY(auto head, run(ports_.get_block(context(), {})));
    proof_verifier_.emplace(domain_);
    const std::uint64_t number = head.block->header.number;
    const std::uint64_t first = number - number % config_.qbft->epoch;
    const auto extra_at = [&](std::uint64_t height) -> Result<std::pair<chain::Header, pbft::Extra>> {
        WEFT_TRY(auto reply, run(ports_.get_block(context(), {api::BlockRef::at(height), true})));
        if (!reply.block) return fail(ErrorCode::data_loss, fmt::format("header {} is missing", height));
        WEFT_TRY(auto extra, pbft::decode_extra(reply.block->header.extra_data));
        return std::pair(reply.block->header, std::move(extra));
    };
    WEFT_TRY(auto begin, extra_at(first == 0 ? 0 : first - 1));
    if (begin.second.validators.empty()) {
        return fail(ErrorCode::invalid_argument, "the genesis block's extraData names no validators");
    }
    pbft::Tally tally(begin.second.validators, config_.qbft->epoch);
    for (std::uint64_t height = std::max<std::uint64_t>(first, 1); height <= number; ++height) {
        WEFT_TRY(const auto at, extra_at(height));
        tally.add(height, at.first.coinbase, at.second.vote);
    }
    head_ = std::move(head.block);
    tally_ = std::move(tally);
    return {};
}

Result<void> Pbft::look_at_storage() {
    WEFT_TRY(const auto stored, run(ports_.head(context(), {})));
    if (stored.hash == head_->hash) return {};
    WEFT_CHECK(take_up_head());
    (void)run(ports_.head_changed(context(), {head_, {head_}, false}));
    return {};
}

Result<void> Pbft::while_wanted(std::uint64_t order, const std::function<Result<void>()>& attempt) {
    const std::int64_t until_ns = monotonic_ns() + static_cast<std::int64_t>(config_.qbft->timeout_s) * ns_per_s;
    while (true) {
        auto done = attempt();
        // `aborted` is what a state says whose storage has been started again meanwhile.
        const bool is_away = !done && (done.error().code == ErrorCode::unavailable ||
                                       done.error().code == ErrorCode::aborted);
        if (!is_away || wanted_.load(std::memory_order_relaxed) != order || monotonic_ns() >= until_ns) return done;
        std::unique_lock lock(mutex_);
        if (end_.wait_for(lock, std::chrono::milliseconds(neighbour_retry_ms), [this] { return stopping_; })) {
            return done;
        }
    }
}

chain::Header Pbft::next_header(std::uint64_t timestamp, const std::optional<pbft::Vote>& vote) const {
    auto after = tally_;
    const Address self = guard_ ? guard_->address() : Address{};
    after.add(head_->header.number + 1, self, vote);
    chain::BlockAttributes attributes;
    attributes.timestamp = timestamp;
    attributes.coinbase = self;
    attributes.prev_randao = pbft::mix_hash;
    attributes.extra_data = pbft::encode(pbft::Extra{{}, after.validators(), vote, 0, {}});
    return chain::make_header(config_, head_->header, attributes);
}

std::string Pbft::check_header(const chain::Header& header) const {
    const auto extra = pbft::decode_extra(header.extra_data);
    if (!extra) return extra.error().message;
    if (extra->round != 0 || !extra->seals.empty()) return "extra data: a round or seals";
    auto after = tally_;
    after.add(header.number, header.coinbase, extra->vote);
    if (after.validators() != extra->validators) return "extra data: other validators than follow from the votes";
    if (header.mix_hash != pbft::mix_hash) return "mix hash: not the engine's";
    if (!header.difficulty.is_zero() || header.nonce != 0) return "difficulty or nonce: not zero";
    if (header.withdrawals_root && *header.withdrawals_root != chain::empty_trie_root) return "withdrawals: none exist";
    if (header.parent_beacon_root && !header.parent_beacon_root->is_zero()) return "parent beacon root: not zero";
    return {};
}

std::optional<pbft::Vote> Pbft::vote_to_cast() {
    const std::lock_guard lock(mutex_);
    std::erase_if(own_votes_, [this](const auto& vote) { return !tally_.makes_sense(vote); });
    if (own_votes_.empty()) return std::nullopt;
    // In turn, so that none keeps the others waiting.
    std::ranges::rotate(own_votes_, own_votes_.begin() + 1);
    return own_votes_.back();
}

Result<void> Pbft::build(const cs::Build& wanted) {
    if (wanted.parent->digest != head_->hash) return {};  // the chain has gone on meanwhile
    const auto header = next_header(wanted.timestamp_s, vote_to_cast());
    const auto rules = chain::rules_of(config_, header);
    const U256 blob_fee = header.excess_blob_gas ? chain::blob_base_fee(rules, *header.excess_blob_gas) : U256{};
    WEFT_TRY(auto best, run(ports_.best(context(), {header.base_fee.value_or(U256{}), blob_fee, header.gas_limit})));
    std::optional<std::vector<chain::Withdrawal>> withdrawals;
    if (rules.at_least(evm::Revision::shanghai)) withdrawals.emplace();
    WEFT_TRY(const auto built, run(ports_.build(context(), {header, std::move(best.transactions), withdrawals})));
    for (const auto& hash : built.refused) (void)run(ports_.drop(context(), {hash}));
    WEFT_TRY(auto block, pbft::to_block(chain::encode(api::to_block(*built.block))));
    post([this, round = wanted.round, block = std::move(block)] { feed(cs::Built{round, block}); });
    return {};
}

Result<void> Pbft::execute(const cs::BlockPtr& block) {
    if (block->parent != head_->hash) return {};
    WEFT_TRY(const auto decoded, chain::decode_block(block->bytes));
    std::string difference = check_header(decoded.header);
    if (difference.empty()) {
        WEFT_TRY(auto checked, run(ports_.check(context(), {block->bytes})));
        difference = std::move(checked.difference);
    }
    if (!difference.empty()) {
        log_.error("a block is wrong", {{"number", block->height}, {"proposer", to_hex(block->proposer)},
                                        {"why", difference}});
        set_trouble(fmt::format("block {} of {} is wrong here: {}", to_hex(block->digest), to_hex(block->proposer),
                                difference));
    }
    post([this, digest = block->digest, valid = difference.empty()] { feed(cs::Executed{digest, valid}); });
    return {};
}

Result<void> Pbft::adopt(const Hash& hash, Bytes block, Bytes proof) {
    WEFT_TRY(auto adopted, run(ports_.adopt(context(), {hash, std::move(block), std::move(proof)})));
    head_ = std::move(adopted.block);
    WEFT_TRY(const auto extra, pbft::decode_extra(head_->header.extra_data));
    tally_.add(head_->header.number, head_->header.coinbase, extra.vote);
    {
        const std::lock_guard lock(mutex_);
        final_ms_ = static_cast<std::uint64_t>(unix_ms());
    }
    set_trouble({});
    // A pool that is away takes up the head by itself when it is back.
    pool_waits_.store(false, std::memory_order_release);
    (void)run(ports_.head_changed(context(), {head_, {head_}, false}));
    return {};
}

Result<void> Pbft::commit(const cs::BlockPtr& block, Bytes proof) {
    if (block->height <= head_->header.number) return {};  // fetched meanwhile
    WEFT_CHECK(look_at_storage());
    // Storage has lost blocks that it had: a disk was replaced beside this service.
    if (block->height > head_->header.number + 1) WEFT_CHECK(fetch({}, head_->header.number + 1));
    if (block->height > head_->header.number) WEFT_CHECK(adopt(block->digest, block->bytes, std::move(proof)));
    committed();
    return {};
}

cs::BlockPtr Pbft::head_for_engine() const {
    auto out = std::make_shared<cs::Block>();
    out->digest = head_->hash;
    out->parent = head_->header.parent_hash;
    out->height = head_->header.number;
    out->timestamp_s = head_->header.timestamp;
    out->proposer = head_->header.coinbase;
    return out;
}

void Pbft::committed() {
    describe();
    auto head = head_for_engine();
    auto validators = std::make_shared<cs::Validators>(tally_.validators());
    post([this, head = std::move(head), validators = std::move(validators)] {
        feed(cs::Committed{head, validators});
        answer_reads(head->height);
    });
    look_at_pool();
}

void Pbft::look_at_pool() {
    const auto pool = run(ports_.pool_status(context(), {}));
    if (!pool) return;
    const bool waits = pool->pending > 0;
    if (waits) pool_waits_.store(true, std::memory_order_release);
    post([this, waits] {
        feed(cs::Waiting{waits || pool_waits_.load(std::memory_order_acquire)});
    });
}

Result<void> Pbft::take_final(const api::network::FinalBlock& block, const std::string& peer) {
    const auto refuse = [&](const std::string& why) {
        (void)run(ports_.penalize(context(), {peer, std::nullopt, why}));
        return fail(ErrorCode::invalid_argument, why);
    };
    const auto parsed = pbft::to_block(block.block);
    if (!parsed) return refuse(parsed.error().message);
    const auto& header = **parsed;
    if (header.parent != head_->hash || header.height != head_->header.number + 1) return refuse("not the next block");
    const auto commits = pbft::decode_proof(block.proof, header.height);
    if (!commits) return refuse(commits.error().message);
    if (!pbft::is_final(*commits, header.digest, header.height, tally_.validators(), *proof_verifier_)) {
        return refuse("a final block without its proof");
    }
    WEFT_TRY(const auto decoded, chain::decode_block(header.bytes));
    if (auto difference = check_header(decoded.header); !difference.empty()) {
        set_trouble(fmt::format("final block {} is wrong here: {}", header.height, difference));
        return fail(ErrorCode::failed_precondition, std::move(difference));
    }
    auto adopted = adopt(header.digest, header.bytes, block.proof);
    if (!adopted && adopted.error().code == ErrorCode::invalid_argument) {
        set_trouble(fmt::format("final block {} is wrong here: {}", header.height, adopted.error().message));
    }
    return adopted;
}

Result<void> Pbft::fetch(const Address& from, std::uint64_t first) {
    if (first <= head_->header.number) return {};
    const std::uint64_t before = head_->header.number;
    WEFT_CHECK(look_at_storage());
    if (head_->header.number == 0 && settings_.snapshot_ahead_min != 0) WEFT_CHECK(take_snapshot());
    const auto asked = from.is_zero() ? std::nullopt : std::optional(from);
    std::uint64_t count = 0;
    Result<void> done;
    while (true) {
        {
            const std::lock_guard lock(mutex_);
            if (stopping_) break;
        }
        auto reply = run(ports_.fetch_blocks(context(), {asked, head_->header.number + 1, fetched_at_once}));
        if (!reply || reply->blocks.empty()) {
            if (!reply) done = std::unexpected(reply.error());
            break;
        }
        for (const auto& block : reply->blocks) {
            done = take_final(block, reply->peer);
            if (!done) break;
            ++count;
        }
        if (!done || reply->blocks.size() < fetched_at_once) break;
        describe();
        set_syncing(fmt::format("block {}", head_->header.number), before, head_->header.number);
    }
    set_syncing({});
    if (count != 0) log_.info("caught up", {{"blocks", count}, {"head", head_->header.number}});
    if (head_->header.number != before) committed();
    return done;
}

Result<void> Pbft::take_snapshot() {
    pbft::SnapshotConfig config;
    config.genesis = domain_.genesis;
    config.validators = tally_.validators();
    config.verifier = &*proof_verifier_;
    config.ahead_min = settings_.snapshot_ahead_min;
    const auto driver = std::make_shared<SnapshotDriver>(
        std::move(config), ports_.snapshot,
        [this](std::string what, std::uint64_t number) { set_syncing(std::move(what), 0, number); });
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return fail(ErrorCode::cancelled, "the service ends");
        snapshot_driver_ = driver;
    }
    const auto taken = driver->run();
    {
        const std::lock_guard lock(mutex_);
        snapshot_driver_.reset();
    }
    set_syncing({});
    if (!taken) return std::unexpected(taken.error());
    if (*taken && !until_done("the snapshot's head", [this] { return look_at_storage(); })) {
        return fail(ErrorCode::cancelled, "the service ends");
    }
    return {};
}

void Pbft::set_syncing(std::string what, std::uint64_t from, std::uint64_t to) {
    const std::lock_guard lock(mutex_);
    syncing_ = std::move(what);
    sync_from_ = from;
    sync_to_ = to;
}

void Pbft::set_trouble(std::string trouble) {
    const std::lock_guard lock(mutex_);
    trouble_ = std::move(trouble);
}

void Pbft::describe() {
    const auto timestamp = std::max(unix_seconds(), head_->header.timestamp + config_.qbft->period_s);
    const auto header = next_header(timestamp, std::nullopt);
    const auto rules = chain::rules_of(config_, header);
    api::consensus::StatusReply out;
    out.engine = "pbft";
    out.height = head_->header.number;
    out.interval_ms = config_.qbft->period_s * 1000;
    out.coinbase = header.coinbase;
    out.chain_id = config_.chain_id;
    out.next_timestamp = header.timestamp;
    out.next_base_fee = header.base_fee.value_or(U256{});
    out.next_blob_base_fee = header.excess_blob_gas ? chain::blob_base_fee(rules, *header.excess_blob_gas) : U256{};
    out.gas_limit = header.gas_limit;
    out.instance_id = instance_id_;
    out.fork = config_json_;
    api::consensus::VotesReply votes;
    votes.validators = tally_.validators();
    for (const auto& open : tally_.open()) votes.open.push_back({open.vote.candidate, open.vote.is_add, open.voters});
    const std::lock_guard lock(mutex_);
    status_ = std::move(out);
    votes_ = std::move(votes);
}

}  // namespace weft::service::consensus
