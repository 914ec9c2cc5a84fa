#include "service/validation/validation.hpp"

#include <algorithm>
#include <utility>

#include "base/wire.hpp"
#include "evm/code.hpp"

namespace weft::service::validation {

namespace {

constexpr std::size_t events_kept_max = 16'384;
constexpr std::size_t events_kept_size_max = 32ULL << 20;  // blobs of a single one may be a megabyte
constexpr std::size_t events_a_page_max = 1024;
constexpr std::int64_t state_read_timeout_ns = 5 * ns_per_s;

struct KeptTransaction {
    Bytes encoded;
    Address sender;
};

/// About the bytes of memory that a transaction takes: it is there as bytes and as values.
std::size_t memory_of(const chain::TransactionPtr& transaction) {
    std::size_t out = sizeof *transaction + 2 * transaction->encoded.size();
    if (!transaction->sidecar) return out;
    for (const auto& part : {&chain::BlobSidecar::blobs, &chain::BlobSidecar::proofs}) {
        for (const auto& bytes : *transaction->sidecar.*part) out += bytes.size();
    }
    return out;
}

}  // namespace

Validation::Validation(const chain::ChainConfig& config, Ports ports, store::Kv kept, std::uint64_t epoch,
                       net::WorkerPool& pool)
    : config_(config),
      ports_(std::move(ports)),
      kept_(std::move(kept)),
      feed_(events_kept_max, epoch, events_kept_size_max, memory_of),
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
        // That the state can't be read says nothing of the transaction, which was promised to be kept.
        WEFT_TRY(const auto refusal, run(try_admit(context, transaction)));
        if (refusal && refusal->rule != chain::Rule::already_known) {
            gone.push_back(transaction);  // mined before the crash, or void since
        }
    }
    forget(gone);
    return {};
}

Task<chain::PoolAccount> Validation::account(mesh::Context context, Address address) const {
    const auto found = co_await ports_.get_account(context, {address, {}});
    co_return co_await pool_account(context, address, found);
}

Task<chain::PoolAccount> Validation::pool_account(mesh::Context context, Address address,
                                                  chain::Account found) const {
    chain::PoolAccount out{found.nonce, found.balance};
    if (found.code_hash != chain::empty_code_hash && !found.code_hash.is_zero()) {
        const auto code = co_await ports_.get_code(context, {address, {}});
        out.delegated = evm::delegation_of(code.code).has_value();
        out.has_code = !out.delegated && !code.code.empty();
    }
    co_return out;
}

Task<void> Validation::read_accounts(mesh::Context context, std::vector<Address> addresses,
                                     std::unordered_map<Address, chain::PoolAccount>& out) const {
    constexpr std::size_t at_once = api::storage::state_keys_max / 2;
    for (std::size_t first = 0; first < addresses.size(); first += at_once) {
        const std::size_t count = std::min(at_once, addresses.size() - first);
        const auto begin = addresses.begin() + static_cast<std::ptrdiff_t>(first);
        api::storage::OpenState request;
        request.keys.accounts.assign(begin, begin + static_cast<std::ptrdiff_t>(count));
        const auto reply = co_await ports_.open_state(context, std::move(request));
        if (reply.values.accounts.size() != count) {
            co_await Result<void>(fail(ErrorCode::data_loss, "storage answered with fewer accounts than asked for"));
        }
        for (std::size_t i = 0; i < count; ++i) {
            const Address& address = addresses[first + i];
            const auto& value = reply.values.accounts[i];
            out[address] = value.exists ? co_await pool_account(context, address, value.account)
                                        : chain::PoolAccount{};
        }
    }
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
        const auto accounts = [&](const Address& address) {
            WEFT_ASSERT(address == transaction->sender);
            return sender;
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
    const auto sealed = co_await settled(ports_.notify(context, {transaction->hash}));
    // A sealer that is away finds it waiting when it is back; so does one whose storage was.
    if (!sealed && sealed.error().code != ErrorCode::unavailable && sealed.error().code != ErrorCode::aborted) {
        co_return std::unexpected(sealed.error());
    }
    if (!sealed || sealed->number == 0) co_await keep(*transaction);
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
    if (!request.head) co_return fail(ErrorCode::invalid_argument, "no head");
    std::vector<chain::TransactionPtr> mined;
    for (const auto& block : request.added)
        mined.insert(mined.end(), block->transactions.begin(), block->transactions.end());
    std::vector<chain::TransactionPtr> gone = mined;
    if (request.clear) {
        const std::lock_guard lock(mutex_);
        take_all(gone);
    }
    const auto head = pool_head(request.head->header);
    // Accounts are read without the lock, for storage may be far away; who comes into the pool meanwhile is read too.
    std::unordered_map<Address, chain::PoolAccount> known;
    std::vector<Address> unknown;
    do {
        co_await read_accounts(context, std::exchange(unknown, {}), known);
        const std::lock_guard lock(mutex_);
        unknown = pool_.touched_by(head, mined, {});
        std::erase_if(unknown, [&](const Address& address) { return known.contains(address); });
        if (!unknown.empty()) continue;
        generation_.fetch_add(1, std::memory_order_acq_rel);
        const auto accounts = [&](const Address& address) { return known.at(address); };
        const auto dropped = pool_.reset(head, mined, {}, accounts, unix_ms());
        gone.insert(gone.end(), dropped.begin(), dropped.end());
    } while (!unknown.empty());
    forget(gone);
    co_return api::Empty{};
}

void Validation::take_all(std::vector<chain::TransactionPtr>& out) {
    for (const auto& sender : pool_.content()) {
        out.insert(out.end(), sender.pending.begin(), sender.pending.end());
        out.insert(out.end(), sender.queued.begin(), sender.queued.end());
    }
    pool_.clear();
}

Task<api::validation::PooledReply> Validation::drop(mesh::Context, api::validation::Drop request) {
    std::vector<chain::TransactionPtr> gone;
    {
        const std::lock_guard lock(mutex_);
        if (request.hash.is_zero()) {
            take_all(gone);
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
