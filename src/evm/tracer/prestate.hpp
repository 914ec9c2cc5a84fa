#pragma once
// geth's prestateTracer: every account and slot a transaction touches, as they were before it; in diff mode what it
// changed, before and after.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "evm/limiter.hpp"
#include "evm/tracer.hpp"

namespace weft::json {
class Writer;
}

namespace weft::evm {

struct PrestateOptions {
    bool diff_mode = false;
    bool disable_code = false;
    bool disable_storage = false;
    bool include_empty = false;  // not together with diff_mode
    /// Ends the execution when there is more; may be null.
    TraceBudget* budget = nullptr;
};

class PrestateTracer final : public Tracer {
  public:
    /// What is looked at before the first instruction.
    struct Transaction {
        Address from;
        std::optional<Address> to;  // none: a creation
        Address coinbase;
        std::vector<Address> authorities;  // EIP-7702, those that could be recovered
    };

    explicit PrestateTracer(PrestateOptions options = {}) : options_(options) {}

    /// Before the transaction changes anything: the fee, the nonce.
    void begin(Host& host, Revision revision, const Transaction& transaction);
    /// After all of it: refunds, fees, deletions.
    void finish(Host& host);

    [[nodiscard]] bool wants_steps() const override { return true; }
    void on_step(const TraceStep& step) override;
    void on_charged(std::int64_t gas_cost, Status status) override;

    /// {address: account} or {"post": ..., "pre": ...}.
    [[nodiscard]] std::string result() const;

  private:
    struct Account {
        std::optional<U256> balance;
        std::uint64_t nonce = 0;
        std::optional<Bytes> code;
        std::optional<Hash> code_hash;
        std::map<U256, U256> slots;
        bool empty = false;
    };
    using Accounts = std::map<Address, Account>;

    void look_at(Host& host, const Address& address);
    void look_at_callee(Host& host, const Address& address);
    void look_at_creation(Host& host, const Address& address);
    /// What changed of one account; nothing if it is as it was. Slots that did not change leave @p before.
    [[nodiscard]] std::optional<Account> difference(Host& host, const Address& address, Account& before) const;
    static void write(json::Writer& out, const Accounts& accounts);

    PrestateOptions options_;
    Revision revision_ = Revision::frontier;
    Accounts before_;
    Accounts after_;
    std::set<Address> created_;
    std::set<Address> deleted_;

    // What the step that is under way brought in: taken out again if it can't be paid.
    std::vector<Address> new_accounts_;
    std::optional<std::pair<Address, U256>> new_slot_;
    std::optional<Address> new_creation_;
    std::optional<Address> new_deletion_;
};

}  // namespace weft::evm
