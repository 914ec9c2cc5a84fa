#include <algorithm>

#include "base/result.hpp"
#include "chain/state_entry.hpp"
#include "crypto/keccak.hpp"
#include "evm/code.hpp"

namespace weft::chain {

namespace {

/// The account whose touch outlives a revert: on the main network, block 2,675,119, an out-of-gas call of this
/// precompile was reverted and the empty account was deleted all the same (EIP-716's reason).
constexpr Address ripemd_address{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3}};
constexpr std::uint64_t block_hash_window = 256;

}  // namespace

struct State::Undo {
    enum class Kind : std::uint8_t {
        balance, nonce, code, existence, storage, transient, hides_storage, wiped,
        warm_account, warm_slot, touched, created, scheduled, log
    };
    Kind kind;
    bool flag = false;
    std::uint32_t entry = 0;
    std::uint64_t number = 0;
    U256 key{};
    U256 value{};
};

State::State(StateReader& reader) : reader_(&reader) {}
State::~State() = default;
State::State(State&&) noexcept = default;

State State::clone() const {
    State copy(*reader_);
    copy.revision_ = revision_;
    copy.block_number_ = block_number_;
    copy.transaction_ = transaction_;
    copy.entries_.reserve(entries_.size());
    for (const auto& entry : entries_) copy.entries_.push_back(std::make_unique<Entry>(*entry));
    copy.index_ = index_;
    copy.changed_ = changed_;
    copy.touched_ = touched_;
    copy.scheduled_ = scheduled_;
    copy.transient_ = transient_;
    copy.logs_ = logs_;
    copy.journal_ = journal_;
    copy.replaced_codes_ = replaced_codes_;
    copy.moved_precompiles_ = moved_precompiles_;
    copy.codes_ = codes_;
    return copy;
}

// --- entries

State::Entry& State::load(const Address& address) {
    if (last_entry_ != ~0U && entries_[last_entry_]->address == address) return *entries_[last_entry_];
    const auto [place, is_new] = index_.insert(address);
    if (is_new) {
        *place = static_cast<std::uint32_t>(entries_.size());
        auto entry = std::make_unique<Entry>();
        entry->address = address;
        entry->index = *place;
        if (const auto account = reader_->account(address)) {
            entry->exists = entry->base_exists = true;
            entry->account = entry->base = *account;
        }
        entries_.push_back(std::move(entry));
    }
    last_entry_ = *place;
    return *entries_[*place];
}

State::Slot& State::load_slot(Entry& entry, const U256& key) {
    const auto [slot, is_new] = entry.slots.insert(key);
    if (is_new && entry.base_exists && !entry.hides_storage) {
        slot->current = slot->base = reader_->storage(entry.address, key);
    }
    if (slot->seen != transaction_) {
        slot->seen = transaction_;
        slot->original = slot->current;
    }
    return *slot;
}

void State::note(Undo undo) { journal_.push_back(undo); }

void State::mark_changed(Entry& entry) {
    if (entry.is_changed) return;
    entry.is_changed = true;
    changed_.push_back(entry.index);
}

void State::mark_touched(Entry& entry) {
    if (entry.touched == transaction_) return;
    note({.kind = Undo::Kind::touched, .entry = entry.index});
    entry.touched = transaction_;
    touched_.push_back(entry.index);
}

State::Entry& State::write(const Address& address, std::uint8_t what) {
    Entry& entry = load(address);
    entry.read |= what | Entry::existence;
    mark_changed(entry);
    mark_touched(entry);
    if (!entry.exists) {
        note({.kind = Undo::Kind::existence, .flag = false, .entry = entry.index});
        entry.exists = true;
    }
    return entry;
}

// --- accounts

/// Whether an account is empty depends on all of it, but as long as it is what it was on that alone.
void State::note_emptiness(Entry& entry) {
    const bool same = entry.exists == entry.base_exists && entry.account == entry.base;
    entry.read |= same ? Entry::existence : Entry::everything;
}

bool State::exists(const Address& address) {
    Entry& entry = load(address);
    note_emptiness(entry);
    return entry.exists && (revision_ < evm::Revision::spurious_dragon || !entry.account.is_empty());
}

std::optional<Account> State::account(const Address& address) {
    Entry& entry = load(address);
    entry.read |= Entry::everything;
    if (!entry.exists) return std::nullopt;
    return entry.account;
}

U256 State::balance(const Address& address) {
    Entry& entry = load(address);
    entry.read |= Entry::balance;
    return entry.account.balance;
}

