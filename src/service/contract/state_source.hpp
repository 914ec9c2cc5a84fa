#pragma once
// Where the contract service's states come from: storage in the same process, or storage elsewhere, which RemoteStates
// reads over ports.

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "api/storage.hpp"
#include "chain/state.hpp"
#include "mesh/service.hpp"
#include "service/contract/state_cache.hpp"

namespace weft::service::contract {

/// A state whose values may fail to be read. They are zeros then, and failure() says why: what was made of them counts
/// for nothing.
class Reader : public chain::StateReader {
  public:
    [[nodiscard]] virtual const std::optional<Error>& failure() const = 0;
};

/// A block and the state after it.
struct StateAt {
    std::unique_ptr<Reader> reader;
    api::SealedBlockPtr block;  // perhaps without its transactions
};

/// Which state, and what of it will be read for sure.
struct StateWanted {
    api::BlockRef block;
    std::vector<Address> accounts;
    std::vector<api::storage::SlotId> slots;
    void add(const chain::AccessList& list);
};

/// @errors not_found  header not found.
using OpenState = std::function<Task<StateAt>(mesh::Context, StateWanted)>;

/// States of a storage service in another process. Thread-safe; must outlive the readers it gives.
///
/// One round trip opens a state and brings what is surely needed; each value that is not kept is one more, for which
/// the reading thread waits: readers are for threads that may wait, never for a loop's.
class RemoteStates {
  public:
    struct Ports {
        mesh::Port<api::storage::OpenState> open;
        /// Its tasks must end without the thread that waits for them, and without its like.
        mesh::Port<api::storage::ReadState> read;
    };
    explicit RemoteStates(Ports ports, StateCacheLimits limits = {}) : ports_(std::move(ports)), cache_(limits) {}

    /// @errors as api::storage::OpenState. What its reader may fail with is ReadState's: `aborted` is worth another
    ///         try.
    Task<StateAt> open(mesh::Context context, StateWanted wanted);

  private:
    class RemoteReader;
    void keep(const StateCache::Position& at, const api::storage::StateKeys& keys,
              const api::storage::StateValues& values);

    const Ports ports_;
    StateCache cache_;
};

}  // namespace weft::service::contract
