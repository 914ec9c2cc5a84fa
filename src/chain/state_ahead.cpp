// What a State does for transactions that run ahead of their turn: comparing what one needed, taking over what it did.

#include "chain/state_entry.hpp"

namespace weft::chain {

const State::Entry* State::find(const Address& address) const {
    const std::uint32_t* at = index_.find(address);
    return at == nullptr ? nullptr : entries_[*at].get();
}

std::optional<Account> State::peek_account(const Address& address) const {
    const Entry* entry = find(address);
    if (entry == nullptr) return reader_->account(address);
    if (!entry->exists) return std::nullopt;
    return entry->account;
}

U256 State::peek_storage(const Address& address, const U256& key) const {
    const Entry* entry = find(address);
    if (entry == nullptr) return reader_->storage(address, key);
    if (const Slot* slot = entry->slots.find(key)) return slot->current;
    return entry->base_exists && !entry->hides_storage ? reader_->storage(address, key) : U256{};
}

bool State::peek_has_storage(const Address& address) const {
    const Entry* entry = find(address);
    return entry == nullptr ? reader_->has_storage(address) : has_storage(*entry);
}

bool State::has_storage(const Entry& entry) const {
    bool has_slot = false;
    entry.slots.for_each([&](const U256&, const Slot& slot) { has_slot = has_slot || !slot.current.is_zero(); });
    return has_slot || (entry.base_exists && !entry.hides_storage && reader_->has_storage(entry.address));
}

evm::CodePtr State::peek_code(const Hash& code_hash) const {
    const evm::CodePtr* code = codes_.find(code_hash);
    return code == nullptr ? reader_->code(code_hash) : *code;
}

bool State::has_touched(const Address& address) const {
    const Entry* entry = find(address);
    return entry != nullptr && (entry->is_changed || entry->touched == transaction_);
}

bool State::agrees_with(const Entry& ahead) const {
    const Entry* own = find(ahead.address);
    if (own == nullptr) return true;  // as the reader has it
    const Account& now = own->account;
    const Account& then = ahead.base;
    const std::uint8_t read = ahead.read;
    if ((read & Entry::existence) != 0 &&
        (own->exists != ahead.base_exists || now.is_empty() != then.is_empty())) {
        return false;
    }
    if ((read & Entry::balance) != 0 && now.balance != then.balance) return false;
    if ((read & Entry::nonce) != 0 && now.nonce != then.nonce) return false;
    if ((read & Entry::code_hash) != 0 && now.code_hash != then.code_hash) return false;
    if ((read & Entry::has_storage) != 0 && has_storage(*own) != ahead.base_has_storage) return false;
    const bool reads_through = own->base_exists && !own->hides_storage;
    bool same = true;
    ahead.slots.for_each([&](const U256& key, const Slot& slot) {
        if (!slot.read || !same) return;
        if (const Slot* known = own->slots.find(key)) {
            same = known->current == slot.base;
        } else {
            same = reads_through || slot.base.is_zero();
        }
    });
    return same;
}

bool State::agrees_with(const State& ahead) const {
    for (const auto& entry : ahead.entries_) {
        if (!agrees_with(*entry)) return false;
    }
    return true;
}

void State::absorb_entry(Entry& ahead) {
    Entry& own = load(ahead.address);
    mark_changed(own);
    const bool reads_through = own.base_exists && !own.hides_storage;
    if (ahead.wiped) {
        own.hides_storage = own.wiped = true;
        own.slots.for_each([](const U256&, Slot& slot) { slot.current = {}; });
    }
    // What differs from what it was before was needed, and so is the same here; the rest is left as it is here.
    if (!ahead.exists) {
        own.exists = false;
        own.account = {};
        own.code = nullptr;
    } else {
        own.exists = own.exists || !ahead.base_exists;
        if (ahead.account.balance != ahead.base.balance) own.account.balance = ahead.account.balance;
        if (ahead.account.nonce != ahead.base.nonce) own.account.nonce = ahead.account.nonce;
        if (ahead.account.code_hash != ahead.base.code_hash) {
            own.account.code_hash = ahead.account.code_hash;
            own.code = ahead.code;
        }
    }
    ahead.slots.for_each([&](const U256& key, const Slot& slot) {
        if (slot.current == slot.base && (!ahead.wiped || slot.current.is_zero())) return;
        const auto [place, is_new] = own.slots.insert(key);
        if (is_new && reads_through && !ahead.wiped) place->base = slot.base;
        place->current = slot.current;
    });
}

void State::absorb(State&& ahead) {
    for (auto& entry : ahead.entries_) {
        const auto [place, is_new] = index_.insert(entry->address);
        if (!is_new) {
            if (entry->is_changed) absorb_entry(*entry);
            continue;
        }
        *place = static_cast<std::uint32_t>(entries_.size());
        // Marks are of the other State's transactions.
        entry->index = *place;
        entry->warm = entry->touched = entry->created = entry->scheduled = 0;
        entry->slots.for_each([](const U256&, Slot& slot) { slot.seen = slot.warm = 0; });
        if (entry->is_changed) changed_.push_back(*place);
        entries_.push_back(std::move(entry));
    }
    ahead.codes_.for_each([&](const Hash& hash, const evm::CodePtr& code) { *codes_.insert(hash).first = code; });
}

}  // namespace weft::chain
