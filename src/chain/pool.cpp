#include "chain/pool.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace weft::chain {

namespace {

/// What a delegated account may have in the pool: its code can spend the balance that later ones count on.
constexpr std::size_t delegated_count_max = 1;

U256 cost_of(const Transaction& tx) { return maximum_cost(tx).value_or(~U256{}); }

/// old * (100 + percent) / 100, rounded up.
U256 bumped(const U256& old, std::uint64_t percent) {
    return (old * U256(100 + percent) + U256(99)) / U256(100);
}

/// Whether @p fresh pays enough to take the place of @p old.
bool outbids(const Transaction& fresh, const Transaction& old, const PoolLimits& limits) {
    const bool blob = old.type == TransactionType::blob || fresh.type == TransactionType::blob;
    const std::uint64_t percent = blob ? limits.blob_price_bump_percent : limits.price_bump_percent;
    if (fresh.max_fee_per_gas <= old.max_fee_per_gas || fresh.max_priority_fee_per_gas < old.max_priority_fee_per_gas) {
        return false;
    }
    return fresh.max_fee_per_gas >= bumped(old.max_fee_per_gas, percent) &&
           fresh.max_priority_fee_per_gas >= bumped(old.max_priority_fee_per_gas, percent) &&
           fresh.max_fee_per_blob_gas >= bumped(old.max_fee_per_blob_gas, blob ? percent : 0);
}

/// A transaction's place in the queue for eviction. What is evicted first is greatest.
struct Price {
    U256 fee;
    U256 tip;
    std::int64_t since_ms = 0;
    Hash hash;

    friend bool operator<(const Price& a, const Price& b) {
        if (a.fee != b.fee) return a.fee > b.fee;
        if (a.tip != b.tip) return a.tip > b.tip;
        return a.since_ms < b.since_ms;  // of equal price the newer goes first
    }
};

struct Sender {
    std::vector<PoolItem> items;  // by nonce
    std::size_t pending = 0;      // how many of them, from the first
    U256 pending_cost;            // of those together
    PoolAccount account;

    [[nodiscard]] auto find(std::uint64_t nonce) {
        return std::ranges::lower_bound(items, nonce, {},
                                        [](const PoolItem& item) { return item.transaction->transaction.nonce; });
    }
    [[nodiscard]] bool has(std::vector<PoolItem>::iterator at, std::uint64_t nonce) const {
        return at != items.end() && at->transaction->transaction.nonce == nonce;
    }
    /// Counts the pending ones anew.
    void settle() {
        pending = 0;
        pending_cost = {};
        extend();
    }
    /// Counts on: those that are counted already have not changed.
    void extend() {
        for (; pending < items.size(); ++pending) {
            const Transaction& tx = items[pending].transaction->transaction;
            const U256 cost = cost_of(tx);
            if (tx.nonce != account.nonce + pending || cost > account.balance - pending_cost) break;
            pending_cost += cost;
        }
    }
};

}  // namespace

std::size_t memory_of(const SignedTransaction& transaction) {
    // By hash, by price and among its sender's, with what the heap adds to each block.
    constexpr std::size_t places = 384;
    const Transaction& tx = transaction.transaction;
    std::size_t out = sizeof transaction + places + transaction.encoded.size() + tx.data.size();
    for (const auto& entry : tx.access_list) out += sizeof entry + entry.storage_keys.size() * sizeof(Hash);
    out += tx.blob_hashes.size() * sizeof(Hash) + tx.authorizations.size() * sizeof(Authorization);
    if (!transaction.sidecar) return out;
    const auto& [version, blobs, commitments, proofs] = *transaction.sidecar;
    for (const auto* const parts : {&blobs, &commitments, &proofs}) {
        for (const auto& part : *parts) out += sizeof part + part.size();
    }
    return out;
}

struct Pool::Implementation {
    std::unordered_map<Hash, TransactionPtr> by_hash;
    std::unordered_map<Address, Sender> senders;
    std::vector<Price> prices;  // a heap; some entries are of transactions that are gone
    std::size_t bytes = 0;
    std::size_t pending = 0;

