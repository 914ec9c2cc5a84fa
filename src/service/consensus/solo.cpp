#include "service/consensus/solo.hpp"

#include <algorithm>
#include <chrono>

#include "base/time.hpp"
#include "chain/execute.hpp"
#include "chain/genesis.hpp"
#include "crypto/keccak.hpp"

namespace weft::service::consensus {

namespace {

constexpr std::int64_t step_timeout_ns = 60 * ns_per_s;
constexpr std::size_t remembered_max = 65'536;
constexpr std::int64_t again_ns = 500 * ns_per_ms;  // after a neighbour was away

mesh::Context context() { return mesh::Context::with_timeout(step_timeout_ns); }

}  // namespace

Solo::Solo(const chain::ChainConfig& config, SoloPorts ports, SoloSettings settings)
    : config_(config),
      ports_(std::move(ports)),
      rules_{settings.development},
      config_json_(chain::to_json(config)),
      state_(settings.initial) {}

Solo::~Solo() { stop(); }

Result<void> Solo::start() {
    WEFT_TRY(auto head, run(ports_.get_block(context(), {})));
    head_ = head.block;
    solo::rewound(state_, head_->header.timestamp);
    Bytes seed = to_bytes(head_->hash);
    for (auto now = static_cast<std::uint64_t>(monotonic_ns()); now != 0; now >>= 8) {
        seed.push_back(static_cast<std::uint8_t>(now));
    }
    instance_id_ = crypto::keccak256(seed);
    status_ = describe();
    thread_ = std::thread([this] { loop(); });
    return {};
}

void Solo::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
}

bool Solo::next(std::deque<std::function<void()>>& jobs, std::vector<Waiter>& waiters, bool& by_interval) {
    std::unique_lock lock(mutex_);
    while (true) {
        if (stopping_) return false;
        const auto decision = solo::decide(state_, waiters_.size(), unix_ms());
        by_interval = decision.seal && waiters_.empty();
        if (decision.seal || !jobs_.empty() || !waiters_.empty()) break;
        if (again_at_ns_ != 0) {
            const auto left_ns = again_at_ns_ - monotonic_ns();
            if (left_ns > 0) {
                wake_.wait_for(lock, std::chrono::nanoseconds(left_ns));
                continue;
            }
            again_at_ns_ = 0;
            waiters_.push_back({});  // of no transaction: it makes a block of what waits
            break;
        }
        if (decision.ask_again_ms) {
            wake_.wait_for(lock,
                           std::chrono::milliseconds(std::max<std::int64_t>(*decision.ask_again_ms - unix_ms(), 1)));
        } else {
            wake_.wait(lock);
        }
    }
    jobs.swap(jobs_);
    waiters.swap(waiters_);
    return true;
}

void Solo::loop() {
    std::deque<std::function<void()>> jobs;
    std::vector<Waiter> waiters;
    bool by_interval = false;
    while (next(jobs, waiters, by_interval)) {
        for (auto& job : jobs) job();
        jobs.clear();
        if (by_interval) (void)seal();
        if (!waiters.empty()) answer(std::exchange(waiters, {}));
        const auto now = describe();
        const std::lock_guard lock(mutex_);
        status_ = now;
    }
}

void Solo::answer(std::vector<Waiter> waiters) {
    const auto settle = [&] {
        std::erase_if(waiters, [&](Waiter& waiter) {
            if (const auto found = sealed_.find(waiter.hash); found != sealed_.end()) {
                waiter.promise.set(found->second);
                return true;
            }
            const auto refused = refused_.find(waiter.hash);
            if (refused == refused_.end()) return false;
            waiter.promise.set(fail(ErrorCode::failed_precondition, refused->second));
            return true;
        });
    };
    settle();
    while (!waiters.empty() && state_.automine) {
        const auto block = seal_waiting();
        if (!block) {
            if (block.error().code == ErrorCode::unavailable || block.error().code == ErrorCode::aborted) {
                again_at_ns_ = monotonic_ns() + again_ns;  // they wait in the pool, though nobody waits here
            }
            for (auto& waiter : waiters) waiter.promise.set(std::unexpected(block.error()));
            return;
        }
        settle();
        if (*block == nullptr || (*block)->transactions.empty()) break;  // what is left can't run now
    }
    for (auto& waiter : waiters) waiter.promise.set(api::consensus::SealReply{});
}

