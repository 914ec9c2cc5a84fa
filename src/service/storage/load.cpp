#include "service/storage/load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/hex.hpp"
#include "base/rlp.hpp"
#include "chain/trie_build.hpp"
#include "crypto/keccak.hpp"

namespace weft::service::storage {

namespace {

using chain::TrieItem;

constexpr std::uint64_t first_version = 1;  // Database's own first one
/// Storage with fewer slots is built beside others, in order, and not by all workers.
constexpr std::size_t big_storage_min = 100'000;
constexpr std::size_t hashes_at_once = 1024;

std::uint64_t prefix_of(BytesView key) { return number_of(key.first(8)); }

Bytes slot_value(const U256& value) {
    rlp::Writer out;
    out.number(value);
    return out.take();
}

/// The first error of several threads' writes.
class Failure {
  public:
    void note(Result<void> result) {
        if (result) return;
        const std::lock_guard lock(mutex_);
        if (!error_) error_ = std::move(result).error();
    }
    [[nodiscard]] Result<void> result() const {
        if (error_) return std::unexpected(*error_);
        return {};
    }

  private:
    std::mutex mutex_;
    std::optional<Error> error_;
};

class Loader {
  public:
    Loader(store::Kv& kv, const LoadState& state, Workers& workers) : kv_(kv), state_(state), workers_(workers) {
        for (const auto& contract : state_.contracts) contracts_.push_back({&contract, {}, {}});
        for (auto& contract : contracts_) contract.account.nonce = 1;
    }

    /// @return the state's root.
    Result<Hash> run() {
        WEFT_CHECK(write_codes());
        WEFT_CHECK(write_storages());
        state_.progress("accounts");
        WEFT_CHECK(write_accounts());
        state_.progress("account trie");
        return build_accounts();
    }

  private:
    struct Contract {
        const LoadContract* given;
        chain::Account account;
        Hash owner;
    };
    /// All slots of a contract by one number.
    struct Slots {
        const LoadContract& given;
        [[nodiscard]] std::uint32_t count() const {
            return given.many.count + static_cast<std::uint32_t>(given.slots.size());
        }
        [[nodiscard]] U256 key(std::uint32_t i) const {
            return i < given.many.count ? given.many.key(i) : given.slots[i - given.many.count].key;
        }
        [[nodiscard]] const U256& value(std::uint32_t i) const {
            return i < given.many.count ? given.many.value : given.slots[i - given.many.count].value;
        }
    };
    using Buckets = std::array<std::vector<TrieItem>, 16>;

    /// Items below each first nibble, in order of their keys. @param hashed  or as key_of(index) gives them.
    template <class KeyOf>
    Buckets order(std::uint32_t count, bool hashed, KeyOf key_of) {
        Buckets out;
        std::mutex mutex;
        const std::size_t range = std::max<std::size_t>(hashes_at_once, count / 64 + 1);
        run_ranges(workers_, count, range, [&](std::size_t first, std::size_t end) {
            Buckets own;
            std::vector<Bytes> keys(hashes_at_once);
            std::vector<Hash> hashes(hashes_at_once);
            std::vector<crypto::HashJob> jobs;
            for (; first < end; first += hashes_at_once) {
                const std::size_t some = std::min(hashes_at_once, end - first);
                jobs.clear();
                for (std::size_t i = 0; i < some; ++i) {
                    keys[i] = key_of(static_cast<std::uint32_t>(first + i));
                    if (hashed) jobs.push_back({keys[i], hashes[i].data()});
                }
                crypto::keccak256_many(jobs);
                for (std::size_t i = 0; i < some; ++i) {
                    const std::uint64_t prefix = prefix_of(hashed ? hashes[i].view() : BytesView(keys[i]));
                    own[prefix >> 60].push_back({prefix, static_cast<std::uint32_t>(first + i)});
                }
            }
            const std::lock_guard lock(mutex);
            for (std::size_t i = 0; i < 16; ++i) out[i].insert(out[i].end(), own[i].begin(), own[i].end());
        });
        workers_.run(16, [&](std::size_t i) {
            std::ranges::sort(out[i], [&](const TrieItem& a, const TrieItem& b) {
                if (a.prefix != b.prefix) return a.prefix < b.prefix;
                return !hashed && key_of(a.index) < key_of(b.index);
            });
        });
        return out;
    }

