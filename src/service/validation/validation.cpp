#include "service/validation/validation.hpp"

#include <algorithm>

#include "base/wire.hpp"
#include "evm/code.hpp"

namespace weft::service::validation {

namespace {

constexpr std::size_t events_kept_max = 16'384;
constexpr std::size_t events_a_page_max = 1024;
constexpr std::int64_t state_read_timeout_ns = 5 * ns_per_s;

struct KeptTransaction {
    Bytes encoded;
    Address sender;
};

}  // namespace

Validation::Validation(const chain::ChainConfig& config, Ports ports, store::Kv kept, std::uint64_t epoch,
                       net::WorkerPool& pool)
    : config_(config),
      ports_(std::move(ports)),
      kept_(std::move(kept)),
      feed_(events_kept_max, epoch),
      pool_threads_(pool) {}

chain::PoolHead Validation::pool_head(const chain::Header& head) const {
    const auto rules = chain::rules_at(config_, head.number + 1, head.timestamp + 1, chain::is_merged(config_, head));
    chain::PoolHead out;
    out.rules = rules;
    out.chain_id = config_.chain_id;
    out.gas_limit = head.gas_limit;
    out.base_fee = head.base_fee ? chain::next_base_fee(head) : U256{};
    out.blob_base_fee =
        head.excess_blob_gas ? chain::blob_base_fee(rules, chain::next_excess_blob_gas(rules, head)) : U256{};
    return out;
}

Result<void> Validation::start(api::SealedBlockPtr head) {
    {
        const std::lock_guard lock(mutex_);
        (void)pool_.reset(
            pool_head(head->header), {}, {}, [](const Address&) { return chain::PoolAccount{}; }, unix_ms());
    }
    std::vector<chain::TransactionPtr> kept;
    auto cursor = kept_.cursor(0);
    for (cursor.seek({}); cursor.valid(); cursor.next()) {
        WEFT_TRY(const auto record, wire::decode<KeptTransaction>(cursor.value()));
        auto transaction = std::make_shared<chain::SignedTransaction>();
        WEFT_TRY(*transaction, chain::decode_network_form(record.encoded));
        transaction->sender = record.sender;
        kept_hashes_.insert(transaction->hash);
        kept.push_back(std::move(transaction));
    }
    std::ranges::sort(kept, {}, [](const auto& item) { return item->transaction.nonce; });
    std::vector<chain::TransactionPtr> gone;
    for (const auto& transaction : kept) {
        const auto context = mesh::Context::with_timeout(state_read_timeout_ns);
        if (!run(admit(context, transaction))) gone.push_back(transaction);  // mined before the crash, or void since
    }
    forget(gone);
    return {};
}

Task<chain::PoolAccount> Validation::account(mesh::Context context, Address address) const {
    const auto found = co_await ports_.get_account(context, {address, {}});
    chain::PoolAccount out{found.nonce, found.balance};
    if (found.code_hash != chain::empty_code_hash && !found.code_hash.is_zero()) {
        const auto code = co_await ports_.get_code(context, {address, {}});
        out.delegated = evm::delegation_of(code.code).has_value();
        out.has_code = !out.delegated && !code.code.empty();
    }
    co_return out;
}

Task<chain::TransactionPtr> Validation::decode(mesh::Context context, const api::validation::Submit& request) const {
    auto decoded = std::make_shared<chain::SignedTransaction>(co_await chain::decode_network_form(request.encoded));
    if (request.impersonate) {
        const auto allowed = co_await ports_.may_impersonate(context, {*request.impersonate});
        if (!allowed.reverted) co_return fail(ErrorCode::permission_denied, "unknown account");
        decoded->sender = *request.impersonate;
        co_return decoded;
    }
    const auto sender = chain::recover_sender(decoded->transaction);
    if (!sender) co_return fail(ErrorCode::invalid_argument, "invalid sender");
    decoded->sender = *sender;
    co_return decoded;
}

Task<void> Validation::admit(mesh::Context context, chain::TransactionPtr transaction) {
    auto refusal = co_await try_admit(context, std::move(transaction));
    if (refusal) co_await Result<void>(std::unexpected(chain::to_error(*refusal)));
}

Task<std::optional<chain::Refusal>> Validation::try_admit(mesh::Context context, chain::TransactionPtr transaction) {
    while (true) {
        const auto generation = generation_.load(std::memory_order_acquire);
        const auto sender = co_await account(context, transaction->sender);
        // Other accounts (the authorities of a type 4 transaction) are read in place.
        const auto accounts = [&](const Address& address) {
            if (address == transaction->sender) return sender;
            return run(account(context, address)).value_or(chain::PoolAccount{});
        };
        const std::lock_guard lock(mutex_);
        if (generation_.load(std::memory_order_acquire) != generation) continue;
        auto added = pool_.add(transaction, accounts, unix_ms());
        if (!added) co_return std::optional(std::move(added).error());
        break;
    }
    feed_.publish(transaction);
    co_return std::optional<chain::Refusal>();
}

Task<api::validation::SubmitReply> Validation::submit(mesh::Context context, api::validation::Submit request) {
    const auto transaction = co_await decode(context, request);
    co_await admit(context, transaction);
    (void)co_await settled(ports_.announce(context, {{transaction}, {}}));
    // Until it is in a block, what makes the acknowledgement true is the file.
    if (!request.wait_for_block) {
        co_await keep(*transaction);
        (void)co_await settled(ports_.notify(context, {transaction->hash}));
        co_return api::validation::SubmitReply{transaction->hash};
    }
    const auto sealed = co_await ports_.notify(context, {transaction->hash});
    if (sealed.number == 0) co_await keep(*transaction);
    co_return api::validation::SubmitReply{transaction->hash};
}

Result<void> Validation::keep(const chain::SignedTransaction& transaction) {
    {
        const std::lock_guard lock(mutex_);
        if (pool_.find(transaction.hash) == nullptr) return {};  // it is in a block already
        kept_hashes_.insert(transaction.hash);
    }
    store::Kv::Batch batch;
    batch.put(0, transaction.hash,
              wire::encode(KeptTransaction{chain::encode_network_form(transaction), transaction.sender}));
    return kept_.write(std::move(batch));
}

void Validation::forget(std::span<const chain::TransactionPtr> transactions) {
    store::Kv::Batch batch;
    {
        const std::lock_guard lock(mutex_);
        if (kept_hashes_.empty()) return;
        for (const auto& transaction : transactions) {
            if (kept_hashes_.erase(transaction->hash) != 0) batch.erase(0, transaction->hash);
        }
    }
    // Left behind after a failed write they are refused as mined at the next start.
    if (batch.size() != 0) (void)kept_.write(std::move(batch));
}

Task<api::validation::NonceReply> Validation::pending_nonce(mesh::Context context,
                                                            api::validation::PendingNonce request) {
    {
        const std::lock_guard lock(mutex_);
        if (const auto next = pool_.next_nonce(request.address)) co_return api::validation::NonceReply{*next};
    }
    const auto found = co_await ports_.get_account(context, {request.address, {}});
    co_return api::validation::NonceReply{found.nonce};
}

Task<api::validation::PooledReply> Validation::get_pooled(mesh::Context, api::validation::GetPooled request) {
    const std::lock_guard lock(mutex_);
    co_return api::validation::PooledReply{pool_.find(request.hash)};
}

Task<api::validation::FindPooledReply> Validation::find_pooled(mesh::Context, api::validation::FindPooled request) {
    api::validation::FindPooledReply reply;
    reply.transactions.reserve(request.hashes.size());
    const std::lock_guard lock(mutex_);
    for (const auto& hash : request.hashes) reply.transactions.push_back(pool_.find(hash));
    co_return reply;
}

Task<api::validation::PoolStatusReply> Validation::pool_status(mesh::Context, api::validation::PoolStatus) {
    const std::lock_guard lock(mutex_);
    const auto status = pool_.status();
    co_return api::validation::PoolStatusReply{status.pending, status.queued};
}

Task<api::validation::PoolContentReply> Validation::pool_content(mesh::Context, api::validation::PoolContent request) {
    std::vector<chain::Pool::Content> senders;
    {
        const std::lock_guard lock(mutex_);
        if (request.sender) {
            senders.push_back(pool_.content_from(*request.sender));
        } else {
            senders = pool_.content();
        }
    }
    api::validation::PoolContentReply reply;
    for (const auto& sender : senders) {
        reply.pending.insert(reply.pending.end(), sender.pending.begin(), sender.pending.end());
        reply.queued.insert(reply.queued.end(), sender.queued.begin(), sender.queued.end());
    }
    co_return reply;
}

Task<api::validation::BestReply> Validation::best(mesh::Context, api::validation::Best request) {
    api::validation::BestReply reply;
    const std::lock_guard lock(mutex_);
    auto best = pool_.best();
    std::uint64_t gas = 0;
    while (auto transaction = best.next()) {
        if (transaction->transaction.max_fee_per_gas < request.base_fee) {
            best.skip_sender();
            continue;
        }
        gas += transaction->transaction.gas_limit;
        reply.transactions.push_back(std::move(transaction));
        // Gas limits are mostly far above what is used: offer more than fits, the builder takes what does.
        if (gas / 8 > request.gas_limit) break;
    }
    co_return reply;
}

Task<api::Empty> Validation::head_changed(mesh::Context context, api::validation::HeadChanged request) {
    std::vector<chain::TransactionPtr> mined;
    for (const auto& block : request.added)
        mined.insert(mined.end(), block->transactions.begin(), block->transactions.end());
    std::vector<chain::TransactionPtr> gone = mined;
    {
        const auto accounts = [&](const Address& address) {
            return run(account(context, address)).value_or(chain::PoolAccount{});
        };
        const std::lock_guard lock(mutex_);
        generation_.fetch_add(1, std::memory_order_acq_rel);
        if (request.clear) {
            auto waiting = pool_.content();
            for (const auto& sender : waiting) {
                gone.insert(gone.end(), sender.pending.begin(), sender.pending.end());
                gone.insert(gone.end(), sender.queued.begin(), sender.queued.end());
            }
            pool_.clear();
        }
        const auto dropped = pool_.reset(pool_head(request.head->header), mined, {}, accounts, unix_ms());
        gone.insert(gone.end(), dropped.begin(), dropped.end());
    }
    forget(gone);
    co_return api::Empty{};
}

Task<api::validation::PooledReply> Validation::drop(mesh::Context, api::validation::Drop request) {
    std::vector<chain::TransactionPtr> gone;
    {
        const std::lock_guard lock(mutex_);
        if (request.hash.is_zero()) {
            for (const auto& sender : pool_.content()) {
                gone.insert(gone.end(), sender.pending.begin(), sender.pending.end());
                gone.insert(gone.end(), sender.queued.begin(), sender.queued.end());
            }
            pool_.clear();
        } else if (auto found = pool_.find(request.hash)) {
            pool_.remove(request.hash);
            gone.push_back(std::move(found));
        }
    }
    forget(gone);
    co_return api::validation::PooledReply{gone.empty() ? nullptr : gone.front()};
}

Task<api::validation::PendingEventsReply> Validation::pending_events(mesh::Context context,
                                                                    api::validation::PendingEvents request) {
    if (request.epoch != 0 && request.epoch != feed_.epoch()) request.from = ~std::uint64_t{0};
    const std::int64_t wait_ns =
        static_cast<std::int64_t>(std::min<std::uint64_t>(request.wait_ms, 60'000)) * ns_per_ms;
    const std::int64_t deadline = std::min(monotonic_ns() + wait_ns, context.deadline_ns - 50 * ns_per_ms);
    auto page = co_await feed_.read(request.from, events_a_page_max, deadline);
    co_return api::validation::PendingEventsReply{std::move(page.items), page.next, feed_.epoch()};
}

}  // namespace weft::service::validation
