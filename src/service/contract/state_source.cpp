#include "service/contract/state_source.hpp"

#include <algorithm>

namespace weft::service::contract {

namespace {

/// What a caller asks to have read ahead is the caller's word: more than this waits until it is needed.
constexpr std::size_t read_ahead_max = 2'000;

Result<void> check_counts(const api::storage::StateKeys& keys, const api::storage::StateValues& values) {
    if (values.accounts.size() == keys.accounts.size() && values.slots.size() == keys.slots.size() &&
        values.block_hashes.size() == keys.block_hashes.size()) {
        return {};
    }
    return fail(ErrorCode::data_loss, "storage answered with fewer values than were asked for");
}

}  // namespace

void StateWanted::add(const chain::AccessList& list) {
    for (const auto& entry : list) {
        accounts.push_back(entry.address);
        for (const auto& key : entry.storage_keys) slots.push_back({entry.address, U256::from_bytes(key)});
    }
}

class RemoteStates::RemoteReader final : public Reader {
  public:
    RemoteReader(RemoteStates& states, mesh::Context context, StateCache::Position at, std::uint64_t number)
        : states_(states), context_(context), at_(at), number_(number) {}

    /// What was read, so that it is there however the cache moves on meanwhile: executions may be repeated.
    void take(const api::storage::StateKeys& keys, const api::storage::StateValues& values) {
        for (std::size_t i = 0; i < keys.accounts.size(); ++i) {
            const auto& value = values.accounts[i];
            accounts_.emplace(keys.accounts[i], value.exists ? std::optional(value.account) : std::nullopt);
        }
        for (std::size_t i = 0; i < keys.slots.size(); ++i) slots_.emplace(keys.slots[i], values.slots[i]);
    }

    std::optional<chain::Account> account(const Address& address) override {
        if (const auto found = accounts_.find(address); found != accounts_.end()) return found->second;
        if (auto kept = states_.cache_.account(at_, address)) return *std::move(kept);
        api::storage::StateKeys keys;
        keys.accounts = {address};
        // An account that an execution looks at is most often one whose code it will run.
        if (!states_.cache_.has_code_of(address)) keys.codes_of = {address};
        const auto values = read(keys);
        if (!values || !values->accounts[0].exists) return std::nullopt;
        return values->accounts[0].account;
    }

    U256 storage(const Address& address, const U256& key) override {
        const api::storage::SlotId id{address, key};
        if (const auto found = slots_.find(id); found != slots_.end()) return found->second;
        if (const auto kept = states_.cache_.slot(at_, address, key)) return *kept;
        api::storage::StateKeys keys;
        keys.slots = {id};
        const auto values = read(keys);
        return values ? values->slots[0] : U256{};
    }

    evm::CodePtr code(const Hash& code_hash) override {
        if (auto kept = states_.cache_.code(code_hash)) return kept;
        api::storage::StateKeys keys;
        keys.codes = {code_hash};
        const auto values = read(keys);
        if (!values) return evm::empty_code();
        if (values->codes.empty() || values->codes[0].code_hash != code_hash) {
            set_failure({ErrorCode::data_loss, "storage does not have a contract's code", {}, 0});
            return evm::empty_code();
        }
        // Not from the cache: another thread may have made it drop everything meanwhile.
        return states_.cache_.keep_code(code_hash, values->codes[0].code);
    }

    Hash block_hash(std::uint64_t number) override {
        if (number > number_) return {};
        if (const auto kept = states_.cache_.block_hash(at_, number)) return *kept;
        api::storage::StateKeys keys;
        keys.block_hashes = {number};
        const auto values = read(keys);
        return values ? values->block_hashes[0] : Hash{};
    }

    bool has_storage(const Address& address) override {
        const auto found = account(address);
        return found && found->storage_root != chain::empty_trie_root;
    }

    const std::optional<Error>& failure() const override { return failure_; }

  private:
    std::optional<api::storage::StateValues> read(const api::storage::StateKeys& keys) {
        if (failure_) return std::nullopt;
        auto values = run(states_.ports_.read(context_, {at_.line, at_.version, number_, keys}));
        if (values) {
            if (auto checked = check_counts(keys, *values); !checked) {
                values = std::unexpected(std::move(checked).error());
            }
        }
        if (!values) {
            set_failure(std::move(values).error());
            return std::nullopt;
        }
        states_.keep(at_, keys, *values);
        take(keys, *values);
        return *std::move(values);
    }
    void set_failure(Error error) {
        if (!failure_) failure_ = std::move(error);
    }

    RemoteStates& states_;
    const mesh::Context context_;
    const StateCache::Position at_;
    const std::uint64_t number_;
    std::unordered_map<Address, std::optional<chain::Account>> accounts_;
    std::unordered_map<api::storage::SlotId, U256, SlotIdHash> slots_;
    std::optional<Error> failure_;
};

void RemoteStates::keep(const StateCache::Position& at, const api::storage::StateKeys& keys,
                        const api::storage::StateValues& values) {
    for (const auto& code : values.codes) (void)cache_.keep_code(code.code_hash, code.code);
    for (std::size_t i = 0; i < keys.accounts.size(); ++i) {
        const auto& value = values.accounts[i];
        cache_.keep_account(at, keys.accounts[i], value.exists ? std::optional(value.account) : std::nullopt);
    }
    for (std::size_t i = 0; i < keys.slots.size(); ++i) {
        cache_.keep_slot(at, keys.slots[i].address, keys.slots[i].key, values.slots[i]);
    }
    for (std::size_t i = 0; i < keys.block_hashes.size(); ++i) {
        if (!values.block_hashes[i].is_zero()) cache_.keep_block_hash(at, keys.block_hashes[i], values.block_hashes[i]);
    }
}

Task<StateAt> RemoteStates::open(mesh::Context context, StateWanted wanted) {
    const auto known = cache_.position();
    api::storage::OpenState request;
    request.block = wanted.block;
    request.known_line = known.line;
    request.known_version = known.version;
    // For the newest state only what is not kept is asked for. Should it turn out to have changed, it is read later.
    const bool newest = wanted.block.tag != api::BlockTag::earliest && wanted.block.tag != api::BlockTag::number &&
                        wanted.block.tag != api::BlockTag::hash;
    auto& keys = request.keys;
    for (const auto& address : wanted.accounts) {
        if (keys.accounts.size() == read_ahead_max) break;
        if (newest && cache_.account(known, address)) continue;
        if (std::ranges::find(keys.accounts, address) != keys.accounts.end()) continue;
        keys.accounts.push_back(address);
        if (!cache_.has_code_of(address)) keys.codes_of.push_back(address);
    }
    for (const auto& slot : wanted.slots) {
        if (keys.slots.size() == read_ahead_max) break;
        if (newest && cache_.slot(known, slot.address, slot.key)) continue;
        if (std::ranges::find(keys.slots, slot) == keys.slots.end()) keys.slots.push_back(slot);
    }
    const auto reply = co_await ports_.open(context, request);
    if (!reply.block) co_return fail(ErrorCode::data_loss, "storage opened a state without its block");
    co_await check_counts(keys, reply.values);
    cache_.advance(known, reply);
    const StateCache::Position at{reply.line, reply.version};
    keep(at, keys, reply.values);
    auto reader = std::make_unique<RemoteReader>(*this, context, at, reply.block->header.number);
    reader->take(keys, reply.values);
    co_return StateAt{std::move(reader), reply.block};
}

}  // namespace weft::service::contract