chain::Header Solo::next_header() const {
    const solo::Plan plan = solo::plan(state_, unix_ms());
    chain::BlockAttributes attributes;
    attributes.timestamp = plan.timestamp;
    attributes.coinbase = plan.coinbase;
    attributes.prev_randao = plan.prev_randao.value_or(crypto::keccak256(head_->hash));
    attributes.gas_limit = plan.gas_limit.value_or(0);
    attributes.base_fee = plan.base_fee;
    attributes.parent_total_difficulty = head_->total_difficulty;
    return chain::make_header(config_, head_->header, attributes);
}

Result<std::vector<chain::TransactionPtr>> Solo::best(const chain::Header& header) const {
    const auto rules = chain::rules_of(config_, header);
    const U256 blob_fee = header.excess_blob_gas ? chain::blob_base_fee(rules, *header.excess_blob_gas) : U256{};
    WEFT_TRY(auto reply, run(ports_.best(context(), {header.base_fee.value_or(U256{}), blob_fee, header.gas_limit})));
    return std::move(reply.transactions);
}

Result<void> Solo::look_at_storage() {
    if (is_head_known_) return {};
    WEFT_TRY(auto head, run(ports_.get_block(context(), {})));
    head_ = std::move(head.block);
    is_head_known_ = true;
    return {};
}

Result<api::SealedBlockPtr> Solo::seal_waiting() {
    WEFT_CHECK(look_at_storage());
    const auto header = next_header();
    WEFT_TRY(auto transactions, best(header));
    if (transactions.empty()) return nullptr;
    return seal(header, std::move(transactions));
}

Result<api::SealedBlockPtr> Solo::seal() {
    WEFT_CHECK(look_at_storage());
    const auto header = next_header();
    WEFT_TRY(auto transactions, best(header));
    return seal(header, std::move(transactions));
}

Result<api::SealedBlockPtr> Solo::seal(const chain::Header& header,
                                            std::vector<chain::TransactionPtr> transactions) {
    std::optional<std::vector<chain::Withdrawal>> withdrawals;
    if (chain::rules_of(config_, header).at_least(evm::Revision::shanghai)) withdrawals.emplace();
    WEFT_TRY(const auto built, run(ports_.build(context(), {header, std::move(transactions), std::move(withdrawals)})));
    if (const auto adopted = run(ports_.adopt(context(), {built.block->hash, {}, {}})); !adopted) {
        // It may have been stored though the answer was lost.
        is_head_known_ = false;
        WEFT_CHECK(look_at_storage());
        if (head_->hash != built.block->hash) return std::unexpected(adopted.error());
    }
    head_ = built.block;
    solo::sealed(state_, head_->header.timestamp, unix_ms());
    // A pool that is away takes up the head by itself when it is back.
    (void)run(ports_.head_changed(context(), {head_, {head_}, false}));
    for (const auto& transaction : head_->transactions) remember(transaction->hash);
    for (std::size_t i = 0; i < built.refused.size(); ++i) {
        if (refused_.size() > remembered_max) refused_.clear();
        refused_[built.refused[i]] = built.reasons[i];
        (void)run(ports_.drop(context(), {built.refused[i]}));
    }
    return head_;
}

void Solo::remember(const Hash& hash) {
    sealed_.insert_or_assign(hash, api::consensus::SealReply{head_->header.number, head_->hash});
    sealed_order_.push_back(hash);
    if (sealed_order_.size() > remembered_max) {
        sealed_.erase(sealed_order_.front());
        sealed_order_.pop_front();
    }
}

