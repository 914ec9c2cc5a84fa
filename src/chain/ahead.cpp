#include "chain/ahead.hpp"

#include <algorithm>

namespace weft::chain {

namespace {

/// Transactions that run ahead together. It grows as long as their results hold: what is wrong then costs more.
constexpr std::size_t window_first = 32;
constexpr std::size_t window_max = 256;
/// About what a transaction takes if it reads nothing from the disk: a little more than a plain transfer does.
constexpr std::int64_t transaction_ns = 5'000;
/// Transactions of one sender that run ahead in one window: each reads through those before it.
constexpr std::size_t chain_max = 8;

/// A State as those see it that run ahead of it.
class StateAhead final : public StateReader {
  public:
    explicit StateAhead(const State& below) : below_(below) {}
    [[nodiscard]] bool is_thread_safe() const override { return true; }
    [[nodiscard]] std::optional<Account> account(const Address& address) override {
        return below_.peek_account(address);
    }
    [[nodiscard]] U256 storage(const Address& address, const U256& key) override {
        return below_.peek_storage(address, key);
    }
    [[nodiscard]] evm::CodePtr code(const Hash& code_hash) override { return below_.peek_code(code_hash); }
    [[nodiscard]] Hash block_hash(std::uint64_t number) override { return below_.peek_block_hash(number); }
    [[nodiscard]] bool has_storage(const Address& address) override { return below_.peek_has_storage(address); }

  private:
    const State& below_;
};

}  // namespace

struct AheadExecution::Run {
    const SignedTransaction* transaction = nullptr;
    std::size_t next = 0;    // of the same sender; 0: none
    Run* before = nullptr;   // of the same sender
    std::unique_ptr<StateAhead> reader;
    std::unique_ptr<State> state;  // null: not executed
    TransactionOutcome outcome;
    bool held = false;
};

AheadExecution::AheadExecution(State& state, const BlockEnvironment& environment, Workers& workers)
    : state_(state), environment_(environment), workers_(workers), window_(window_first) {}
AheadExecution::~AheadExecution() = default;

bool AheadExecution::worth_it(const State& state, std::size_t transactions, const Workers& workers) {
    return workers.pays(static_cast<std::int64_t>(transactions) * transaction_ns) &&
           state.has_thread_safe_reader() && state.moved_precompiles().empty();
}

bool AheadExecution::is_promising(const Transaction& transaction, const Address& sender) const {
    const Address& coinbase = environment_.block.coinbase;
    if (sender == coinbase) return false;
    if (!transaction.to) return true;
    if (*transaction.to == coinbase) return false;
    const auto found = callees_.find(*transaction.to);
    return found == callees_.end() || found->second.repeated <= found->second.held;
}

std::size_t AheadExecution::run(std::span<const TransactionPtr> transactions) {
    if (!runs_.empty()) {
        const auto wrong = static_cast<std::size_t>(std::ranges::count_if(
            runs_, [](const Run& each) { return each.state && !each.held; }));
        window_ = wrong * 4 > runs_.size() ? window_first : std::min(2 * window_, window_max);
    }
    const std::size_t count = std::min(transactions.size(), window_);
    runs_.clear();
    runs_.resize(count);
    struct Chain {
        std::size_t last = 0;
        std::size_t length = 0;
    };
    std::unordered_map<Address, Chain> senders;
    std::vector<std::size_t> first;
    for (std::size_t i = 0; i < count; ++i) {
        Run& own = runs_[i];
        own.transaction = transactions[i].get();
        if (!is_promising(own.transaction->transaction, own.transaction->sender)) continue;
        Chain& chain = senders[own.transaction->sender];
        if (chain.length == chain_max) continue;
        if (chain.length++ == 0) {
            first.push_back(i);
        } else {
            runs_[chain.last].next = i;
            own.before = &runs_[chain.last];
        }
        chain.last = i;
    }
    if (!workers_.pays(std::ssize(first) * transaction_ns)) return count;
    workers_.run(first.size(), [&](std::size_t chain) {
        for (std::size_t i = first[chain];; i = runs_[i].next) {
            execute(runs_[i]);
            if (!runs_[i].state || runs_[i].next == 0) return;
        }
    });
    return count;
}

void AheadExecution::execute(Run& run) const {
    run.reader = std::make_unique<StateAhead>(run.before == nullptr ? state_ : *run.before->state);
    auto state = std::make_unique<State>(*run.reader);
    state->begin_block(environment_.block.number, environment_.rules.revision);
    auto outcome = execute_transaction_ahead(*state, environment_, *run.transaction);
    if (!outcome) return;  // refused is quickly said again, in turn
    run.outcome = *std::move(outcome);
    run.state = std::move(state);
}

void AheadExecution::judge(const Run& run, bool held) {
    ++(held ? counts_.held : counts_.repeated);
    if (!run.transaction->transaction.to) return;
    Record& record = callees_[*run.transaction->transaction.to];
    ++(held ? record.held : record.repeated);
}

std::optional<TransactionOutcome> AheadExecution::take(std::size_t index) {
    Run& run = runs_[index];
    if (!run.state) {
        ++counts_.in_turn;
        return std::nullopt;
    }
    run.held = (run.before == nullptr || run.before->held) && !run.state->has_touched(environment_.block.coinbase) &&
               state_.agrees_with(*run.state);
    judge(run, run.held);
    if (!run.held) return std::nullopt;
    state_.begin_transaction();
    state_.absorb(std::move(*run.state));
    state_.add_balance(environment_.block.coinbase, run.outcome.coinbase_fee);
    state_.end_transaction();
    return std::move(run.outcome);
}

}  // namespace weft::chain
