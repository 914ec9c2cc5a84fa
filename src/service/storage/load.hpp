#pragma once
// Makes the database of a chain that begins with a state too big for a genesis file: sorted writes, tries built from
// the leaves up by several workers, some 32 bytes of memory for each account or slot of the biggest trie.

#include <functional>
#include <string_view>
#include <vector>

#include "service/storage/database.hpp"

namespace weft::service::storage {

/// Accounts that differ in their addresses only. Called from several threads.
struct LoadAccounts {
    std::uint32_t count = 0;
    std::function<Address(std::uint32_t index)> address;  // ascending
    chain::Account account;
};
/// Slots that differ in their keys only, in any order; the same.
struct LoadSlots {
    std::uint32_t count = 0;
    std::function<U256(std::uint32_t index)> key;
    U256 value;  // at least 2^24: no node of the trie may be embedded
};
struct LoadContract {
    Address address;
    Bytes code;
    std::vector<chain::SlotChange> slots;  // none zero
    LoadSlots many;
};
struct LoadState {
    LoadAccounts accounts;
    std::vector<LoadContract> contracts;
    /// Told what is being done, perhaps from several threads.
    std::function<void(std::string_view step)> progress;
};

/// @param config   of a database that is not there yet.
/// @param genesis  gets the state's root; its alloc must be empty. Database::open() takes it then.
/// @errors  as Database::open; already_exists  there is one.
[[nodiscard]] Result<void> load_database(const DatabaseConfig& config, chain::Genesis& genesis,
                                         const LoadState& state);

}  // namespace weft::service::storage