    void put(Sender& sender, const TransactionPtr& transaction, std::int64_t now_ms) {
        const Transaction& tx = transaction->transaction;
        sender.items.insert(sender.find(tx.nonce), PoolItem{transaction, now_ms});
        by_hash.emplace(transaction->hash, transaction);
        bytes += memory_of(*transaction);
        if (prices.size() > 2 * by_hash.size() + 64) {
            std::erase_if(prices, [this](const Price& price) { return !by_hash.contains(price.hash); });
            std::make_heap(prices.begin(), prices.end());
        }
        prices.push_back({tx.max_fee_per_gas, tx.max_priority_fee_per_gas, now_ms, transaction->hash});
        std::push_heap(prices.begin(), prices.end());
    }
    /// Takes an item out; the sender is settled later.
    std::vector<PoolItem>::iterator take(Sender& sender, std::vector<PoolItem>::iterator at) {
        by_hash.erase(at->transaction->hash);
        bytes -= memory_of(*at->transaction);
        return sender.items.erase(at);
    }
    void settle(Sender& sender) {
        pending -= sender.pending;
        sender.settle();
        pending += sender.pending;
    }
    void extend(Sender& sender) {
        pending -= sender.pending;
        sender.extend();
        pending += sender.pending;
    }
    /// Takes out what a block holds.
    void take_mined(std::span<const TransactionPtr> mined) {
        std::unordered_set<Address> touched;
        for (const auto& transaction : mined) {
            const auto found = by_hash.find(transaction->hash);
            if (found == by_hash.end()) continue;
            touched.insert(found->second->sender);
            bytes -= memory_of(*found->second);
            by_hash.erase(found);
        }
        // Once a sender: one by one each would move all that stand behind it.
        for (const auto& address : touched) {
            Sender& sender = senders.at(address);
            std::erase_if(sender.items,
                          [this](const PoolItem& item) { return !by_hash.contains(item.transaction->hash); });
            settle(sender);
            drop_if_empty(address);
        }
    }
    void drop_if_empty(const Address& address) {
        const auto found = senders.find(address);
        if (found != senders.end() && found->second.items.empty()) senders.erase(found);
    }
    TransactionPtr remove(const Hash& hash) {
        const auto found = by_hash.find(hash);
        if (found == by_hash.end()) return nullptr;
        TransactionPtr transaction = found->second;
        Sender& sender = senders.at(transaction->sender);
        take(sender, sender.find(transaction->transaction.nonce));
        settle(sender);
        drop_if_empty(transaction->sender);
        return transaction;
    }
    /// The cheapest transaction there is, or null.
    TransactionPtr cheapest() {
        while (!prices.empty()) {
            const auto found = by_hash.find(prices.front().hash);
            if (found != by_hash.end()) return found->second;
            std::pop_heap(prices.begin(), prices.end());
            prices.pop_back();
        }
        return nullptr;
    }
};

Pool::Pool(PoolLimits limits) : limits_(std::move(limits)), state_(std::make_unique<Implementation>()) {}
Pool::~Pool() = default;
Pool::Pool(Pool&&) noexcept = default;
Pool& Pool::operator=(Pool&&) noexcept = default;

// --- admission

