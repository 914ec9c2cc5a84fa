// What a transaction costs before it runs.

#include <algorithm>

#include "chain/transaction.hpp"

namespace weft::chain {

namespace {

constexpr std::uint64_t transaction_gas = 21000;
constexpr std::uint64_t creation_gas = 32000;               // EIP-2, from Homestead
constexpr std::uint64_t zero_byte_gas = 4;
constexpr std::uint64_t nonzero_byte_gas_frontier = 68;
constexpr std::uint64_t nonzero_byte_gas_istanbul = 16;     // EIP-2028
constexpr std::uint64_t access_list_address_gas = 2400;     // EIP-2930
constexpr std::uint64_t access_list_key_gas = 1900;
constexpr std::uint64_t init_code_word_gas = 2;             // EIP-3860
constexpr std::uint64_t authorization_gas = 25000;          // EIP-7702, PER_EMPTY_ACCOUNT_COST
constexpr std::uint64_t tokens_per_nonzero_byte = 4;        // EIP-7623
constexpr std::uint64_t floor_gas_per_token = 10;

/// a * b, or nothing above 2^256 - 1.
std::optional<U256> checked_multiply(const U256& a, const U256& b) {
    if (a.bit_length() + b.bit_length() > 256) {
        // Only one bit more than 256 may still fit; divide to know.
        if (a.bit_length() + b.bit_length() > 257) return std::nullopt;
        const U256 product = a * b;
        if (product / b != a) return std::nullopt;
        return product;
    }
    return a * b;
}

}  // namespace

U256 effective_gas_price(const Transaction& transaction, const U256& base_fee) {
    return base_fee + effective_tip(transaction, base_fee);
}

U256 effective_tip(const Transaction& transaction, const U256& base_fee) {
    if (transaction.max_fee_per_gas < base_fee) return {};
    return std::min(transaction.max_priority_fee_per_gas, transaction.max_fee_per_gas - base_fee);
}

IntrinsicGas intrinsic_gas(const Transaction& transaction, evm::Revision revision) {
    using evm::Revision;
    const auto zeros = static_cast<std::uint64_t>(std::ranges::count(transaction.data, std::uint8_t{0}));
    const std::uint64_t nonzeros = transaction.data.size() - zeros;

    IntrinsicGas gas;
    gas.regular = transaction_gas + zeros * zero_byte_gas;
    gas.regular += nonzeros * (revision >= Revision::istanbul ? nonzero_byte_gas_istanbul : nonzero_byte_gas_frontier);
    if (!transaction.to) {
        if (revision >= Revision::homestead) gas.regular += creation_gas;
        if (revision >= Revision::shanghai) gas.regular += init_code_word_gas * ((transaction.data.size() + 31) / 32);
    }
    for (const auto& entry : transaction.access_list) {
        gas.regular += access_list_address_gas + access_list_key_gas * entry.storage_keys.size();
    }
    gas.regular += authorization_gas * transaction.authorizations.size();
    if (revision >= Revision::prague) {
        gas.floor = transaction_gas + floor_gas_per_token * (zeros + nonzeros * tokens_per_nonzero_byte);
    }
    return gas;
}

std::optional<U256> maximum_cost(const Transaction& transaction) {
    const auto gas_cost = checked_multiply(transaction.max_fee_per_gas, transaction.gas_limit);
    const auto blob_cost = checked_multiply(transaction.max_fee_per_blob_gas, blob_gas(transaction));
    if (!gas_cost || !blob_cost) return std::nullopt;
    bool carry = false;
    U256 total = U256::add(*gas_cost, *blob_cost, carry);
    if (carry) return std::nullopt;
    total = U256::add(total, transaction.value, carry);
    if (carry) return std::nullopt;
    return total;
}

}  // namespace weft::chain