    /// Entries of a trie: hashed keys of @p key_of, values of @p value_of.
    template <class KeyOf, class ValueOf>
    static auto filler(KeyOf key_of, ValueOf value_of) {
        return [=](std::span<const TrieItem> items, std::vector<chain::TrieEntry>& out) {
            std::vector<Bytes> keys;
            for (const auto& item : items) keys.push_back(key_of(item.index));
            std::vector<crypto::HashJob> jobs;
            for (std::size_t i = 0; i < items.size(); ++i) out.push_back({{}, value_of(items[i].index)});
            for (std::size_t i = 0; i < items.size(); ++i) jobs.push_back({keys[i], out[i].key.data()});
            crypto::keccak256_many(jobs);
        };
    }

    auto emitter(store::Kv::SortedWriter& writer, const Hash& owner) {
        return [this, &writer, owner](chain::NibblesView path, BytesView rlp) {
            failure_.note(writer.put(node_key(owner, path, first_version), rlp));
        };
    }

    template <class Fill>
    Result<Hash> build_big(const Buckets& items, const Hash& owner, Fill fill) {
        std::vector<store::Kv::SortedWriter> writers;
        for (int i = 0; i < 16; ++i) {
            WEFT_TRY(auto writer, kv_.sorted_writer(table::nodes));
            writers.push_back(std::move(writer));
        }
        std::array<chain::TrieBuild, 16> builds;
        for (std::size_t i = 0; i < 16; ++i) builds[i] = {fill, emitter(writers[i], owner)};
        const Hash root = chain::build_trie(items, builds, workers_);
        WEFT_CHECK(failure_.result());
        for (auto& writer : writers) WEFT_CHECK(kv_.add_sorted(std::move(writer)));
        return root;
    }

    Result<void> write_codes() {
        store::Kv::Batch batch;
        for (auto& contract : contracts_) {
            contract.owner = crypto::keccak256(contract.given->address);
            contract.account.code_hash = crypto::keccak256(contract.given->code);
            batch.put(table::codes, contract.account.code_hash, contract.given->code);
        }
        return kv_.write(std::move(batch));
    }

    Result<void> write_storages() {
        std::vector<Contract*> small;
        for (auto& contract : contracts_) {
            const Slots slots{*contract.given};
            if (slots.count() < big_storage_min) {
                small.push_back(&contract);
                continue;
            }
            state_.progress(fmt::format("{} slots of {}", slots.count(), to_hex(contract.given->address)));
            WEFT_CHECK(write_big_slots(slots));
            const auto key_of = [slots](std::uint32_t i) { return to_bytes(slots.key(i).to_hash()); };
            const auto items = order(slots.count(), true, key_of);
            const auto value_of = [slots](std::uint32_t i) { return slot_value(slots.value(i)); };
            WEFT_TRY(contract.account.storage_root, build_big(items, contract.owner, filler(key_of, value_of)));
        }
        state_.progress(fmt::format("storage of {} contracts", small.size()));
        return write_small(small);
    }

    void put_slots(store::Kv::SortedWriter& writer, const Slots& slots, std::span<const TrieItem> items) {
        for (const auto& item : items) {
            const U256& value = slots.value(item.index);
            const Hash bytes = value.to_hash();
            failure_.note(writer.put(slot_key(slots.given.address, 0, slots.key(item.index), first_version),
                                     bytes.view().last(value.byte_length())));
        }
    }

    Result<void> write_big_slots(const Slots& slots) {
        const auto items =
            order(slots.count(), false, [slots](std::uint32_t i) { return to_bytes(slots.key(i).to_hash()); });
        std::vector<store::Kv::SortedWriter> writers;
        for (int i = 0; i < 16; ++i) {
            WEFT_TRY(auto writer, kv_.sorted_writer(table::slots));
            writers.push_back(std::move(writer));
        }
        workers_.run(16, [&](std::size_t i) { put_slots(writers[i], slots, items[i]); });
        WEFT_CHECK(failure_.result());
        for (auto& writer : writers) WEFT_CHECK(kv_.add_sorted(std::move(writer)));
        return {};
    }