namespace {

/// A few rules are worded otherwise at the pool's door than in a block, and clients know these words.
Refusal at_the_door(Refusal refusal) {
    switch (refusal.rule) {
        case Rule::invalid_chain_id: refusal.message = "invalid sender: " + refusal.message; break;
        case Rule::tip_above_fee_cap: refusal.message = to_string(refusal.rule); break;
        case Rule::set_code_without_authorizations:
            refusal.message = "set code tx must have at least one authorization tuple";
            break;
        case Rule::init_code_size_exceeded:
            refusal.message.insert(refusal.message.rfind(" limit"), ",");
            break;
        default: break;
    }
    return refusal;
}

Checked<void> check_transaction(const SignedTransaction& transaction, const PoolHead& head, const PoolLimits& limits) {
    const Transaction& tx = transaction.transaction;
    if (tx.chain_id && *tx.chain_id != head.chain_id) {
        auto refusal = refuse(Rule::invalid_chain_id,
                              "have " + std::to_string(*tx.chain_id) + " want " + std::to_string(head.chain_id));
        return std::unexpected(at_the_door(std::move(refusal).error()));
    }
    if (transaction.encoded.size() > limits.transaction_bytes_max) {
        return refuse(Rule::oversized_data, "transaction size " + std::to_string(transaction.encoded.size()) +
                                                ", limit " + std::to_string(limits.transaction_bytes_max));
    }
    if (tx.gas_limit > head.gas_limit) return refuse(Rule::exceeds_block_gas_limit);
    if (auto checked = validate_transaction(tx, head.rules, head.chain_id, transaction.sender); !checked) {
        return std::unexpected(at_the_door(std::move(checked).error()));
    }
    if (tx.max_priority_fee_per_gas < limits.tip_min) {
        return refuse(Rule::underpriced, "gas tip cap " + to_decimal(tx.max_priority_fee_per_gas) +
                                             ", minimum needed " + to_decimal(limits.tip_min));
    }
    if (tx.type == TransactionType::blob) {
        if (!transaction.sidecar) return refuse(Rule::sidecar_missing);
        if (auto checked = validate_sidecar(transaction, head.rules); !checked) return checked;
    }
    return {};
}

Checked<void> check_account(const SignedTransaction& transaction, const PoolAccount& account) {
    const Transaction& tx = transaction.transaction;
    if (account.has_code) return refuse(Rule::sender_not_eoa, "address " + to_checksum_address(transaction.sender));
    if (tx.nonce < account.nonce) {
        return refuse(Rule::nonce_too_low,
                      "next nonce " + std::to_string(account.nonce) + ", tx nonce " + std::to_string(tx.nonce));
    }
    const U256 cost = cost_of(tx);
    if (cost > account.balance) {
        return refuse(Rule::insufficient_funds, "balance " + to_decimal(account.balance) + ", tx cost " +
                                                    to_decimal(cost) + ", overshot " +
                                                    to_decimal(cost - account.balance));
    }
    return {};
}

/// What the sender's other transactions say of a new one.
Checked<void> check_others(Sender& sender, const SignedTransaction& transaction, const PoolAccount& account,
                           const PoolLimits& limits) {
    const Transaction& tx = transaction.transaction;
    const auto at = sender.find(tx.nonce);
    const auto index = static_cast<std::size_t>(at - sender.items.begin());
    U256 spent = sender.pending_cost;
    for (std::size_t i = index; i < sender.pending; ++i) spent -= cost_of(sender.items[i].transaction->transaction);
    const U256 cost = cost_of(tx);
    if (spent + cost > account.balance) {
        return refuse(Rule::insufficient_funds, "balance " + to_decimal(account.balance) + ", queued cost " +
                                                    to_decimal(spent) + ", tx cost " + to_decimal(cost) +
                                                    ", overshot " + to_decimal(spent + cost - account.balance));
    }
    if (sender.has(at, tx.nonce)) {
        if (!outbids(tx, at->transaction->transaction, limits)) return refuse(Rule::replacement_underpriced);
        return {};
    }
    const bool is_pending = tx.nonce == account.nonce + sender.pending;
    if (account.delegated && (sender.items.size() >= delegated_count_max || !is_pending)) {
        return refuse(Rule::authority_in_flight_limit);
    }
    if (tx.type == TransactionType::blob) {
        if (!is_pending) {
            return refuse(Rule::nonce_gapped, "tx nonce " + std::to_string(tx.nonce) + ", gapped nonce " +
                                                  std::to_string(account.nonce + sender.pending));
        }
        if (sender.items.size() >= limits.blob_transactions_per_account_max) {
            return refuse(Rule::account_limit_exceeded, "pooled " + std::to_string(sender.items.size()) + " txs");
        }
    }
    if (is_pending ? sender.pending >= limits.pending_per_account_max
                   : sender.items.size() - sender.pending >= limits.queued_per_account_max) {
        return refuse(Rule::account_limit_exceeded);
    }
    return {};
}

}  // namespace

