// The engine's thread and the disk's; the chain's is in pbft_chain.cpp.

#include "service/consensus/pbft.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>

#include <fmt/format.h>

#include "base/hex.hpp"
#include "base/time.hpp"
#include "chain/genesis.hpp"
#include "crypto/keccak.hpp"

namespace weft::service::consensus {

namespace {

constexpr std::int64_t call_timeout_ns = 10 * ns_per_s;
// Messages of others that wait for the engine, and their bytes: one may have four blocks.
constexpr std::size_t queued_max = 4096;
constexpr std::size_t queued_size_max = 64 << 20;
constexpr std::int64_t disk_retry_ms = 500;

mesh::Context context() { return mesh::Context::with_timeout(call_timeout_ns); }

/// Starts a task and forgets it: what it was for will be tried again.
template <class T>
void send_off(Task<T> task) {
    spawn(std::move(task), [](const Result<T>&) {});
}

}  // namespace

Pbft::Pbft(const chain::ChainConfig& config, PbftPorts ports, PbftSettings settings)
    : config_(config), ports_(std::move(ports)), settings_(std::move(settings)), config_json_(chain::to_json(config)) {
    WEFT_ASSERT(config_.qbft);
}

Pbft::~Pbft() { stop(); }

Result<void> Pbft::start() {
    WEFT_TRY(const auto genesis, run(ports_.get_block(context(), {api::BlockRef::at(0), true})));
    if (!genesis.block) return fail(ErrorCode::data_loss, "there is no genesis block");
    domain_ = {config_.chain_id, genesis.block->hash};
    WEFT_CHECK(take_up_head());
    verifier_.emplace(domain_);
    WEFT_CHECK(make_folder());
    WEFT_TRY(auto file, RecordFile::open(settings_.folder + "/engine"));
    record_file_.emplace(std::move(file));
    if (settings_.key) {
        WEFT_TRY(auto guard, Guard::open(domain_, *settings_.key, settings_.folder + "/signed"));
        guard_.emplace(std::move(guard));
        is_listening_ = guard_->is_new() && tally_.validators().size() > 1;
    }
    Bytes seed = to_bytes(domain_.genesis);
    for (auto now = static_cast<std::uint64_t>(monotonic_ns()); now != 0; now >>= 8) {
        seed.push_back(static_cast<std::uint8_t>(now));
    }
    instance_id_ = crypto::keccak256(seed);
    disk_ = std::make_unique<SerialThread>();
    chain_ = std::make_unique<SerialThread>();
    final_ms_ = static_cast<std::uint64_t>(unix_ms());
    describe();
    pbft::Config engine;
    engine.self = guard_ ? guard_->address() : Address{};
    engine.verifier = &*verifier_;
    engine.period_s = config_.qbft->period_s;
    engine.heartbeat_s = config_.qbft->heartbeat_s;
    if (!guard_) engine.status_ms = 1000;  // how often it asks for blocks
    engine.timeout_ms = static_cast<std::int64_t>(config_.qbft->timeout_s) * 1000;
    engine_.emplace(engine);
    if (is_listening_) {
        log_.warn("nothing is known of what this validator's key has signed: it votes in no height that it may have "
                  "voted in. If the key is new, say so: weft validator trust");
    }
    WEFT_TRY(auto evidence, EvidenceStore::open(settings_.folder + "/evidence"));
    evidence_store_.emplace(std::move(evidence));
    thread_ = std::thread([this] { loop(); });
    return {};
}

Result<void> Pbft::make_folder() const {
    std::error_code wrong;
    std::filesystem::create_directories(settings_.folder, wrong);
    if (!wrong) return {};
    return fail(ErrorCode::permission_denied, settings_.folder + ": " + wrong.message());
}

void Pbft::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        if (snapshot_driver_) snapshot_driver_->stop();
    }
    wake_.notify_all();
    end_.notify_all();
    if (thread_.joinable()) thread_.join();
    chain_.reset();
    disk_.reset();
}

// --- the engine's thread

void Pbft::post(Work work) {
    {
        const std::lock_guard lock(mutex_);
        works_.push_back(std::move(work));
    }
    wake_.notify_one();
}

