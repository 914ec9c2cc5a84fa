#pragma once
// Transactions executed ahead of their turn, several at once, with the results that order gives.
//
// The next transactions of a block run as if none of them had run yet, each on a State of its own that reads the
// block's. Then they take their turns: if all that one needed still is as it was then, its changes are taken over; if
// not, the caller runs it again on the block's state, once, which is then certainly right. What is compared are values,
// not who wrote them.
//
//   * Transactions of one sender run one after the other, each on top of the one before.
//   * The coinbase gets its fee only when a transaction's turn comes, or each would need what all before it changed.
//     One that looks at the coinbase's account holds if it saw what it would see now; one that changes it runs again.
//   * Accounts that made transactions run twice are remembered, and who calls them runs in turn. A block of nothing
//     but swaps with one pair costs little more than without all this.

#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/workers.hpp"
#include "chain/execute.hpp"

namespace weft::chain {

class AheadExecution {
  public:
    /// @param state, environment, workers  outlive this. @pre worth_it().
    AheadExecution(State& state, const BlockEnvironment& environment, Workers& workers);
    ~AheadExecution();

    /// Whether there is enough to run at once, and a reader that allows it.
    [[nodiscard]] static bool worth_it(const State& state, std::size_t transactions, const Workers& workers);

    /// Executes the first of what is left of a block. Nothing else runs on the state meanwhile.
    /// @return how many; take() is then called for each of them in order.
    [[nodiscard]] std::size_t run(std::span<const TransactionPtr> transactions);
    /// A transaction's turn. If what was found ahead holds, the state then has what execute_transaction() would do.
    /// @param index  in the last run(). @return nothing if it must be executed in turn.
    [[nodiscard]] std::optional<TransactionOutcome> take(std::size_t index);

    [[nodiscard]] const AheadCounts& counts() const { return counts_; }

  private:
    struct Run;
    struct Record {
        std::uint32_t held = 0;
        std::uint32_t repeated = 0;
    };

    [[nodiscard]] bool is_promising(const Transaction& transaction, const Address& sender) const;
    void execute(Run& run) const;
    void judge(const Run& run, bool held);

    State& state_;
    const BlockEnvironment& environment_;
    Workers& workers_;
    std::vector<Run> runs_;
    std::size_t window_;
    std::unordered_map<Address, Record> callees_;
    AheadCounts counts_;
};

}  // namespace weft::chain
