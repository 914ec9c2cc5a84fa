#pragma once
// Bytecode by hand, for the room's tests.

#include <gtest/gtest.h>

#include <initializer_list>

#include "evm/opcode.hpp"
#include "evm/test_host.hpp"

namespace weft::evm {

/// Appends instructions.
class Bytecode {
  public:
    Bytecode() = default;

    /// The shortest PUSH that holds @p value; never PUSH0, which most forks lack.
    Bytecode& push(const U256& value) {
        const unsigned size = std::max(1U, value.byte_length());
        bytes_.push_back(static_cast<std::uint8_t>(to_byte(Opcode::push0) + size));
        const Hash word = value.to_hash();
        append(bytes_, word.view().subspan(32 - size));
        return *this;
    }
    Bytecode& push(const Address& address) { return push(U256::from_bytes(address)); }
    Bytecode& op(Opcode opcode) {
        bytes_.push_back(to_byte(opcode));
        return *this;
    }
    Bytecode& op(std::initializer_list<Opcode> opcodes) {
        for (const auto opcode : opcodes) op(opcode);
        return *this;
    }
    Bytecode& raw(BytesView bytes) {
        append(bytes_, bytes);
        return *this;
    }
    Bytecode& repeat(std::size_t times, Opcode opcode) {
        bytes_.insert(bytes_.end(), times, to_byte(opcode));
        return *this;
    }
    /// Returns the word on top.
    Bytecode& return_top() { return push(0).op(Opcode::mstore).push(32).push(0).op(Opcode::return_); }
    Bytecode& sstore(const U256& key, const U256& value) { return push(value).push(key).op(Opcode::sstore); }
    /// CALL or its kin with no output area; leaves the result on the stack.
    Bytecode& call(Opcode kind, const Address& to, const U256& value = 0, const U256& gas = 0xffffffff) {
        push(0).push(0).push(0).push(0);
        if (kind == Opcode::call || kind == Opcode::callcode) push(value);
        return push(to).push(gas).op(kind);
    }
    /// Init code that leaves @p code as the contract.
    [[nodiscard]] static Bytecode deploying(const Bytes& code) {
        Bytecode out;
        out.push(code.size()).op(Opcode::dup1).push(0).push(0);
        const std::size_t at = out.bytes_.size() - 3;  // the operand of the first of the two, CODECOPY's source
        out.op(Opcode::codecopy).push(0).op(Opcode::return_);
        out.bytes_[at] = static_cast<std::uint8_t>(out.bytes_.size());
        return out.raw(code);
    }
    /// Stores @p code in memory from 0 on, for CREATE. @param code  at most 32 bytes.
    Bytecode& place(const Bytes& code) {
        Bytes padded = code;
        padded.resize(32);
        return push(U256::from_bytes(padded)).push(0).op(Opcode::mstore);
    }
    [[nodiscard]] std::size_t size() const { return bytes_.size(); }
    operator Bytes() const { return bytes_; }  // NOLINT: a program is its bytes

  private:
    Bytes bytes_;
};

/// One contract and a caller, at a revision.
struct Bench {
    explicit Bench(Revision revision_under_test = Revision::osaka) : host(revision_under_test) {
        environment.revision = revision_under_test;
        host.world.accounts[sender].balance = 1'000'000;
        host.world.accounts[sender].nonce = 1;
        host.world.accounts[contract].nonce = 1;
        host.world.warm_accounts = {sender, contract};
    }

    static constexpr Address address(std::uint8_t last) {
        Address out;
        out.bytes[18] = 0xa0;
        out.bytes[19] = last;
        return out;
    }
    Address sender = address(1);
    Address contract = address(2);
    Address other = address(3);
    TestHost host;
    Environment environment;
    std::uint64_t gas = 1'000'000;
    Bytes input;
    U256 value;
    bool is_static = false;

    CallResult run(const Bytes& code) {
        host.world.accounts[contract].code = code;
        return call(contract);
    }
    CallResult call(const Address& to) {
        Message message;
        message.recipient = message.code_address = to;
        message.sender = sender;
        message.gas = gas;
        message.input = input;
        message.value = value;
        message.is_static = is_static;
        return execute_both_ways(message);
    }
    CallResult create(const Bytes& init) {
        Message message;
        message.kind = CallKind::create;
        message.sender = sender;
        message.gas = gas;
        message.input = init;
        message.value = value;
        return execute_both_ways(message);
    }
    /// Runs a message on the bench's world, and translated on a copy of it: whatever the test looks at, that must
    /// agree.
    CallResult execute_both_ways(const Message& message) {
        TestHost twin = host;
        twin.translates_at_once = true;
        Environment untraced = environment;
        untraced.tracer = nullptr;
        const auto translated = execute(twin, untraced, message);
        const auto result = execute(host, environment, message);
        EXPECT_EQ(translated.status, result.status);
        EXPECT_EQ(translated.gas_left, result.gas_left);
        EXPECT_EQ(translated.gas_refund, result.gas_refund);
        EXPECT_EQ(translated.output, result.output);
        EXPECT_TRUE(twin.world == host.world);
        return result;
    }
    /// Runs and gives the gas it took.
    std::uint64_t gas_of(const Bytes& code) { return gas - run(code).gas_left; }
};

}  // namespace weft::evm
