#pragma once
// What a running contract may ask of the world. The chain's journalled State is the Host of every execution; the
// interpreter and the call rules (call.hpp) know no other.
//
// Everything a Host does is undone by revert(checkpoint), warm marks included, except what is said to be outside the
// journal. A Host belongs to one execution on one thread.

#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.hpp"
#include "base/u256.hpp"
#include "evm/revision.hpp"

namespace weft::evm {

class Code;  // analysed code, code.hpp
using CodePtr = std::shared_ptr<const Code>;

struct Log {
    Address address;
    std::vector<Hash> topics;
    Bytes data;
    bool operator==(const Log&) const = default;
};

/// A slot's value before the transaction and now; what SSTORE's price depends on (EIP-2200).
struct SlotValues {
    U256 original;
    U256 current;
};

class Host {
  public:
    virtual ~Host() = default;

    // --- accounts. An account that does not exist reads as zero in everything.
    /// Spurious Dragon on: exists and is not empty (nonce, balance, code all zero). Before: exists.
    [[nodiscard]] virtual bool exists(const Address& address) = 0;
    [[nodiscard]] virtual U256 balance(const Address& address) = 0;
    [[nodiscard]] virtual std::uint64_t nonce(const Address& address) = 0;
    /// Zero for an account that does not exist (EIP-1052), keccak256("") for one without code.
    [[nodiscard]] virtual Hash code_hash(const Address& address) = 0;
    /// Never null: empty code is a Code too. The pointer stays valid while the caller holds it.
    [[nodiscard]] virtual CodePtr code(const Address& address) = 0;
    /// Whether creation at @p address must fail: it has a nonce, code, or storage (EIP-684, EIP-7610).
    [[nodiscard]] virtual bool has_collision(const Address& address) = 0;

    virtual void set_balance(const Address& address, const U256& balance) = 0;
    virtual void set_nonce(const Address& address, std::uint64_t nonce) = 0;
    virtual void set_code(const Address& address, Bytes code) = 0;
    /// Brings an account into being for contract creation in this transaction: keeps its balance, resets all else.
    virtual void create_account(const Address& address) = 0;
    /// Marks it touched, so that it is deleted at the end of the transaction if empty (EIP-161).
    virtual void touch(const Address& address) = 0;
    /// Whether create_account() ran for it in this transaction (EIP-6780).
    [[nodiscard]] virtual bool created_in_transaction(const Address& address) = 0;
    /// Schedules deletion at the end of the transaction. Returns whether it was not scheduled yet.
    virtual bool schedule_destruction(const Address& address) = 0;

    // --- storage
    [[nodiscard]] virtual U256 storage(const Address& address, const U256& key) = 0;
    [[nodiscard]] virtual SlotValues storage_values(const Address& address, const U256& key) = 0;
    virtual void set_storage(const Address& address, const U256& key, const U256& value) = 0;
    [[nodiscard]] virtual U256 transient_storage(const Address& address, const U256& key) = 0;
    virtual void set_transient_storage(const Address& address, const U256& key, const U256& value) = 0;

    // --- warm and cold (EIP-2929). Each returns whether it was cold, and makes it warm. A transaction's warm set need
    // not name the precompiles: the EVM knows that they are warm.
    virtual bool warm_account(const Address& address) = 0;
    virtual bool warm_storage(const Address& address, const U256& key) = 0;

    virtual void emit_log(Log log) = 0;

    /// Hash of an ancestor block; zero outside the 256 most recent ones.
    [[nodiscard]] virtual Hash block_hash(std::uint64_t number) = 0;

    // --- journal
    [[nodiscard]] virtual std::size_t checkpoint() = 0;
    virtual void revert(std::size_t checkpoint) = 0;
};

/// What the block opcodes read.
struct BlockContext {
    std::uint64_t number = 0;
    std::uint64_t timestamp = 0;
    std::uint64_t gas_limit = 0;
    Address coinbase;
    U256 difficulty;   // before Paris
    Hash prev_randao;  // from Paris
    U256 base_fee;
    U256 blob_base_fee;
    std::uint64_t chain_id = 1;
};

/// What the transaction opcodes read.
struct TransactionContext {
    Address origin;
    U256 gas_price;  // effective
    std::vector<Hash> blob_hashes;
};

enum class CallKind : std::uint8_t { call, callcode, delegatecall, staticcall, create, create2 };

struct Message {
    CallKind kind = CallKind::call;
    bool is_static = false;
    int depth = 0;
    std::uint64_t gas = 0;
    Address recipient;     // whose storage and balance; for creations: filled by the call rules
    Address sender;
    Address code_address;  // whose code; differs from recipient for callcode and delegatecall
    U256 value;            // for delegatecall: the parent's, not moved
    BytesView input;       // for creations: the init code
    Hash salt;             // create2
};

/// Why an execution ended. From `failure` on all gas of the frame is gone.
enum class Status : std::uint8_t {
    success,
    revert,
    failure,  // first of the exceptional halts; named below for traces and messages
    out_of_gas,
    invalid_opcode,  // undefined, or the designated INVALID
    stack_underflow,
    stack_overflow,
    bad_jump_destination,
    static_mode_violation,
    return_data_out_of_bounds,
    call_depth_exceeded,     // the call did not take place; its gas is returned
    insufficient_balance,    // the same
    nonce_exhausted,         // the same (EIP-2681)
    contract_address_collision,
    max_code_size_exceeded,
    invalid_code_prefix,     // EIP-3541
    code_store_out_of_gas,
    precompile_failure,
    aborted,  // by its Limiter: not the code's failure; the whole execution counts for nothing
};

struct CallResult {
    Status status = Status::success;
    std::uint64_t gas_left = 0;
    std::int64_t gas_refund = 0;
    Bytes output;
    Address created;  // of a creation: the address it got or would have got
    // What status.hpp's describe() needs of the instruction that failed.
    std::uint8_t failed_opcode = 0;
    std::uint16_t failed_stack_size = 0;
};

}  // namespace weft::evm
