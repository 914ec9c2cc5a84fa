#pragma once
// One thing to compare: a state, a block around it, and a transaction. On paper it is a state test of Ethereum's
// fixtures, so that `weft statetest` runs it again.

#include <map>

#include "base/json.hpp"
#include "chain/fork.hpp"
#include "chain/transaction.hpp"
#include "evm/host.hpp"

namespace weft::differential {

struct CaseAccount {
    U256 balance;
    std::uint64_t nonce = 0;
    Bytes code;
    std::map<U256, U256> storage;
    bool operator==(const CaseAccount&) const = default;
};
using CaseState = std::map<Address, CaseAccount>;

struct Case {
    chain::Fork fork = chain::Fork::osaka;
    evm::BlockContext block;
    std::uint64_t excess_blob_gas = 0;
    CaseState pre;
    chain::Transaction transaction;
    Hash secret_key;
};

/// A case that the seed decides alone.
[[nodiscard]] Case make_case(std::uint64_t seed);

/// A world of one case's kind, and a block's transactions into it by several senders, some of them wrong.
struct Block {
    Case world;  // its own transaction counts for nothing
    std::vector<chain::TransactionPtr> transactions;
};
[[nodiscard]] Block make_block(std::uint64_t seed);

/// What the fuzzer makes of an official case: other code, data, value or gas here and there.
void mutate(Case& subject, std::uint64_t seed);

/// Members "env", "pre", "transaction", "config" of a state test.
void write_case(json::Writer& writer, const Case& subject);
void write_state(json::Writer& writer, const CaseState& state);
/// Reads the first case of a state test; "fork" or "post" says which fork it is for.
/// @errors invalid_argument  an unknown fork, a transaction without a secret key.
[[nodiscard]] Result<Case> read_case(const json::Value& test);
[[nodiscard]] CaseState read_state(const json::Value& accounts);

}  // namespace weft::differential
