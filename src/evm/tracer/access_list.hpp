#pragma once
// What eth_createAccessList collects: the accounts and slots an execution touches, but for those that are warm anyway.

#include <map>
#include <set>
#include <vector>

#include "evm/tracer.hpp"

namespace weft::evm {

class AccessListTracer final : public Tracer {
  public:
    struct Entry {
        Address address;
        std::vector<U256> slots;  // sorted
        bool operator==(const Entry&) const = default;
    };

    /// @param excluded  Sender, recipient (of a creation: the new address), precompiles, and the authorities of the
    ///                  transaction. They appear in the list only with slots of theirs. The coinbase is not excluded.
    explicit AccessListTracer(std::set<Address> excluded) : excluded_(std::move(excluded)) {}

    /// A list to start from: the one the last round found, or the request's own.
    void add(const std::vector<Entry>& entries);

    [[nodiscard]] bool wants_steps() const override { return true; }
    void on_step(const TraceStep& step) override;

    /// Sorted by address.
    [[nodiscard]] std::vector<Entry> result() const;

  private:
    std::set<Address> excluded_;
    std::map<Address, std::set<U256>> touched_;
};

}  // namespace weft::evm
