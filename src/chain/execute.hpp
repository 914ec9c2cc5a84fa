#pragma once
// Running transactions: what one pays before, during and after the EVM, and what a block does around them.
//
// execute_transaction is the rule; BlockExecution puts transactions into a block one by one (a builder skips those that
// are refused, an import fails with them); import_block is the whole check of a block that somebody else made.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/u256.hpp"
#include "base/workers.hpp"
#include "chain/block.hpp"
#include "chain/fork.hpp"
#include "chain/receipt.hpp"
#include "chain/state.hpp"
#include "chain/state_trie.hpp"
#include "chain/transaction.hpp"
#include "chain/validate.hpp"
#include "evm/execute.hpp"

namespace weft::chain {

/// All that stays the same during one block.
struct BlockEnvironment {
    Rules rules;
    evm::BlockContext block;
    evm::Limiter* limiter = nullptr;  // of executions for somebody's question; blocks know the protocol's bounds alone
};
[[nodiscard]] BlockEnvironment make_environment(const ChainConfig& config, const Header& header);

struct TransactionOutcome {
    evm::Status status = evm::Status::success;
    std::uint64_t gas_used = 0;       // after refunds and the floor
    std::uint64_t gas_used_peak = 0;  // before refunds: what the gas limit must allow for
    std::uint64_t gas_refunded = 0;
    Bytes output;                     // returned, or the revert's reason; of a creation the deployed code
    std::optional<Address> created;   // set for every creation, successful or not
    std::vector<evm::Log> logs;
    U256 effective_gas_price;
    U256 coinbase_fee;
    std::uint8_t failed_opcode = 0;       // for the message: the instruction that failed,
    std::uint16_t failed_stack_size = 0;  // and the stack's height then

    [[nodiscard]] bool succeeded() const { return status == evm::Status::success; }
};

/// Runs a transaction to its end. A refused one leaves the state as it was.
///
/// @pre      state.begin_block() was called; the sender is recovered.
/// @errors   whatever validate_transaction() finds; the rules against state and block fees. The block's gas is the
///           caller's (BlockExecution).
/// @source   Yellow Paper, section 6; EIP-1559, 2929, 3529, 3607, 3651, 4844, 6780, 7623, 7702, 7825.
[[nodiscard]] Checked<TransactionOutcome> execute_transaction(State& state, const BlockEnvironment& environment,
                                                              const SignedTransaction& transaction,
                                                              evm::Tracer* tracer = nullptr);

/// The same, but for the coinbase: it gets outcome.coinbase_fee from the caller, later.
[[nodiscard]] Checked<TransactionOutcome> execute_transaction_ahead(State& state, const BlockEnvironment& environment,
                                                                    const SignedTransaction& transaction);

/// Which of the checks of a real transaction a call is held to.
struct CallChecks {
    bool nonce = false;
    bool sender = false;             // EIP-3607, and EIP-7825's cap
    bool base_fee = false;           // also for fees of zero; otherwise those make the block's base fee zero
    bool allow_unlimited_code = false;
};
/// Runs what is no transaction yet, for eth_call and its kin. The sender pays as for a transaction, so that fees of
/// zero are the way not to. Chain id and signature of @p call don't matter.
/// @errors  as execute_transaction, less what @p checks leave out.
[[nodiscard]] Checked<TransactionOutcome> execute_call(State& state, const BlockEnvironment& environment,
                                                       const Transaction& call, const Address& sender,
                                                       evm::Tracer* tracer = nullptr, const CallChecks& checks = {});

/// The lowest gas limit, within 1.5 %, that lets a call succeed.
///
/// @param state    the base; it is cloned for every try.
/// @param call     gas_limit 0: not given. Fees of zero: the sender's balance doesn't bound the gas.
/// @param gas_cap  the node's own bound; 0 for none.
/// @errors  failed_precondition  the call fails with any gas: detail 3 and the data of a revert, or -32000; a refusal;
///                               "gas required exceeds allowance (N)".
[[nodiscard]] Result<std::uint64_t> estimate_gas(const State& state, const BlockEnvironment& environment,
                                                 Transaction call, const Address& sender, std::uint64_t gas_cap);

/// The message of a call that did not succeed, as clients word it: "execution reverted", with ": reason" if the output
/// is an Error(string) or Panic(uint256); "out of gas"; "invalid jump destination"; ...
[[nodiscard]] std::string failure_message(const TransactionOutcome& outcome);

/// What became of transactions that add_all() executed, for measuring.
struct AheadCounts {
    std::uint64_t held = 0;      // results ahead of their turn that were right
    std::uint64_t repeated = 0;  // wrong, executed again
    std::uint64_t in_turn = 0;   // not executed ahead
};

struct ExecutedBlock;

/// A block's execution, in order: begin(), add() for each transaction, finish().
class BlockExecution {
  public:
    /// @param header  number, timestamp, coinbase, gas limit, fees, mix hash and beacon root are used; results aren't.
    /// @param trie    of the parent's state, which is copied: before Byzantium receipts hold roots. Null from Byzantium
    ///                on, and for whom receipts don't matter.
    BlockExecution(const ChainConfig& config, const Header& header, State& state, const StateTrie* trie = nullptr);