template <class T>
Task<T> Solo::on_thread(std::function<Result<T>()> work) {
    auto promise = std::make_shared<Promise<T>>();
    auto future = promise->future();
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) co_return fail(ErrorCode::cancelled, "the node is stopping");
        jobs_.emplace_back([promise = std::move(promise), work = std::move(work)] { promise->set(work()); });
    }
    wake_.notify_one();
    co_return co_await std::move(future).wait();
}

Result<void> Solo::only_development() const {
    if (rules_.development) return {};
    return fail(ErrorCode::permission_denied, "not a development chain");
}

api::consensus::StatusReply Solo::describe() const {
    const auto header = next_header();
    const auto rules = chain::rules_of(config_, header);
    api::consensus::StatusReply out;
    out.engine = "solo";
    out.height = head_->header.number;
    out.development = rules_.development;
    out.automine = state_.automine;
    out.interval_ms = static_cast<std::uint64_t>(state_.interval_ms);
    out.coinbase = state_.coinbase;
    out.chain_id = config_.chain_id;
    out.next_timestamp = header.timestamp;
    out.next_base_fee = header.base_fee.value_or(U256{});
    out.next_blob_base_fee = header.excess_blob_gas ? chain::blob_base_fee(rules, *header.excess_blob_gas) : U256{};
    out.gas_limit = header.gas_limit;
    out.instance_id = instance_id_;
    out.fork = config_json_;
    return out;
}

Task<api::consensus::StatusReply> Solo::status(mesh::Context, api::consensus::Status) {
    const std::lock_guard lock(mutex_);
    co_return status_;
}

Task<api::consensus::SealReply> Solo::notify(mesh::Context, api::consensus::Notify request) {
    std::optional<Future<api::consensus::SealReply>> wait;
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) co_return fail(ErrorCode::cancelled, "the node is stopping");
        if (!status_.automine) co_return api::consensus::SealReply{};
        waiters_.push_back({request.hash, {}});
        wait = waiters_.back().promise.future();
    }
    wake_.notify_one();
    co_return co_await std::move(*wait).wait();
}

Task<api::consensus::SealReply> Solo::mine(mesh::Context, api::consensus::Mine request) {
    co_await only_development();
    co_return co_await on_thread<api::consensus::SealReply>([this, request]() -> Result<api::consensus::SealReply> {
        for (std::uint64_t i = 0; i < request.count; ++i) {
            solo::Settings next;
            if (i == 0 && request.timestamp) {
                next.next_timestamp = *request.timestamp;
            } else if (i > 0 && request.interval_s) {
                next.next_timestamp = head_->header.timestamp + std::max<std::uint64_t>(*request.interval_s, 1);
            }
            WEFT_CHECK(solo::configure(rules_, state_, next, unix_ms()));
            WEFT_CHECK(seal());
        }
        return api::consensus::SealReply{head_->header.number, head_->hash};
    });
}

Task<api::consensus::StatusReply> Solo::configure(mesh::Context, api::consensus::Configure request) {
    co_await only_development();
    co_return co_await on_thread<api::consensus::StatusReply>([this, request]() -> Result<api::consensus::StatusReply> {
        const solo::Settings settings{request.automine,      request.interval_ms,      request.coinbase,
                                      request.gas_limit,     request.next_base_fee,    request.next_prev_randao,
                                      request.next_timestamp, request.block_interval_s, request.add_seconds,
                                      request.set_time};
        WEFT_CHECK(solo::configure(rules_, state_, settings, unix_ms()));
        const auto now = describe();
        const std::lock_guard lock(mutex_);
        status_ = now;
        return now;
    });
}

Task<api::consensus::ClockReply> Solo::clock(mesh::Context, api::consensus::Clock) {
    co_return co_await on_thread<api::consensus::ClockReply>(
        [this]() -> Result<api::consensus::ClockReply> { return api::consensus::ClockReply{state_.offset_s}; });
}