bool Pbft::post_delivered(std::size_t size, Work work) {
    {
        const std::lock_guard lock(mutex_);
        if (stopping_ || delivered_ >= queued_max || delivered_size_ + size > queued_size_max) return false;
        ++delivered_;
        delivered_size_ += size;
        works_.push_back(std::move(work));
    }
    wake_.notify_one();
    return true;
}

void Pbft::loop() {
    begin();
    std::deque<Work> works;
    while (true) {
        {
            std::unique_lock lock(mutex_);
            const std::int64_t due_ns = next_timer_ns();
            if (works_.empty() && !stopping_) {
                if (due_ns == 0) {
                    wake_.wait(lock);
                } else if (const auto left_ns = due_ns - monotonic_ns(); left_ns > 0) {
                    wake_.wait_for(lock, std::chrono::nanoseconds(left_ns));
                }
            }
            if (stopping_) return;
            works.swap(works_);
            delivered_ = delivered_size_ = 0;
        }
        for (auto& work : works) work();
        works.clear();
        fire_timers();
        time_out_reads();
        describe_progress();
    }
}

std::int64_t Pbft::next_timer_ns() const {
    std::int64_t out = probe_ ? probe_->until_ns : 0;
    for (const auto at : timers_) {
        if (at != 0 && (out == 0 || at < out)) out = at;
    }
    return out;
}

void Pbft::fire_timers() {
    const std::int64_t now = monotonic_ns();
    for (std::size_t i = 0; i < timers_.size(); ++i) {
        if (timers_[i] == 0 || timers_[i] > now) continue;
        timers_[i] = 0;
        feed(cs::TimerFired{static_cast<int>(i)});
    }
}

void Pbft::begin() {
    cs::RecordPtr record;
    if (record_file_->record()) {
        if (auto read = pbft::decode_record(*record_file_->record())) {
            record = *std::move(read);
        } else {
            log_.error("the engine's record can't be read and counts as missing", {{"why", read.error().message}});
        }
    }
    feed(cs::Start{std::move(record), head_for_engine(), std::make_shared<cs::Validators>(tally_.validators())});
    chain_->post([this] { look_at_pool(); });
}

/// Messages of this key in what others repeat: it has signed them, whatever the missing record would say.
void Pbft::watch_own(const pbft::PbftMessage& message) {
    if (message.signer == guard_->address() && verifier_->is_signed(message)) {
        disk_->post([this, message] { guard_->note(message); });
    }
    for (const auto& inner : message.round_changes) watch_own(*inner);
    for (const auto& inner : message.votes) watch_own(*inner);
}

bool Pbft::is_validator(const Address& address) const {
    return std::ranges::any_of(engine_->progress(), [&](const auto& it) { return it.validator == address; });
}

/// A validator that does not know what its key signed. If it voted in a height, a quorum had committed the one before,
/// so of any quorum, it included, one correct validator at least is at most two heights behind that vote: it hears
/// where so many stand and keeps silent in two heights more than the highest of them has.
void Pbft::listen(const Address& from, const pbft::PbftMessage& message) {
    watch_own(message);
    if (message.kind != pbft::Kind::status || from == guard_->address() || !is_validator(from)) return;
    auto& height = told_[from];
    height = std::max(height, message.height);
    if (told_.size() + 1 < pbft::quorum(engine_->progress().size())) return;
    for (const auto& [validator, at] : told_) silent_to_ = std::max(silent_to_, at + 2);
    is_listening_ = false;
    log_.info("it has listened, and votes from the height after", {{"height", silent_to_}});
}

void Pbft::feed(const cs::Event& event) {
    cs::Actions actions;
    engine_->step(unix_ms(), event, actions);
    gate_.put(actions, [this](cs::Action&& action) { release(std::move(action)); });
}

void Pbft::persisted() {
    gate_.persisted([this](cs::Action&& action) { release(std::move(action)); });
}

void Pbft::release(cs::Action&& action) {
    std::visit([this](auto& it) { perform(it); }, action);
}

void Pbft::perform(cs::Persist& action) {
    disk_->post([this, record = std::move(action.record)] { write_record(record); });
}