    /// Bounds what follows beyond the protocol's rules, for traces; an outcome may then be `aborted`.
    void limit(evm::Limiter* limiter) { environment_.limiter = limiter; }
    /// DAO fork; system calls of EIP-4788 and EIP-2935.
    [[nodiscard]] Checked<void> begin();
    /// Runs the next transaction. A refused one changes nothing, and others may follow.
    [[nodiscard]] Checked<void> add(const TransactionPtr& transaction, evm::Tracer* tracer = nullptr);
    /// add() of each, in order, with many executed ahead by the workers.
    /// @param added  is told each one's index and answer, in order; false ends it.
    void add_all(std::span<const TransactionPtr> transactions, Workers& workers,
                 const std::function<bool(std::size_t index, Checked<void> answer)>& added);
    /// Requests (EIP-6110, 7002, 7251), withdrawals, rewards.
    [[nodiscard]] Checked<void> finish(std::span<const Header> ommers,
                                       const std::optional<std::vector<Withdrawal>>& withdrawals);

    [[nodiscard]] const std::vector<Receipt>& receipts() const { return receipts_; }
    [[nodiscard]] std::vector<Receipt> take_receipts() {
        receipts_.shrink_to_fit();  // a block is kept for long
        return std::move(receipts_);
    }
    [[nodiscard]] const std::vector<TransactionPtr>& transactions() const { return transactions_; }
    /// Of the last add().
    [[nodiscard]] const TransactionOutcome& last_outcome() const { return outcome_; }
    [[nodiscard]] const std::vector<Bytes>& requests() const { return requests_; }
    [[nodiscard]] std::uint64_t gas_used() const { return gas_used_; }
    [[nodiscard]] std::uint64_t blob_gas_used() const { return blob_gas_used_; }
    [[nodiscard]] std::uint64_t gas_left() const { return environment_.block.gas_limit - gas_used_; }
    [[nodiscard]] const BlockEnvironment& environment() const { return environment_; }
    [[nodiscard]] const AheadCounts& ahead_counts() const { return ahead_counts_; }
    /// What the whole block did to the state. Once, at the end.
    [[nodiscard]] StateChanges take_changes();

