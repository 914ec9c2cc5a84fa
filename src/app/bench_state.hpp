#pragma once
// The state that `weft bench execute` runs on: accounts by number, a token that all of them hold, and markets.

#include <cstdint>

#include "chain/genesis.hpp"
#include "service/storage/load.hpp"

namespace weft::app {

struct BenchState {
    std::uint32_t accounts = 0;
    std::uint32_t pairs = 0;

    /// Accounts that can swap: user u in the market u % pairs, its first token for its second.
    [[nodiscard]] std::uint32_t users() const;
    [[nodiscard]] Address user(std::uint32_t number) const;
    [[nodiscard]] Address account(std::uint32_t number) const;
    [[nodiscard]] static Address token() { return contract(0, 0); }
    [[nodiscard]] static Address pair(std::uint32_t number) { return contract(1, number); }
    [[nodiscard]] static Address pair_token(std::uint32_t number) { return contract(2, number); }

    /// What load_database() makes of it. @pre this lives as long.
    [[nodiscard]] service::storage::LoadState to_load() const;
    /// Without its state root.
    [[nodiscard]] static chain::Genesis genesis();

  private:
    [[nodiscard]] static Address contract(std::uint8_t kind, std::uint32_t number);
};

}  // namespace weft::app