void Pbft::perform(cs::Cast& action) {
    auto message = std::static_pointer_cast<pbft::PbftMessage>(action.message);
    if (message->kind == pbft::Kind::status || message->kind == pbft::Kind::decided) {
        return transmit(std::nullopt, message);
    }
    if (!guard_ || is_listening_ || message->height <= silent_to_) return;
    pbft::Ptr justification;
    if (message->kind == pbft::Kind::prepare && message->round > 0) justification = engine_->proposal();
    disk_->post([this, message = std::move(message), justification = std::move(justification)] {
        if (justification && !until_done("a proposal's justification",
                                         [&] { return evidence_store_->keep_justification(*justification); })) {
            return;
        }
        sign(message);
    });
}

void Pbft::perform(cs::Broadcast& action) {
    const auto self = guard_ ? guard_->address() : Address{};
    if (!is_validator(self)) {
        // Nobody talks to who is no validator: it asks.
        cs::Fetch fetch{{}, engine_->height()};
        return perform(fetch);
    }
    transmit(std::nullopt, action.message);
}

void Pbft::perform(cs::Send& action) { transmit(action.to, action.message); }

void Pbft::transmit(std::optional<Address> to, const cs::MessagePtr& message) {
    auto packed = pbft::pack(static_cast<const pbft::PbftMessage&>(*message));
    api::network::Send request{to, std::move(packed.message), {}};
    for (const auto& block : packed.blocks) request.blocks.push_back(block->bytes);
    send_off(ports_.send(context(), std::move(request)));
}

void Pbft::perform(cs::SetTimer& action) {
    timers_[static_cast<std::size_t>(action.timer)] =
        std::max<std::int64_t>(monotonic_ns() + action.delay_ms * ns_per_ms, 1);
}

void Pbft::perform(cs::CancelTimer& action) { timers_[static_cast<std::size_t>(action.timer)] = 0; }

void Pbft::perform(cs::Build& action) {
    chain_->post([this, action, order = ++wanted_] {
        const auto done = while_wanted(order, [&] { return build(action); });
        if (!done) log_.warn("no block was built", {{"why", done.error().message}});
    });
}

void Pbft::perform(cs::Execute& action) {
    chain_->post([this, block = action.block, order = ++wanted_] {
        if (const auto done = while_wanted(order, [&] { return execute(block); }); !done) {
            log_.warn("a block was not executed", {{"block", to_hex(block->digest)}, {"why", done.error().message}});
        }
    });
}

void Pbft::perform(cs::Commit& action) {
    chain_->post([this, block = action.block, proof = pbft::encode_proof(action.proof)]() mutable {
        (void)until_done("a final block", [&] { return commit(block, proof); });
    });
}

void Pbft::perform(cs::Fetch& action) {
    if (is_fetching_) return;
    is_fetching_ = true;
    chain_->post([this, action] {
        if (const auto done = fetch(action.from, action.first); !done) {
            log_.debug("nothing was fetched", {{"why", done.error().message}});
        }
        post([this] { is_fetching_ = false; });
    });
}

void Pbft::perform(cs::Evidence& action) {
    evidence_count_.fetch_add(1, std::memory_order_relaxed);
    log_.error("a validator contradicted itself",
               {{"rule", std::string(action.rule)}, {"validator", to_hex(action.culprit)}});
    disk_->post([this, it = action] {
        const auto kept = evidence_store_->keep({std::string(it.rule), it.culprit,
                                                 std::static_pointer_cast<const pbft::PbftMessage>(it.first),
                                                 std::static_pointer_cast<const pbft::PbftMessage>(it.second)});
        if (!kept) log_.error("evidence was not stored", {{"why", kept.error().message}});
    });
}

void Pbft::perform(cs::Penalize& action) {
    log_.warn("a validator did what none should", {{"validator", to_hex(action.peer)},
                                                    {"what", std::string(action.reason)}});
    send_off(ports_.penalize(context(), {{}, action.peer, std::string(action.reason)}));
}

void Pbft::received(const Address& from, std::shared_ptr<pbft::PbftMessage> message) {
    if (is_listening_) listen(from, *message);
    if (!gate_.is_full()) feed(cs::Received{from, std::move(message)});
}

