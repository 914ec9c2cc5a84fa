// Whatever a block holds, executing ahead must leave what executing in order leaves.

#include "chain/ahead.hpp"

#include <algorithm>
#include <random>

#include "base/hex.hpp"
#include "chain/test_chain.hpp"
#include "chain/test_workers.hpp"
#include "evm/call.hpp"
#include "evm/test_bytecode.hpp"

namespace weft::chain {
namespace {

using evm::Bytecode;
using evm::Opcode;

constexpr std::size_t senders = 8;
constexpr std::size_t contracts = 10;
const Address coinbase = address_with_end(0xcb);

Address contract(std::size_t index) {
    Address out;
    out.bytes[0] = 0xc0;
    out.bytes[19] = static_cast<std::uint8_t>(index);
    return out;
}

/// An account of any kind: few, so that transactions meet.
Address some_account(std::mt19937_64& random) {
    switch (random() % 8) {
        case 0: return coinbase;
        case 1: return test_address(1 + random() % senders);
        case 2: return address_with_end(static_cast<std::uint8_t>(1 + random() % 10));    // precompiles
        case 3: return address_with_end(static_cast<std::uint8_t>(0x40 + random() % 6));  // nobody, at first
        case 4: return evm::create_address(test_address(1 + random() % senders), random() % 6);
        default: return contract(random() % contracts);
    }
}

void store_top(Bytecode& code, std::mt19937_64& random) { code.push(random() % 3).op(Opcode::sstore); }

/// Init code of a contract that ends, or destroys itself at once or when it is called.
Bytes some_init(std::mt19937_64& random) {
    Bytecode code;
    const Bytes destroy = Bytecode().push(some_account(random)).op(Opcode::selfdestruct);
    if (random() % 3 == 0) return destroy;
    code.sstore(random() % 3, random() % 3);
    if (random() % 2 == 0) return code;
    return Bytecode::deploying(destroy);
}

void add_step(Bytecode& code, std::mt19937_64& random, bool cancun) {
    constexpr Opcode calls[] = {Opcode::call, Opcode::callcode, Opcode::delegatecall, Opcode::staticcall};
    const U256 slot = random() % 3;
    switch (random() % 14) {
        case 0:
        case 1: code.push(slot).op(Opcode::sload).push(1).op(Opcode::add).push(slot).op(Opcode::sstore); break;
        case 2: code.push(some_account(random)).op(Opcode::balance); store_top(code, random); break;
        case 3: code.push(some_account(random)).op(Opcode::extcodehash); store_top(code, random); break;
        case 4: code.push(some_account(random)).op(Opcode::extcodesize); store_top(code, random); break;
        case 5: code.op(Opcode::gas); store_top(code, random); break;
        case 6: code.op({Opcode::selfbalance, Opcode::caller}).op(Opcode::sstore); break;
        case 7:
        case 8:
        case 9: {
            const Opcode kind = calls[random() % 4];
            code.call(kind, some_account(random), random() % 3 == 0 ? random() % 3 : 0, 30'000);
            store_top(code, random);
            break;
        }
        case 10:
            if (cancun) {
                code.push(slot).op(Opcode::tload).push(2).op(Opcode::add).push(slot).op(Opcode::tstore);
                code.push(slot).op(Opcode::tload);
                store_top(code, random);
            }
            break;
        case 11: {
            Bytes init = some_init(random);
            if (init.size() > 32) init.resize(32);
            // Few salts, so that the same address is asked for again.
            code.place(init).push(random() % 2).push(32).push(0).push(random() % 2).op(Opcode::create2);
            store_top(code, random);
            break;
        }
        case 12: code.push(slot).push(0).push(0).op(Opcode::log1); break;
        case 13:
            // Ends for some callers only, or destroys.
            if (random() % 3 == 0) code.push(some_account(random)).op(Opcode::selfdestruct);
            if (random() % 3 == 0) code.push(0).push(0).op(Opcode::revert);
            break;
    }
}

Bytes some_program(std::mt19937_64& random, bool cancun) {
    Bytecode code;
    for (std::uint64_t i = 1 + random() % 6; i > 0; --i) add_step(code, random, cancun);
    return code;
}

Genesis some_genesis(std::mt19937_64& random, bool cancun) {
    std::vector<Address> rich;
    for (std::size_t i = 1; i <= senders; ++i) rich.push_back(test_address(i));
    Genesis genesis = dev_genesis(rich);
    if (!cancun) {
        for (const auto fork : {Fork::cancun, Fork::prague, Fork::osaka}) genesis.config.at(fork).reset();
        genesis.header.blob_gas_used = genesis.header.excess_blob_gas = std::nullopt;
        genesis.header.parent_beacon_root = genesis.header.requests_hash = std::nullopt;
    }
    for (std::size_t i = 0; i < contracts; ++i) {
        GenesisAccount account;
        account.address = contract(i);
        account.nonce = 1;
        account.balance = U256(random() % 5);
        account.code = some_program(random, cancun);
        genesis.alloc.push_back(account);
    }
    // Accounts that are there and empty: whoever touches one deletes it.
    for (std::uint8_t i = 0; i < 3; ++i) {
        GenesisAccount empty;
        empty.address = address_with_end(static_cast<std::uint8_t>(0x40 + i));
        genesis.alloc.push_back(empty);
    }
    return genesis;
}

/// Transactions of few senders, with some that are to be refused.
std::vector<TransactionPtr> some_transactions(std::mt19937_64& random, std::vector<std::uint64_t>& nonces,
                                              bool cancun) {
    std::vector<TransactionPtr> out;
    const std::uint64_t count = 10 + random() % 60;
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t sender = random() % senders;
        Transaction tx = TestChain::transfer(nonces[sender], some_account(random), random() % 3);
        tx.gas_limit = 40'000 + random() % 400'000;
        tx.max_priority_fee_per_gas = U256(random() % 3);  // none: the coinbase is only touched
        if (random() % 8 == 0) {
            tx.to = std::nullopt;
            tx.data = some_init(random);
        }
        if (cancun && random() % 12 == 0) {
            tx.type = TransactionType::set_code;
            tx.to = test_address(1 + random() % senders);
            Authorization authorization{U256(31337), contract(random() % contracts), random() % 4, 0, {}, {}};
            EXPECT_TRUE(sign_authorization(authorization, test_key(1 + random() % senders)));
            tx.authorizations = {authorization};
        }
        if (random() % 20 == 0) {
            tx.nonce += random() % 2 == 0 ? 1 : 0;
            tx.value = ~U256{} >> 8;
            --nonces[sender];
        }
        ++nonces[sender];
        out.push_back(sign_transaction(tx, test_key(1 + sender)));
    }
    return out;
}

/// What a block's execution gave, in a form that compares.
struct Outcome {
    std::vector<std::string> answers;
    std::vector<Receipt> receipts;
    std::uint64_t gas_used = 0;
    StateChanges changes;
    Hash root;
    AheadCounts counts;
};

void sort(StateChanges& changes) {
    std::ranges::sort(changes.accounts, {}, &AccountChange::address);
    for (auto& account : changes.accounts) std::ranges::sort(account.slots, {}, &SlotChange::key);
    std::ranges::sort(changes.codes, {}, &CodeChange::code_hash);
}

Outcome execute(const ChainConfig& config, const Header& header, StateTrie& trie, const MemoryCodes& codes,
                std::span<const TransactionPtr> transactions, Workers& workers) {
    Outcome out;
    LockedReader reader(trie, codes);
    State state(reader);
    BlockExecution execution(config, header, state);
    EXPECT_TRUE(execution.begin());
    execution.add_all(transactions, workers, [&](std::size_t i, Checked<void> answer) {
        EXPECT_EQ(i, out.answers.size());
        out.answers.push_back(answer ? "" : answer.error().message);
        return true;
    });
    EXPECT_TRUE(execution.finish({}, std::vector<Withdrawal>{}));
    out.receipts = execution.receipts();
    out.gas_used = execution.gas_used();
    out.counts = execution.ahead_counts();
    out.changes = execution.take_changes();
    StateTrie after = trie;
    out.root = after.apply(out.changes, nullptr);
    sort(out.changes);
    return out;
}

void expect_same(const Outcome& got, const Outcome& want) {
    ASSERT_EQ(got.answers, want.answers);
    EXPECT_EQ(got.gas_used, want.gas_used);
    ASSERT_EQ(got.receipts.size(), want.receipts.size());
    for (std::size_t i = 0; i < got.receipts.size(); ++i) ASSERT_EQ(got.receipts[i], want.receipts[i]) << i;
    ASSERT_EQ(got.changes.accounts.size(), want.changes.accounts.size());
    for (std::size_t i = 0; i < got.changes.accounts.size(); ++i) {
        const auto& a = got.changes.accounts[i];
        const auto& b = want.changes.accounts[i];
        SCOPED_TRACE(to_hex(b.address));
        EXPECT_EQ(a.address, b.address);
        EXPECT_EQ(a.account, b.account);
        EXPECT_EQ(a.slots, b.slots);
        EXPECT_EQ(std::tie(a.deleted, a.storage_wiped, a.code_changed),
                  std::tie(b.deleted, b.storage_wiped, b.code_changed));
    }
    ASSERT_EQ(got.changes.codes.size(), want.changes.codes.size());
    for (std::size_t i = 0; i < got.changes.codes.size(); ++i) {
        EXPECT_EQ(got.changes.codes[i].code_hash, want.changes.codes[i].code_hash);
        EXPECT_EQ(got.changes.codes[i].bytes, want.changes.codes[i].bytes);
    }
    EXPECT_EQ(got.root, want.root);
}

struct World {
    MemoryNodes nodes;
    MemoryCodes codes;
    StateTrie trie{&nodes, empty_trie_root};

