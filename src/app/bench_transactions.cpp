#include "app/bench_transactions.hpp"

#include <fmt/format.h>

#include "app/bench_token.hpp"
#include "base/hex.hpp"
#include "chain/transaction.hpp"

namespace weft::app {

namespace {

U256 gwei(std::uint64_t amount) { return U256(amount) * U256(1'000'000'000); }

}  // namespace

BenchTransaction sign_for_bench(const BenchKey& key, std::uint64_t nonce, std::optional<Address> to, const U256& value,
                                Bytes data, std::uint64_t gas) {
    chain::Transaction transaction;
    transaction.type = chain::TransactionType::dynamic_fee;
    transaction.chain_id = bench_chain_id;
    transaction.nonce = nonce;
    transaction.gas_limit = gas;
    // What the base fee rises to under load stays below it, and what waits stays within the accounts' balance.
    transaction.max_fee_per_gas = gwei(1'000);
    transaction.max_priority_fee_per_gas = gwei(1);
    transaction.to = to;
    transaction.value = value;
    transaction.data = std::move(data);
    const auto signed_one = chain::sign_transaction(std::move(transaction), key.secret);
    return {signed_one->hash,
            fmt::format(R"({{"jsonrpc":"2.0","id":1,"method":"eth_sendRawTransaction","params":["{}"]}})",
                        to_hex(signed_one->encoded))};
}

BenchTransaction sign_token(const BenchKey& key, std::uint64_t nonce) {
    Bytes code = *from_hex("0x" + std::string(bench_token_code));
    append(code, (U256(1) << 128).to_hash());
    return sign_for_bench(key, nonce, std::nullopt, {}, std::move(code), 3'000'000);
}

BenchTransaction sign_token_transfer(const BenchKey& key, std::uint64_t nonce, const Address& token, const Address& to,
                                     std::uint64_t amount) {
    Bytes data{0xa9, 0x05, 0x9c, 0xbb};
    append(data, Hash::from(to));
    append(data, U256(amount).to_hash());
    return sign_for_bench(key, nonce, token, {}, std::move(data), 100'000);
}

}  // namespace weft::app