Checked<void> Pool::check(const SignedTransaction& transaction, const PoolAccounts& accounts) const {
    if (state_->by_hash.contains(transaction.hash)) return refuse(Rule::already_known);
    if (auto checked = check_transaction(transaction, head_, limits_); !checked) return checked;
    const PoolAccount account = accounts(transaction.sender);
    if (auto checked = check_account(transaction, account); !checked) return checked;
    const auto found = state_->senders.find(transaction.sender);
    Sender nobody;
    auto checked = check_others(found == state_->senders.end() ? nobody : found->second, transaction, account, limits_);
    // Who could not pay for it is not to have it checked either.
    if (checked && transaction.sidecar) checked = validate_blob_proofs(*transaction.sidecar);
    return checked;
}

Checked<PoolAdded> Pool::add(TransactionPtr transaction, const PoolAccounts& accounts, std::int64_t now_ms) {
    const PoolAccount account = accounts(transaction->sender);
    const auto known = [&account](const Address&) { return account; };
    if (auto checked = check(*transaction, known); !checked) return std::unexpected(std::move(checked).error());
    PoolAdded added;
    // Room first, so that a refusal changes nothing but what was too cheap anyway.
    const auto is_full = [&] {
        return state_->by_hash.size() + 1 > limits_.count_max ||
               state_->bytes + memory_of(*transaction) > limits_.bytes_max;
    };
    while (is_full()) {
        const TransactionPtr victim = state_->cheapest();
        if (!victim) return refuse(Rule::pool_full);
        if (victim->transaction.max_fee_per_gas >= transaction->transaction.max_fee_per_gas)
            return refuse(Rule::underpriced);
        state_->remove(victim->hash);
        added.evicted.push_back(victim);
    }
    Sender& sender = state_->senders[transaction->sender];
    if (sender.account != account) {
        sender.account = account;
        state_->settle(sender);
    }
    const std::size_t pending_before = sender.pending;
    const std::uint64_t nonce = transaction->transaction.nonce;
    const auto at = sender.find(nonce);
    const bool replaces = sender.has(at, nonce);
    if (replaces) {
        added.replaced = at->transaction;
        state_->take(sender, at);
    }
    state_->put(sender, transaction, now_ms);
    const auto index = static_cast<std::size_t>(sender.find(nonce) - sender.items.begin());
    if (index < pending_before) {
        state_->settle(sender);
    } else {
        state_->extend(sender);
    }
    added.place = index < sender.pending ? PoolPlace::pending : PoolPlace::queued;
    for (std::size_t i = std::min(pending_before, index); i < sender.pending; ++i) {
        if (i == index || i >= pending_before) added.promoted.push_back(sender.items[i].transaction);
    }
    return added;
}

// --- change of head

namespace {

bool must_revalidate_all(const PoolHead& head, const PoolHead& before) {
    return head.rules.revision != before.rules.revision || head.gas_limit < before.gas_limit;
}

}  // namespace

std::vector<Address> Pool::touched_by(const PoolHead& head, std::span<const TransactionPtr> mined,
                                      std::span<const TransactionPtr> reverted) const {
    std::unordered_set<Address> touched;
    const auto touch = [&](const Address& address) {
        if (state_->senders.contains(address)) touched.insert(address);
    };
    for (const auto& list : {mined, reverted}) {
        for (const auto& transaction : list) {
            touch(transaction->sender);
            for (const auto& authorization : transaction->transaction.authorizations) {
                if (const auto authority = recover_authority(authorization)) touch(*authority);
            }
        }
    }
    for (const auto& transaction : reverted) touched.insert(transaction->sender);  // who may be new to the pool
    if (must_revalidate_all(head, head_)) {
        for (const auto& [address, sender] : state_->senders) touched.insert(address);
    }
    return {touched.begin(), touched.end()};
}

std::vector<TransactionPtr> Pool::reset(const PoolHead& head, std::span<const TransactionPtr> mined,
                                        std::span<const TransactionPtr> reverted, const PoolAccounts& accounts,
                                        std::int64_t now_ms) {
    const bool revalidate_all = must_revalidate_all(head, head_);
    const auto touched = touched_by(head, mined, reverted);
    head_ = head;
    std::vector<TransactionPtr> dropped;
    state_->take_mined(mined);
    for (const auto& address : touched) {
        const auto found = state_->senders.find(address);
        if (found == state_->senders.end()) continue;
        Sender& sender = found->second;
        sender.account = accounts(address);
        for (auto at = sender.items.begin(); at != sender.items.end();) {
            const bool fits = check_account(*at->transaction, sender.account) &&
                              (!revalidate_all || check_transaction(*at->transaction, head_, limits_));
            if (fits) {
                ++at;
                continue;
            }
            dropped.push_back(at->transaction);
            at = state_->take(sender, at);
        }
        state_->settle(sender);
        state_->drop_if_empty(address);
    }
    for (const auto& transaction : reverted) {
        if (!add(transaction, accounts, now_ms)) dropped.push_back(transaction);
    }
    return dropped;
}