std::uint64_t State::nonce(const Address& address) {
    Entry& entry = load(address);
    entry.read |= Entry::nonce;
    return entry.account.nonce;
}

Hash State::code_hash(const Address& address) {
    Entry& entry = load(address);
    note_emptiness(entry);
    entry.read |= Entry::code_hash;
    if (!entry.exists || (revision_ >= evm::Revision::spurious_dragon && entry.account.is_empty())) return {};
    return entry.account.code_hash;
}

evm::CodePtr State::code(const Address& address) {
    Entry& entry = load(address);
    entry.read |= Entry::code_hash;
    if (!entry.code) {
        entry.code =
            entry.account.code_hash == empty_code_hash ? evm::empty_code() : reader_->code(entry.account.code_hash);
    }
    return entry.code;
}

bool State::has_collision(const Address& address) {
    Entry& entry = load(address);
    entry.read |= Entry::existence | Entry::nonce | Entry::code_hash;
    if (!entry.exists) return false;
    if (entry.account.nonce != 0 || entry.account.code_hash != empty_code_hash) return true;
    entry.slots.for_each([](const U256&, Slot& slot) { slot.read = true; });
    if (entry.base_exists && !entry.hides_storage) {
        entry.read |= Entry::has_storage;
        entry.base_has_storage = reader_->has_storage(address);
    }
    return has_storage(entry);
}

void State::set_balance(const Address& address, const U256& balance) {
    Entry& entry = write(address, Entry::balance);
    note({.kind = Undo::Kind::balance, .entry = entry.index, .value = entry.account.balance});
    entry.account.balance = balance;
}

void State::add_balance(const Address& address, const U256& amount) {
    set_balance(address, load(address).account.balance + amount);
}

bool State::subtract_balance(const Address& address, const U256& amount) {
    const U256 balance = load(address).account.balance;
    if (balance < amount) return false;
    set_balance(address, balance - amount);
    return true;
}

void State::set_nonce(const Address& address, std::uint64_t nonce) {
    Entry& entry = write(address, Entry::nonce);
    note({.kind = Undo::Kind::nonce, .entry = entry.index, .number = entry.account.nonce});
    entry.account.nonce = nonce;
}

void State::set_code(const Address& address, Bytes code) {
    Entry& entry = write(address, Entry::code_hash);
    note({.kind = Undo::Kind::code, .entry = entry.index});
    replaced_codes_.emplace_back(entry.account.code_hash, std::move(entry.code));
    if (code.empty()) {
        entry.account.code_hash = empty_code_hash;
        entry.code = evm::empty_code();
    } else {
        entry.account.code_hash = crypto::keccak256(code);
        entry.code = evm::make_code(code, entry.account.code_hash);
        *codes_.insert(entry.account.code_hash).first = entry.code;
    }
}

void State::clear_storage(const Address& address) {
    Entry& entry = write(address, 0);
    if (!entry.hides_storage) {
        note({.kind = Undo::Kind::hides_storage, .entry = entry.index});
        entry.hides_storage = true;
    }
    if (!entry.wiped) {
        note({.kind = Undo::Kind::wiped, .entry = entry.index});
        entry.wiped = true;
    }
    std::vector<U256> keys;
    entry.slots.for_each([&](const U256& key, const Slot& slot) {
        if (!slot.current.is_zero()) keys.push_back(key);
    });
    for (const auto& key : keys) set_storage(address, key, {});
}

void State::create_account(const Address& address) {
    Entry& entry = write(address, Entry::nonce | Entry::code_hash);
    if (entry.created != transaction_) {
        note({.kind = Undo::Kind::created, .entry = entry.index, .number = entry.created});
        entry.created = transaction_;
    }
    if (entry.account.nonce != 0) set_nonce(address, 0);
    if (entry.account.code_hash != empty_code_hash) set_code(address, {});
    // Without a collision there is no storage to lose; a reader need not be asked for it any more.
    if (!entry.base_exists && entry.slots.count() == 0) return;
    clear_storage(address);
}

void State::touch(const Address& address) {
    if (revision_ < evm::Revision::spurious_dragon) {
        (void)write(address, 0);
        return;
    }
    mark_touched(load(address));
}

bool State::created_in_transaction(const Address& address) { return load(address).created == transaction_; }

bool State::schedule_destruction(const Address& address) {
    Entry& entry = load(address);
    if (entry.scheduled == transaction_) return false;
    note({.kind = Undo::Kind::scheduled, .entry = entry.index});
    entry.scheduled = transaction_;
    scheduled_.push_back(entry.index);
    entry.read |= Entry::existence;
    mark_changed(entry);
    return true;
}