    /// Contracts one after the other, in the order of each table.
    Result<void> write_small(std::vector<Contract*> contracts) {
        WEFT_TRY(auto slot_writer, kv_.sorted_writer(table::slots));
        std::ranges::sort(contracts, {}, [](const Contract* each) { return each->given->address; });
        for (const auto* contract : contracts) {
            const Slots slots{*contract->given};
            std::vector<std::pair<U256, std::uint32_t>> keys;
            for (std::uint32_t i = 0; i < slots.count(); ++i) keys.emplace_back(slots.key(i), i);
            std::ranges::sort(keys);
            std::vector<TrieItem> items;
            for (const auto& [key, index] : keys) items.push_back({0, index});
            put_slots(slot_writer, slots, items);
        }
        WEFT_CHECK(failure_.result());
        WEFT_CHECK(kv_.add_sorted(std::move(slot_writer)));

        WEFT_TRY(auto node_writer, kv_.sorted_writer(table::nodes));
        std::ranges::sort(contracts, {}, &Contract::owner);
        for (auto* contract : contracts) {
            const Slots slots{*contract->given};
            if (slots.count() == 0) continue;
            const auto key_of = [&](std::uint32_t i) { return to_bytes(slots.key(i).to_hash()); };
            std::vector<TrieItem> items;
            for (std::uint32_t i = 0; i < slots.count(); ++i) {
                items.push_back({prefix_of(crypto::keccak256(key_of(i))), i});
            }
            std::ranges::sort(items, {}, &TrieItem::prefix);
            const auto value_of = [&](std::uint32_t i) { return slot_value(slots.value(i)); };
            contract->account.storage_root = chain::build_trie(
                items, {}, {filler(key_of, value_of), emitter(node_writer, contract->owner)});
        }
        WEFT_CHECK(failure_.result());
        return kv_.add_sorted(std::move(node_writer));
    }

    Result<void> write_accounts() {
        const auto& accounts = state_.accounts;
        const Bytes value = encode_account({0, accounts.account});
        const std::size_t range = accounts.count / 16 + 1;
        std::vector<store::Kv::SortedWriter> writers;
        for (int i = 0; i < 17; ++i) {
            WEFT_TRY(auto writer, kv_.sorted_writer(table::accounts));
            writers.push_back(std::move(writer));
        }
        run_ranges(workers_, accounts.count, range, [&](std::size_t first, std::size_t end) {
            auto& writer = writers[first / range];
            for (; first < end; ++first) {
                const Address address = accounts.address(static_cast<std::uint32_t>(first));
                failure_.note(writer.put(account_key(address, first_version), value));
            }
        });
        std::vector<const Contract*> contracts;
        for (const auto& contract : contracts_) contracts.push_back(&contract);
        std::ranges::sort(contracts, {}, [](const Contract* each) { return each->given->address; });
        for (const auto* contract : contracts) {
            failure_.note(writers[16].put(account_key(contract->given->address, first_version),
                                          encode_account({0, contract->account})));
        }
        WEFT_CHECK(failure_.result());
        for (auto& writer : writers) WEFT_CHECK(kv_.add_sorted(std::move(writer)));
        return {};
    }

    Result<Hash> build_accounts() {
        const auto& accounts = state_.accounts;
        const auto key_of = [this, &accounts](std::uint32_t i) {
            return to_bytes(i < accounts.count ? accounts.address(i) : contracts_[i - accounts.count].given->address);
        };
        const auto value_of = [this, &accounts, usual = chain::encode(accounts.account)](std::uint32_t i) {
            return i < accounts.count ? usual : chain::encode(contracts_[i - accounts.count].account);
        };
        const auto items = order(accounts.count + static_cast<std::uint32_t>(contracts_.size()), true, key_of);
        return build_big(items, Hash{}, filler(key_of, value_of));
    }

    store::Kv& kv_;
    const LoadState& state_;
    Workers& workers_;
    std::vector<Contract> contracts_;
    Failure failure_;
};

}  // namespace

Result<void> load_database(const DatabaseConfig& config, chain::Genesis& genesis, const LoadState& state) {
    WEFT_TRY(store::Kv kv, store::Kv::open(config.path, table_names, kv_options(config)));
    WEFT_TRY(const bool there, has_head(kv));
    if (there) return fail(ErrorCode::already_exists, config.path + ": there is a database already");
    WEFT_TRY(genesis.header.state_root, Loader(kv, state, *config.workers).run());
    return write_first_head(kv, genesis, first_version);
}

}  // namespace weft::service::storage