  private:
    friend Checked<struct ExecutedBlock> import_block(const ChainConfig& config, const Header& parent, Block block,
                                                      StateReader& reader, StateTrie& trie, AncestorSource* ancestors,
                                                      std::size_t encoded_size, Workers& workers);
    /// add(), but for the bound on the block's size, which an import knows exactly.
    [[nodiscard]] Checked<void> run(const TransactionPtr& transaction, evm::Tracer* tracer);
    void run_all(std::span<const TransactionPtr> transactions, Workers& workers, bool check_size,
                 const std::function<bool(std::size_t index, Checked<void> answer)>& added);
    [[nodiscard]] Checked<void> check_size(const SignedTransaction& transaction) const;
    [[nodiscard]] Checked<void> check_gas(const Transaction& transaction) const;
    void keep(const TransactionPtr& transaction, TransactionOutcome outcome);
    [[nodiscard]] Checked<void> collect_requests();
    /// Runs a system contract. Nothing if there is no code; the status is the caller's to judge.
    [[nodiscard]] std::optional<evm::CallResult> system_call(const Address& contract, BytesView input);
    void append_receipt(const SignedTransaction& transaction);
    void pay_rewards(std::span<const Header> ommers);

    const ChainConfig& config_;
    Header header_;
    State& state_;
    std::optional<StateTrie> trie_;
    BlockEnvironment environment_;
    std::vector<TransactionPtr> transactions_;
    std::vector<Receipt> receipts_;
    std::vector<Bytes> requests_;
    TransactionOutcome outcome_;
    StateChanges changes_;
    AheadCounts ahead_counts_;
    std::uint64_t gas_used_ = 0;
    std::uint64_t blob_gas_used_ = 0;
    std::uint64_t size_ = 0;  // of the transactions' encodings, for EIP-7934
};

/// A block with all that its execution gave.
struct ExecutedBlock {
    Block block;
    Hash hash;
    std::vector<Receipt> receipts;
    std::vector<Bytes> requests;
    StateChanges changes;
    std::vector<NodeChange> nodes;
};

/// Checks a block of somebody else against everything but its seal: header, body, ommers, execution, results.
///
/// @param reader     the parent's state.
/// @param trie       the parent's; becomes the block's if it is valid, and is unchanged otherwise.
/// @param ancestors  for ommers; may be null for merged chains.
/// @param encoded_size  of the block's RLP, 0 to have it measured.
/// @param workers    recover senders, execute ahead and hash the trie.
[[nodiscard]] Checked<ExecutedBlock> import_block(const ChainConfig& config, const Header& parent, Block block,
                                                  StateReader& reader, StateTrie& trie,
                                                  AncestorSource* ancestors = nullptr, std::size_t encoded_size = 0,
                                                  Workers& workers = serial_workers());

/// What a proposer decides about a new block.
struct BlockAttributes {
    std::uint64_t timestamp = 0;
    Address coinbase;
    Hash prev_randao;
    std::uint64_t gas_limit = 0;  // 0: the parent's
    Bytes extra_data;
    std::optional<Hash> parent_beacon_root;                // from Cancun; zero if none is given
    std::optional<std::vector<Withdrawal>> withdrawals;    // from Shanghai; empty if none are given
    std::optional<U256> base_fee;                          // overrides the rule, for development chains
    /// Decides whether the block is of proof of stake; without it the chain is taken to have merged if its parent has.
    std::optional<U256> parent_total_difficulty;
};
/// The header to build on @p parent, results still empty.
[[nodiscard]] Header make_header(const ChainConfig& config, const Header& parent, const BlockAttributes& attributes);

/// What a block holds and its execution gave.
struct BlockResults {
    std::span<const TransactionPtr> transactions;
    std::span<const Receipt> receipts;
    std::span<const Bytes> requests;
    std::span<const Withdrawal> withdrawals;
    std::uint64_t gas_used = 0;
    std::uint64_t blob_gas_used = 0;
};
/// Fills in what that decides of a header: all but the state root. Fields of later forks stay away.
void fill_header(Header& header, const BlockResults& results);

/// Ends the execution of a new block and fills in its header.
///
/// @param trie  the parent's; becomes the block's.
/// @pre   begin() and add()s were called on @p execution, finish() wasn't.
[[nodiscard]] Checked<ExecutedBlock> seal_block(BlockExecution& execution, const Header& header,
                                                const BlockAttributes& attributes, StateTrie& trie);

}  // namespace weft::chain