// --- storage

U256 State::storage(const Address& address, const U256& key) {
    Slot& slot = load_slot(load(address), key);
    slot.read = true;
    return slot.current;
}

evm::SlotValues State::storage_values(const Address& address, const U256& key) {
    Slot& slot = load_slot(load(address), key);
    slot.read = true;
    return {slot.original, slot.current};
}

void State::set_storage(const Address& address, const U256& key, const U256& value) {
    Entry& entry = load(address);
    Slot& slot = load_slot(entry, key);
    slot.read = true;
    if (slot.current == value) return;
    mark_changed(entry);
    note({.kind = Undo::Kind::storage, .entry = entry.index, .key = key, .value = slot.current});
    slot.current = value;
}

U256 State::transient_storage(const Address& address, const U256& key) {
    const U256* value = transient_.find({address, key});
    return value == nullptr ? U256{} : *value;
}

void State::set_transient_storage(const Address& address, const U256& key, const U256& value) {
    U256& place = *transient_.insert({address, key}).first;
    note({.kind = Undo::Kind::transient, .entry = load(address).index, .key = key, .value = place});
    place = value;
}

// --- warm and cold

bool State::warm_account(const Address& address) {
    Entry& entry = load(address);
    if (entry.warm == transaction_) return false;
    note({.kind = Undo::Kind::warm_account, .entry = entry.index});
    entry.warm = transaction_;
    return true;
}

bool State::warm_storage(const Address& address, const U256& key) {
    Entry& entry = load(address);
    Slot& slot = load_slot(entry, key);
    if (slot.warm == transaction_) return false;
    note({.kind = Undo::Kind::warm_slot, .entry = entry.index, .key = key});
    slot.warm = transaction_;
    return true;
}

void State::emit_log(evm::Log log) {
    note({.kind = Undo::Kind::log});
    logs_.push_back(std::move(log));
}

std::vector<evm::Log> State::take_logs() { return std::exchange(logs_, {}); }

Hash State::block_hash(std::uint64_t number) {
    if (number >= block_number_ || block_number_ - number > block_hash_window) return {};
    return reader_->block_hash(number);
}

void State::move_precompile(const Address& from, const Address& to) { moved_precompiles_.emplace_back(from, to); }

// --- journal

std::size_t State::checkpoint() { return journal_.size(); }

void State::revert(std::size_t checkpoint) {
    WEFT_ASSERT(checkpoint <= journal_.size());
    while (journal_.size() > checkpoint) {
        undo(journal_.back());
        journal_.pop_back();
    }
}

void State::undo(const Undo& undo) {
    Entry* entry = undo.kind == Undo::Kind::log ? nullptr : entries_[undo.entry].get();
    switch (undo.kind) {
        case Undo::Kind::balance: entry->account.balance = undo.value; break;
        case Undo::Kind::nonce: entry->account.nonce = undo.number; break;
        case Undo::Kind::code:
            entry->account.code_hash = replaced_codes_.back().first;
            entry->code = std::move(replaced_codes_.back().second);
            replaced_codes_.pop_back();
            break;
        case Undo::Kind::existence: entry->exists = undo.flag; break;
        case Undo::Kind::storage: entry->slots.find(undo.key)->current = undo.value; break;
        case Undo::Kind::transient: *transient_.find({entry->address, undo.key}) = undo.value; break;
        case Undo::Kind::hides_storage: entry->hides_storage = false; break;
        case Undo::Kind::wiped: entry->wiped = false; break;
        case Undo::Kind::warm_account: entry->warm = 0; break;
        case Undo::Kind::warm_slot: entry->slots.find(undo.key)->warm = 0; break;
        case Undo::Kind::touched:
            if (entry->address != ripemd_address) entry->touched = 0;
            break;
        case Undo::Kind::created: entry->created = static_cast<std::uint32_t>(undo.number); break;
        case Undo::Kind::scheduled: entry->scheduled = 0; break;
        case Undo::Kind::log: logs_.pop_back(); break;
    }
}

// --- transactions and blocks

void State::begin_block(std::uint64_t number, evm::Revision revision) {
    block_number_ = number;
    revision_ = revision;
    begin_transaction();
}

void State::begin_transaction() {
    ++transaction_;
    touched_.clear();
    scheduled_.clear();
    logs_.clear();
    journal_.clear();
    replaced_codes_.clear();
    if (transient_.count() != 0) transient_.clear();
}

