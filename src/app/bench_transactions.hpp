#pragma once
// Signed transactions of the development accounts, as benchmarks send them.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/u256.hpp"
#include "service/wallet/wallet.hpp"

namespace weft::app {

using BenchKey = service::wallet::Wallet::Key;

inline constexpr std::string_view bench_mnemonic = "test test test test test test test test test test test junk";
inline constexpr std::uint64_t bench_chain_id = 31337;

struct BenchTransaction {
    Hash hash;
    std::string body;  // of the HTTP request: eth_sendRawTransaction
};

/// @param to  nothing: a new contract.
[[nodiscard]] BenchTransaction sign_for_bench(const BenchKey& key, std::uint64_t nonce, std::optional<Address> to,
                                              const U256& value, Bytes data, std::uint64_t gas);

/// The token of bench_token.hpp with its supply, which its sender gets.
[[nodiscard]] BenchTransaction sign_token(const BenchKey& key, std::uint64_t nonce);
/// transfer(to, amount) of it.
[[nodiscard]] BenchTransaction sign_token_transfer(const BenchKey& key, std::uint64_t nonce, const Address& token,
                                                   const Address& to, std::uint64_t amount);

}  // namespace weft::app