Task<api::consensus::DeliverReply> Pbft::deliver(mesh::Context, api::consensus::Deliver request) {
    using api::consensus::Verdict;
    const auto reject = [](const Error& error) {
        return api::consensus::DeliverReply{Verdict::reject, error.message, {}};
    };
    const auto busy = [] { return api::consensus::DeliverReply{Verdict::ignore, "busy", {}}; };
    if (const auto read = decode_read_message(request.payload)) {
        if (request.is_relayed) co_return api::consensus::DeliverReply{Verdict::ignore, "not signed", {}};
        const bool is_taken = post_delivered(
            sizeof *read, [this, from = request.from, read = *read] { on_read_message(from, read); });
        co_return is_taken ? api::consensus::DeliverReply{} : busy();
    }
    std::vector<cs::BlockPtr> blocks;
    for (auto& bytes : request.blocks) {
        auto block = pbft::to_block(std::move(bytes));
        if (!block) co_return reject(block.error());
        blocks.push_back(*std::move(block));
    }
    auto message = pbft::unpack(request.payload, blocks);
    if (!message) co_return reject(message.error());
    const pbft::Kind kind = (*message)->kind;
    std::optional<Address> signer;
    if (kind != pbft::Kind::status && kind != pbft::Kind::decided) signer = (*message)->signer;
    if (request.is_relayed) {
        // Who passed it on has not looked at the signature, and who is said to have signed it may never have seen it.
        const bool counts = signer && pbft::EcdsaVerifier(domain_).is_signed(**message);
        if (!counts) co_return api::consensus::DeliverReply{Verdict::ignore, "not signed", {}};
        request.from = *signer;
    }
    const std::size_t size = size_of(**message);
    const bool is_taken = post_delivered(size, [this, from = request.from, message = *std::move(message)]() mutable {
        received(from, std::move(message));
    });
    if (!is_taken) co_return busy();
    co_return api::consensus::DeliverReply{Verdict::accept, {}, signer};
}

void Pbft::describe_progress() {
    api::consensus::ProgressReply out;
    out.is_listening = is_listening_ || engine_->height() <= silent_to_;
    out.height = engine_->height();
    out.round = engine_->round();
    out.proposer = engine_->proposer();
    out.is_halted = engine_->is_halted();
    const auto known = engine_->progress();
    out.quorum = pbft::quorum(known.size());
    const auto round = [](std::int64_t value) {
        return value < 0 ? std::nullopt : std::optional(static_cast<std::uint64_t>(value));
    };
    for (const auto& it : known) {
        out.validators.push_back({it.validator, guard_ && it.validator == guard_->address(), round(it.prepared_round),
                                  round(it.committed_round), round(it.asked_round)});
    }
    if (const auto at = timers_[pbft::round_timer]; at != 0) {
        out.next_round_ms = static_cast<std::uint64_t>(unix_ms() + (at - monotonic_ns()) / ns_per_ms);
    }
    const std::lock_guard lock(mutex_);
    progress_ = std::move(out);
}

// --- the disk's thread

bool Pbft::until_done(const char* what, const std::function<Result<void>()>& attempt) {
    bool has_said = false;
    while (true) {
        const auto done = attempt();
        if (done) {
            if (has_said) set_trouble({});
            return true;
        }
        if (!has_said) {
            log_.error("can't store, will try again", {{"what", what}, {"why", done.error().message}});
            set_trouble(fmt::format("{} can't be stored: {}", what, done.error().message));
            has_said = true;
        }
        std::unique_lock lock(mutex_);
        if (end_.wait_for(lock, std::chrono::milliseconds(disk_retry_ms), [this] { return stopping_; })) return false;
    }
}

void Pbft::write_record(const cs::RecordPtr& record) {
    const Bytes bytes = pbft::encode(static_cast<const pbft::PbftRecord&>(*record));
    if (!until_done("the engine's record", [&] { return record_file_->write(bytes); })) return;
    post([this] { persisted(); });
}