void State::remove(Entry& entry) {
    entry.exists = false;
    entry.account = {};
    entry.code = nullptr;
    entry.hides_storage = true;
    entry.wiped = true;
    entry.slots.for_each([](const U256&, Slot& slot) { slot.current = {}; });
}

void State::end_transaction() {
    for (const auto index : scheduled_) {
        if (entries_[index]->scheduled == transaction_) remove(*entries_[index]);
    }
    if (revision_ >= evm::Revision::spurious_dragon) {
        for (const auto index : touched_) {
            Entry& entry = *entries_[index];
            if (entry.touched != transaction_) continue;
            note_emptiness(entry);
            if (!entry.exists || !entry.account.is_empty()) continue;
            mark_changed(entry);
            remove(entry);
        }
    }
    journal_.clear();
    replaced_codes_.clear();
}

void State::collect(Entry& entry, StateChanges& changes) {
    AccountChange change;
    change.address = entry.address;
    change.account = entry.account;
    change.deleted = !entry.exists;
    change.storage_wiped = entry.exists && entry.wiped && entry.base_exists;
    change.code_changed = entry.account.code_hash != entry.base.code_hash;
    entry.slots.for_each([&](const U256& key, Slot& slot) {
        const bool differs = change.storage_wiped ? !slot.current.is_zero() : slot.current != slot.base;
        if (differs && entry.exists) change.slots.push_back({key, slot.current});
        slot.base = slot.current;
    });
    const bool same = entry.exists == entry.base_exists && entry.account.nonce == entry.base.nonce &&
                      entry.account.balance == entry.base.balance && !change.code_changed;
    if (change.code_changed && entry.exists && entry.account.code_hash != empty_code_hash) {
        changes.codes.push_back({entry.account.code_hash, entry.code, to_bytes(entry.code->bytes())});
    }
    entry.wiped = false;
    entry.base_exists = entry.exists;
    entry.base = entry.account;
    if (same && change.slots.empty() && !change.storage_wiped) return;
    changes.accounts.push_back(std::move(change));
}

StateChanges State::take_changes() {
    StateChanges changes;
    changes.accounts.reserve(changed_.size());
    for (const auto index : changed_) {
        Entry& entry = *entries_[index];
        entry.is_changed = false;
        collect(entry, changes);
    }
    changed_.clear();
    journal_.clear();
    replaced_codes_.clear();
    return changes;
}

std::vector<State::WarmSet> State::warm_set() const {
    std::vector<WarmSet> out;
    for (const auto& entry : entries_) {
        if (entry->warm != transaction_) continue;
        WarmSet warm{entry->address, {}};
        entry->slots.for_each([&](const U256& key, const Slot& slot) {
            if (slot.warm == transaction_) warm.slots.push_back(key);
        });
        std::ranges::sort(warm.slots);
        out.push_back(std::move(warm));
    }
    return out;
}

std::vector<State::Touched> State::touched() const {
    std::vector<Touched> out;
    for (const auto& entry : entries_) {
        Touched item{entry->address, std::nullopt, {}};
        if (entry->base_exists) item.before = entry->base;
        entry->slots.for_each([&](const U256& key, const Slot& slot) {
            item.slots_before.push_back({key, slot.base});
        });
        out.push_back(std::move(item));
    }
    return out;
}

void merge(StateChanges& into, StateChanges later) {
    if (into.empty()) {
        into = std::move(later);
        return;
    }
    FlatMap<Address, std::size_t> index;
    for (std::size_t i = 0; i < into.accounts.size(); ++i) *index.insert(into.accounts[i].address).first = i;
    for (auto& change : later.accounts) {
        const auto* at = index.find(change.address);
        if (at == nullptr) {
            into.accounts.push_back(std::move(change));
            continue;
        }
        AccountChange& old = into.accounts[*at];
        // A deleted account that is back has lost its storage; slots then start from nothing.
        if (old.deleted || change.deleted || change.storage_wiped) old.slots.clear();
        old.storage_wiped = !change.deleted && (old.storage_wiped || old.deleted || change.storage_wiped);
        old.deleted = change.deleted;
        old.code_changed = old.code_changed || change.code_changed;
        old.account = change.account;
        for (const auto& slot : change.slots) {
            const auto same = std::ranges::find(old.slots, slot.key, &SlotChange::key);
            if (same == old.slots.end()) {
                old.slots.push_back(slot);
            } else {
                same->value = slot.value;
            }
        }
    }
    for (auto& code : later.codes) into.codes.push_back(std::move(code));
}

}  // namespace weft::chain
