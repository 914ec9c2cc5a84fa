#pragma once
// A world in memory for the room's tests: whole-state snapshots for checkpoints, so that nothing about reverting can be
// subtly wrong.

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "crypto/keccak.hpp"
#include "evm/code.hpp"
#include "evm/execute.hpp"

namespace weft::evm {

class TestHost : public Host {
  public:
    struct Account {
        U256 balance;
        std::uint64_t nonce = 0;
        Bytes code;
        std::map<U256, U256> storage;
        bool operator==(const Account&) const = default;
    };
    struct World {
        std::map<Address, Account> accounts;
        std::map<std::pair<Address, U256>, U256> transient;
        std::set<Address> warm_accounts, touched, created, destroyed;
        std::set<std::pair<Address, U256>> warm_slots;
        std::vector<Log> logs;
        bool operator==(const World&) const = default;
    };

    explicit TestHost(Revision revision = Revision::osaka) : revision_(revision) {}

    World world;
    /// Storage before the transaction; what is not here was zero.
    std::map<std::pair<Address, U256>, U256> original;
    /// Code is translated before it runs first, instead of after a while.
    bool translates_at_once = false;

    bool exists(const Address& address) override {
        const auto* const account = find(address);
        if (account == nullptr || revision_ < Revision::spurious_dragon) return account != nullptr;
        return account->nonce != 0 || !account->balance.is_zero() || !account->code.empty();
    }
    U256 balance(const Address& address) override { return get(address).balance; }
    std::uint64_t nonce(const Address& address) override { return get(address).nonce; }
    Hash code_hash(const Address& address) override {
        return find(address) == nullptr ? Hash{} : crypto::keccak256(get(address).code);
    }
    CodePtr code(const Address& address) override {
        auto code = make_code(get(address).code, code_hash(address));
        if (translates_at_once) code->set_patience(0);
        return code;
    }
    bool has_collision(const Address& address) override {
        const auto account = get(address);
        return account.nonce != 0 || !account.code.empty() || !account.storage.empty();
    }
    void set_balance(const Address& address, const U256& balance) override {
        world.accounts[address].balance = balance;
    }
    void set_nonce(const Address& address, std::uint64_t nonce) override { world.accounts[address].nonce = nonce; }
    void set_code(const Address& address, Bytes code) override { world.accounts[address].code = std::move(code); }
    void create_account(const Address& address) override {
        Account fresh;
        fresh.balance = balance(address);
        world.accounts[address] = fresh;
        world.created.insert(address);
    }
    void touch(const Address& address) override { world.touched.insert(address); }
    bool created_in_transaction(const Address& address) override { return world.created.contains(address); }
    bool schedule_destruction(const Address& address) override { return world.destroyed.insert(address).second; }

    U256 storage(const Address& address, const U256& key) override {
        const auto account = get(address);
        const auto at = account.storage.find(key);
        return at == account.storage.end() ? U256{} : at->second;
    }
    SlotValues storage_values(const Address& address, const U256& key) override {
        const auto at = original.find({address, key});
        return {at == original.end() ? U256{} : at->second, storage(address, key)};
    }
    void set_storage(const Address& address, const U256& key, const U256& value) override {
        if (value.is_zero()) {
            world.accounts[address].storage.erase(key);
        } else {
            world.accounts[address].storage[key] = value;
        }
    }
    U256 transient_storage(const Address& address, const U256& key) override {
        const auto at = world.transient.find({address, key});
        return at == world.transient.end() ? U256{} : at->second;
    }
    void set_transient_storage(const Address& address, const U256& key, const U256& value) override {
        world.transient[{address, key}] = value;
    }
    bool warm_account(const Address& address) override { return world.warm_accounts.insert(address).second; }
    bool warm_storage(const Address& address, const U256& key) override {
        return world.warm_slots.insert({address, key}).second;
    }
    void emit_log(Log log) override { world.logs.push_back(std::move(log)); }
    Hash block_hash(std::uint64_t number) override { return U256(number + 1000).to_hash(); }
    std::size_t checkpoint() override {
        saved_.push_back(world);
        return saved_.size() - 1;
    }
    void revert(std::size_t checkpoint) override {
        world = saved_.at(checkpoint);
        saved_.resize(checkpoint);
    }

  private:
    const Account* find(const Address& address) const {
        const auto at = world.accounts.find(address);
        return at == world.accounts.end() ? nullptr : &at->second;
    }
    Account get(const Address& address) const {
        const auto* const account = find(address);
        return account == nullptr ? Account{} : *account;
    }

    Revision revision_;
    std::vector<World> saved_;
};

}  // namespace weft::evm