void Pbft::sign(const std::shared_ptr<pbft::PbftMessage>& message) {
    // A disk that is full must not make a vote vanish: the engine has counted on it.
    std::optional<Error> refused;
    const bool is_done = until_done("the signing record", [&]() -> Result<void> {
        auto signed_ = guard_->sign(*message);
        if (!signed_ && signed_.error().code == ErrorCode::permission_denied) {
            refused = signed_.error();
            return {};
        }
        return signed_;
    });
    if (!is_done) return;
    if (refused) {
        refused_signatures_.fetch_add(1, std::memory_order_relaxed);
        log_.error("the key's guard refused a signature",
                   {{"height", message->height}, {"round", message->round}, {"why", refused->message}});
        return;
    }
    post([this, message] {
        transmit(std::nullopt, message);
        feed(cs::Received{message->signer, message});
    });
}

// --- what others ask

Task<api::consensus::StatusReply> Pbft::status(mesh::Context, api::consensus::Status) {
    const std::lock_guard lock(mutex_);
    auto out = status_;
    out.is_syncing = !syncing_.empty();
    out.sync_from = sync_from_;
    out.sync_to = sync_to_;
    co_return out;
}

Task<api::consensus::SealReply> Pbft::notify(mesh::Context, api::consensus::Notify) {
    // Not a word more: the block says the rest.
    if (!pool_waits_.exchange(true, std::memory_order_acq_rel)) {
        post([this] {
            feed(cs::Waiting{true});
        });
    }
    co_return api::consensus::SealReply{};
}

Task<api::consensus::ProveIdentityReply> Pbft::prove_identity(mesh::Context, api::consensus::ProveIdentity request) {
    api::consensus::ProveIdentityReply reply;
    if (!guard_) co_return reply;
    const auto signature = guard_->sign_hash(pbft::identity_hash(request.binding));
    reply.validator = guard_->address();
    reply.signature = to_bytes(signature.r);
    append(reply.signature, signature.s.view());
    reply.signature.push_back(signature.y_parity);
    co_return reply;
}

Task<api::consensus::ValidatorSetReply> Pbft::validator_set(mesh::Context, api::consensus::ValidatorSet) {
    const std::lock_guard lock(mutex_);
    co_return api::consensus::ValidatorSetReply{status_.height + 1, votes_.validators};
}

Task<api::consensus::ProgressReply> Pbft::progress(mesh::Context, api::consensus::Progress) {
    const std::lock_guard lock(mutex_);
    auto out = progress_;
    out.final_ms = final_ms_;
    out.transactions_wait = pool_waits_.load(std::memory_order_relaxed);
    out.trouble = trouble_;
    out.evidence_count = evidence_count_.load(std::memory_order_relaxed);
    out.refused_signatures = refused_signatures_.load(std::memory_order_relaxed);
    out.syncing = syncing_;
    co_return out;
}

Task<api::consensus::EvidenceReply> Pbft::evidence(mesh::Context, api::consensus::Evidence) {
    constexpr std::size_t evidence_max = 64;
    api::consensus::EvidenceReply out;
    for (const auto& item : co_await evidence_store_->newest(evidence_max)) {
        out.items.push_back({item.rule, item.culprit, item.first->height, item.first->round,
                             pbft::pack(*item.first).message, pbft::pack(*item.second).message});
    }
    co_return out;
}

Task<api::consensus::VotesReply> Pbft::votes(mesh::Context, api::consensus::Votes) {
    const std::lock_guard lock(mutex_);
    auto out = votes_;
    for (const auto& vote : own_votes_) out.own.push_back({vote.candidate, vote.is_add, {}});
    co_return out;
}

Task<api::consensus::VotesReply> Pbft::propose_vote(mesh::Context at, api::consensus::ProposeVote request) {
    {
        const std::lock_guard lock(mutex_);
        const bool is_validator = std::ranges::binary_search(votes_.validators, request.candidate);
        if (request.add && *request.add == is_validator) {
            co_return fail(ErrorCode::failed_precondition,
                           to_hex(request.candidate) + (is_validator ? " is a validator already" : " is no validator"));
        }
        std::erase_if(own_votes_, [&](const auto& it) { return it.candidate == request.candidate; });
        if (request.add) own_votes_.push_back({request.candidate, *request.add});
    }
    co_return co_await votes(at, {});
}

}  // namespace weft::service::consensus