std::vector<TransactionPtr> Pool::expire(std::int64_t now_ms) {
    std::vector<TransactionPtr> expired;
    for (const auto& [address, sender] : state_->senders) {
        for (std::size_t i = sender.pending; i < sender.items.size(); ++i) {
            const PoolItem& item = sender.items[i];
            if (now_ms - item.since_ms > limits_.queued_lifetime_ms) expired.push_back(item.transaction);
        }
    }
    for (const auto& transaction : expired) state_->remove(transaction->hash);
    return expired;
}

bool Pool::remove(const Hash& hash) { return state_->remove(hash) != nullptr; }
void Pool::clear() { *state_ = Implementation{}; }

// --- reading

TransactionPtr Pool::find(const Hash& hash) const {
    const auto found = state_->by_hash.find(hash);
    return found == state_->by_hash.end() ? nullptr : found->second;
}

PoolStatus Pool::status() const {
    return {state_->pending, state_->by_hash.size() - state_->pending, state_->bytes};
}

std::optional<std::uint64_t> Pool::next_nonce(const Address& address) const {
    const auto found = state_->senders.find(address);
    if (found == state_->senders.end() || found->second.pending == 0) return std::nullopt;
    return found->second.items[found->second.pending - 1].transaction->transaction.nonce + 1;
}

Pool::Content Pool::content_from(const Address& address) const {
    Content content{address, {}, {}};
    const auto found = state_->senders.find(address);
    if (found == state_->senders.end()) return content;
    const Sender& sender = found->second;
    for (std::size_t i = 0; i < sender.items.size(); ++i) {
        (i < sender.pending ? content.pending : content.queued).push_back(sender.items[i].transaction);
    }
    return content;
}

std::vector<Pool::Content> Pool::content() const {
    std::vector<Content> out;
    out.reserve(state_->senders.size());
    for (const auto& [address, sender] : state_->senders) out.push_back(content_from(address));
    std::ranges::sort(out, {}, &Content::sender);
    return out;
}

std::vector<TransactionPtr> Pool::pending() const {
    std::vector<TransactionPtr> out;
    out.reserve(state_->pending);
    for (const auto& [address, sender] : state_->senders) {
        for (std::size_t i = 0; i < sender.pending; ++i) out.push_back(sender.items[i].transaction);
    }
    return out;
}

// --- block building

bool Pool::Best::is_worse(const Candidate& a, const Candidate& b) {
    if (a.tip != b.tip) return a.tip < b.tip;
    return a.rest.front().since_ms > b.rest.front().since_ms;
}

void Pool::Best::offer(std::span<const PoolItem> rest) {
    if (rest.empty()) return;
    const Transaction& tx = rest.front().transaction->transaction;
    if (tx.max_fee_per_gas < base_fee_) return;
    if (tx.type == TransactionType::blob && tx.max_fee_per_blob_gas < blob_base_fee_) return;
    heap_.push_back({effective_tip(tx, base_fee_), rest});
    std::ranges::push_heap(heap_, is_worse);
}

TransactionPtr Pool::Best::next() {
    if (!given_.empty()) offer(given_.subspan(1));
    given_ = {};
    if (heap_.empty()) return nullptr;
    std::ranges::pop_heap(heap_, is_worse);
    given_ = heap_.back().rest;
    heap_.pop_back();
    return given_.front().transaction;
}

void Pool::Best::skip_sender() { given_ = {}; }

Pool::Best Pool::best() const {
    Best best;
    best.base_fee_ = head_.base_fee;
    best.blob_base_fee_ = head_.blob_base_fee;
    for (const auto& [address, sender] : state_->senders) best.offer(std::span(sender.items).first(sender.pending));
    return best;
}

}  // namespace weft::chain
