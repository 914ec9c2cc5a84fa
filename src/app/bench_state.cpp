#include "app/bench_state.hpp"

#include <algorithm>

#include "app/bench_pair.hpp"
#include "app/bench_token.hpp"
#include "base/hex.hpp"
#include "base/time.hpp"
#include "chain/execute.hpp"
#include "chain/memory.hpp"
#include "crypto/keccak.hpp"

namespace weft::app {

namespace {

constexpr std::uint32_t users_max = 500'000;
const U256 ether = U256(1'000'000'000'000'000'000ULL);
const U256 holding = U256(1) << 80;
const U256 reserve = U256(1) << 100;

/// The slot of a mapping's value. @source Solidity, "Layout of State Variables in Storage".
U256 mapping_slot(const Address& key, const Hash& mapping) {
    Bytes preimage = to_bytes(Hash::from(key));
    append(preimage, mapping);
    return U256::from_bytes(crypto::keccak256(preimage));
}
U256 balance_slot(const Address& owner) { return mapping_slot(owner, Hash{}); }
U256 allowance_slot(const Address& owner, const Address& spender) {
    return mapping_slot(spender, mapping_slot(owner, U256(1).to_hash()).to_hash());
}

/// What a contract's init code leaves on the chain.
Bytes deployed(std::string_view init_code, std::initializer_list<Hash> arguments) {
    chain::StateTrie trie;
    const chain::MemoryCodes codes;
    chain::TrieStateReader reader(trie, codes);
    chain::State state(reader);
    const auto genesis = BenchState::genesis();
    const auto environment = chain::make_environment(genesis.config, genesis.header);
    state.begin_block(0, environment.rules.revision);
    chain::Transaction call;
    call.data = *from_hex("0x" + std::string(init_code));
    for (const auto& argument : arguments) append(call.data, argument);
    call.gas_limit = 10'000'000;
    const auto outcome = chain::execute_call(state, environment, call, BenchState::token());
    WEFT_ASSERT(outcome && outcome->succeeded());
    return outcome->output;
}

}  // namespace

Address BenchState::contract(std::uint8_t kind, std::uint32_t number) {
    Address out;
    out.bytes[0] = 0xee;
    out.bytes[1] = kind;
    for (std::size_t i = 0; i < 4; ++i) out.bytes[16 + i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
    return out;
}

Address BenchState::account(std::uint32_t number) const {
    // Ascending, and spread over the whole range.
    const std::uint64_t high = number * (~std::uint64_t{0} / accounts);
    const std::uint64_t low = mix64(number + 1);
    Address out;
    for (std::size_t i = 0; i < 8; ++i) {
        out.bytes[i] = static_cast<std::uint8_t>(high >> (56 - 8 * i));
        out.bytes[12 + i] = static_cast<std::uint8_t>(low >> (56 - 8 * i));
    }
    return out;
}

std::uint32_t BenchState::users() const { return std::min(accounts, users_max) / pairs * pairs; }
Address BenchState::user(std::uint32_t number) const {
    return account(static_cast<std::uint32_t>(std::uint64_t{number} * accounts / users()));
}

chain::Genesis BenchState::genesis() {
    chain::Genesis out = chain::dev_genesis({});
    out.alloc.clear();
    out.header.gas_limit = 1'000'000'000;
    return out;
}

service::storage::LoadState BenchState::to_load() const {
    service::storage::LoadState out;
    out.accounts.count = accounts;
    out.accounts.address = [this](std::uint32_t i) { return account(i); };
    out.accounts.account.balance = ether * U256(1'000);
    const Bytes token_code = deployed(bench_token_code, {Hash{}});
    const Bytes pair_code = deployed(bench_pair_code, {Hash{}, Hash{}});
    for (const auto& system : chain::dev_genesis({}).alloc) {
        if (!system.code.empty()) out.contracts.push_back({system.address, system.code, system.storage, {}});
    }
    auto& main = out.contracts.emplace_back();
    main.address = token();
    main.code = token_code;
    main.many = {accounts, [this](std::uint32_t i) { return balance_slot(account(i)); }, holding};
    for (std::uint32_t p = 0; p < pairs; ++p) {
        auto& market = out.contracts.emplace_back();
        market.address = pair(p);
        market.code = pair_code;
        market.slots = {{U256(0), U256::from_bytes(pair_token(2 * p))},
                        {U256(1), U256::from_bytes(pair_token(2 * p + 1))},
                        {U256(2), reserve | (reserve << 112)},
                        {U256(3), U256(1)}};
        for (const std::uint32_t side : {0U, 1U}) {
            auto& traded = out.contracts.emplace_back();
            traded.address = pair_token(2 * p + side);
            traded.code = token_code;
            traded.slots = {{balance_slot(pair(p)), reserve}};
            if (side == 1) continue;
            // Of each user what it has, and what it allows the market to take.
            const auto slot = [this, p](std::uint32_t i) {
                const Address owner = user(i / 2 * pairs + p);
                return i % 2 == 0 ? balance_slot(owner) : allowance_slot(owner, pair(p));
            };
            traded.many = {users() / pairs * 2, slot, holding};
        }
    }
    return out;
}

}  // namespace weft::app
