#include "evm/tracer/prestate.hpp"

#include <algorithm>

#include "base/hex.hpp"
#include "base/json.hpp"
#include "crypto/keccak.hpp"
#include "evm/call.hpp"
#include "evm/instruction.hpp"

namespace weft::evm {

void PrestateTracer::look_at(Host& host, const Address& address) {
    if (before_.contains(address)) return;
    Account account;
    account.balance = host.balance(address);
    account.nonce = host.nonce(address);
    const auto code = host.code(address);
    if (code->size() != 0) {
        constexpr std::uint64_t account_size_about = 250;
        const std::uint64_t code_size = options_.disable_code ? 0 : code->size() * 2;
        const bool may_keep = options_.budget == nullptr || options_.budget->take(account_size_about + code_size);
        if (!options_.disable_code && may_keep) account.code = to_bytes(code->bytes());
        account.code_hash = host.code_hash(address);
    }
    account.empty = account.nonce == 0 && code->size() == 0 && account.balance->is_zero();
    before_.emplace(address, std::move(account));
    new_accounts_.push_back(address);
}

void PrestateTracer::look_at_callee(Host& host, const Address& address) {
    look_at(host, address);
    if (revision_ < Revision::prague) return;
    const auto code = host.code(address);
    if (const auto target = delegation_of(code->bytes())) look_at(host, *target);
}

void PrestateTracer::look_at_creation(Host& host, const Address& address) {
    look_at(host, address);
    if (created_.insert(address).second) new_creation_ = address;
}

void PrestateTracer::begin(Host& host, Revision revision, const Transaction& transaction) {
    revision_ = revision;
    look_at(host, transaction.from);
    if (transaction.to) {
        look_at_callee(host, *transaction.to);
    } else {
        look_at_creation(host, create_address(transaction.from, host.nonce(transaction.from)));
    }
    look_at(host, transaction.coinbase);
    for (const auto& authority : transaction.authorities) look_at(host, authority);
    new_accounts_.clear();
    new_creation_.reset();
}

void PrestateTracer::on_step(const TraceStep& step) {
    const auto size = step.stack.size();
    const auto from_top = [&](std::size_t index) -> const U256& { return step.stack[size - 1 - index]; };
    const Address& self = step.message.recipient;
    switch (static_cast<Opcode>(step.opcode)) {
        case Opcode::sload:
        case Opcode::sstore: {
            if (size < 1 || options_.disable_storage) break;
            look_at(step.host, self);
            auto& slots = before_[self].slots;
            if (slots.contains(from_top(0))) break;
            slots[from_top(0)] = step.host.storage(self, from_top(0));
            new_slot_ = {self, from_top(0)};
            break;
        }
        case Opcode::extcodecopy:
        case Opcode::extcodehash:
        case Opcode::extcodesize:
        case Opcode::balance:
            if (size >= 1) look_at(step.host, to_address(from_top(0)));
            break;
        case Opcode::selfdestruct:
            if (size < 1) break;
            look_at(step.host, to_address(from_top(0)));
            if ((revision_ < Revision::cancun || created_.contains(self)) && deleted_.insert(self).second) {
                new_deletion_ = self;
            }
            break;
        case Opcode::call:
        case Opcode::callcode:
        case Opcode::delegatecall:
        case Opcode::staticcall:
            if (size >= 5) look_at_callee(step.host, to_address(from_top(1)));
            break;
        case Opcode::create:
            look_at_creation(step.host, create_address(self, step.host.nonce(self)));
            break;
        case Opcode::create2: {
            if (size < 4 || is_far(from_top(1)) || from_top(2) > U256(init_code_size_max)) break;
            Bytes init(from_top(2).low());
            const auto offset = from_top(1).low();
            if (offset < step.memory.size()) {
                const auto there = step.memory.subspan(offset, std::min(init.size(), step.memory.size() - offset));
                std::ranges::copy(there, init.begin());
            }
            look_at_creation(step.host, create2_address(self, from_top(3).to_hash(), init));
            break;
        }
        default: break;
    }
}

void PrestateTracer::on_charged(std::int64_t /*gas_cost*/, Status status) {
    if (status == Status::out_of_gas || status == Status::stack_underflow) {
        if (new_slot_) before_[new_slot_->first].slots.erase(new_slot_->second);
        if (new_creation_) created_.erase(*new_creation_);
        if (new_deletion_) deleted_.erase(*new_deletion_);
        for (const auto& address : new_accounts_) before_.erase(address);
    }
    new_accounts_.clear();
    new_slot_.reset();
    new_creation_.reset();
    new_deletion_.reset();
}

std::optional<PrestateTracer::Account> PrestateTracer::difference(Host& host, const Address& address,
                                                                  Account& before) const {
    Account after;
    bool changed = false;
    if (const U256 balance = host.balance(address); balance != before.balance) {
        after.balance = balance;
        changed = true;
    }
    after.nonce = host.nonce(address);
    if (after.nonce != before.nonce) {
        changed = true;
    } else {
        after.nonce = 0;  // 0 is not written
    }
    const auto code = host.code(address);
    const Hash& no_code = empty_code()->hash();
    const bool gone = host.code_hash(address).is_zero();
    const Hash code_hash = code->size() != 0 ? host.code_hash(address) : gone ? Hash{} : no_code;
    if (code_hash != before.code_hash.value_or(no_code)) {
        after.code_hash = code_hash;
        changed = true;
        if (!options_.disable_code && (code->size() != 0 || before.code)) after.code = to_bytes(code->bytes());
    }
    for (auto slot = before.slots.begin(); slot != before.slots.end();) {
        const U256 value = host.storage(address, slot->first);
        const bool same = value == slot->second;
        if (!same) {
            changed = true;
            if (!value.is_zero()) after.slots.emplace(slot->first, value);
        }
        slot = same || slot->second.is_zero() ? before.slots.erase(slot) : std::next(slot);
    }
    return changed ? std::optional(std::move(after)) : std::nullopt;
}

void PrestateTracer::finish(Host& host) {
    for (auto entry = before_.begin(); options_.diff_mode && entry != before_.end();) {
        auto& [address, account] = *entry;
        if (deleted_.contains(address)) {
            ++entry;  // pruned from the state after, but shown before
            continue;
        }
        if (auto after = difference(host, address, account)) {
            after_.emplace(address, std::move(*after));
            ++entry;
        } else {
            entry = before_.erase(entry);
        }
    }
    if (!options_.include_empty) {
        std::erase_if(before_, [](const auto& entry) { return entry.second.empty; });
    }
}

void PrestateTracer::write(json::Writer& out, const Accounts& accounts) {
    out.begin_object();
    for (const auto& [address, account] : accounts) {
        out.key(to_hex(address)).begin_object();
        if (account.balance) out.quantity("balance", *account.balance);
        if (account.code) out.data("code", *account.code);
        if (account.code_hash) out.data("codeHash", *account.code_hash);
        if (account.nonce != 0) out.key("nonce").unsigned_integer(account.nonce);
        if (!account.slots.empty()) {
            out.key("storage").begin_object();
            for (const auto& [key, value] : account.slots) out.data(to_hex(key.to_hash()), value.to_hash());
            out.end_object();
        }
        out.end_object();
    }
    out.end_object();
}

std::string PrestateTracer::result() const {
    json::Writer out;
    if (!options_.diff_mode) {
        write(out, before_);
        return out.take();
    }
    out.begin_object();
    out.key("post");
    write(out, after_);
    out.key("pre");
    write(out, before_);
    out.end_object();
    return out.take();
}

}  // namespace weft::evm