    explicit World(const Genesis& genesis) {
        StateChanges initial = genesis_changes(genesis);
        codes.put(initial.codes);
        (void)trie.apply(initial, nullptr);
    }
};

class AheadTest : public testing::TestWithParam<bool> {};

TEST_P(AheadTest, random_blocks_end_as_in_order) {
    const bool cancun = GetParam();
    TestWorkers workers(3);
    AheadCounts sum;
    std::uint64_t refused = 0;
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        const Genesis genesis = some_genesis(random, cancun);
        World world(genesis);
        auto& [nodes, codes, trie] = world;
        std::vector<std::uint64_t> nonces(senders);
        Header parent = genesis.header;
        for (int block = 0; block < 4; ++block) {
            BlockAttributes attributes;
            attributes.timestamp = parent.timestamp + 1;
            // Mostly nobody's, but also one that sends, and one that may destroy itself.
            attributes.coinbase = block == 1 ? test_address(1) : block == 2 ? contract(seed % contracts) : coinbase;
            const Header header = make_header(genesis.config, parent, attributes);
            const auto transactions = some_transactions(random, nonces, cancun);
            Outcome want = execute(genesis.config, header, trie, codes, transactions, serial_workers());
            const Outcome got = execute(genesis.config, header, trie, codes, transactions, workers);
            expect_same(got, want);
            if (HasFailure()) return;
            sum.held += got.counts.held;
            sum.repeated += got.counts.repeated;
            refused += static_cast<std::uint64_t>(
                std::ranges::count_if(want.answers, [](const auto& answer) { return !answer.empty(); }));
            codes.put(want.changes.codes);
            (void)trie.apply(want.changes, nullptr);
            parent = header;
            for (std::size_t i = 0; i < senders; ++i) {
                nonces[i] = trie.account(test_address(i + 1)).value_or(Account{}).nonce;
            }
        }
    }
    // Nothing of it was in vain.
    EXPECT_GT(sum.held, 1000U);
    EXPECT_GT(sum.repeated, 500U);
    EXPECT_GT(refused, 100U);
}

TEST(ahead, a_coinbase_that_destroys_itself_loses_the_fee) {
    std::mt19937_64 random(1);
    Genesis genesis = some_genesis(random, false);
    for (auto& account : genesis.alloc) {
        if (account.address == contract(0)) {
            account.code = Bytecode().push(address_with_end(0x77)).op(Opcode::selfdestruct);
        } else if (account.address == contract(1)) {
            account.code = Bytecode().call(Opcode::call, contract(0));
        }
    }
    World world(genesis);
    BlockAttributes attributes;
    attributes.timestamp = 1;
    attributes.coinbase = contract(0);
    const Header header = make_header(genesis.config, genesis.header, attributes);
    Transaction tx = TestChain::transfer(0, contract(1), 0);
    tx.gas_limit = 100'000;
    const std::vector<TransactionPtr> transactions = {
        sign_transaction(tx, test_key(1)),
        sign_transaction(TestChain::transfer(0, address_with_end(0x78), 1), test_key(2))};
    TestWorkers workers(2);
    const Outcome want = execute(genesis.config, header, world.trie, world.codes, transactions, serial_workers());
    expect_same(execute(genesis.config, header, world.trie, world.codes, transactions, workers), want);
    EXPECT_EQ(want.receipts.size(), 2U);
}

INSTANTIATE_TEST_SUITE_P(forks, AheadTest, testing::Bool(),
                         [](const auto& fork) { return fork.param ? "osaka" : "shanghai"; });

}  // namespace
}  // namespace weft::chain
