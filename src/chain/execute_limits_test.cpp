// Code that reaches for more than it may have: as deep, as large, as long as the rules allow and one more.

#include <gtest/gtest.h>

#include "base/hex.hpp"
#include "chain/execute.hpp"
#include "chain/memory.hpp"
#include "evm/call.hpp"
#include "evm/gas.hpp"

namespace weft::chain {
namespace {

using evm::Status;

const Address sender = *fixed_from_hex<Address>("0x00000000000000000000000000000000000000aa");
const Address contract = *fixed_from_hex<Address>("0x0000000000000000000000000000000000001000");

/// A state with one contract, and calls to it or creations, at a fork.
class Bench {
  public:
    explicit Bench(Fork fork) : reader_(trie_, codes_), state_(reader_) {
        environment_.rules = rules_of_fork(fork);
        environment_.block.number = 1;
        environment_.block.gas_limit = ~0ULL;
        state_.begin_block(1, environment_.rules.revision);
    }
    TransactionOutcome call(const Bytes& code, std::uint64_t gas) {
        state_.set_code(contract, code);
        return run(contract, {}, gas);
    }
    TransactionOutcome create(const Bytes& init_code, std::uint64_t gas) { return run(std::nullopt, init_code, gas); }
    /// Why it is refused, if it is.
    std::optional<Rule> refusal(const Bytes& init_code, std::uint64_t gas) {
        const auto outcome = execute_call(state_, environment_, transaction(std::nullopt, init_code, gas), sender);
        return outcome ? std::nullopt : std::optional(outcome.error().rule);
    }
    State& state() { return state_; }

  private:
    static Transaction transaction(std::optional<Address> to, const Bytes& data, std::uint64_t gas) {
        Transaction tx;
        tx.gas_limit = gas;
        tx.to = to;
        tx.data = data;
        return tx;
    }
    TransactionOutcome run(std::optional<Address> to, const Bytes& data, std::uint64_t gas) {
        auto outcome = execute_call(state_, environment_, transaction(to, data, gas), sender);
        EXPECT_TRUE(outcome) << outcome.error().message;
        return outcome ? *std::move(outcome) : TransactionOutcome{};
    }

    StateTrie trie_;
    MemoryCodes codes_;
    TrieStateReader reader_;
    BlockEnvironment environment_;
    State state_;
};

constexpr std::uint64_t plenty = std::uint64_t{1} << 50;

TEST(limits, creations_nest_1024_deep) {
    // CODECOPY(0, 0, CODESIZE), CREATE or CREATE2 of that: each frame creates one like itself.
    for (const auto* const code : {"0x3860006000393860006000f000", "0x38600060003960003860006000f500"}) {
        SCOPED_TRACE(code);
        Bench bench(Fork::prague);
        const auto outcome = bench.create(*from_hex(code), plenty);
        EXPECT_EQ(outcome.status, Status::success);
        // The transaction's frame has depth 0, so 1025 frames run; the last one's creation fails and counts no nonce.
        Address at = *outcome.created;
        int frames = 0;
        for (; bench.state().nonce(at) != 0; ++frames) {
            const bool second = std::string_view(code).ends_with("f500");
            at = second ? evm::create2_address(at, {}, *from_hex(code)) : evm::create_address(at, 1);
        }
        EXPECT_EQ(frames, 1025);
    }
}

TEST(limits, code_has_24576_bytes_at_most_in_every_fork_from_eip_170) {
    const auto returning = [](std::uint32_t size) {  // PUSH3 size PUSH1 0 RETURN
        return Bytes{0x62, static_cast<std::uint8_t>(size >> 16), static_cast<std::uint8_t>(size >> 8),
                     static_cast<std::uint8_t>(size), 0x60, 0x00, 0xf3};
    };
    for (std::size_t i = 0; i <= static_cast<std::size_t>(Fork::osaka); ++i) {
        const Fork fork = static_cast<Fork>(i);
        SCOPED_TRACE(to_string(fork));
        const bool limited = revision_of(fork) >= evm::Revision::spurious_dragon;
        EXPECT_EQ(Bench(fork).create(returning(24576), 10'000'000).status, Status::success);
        // EIP-7907, which would raise it, is not part of Osaka.
        EXPECT_EQ(Bench(fork).create(returning(24577), 10'000'000).status,
                  limited ? Status::max_code_size_exceeded : Status::success);
    }
}

TEST(limits, init_code_has_49152_bytes_at_most_from_eip_3860) {
    for (const Fork fork : {Fork::paris, Fork::shanghai, Fork::osaka}) {
        SCOPED_TRACE(to_string(fork));
        EXPECT_EQ(Bench(fork).refusal(Bytes(49152), 10'000'000), std::nullopt);
        const auto above = Bench(fork).refusal(Bytes(49153), 10'000'000);
        EXPECT_EQ(above, fork == Fork::paris ? std::nullopt : std::optional(Rule::init_code_size_exceeded));
    }
}

TEST(limits, jump_bomb_ends_with_its_gas) {
    // A JUMPDEST at every place, and a jump back from the end of the largest code there is.
    Bytes code(evm::code_size_max, 0x5b);
    code[code.size() - 3] = 0x60;
    code[code.size() - 2] = 0x00;
    code[code.size() - 1] = 0x56;
    const auto outcome = Bench(Fork::prague).call(code, 30'000'000);
    EXPECT_EQ(outcome.status, Status::out_of_gas);
    EXPECT_EQ(outcome.gas_used, 30'000'000U);
    // The same with every JUMPDEST an operand, of PUSH1 and before a POP: the jump, to the first one, arrives nowhere.
    for (std::size_t i = 0; i + 3 < code.size(); i += 3) code[i] = 0x60, code[i + 2] = 0x50;
    code[code.size() - 2] = 0x01;
    EXPECT_EQ(Bench(Fork::prague).call(code, 30'000'000).status, Status::bad_jump_destination);
}

TEST(limits, memory_bomb_gets_what_its_gas_pays) {
    // MSTORE8 at 32 MiB more each time, from as deep as there is memory: PUSH1 1 MSIZE PUSH4 0x02000000 ADD MSTORE8 ...
    const Bytes code = *from_hex("0x5b60015963020000000153600056");
    for (const std::uint64_t gas : {100'000ULL, 30'000'000ULL, 2'500'000'000ULL}) {
        SCOPED_TRACE(gas);
        const auto outcome = Bench(Fork::prague).call(code, gas);
        EXPECT_EQ(outcome.status, Status::out_of_gas);
        EXPECT_EQ(outcome.gas_used, gas);
    }
    // Each frame of a recursion takes 64 kB.
    const Bytes deep = *from_hex("0x60016201000053600060006000600060003061fffe5a03f100");
    EXPECT_EQ(Bench(Fork::prague).call(deep, plenty).status, Status::success);
}

}  // namespace
}  // namespace weft::chain
