#include "service/contract/state_cache.hpp"

#include <algorithm>

namespace weft::service::contract {

namespace {

template <class Map>
void make_room(Map& map, std::size_t entries_max) {
    if (map.size() >= entries_max && !map.empty()) map.erase(map.begin());
}

}  // namespace

StateCache::Position StateCache::position() const {
    const std::lock_guard lock(mutex_);
    return position_;
}

void StateCache::forget_state() {
    accounts_.clear();
    slots_.clear();
}

void StateCache::advance(const Position& known, const api::storage::OpenStateReply& reply) {
    const std::lock_guard lock(mutex_);
    if (reply.line != position_.line) {
        // An answer that was under way when the line changed has an older position than ours was then.
        if (known.line != position_.line) return;
        forget_state();
        block_hashes_.clear();
        position_ = {reply.line, reply.version};
        return;
    }
    if (reply.version <= position_.version) return;
    // Others may have gone ahead meanwhile: what changed since `known` is then more than needed, never less.
    if (!reply.changes_known || known.line != reply.line || known.version > position_.version) {
        forget_state();
    } else {
        for (const auto& address : reply.changed_accounts) accounts_.erase(address);
        for (const auto& slot : reply.changed_slots) slots_.erase(slot);
        if (!reply.wiped_accounts.empty()) {
            std::erase_if(slots_, [&](const auto& entry) {
                return std::ranges::find(reply.wiped_accounts, entry.first.address) != reply.wiped_accounts.end();
            });
        }
    }
    position_.version = reply.version;
}

std::optional<std::optional<chain::Account>> StateCache::account(const Position& at, const Address& address) const {
    const std::lock_guard lock(mutex_);
    const auto found = accounts_.find(address);
    if (found == accounts_.end() || !may_read(at, found->second.since)) return std::nullopt;
    return found->second.account;
}

std::optional<U256> StateCache::slot(const Position& at, const Address& address, const U256& key) const {
    const std::lock_guard lock(mutex_);
    const auto found = slots_.find({address, key});
    if (found == slots_.end() || !may_read(at, found->second.since)) return std::nullopt;
    return found->second.value;
}

evm::CodePtr StateCache::code(const Hash& code_hash) const {
    const std::lock_guard lock(mutex_);
    const auto found = codes_.find(code_hash);
    return found == codes_.end() ? nullptr : found->second;
}

std::optional<Hash> StateCache::block_hash(const Position& at, std::uint64_t number) const {
    const std::lock_guard lock(mutex_);
    const auto found = block_hashes_.find(number);
    if (at.line != position_.line || found == block_hashes_.end()) return std::nullopt;
    return found->second;
}

void StateCache::keep_account(const Position& at, const Address& address,
                              const std::optional<chain::Account>& account) {
    const std::lock_guard lock(mutex_);
    if (!may_keep(at)) return;
    make_room(accounts_, limits_.accounts_max);
    accounts_.try_emplace(address, KeptAccount{at.version, account});
    if (!account || account->code_hash == chain::empty_code_hash) return;
    make_room(code_hashes_, limits_.accounts_max);
    code_hashes_.insert_or_assign(address, account->code_hash);
}

void StateCache::keep_slot(const Position& at, const Address& address, const U256& key, const U256& value) {
    const std::lock_guard lock(mutex_);
    if (!may_keep(at)) return;
    make_room(slots_, limits_.slots_max);
    slots_.try_emplace({address, key}, KeptSlot{at.version, value});
}

evm::CodePtr StateCache::keep_code(const Hash& code_hash, BytesView code) {
    auto made = evm::make_code(code, code_hash);
    const std::lock_guard lock(mutex_);
    const auto found = codes_.find(code_hash);
    if (found != codes_.end()) return found->second;
    if (code_size_ + code.size() > limits_.code_size_max) {
        codes_.clear();
        code_size_ = 0;
    }
    code_size_ += code.size();
    codes_.emplace(code_hash, made);
    return made;
}

void StateCache::keep_block_hash(const Position& at, std::uint64_t number, const Hash& hash) {
    const std::lock_guard lock(mutex_);
    if (at.line != position_.line) return;
    make_room(block_hashes_, limits_.block_hashes_max);
    block_hashes_.try_emplace(number, hash);
}

bool StateCache::has_code_of(const Address& address) const {
    const std::lock_guard lock(mutex_);
    const auto found = code_hashes_.find(address);
    return found != code_hashes_.end() && codes_.contains(found->second);
}

}  // namespace weft::service::contract