Task<api::consensus::SnapshotReply> Solo::snapshot(mesh::Context, api::consensus::Snapshot) {
    co_await only_development();
    co_return co_await on_thread<api::consensus::SnapshotReply>([this]() -> Result<api::consensus::SnapshotReply> {
        WEFT_TRY(const auto head, run(ports_.head(context(), {})));
        snapshots_.push_back({next_snapshot_++, head.version, state_});
        return api::consensus::SnapshotReply{snapshots_.back().id};
    });
}

Result<void> Solo::take_back(std::uint64_t version) {
    WEFT_CHECK(run(ports_.rewind(context(), {version})));
    WEFT_TRY(auto head, run(ports_.get_block(context(), {})));
    head_ = head.block;
    solo::rewound(state_, head_->header.timestamp);
    sealed_.clear();
    sealed_order_.clear();
    refused_.clear();
    WEFT_CHECK(run(ports_.head_changed(context(), {head_, {}, true})));
    return {};
}

Task<api::consensus::RevertReply> Solo::revert(mesh::Context, api::consensus::Revert request) {
    co_await only_development();
    co_return co_await on_thread<api::consensus::RevertReply>(
        [this, id = request.id]() -> Result<api::consensus::RevertReply> {
            const auto found = std::ranges::find(snapshots_, id, &Kept::id);
            if (found == snapshots_.end()) return api::consensus::RevertReply{false};
            const Kept kept = *found;
            snapshots_.erase(found, snapshots_.end());
            state_ = kept.state;
            WEFT_CHECK(take_back(kept.version));
            return api::consensus::RevertReply{true};
        });
}

Task<api::consensus::RevertReply> Solo::reset(mesh::Context, api::consensus::Reset) {
    co_await only_development();
    co_return co_await on_thread<api::consensus::RevertReply>([this]() -> Result<api::consensus::RevertReply> {
        constexpr std::uint64_t genesis_version = 1;
        snapshots_.clear();
        state_.offset_s = 0;
        state_.next_timestamp.reset();
        WEFT_CHECK(take_back(genesis_version));
        return api::consensus::RevertReply{true};
    });
}

Task<api::Empty> Solo::set_account(mesh::Context, api::consensus::SetAccount request) {
    co_await only_development();
    co_return co_await on_thread<api::Empty>([this, request]() -> Result<api::Empty> {
        api::contract::AccountOverride account;
        account.address = request.address;
        account.balance = request.balance;
        account.nonce = request.nonce;
        account.code = request.code;
        for (const auto& [key, value] : request.slots) account.slots.push_back({key.to_hash(), value.to_hash()});
        WEFT_TRY(auto made, run(ports_.make_change(context(), {account})));
        WEFT_CHECK(run(ports_.amend(context(), {std::move(made.delta)})));
        WEFT_CHECK(run(ports_.head_changed(context(), {head_, {}, false})));
        return api::Empty{};
    });
}

Task<api::consensus::RevertReply> Solo::impersonate(mesh::Context, api::consensus::Impersonate request) {
    co_await only_development();
    const std::lock_guard lock(mutex_);
    if (request.all) {
        impersonate_all_ = request.enabled;
        co_return api::consensus::RevertReply{true};
    }
    const bool was = impersonated_.contains(request.address);
    if (request.enabled) {
        impersonated_.insert(request.address);
    } else {
        impersonated_.erase(request.address);
    }
    co_return api::consensus::RevertReply{request.enabled || was};
}

Task<api::consensus::RevertReply> Solo::may_impersonate(mesh::Context, api::consensus::MayImpersonate request) {
    const std::lock_guard lock(mutex_);
    co_return api::consensus::RevertReply{impersonate_all_ || impersonated_.contains(request.address)};
}

}  // namespace weft::service::consensus
