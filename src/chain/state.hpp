#pragma once
// The world as a block's execution sees and changes it: a journal over what was committed.
//
// A StateReader gives the committed values; State keeps what was read and written since, undoes in time proportional to
// the changes, and hands out the difference. Nothing reaches the reader: throwing a State away is how calls leave no
// trace.

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/u256.hpp"
#include "chain/account.hpp"
#include "chain/flat_map.hpp"
#include "evm/host.hpp"
#include "evm/revision.hpp"

namespace weft::chain {

/// The state after some block.
class StateReader {
  public:
    virtual ~StateReader() = default;
    /// Whether several threads may call it at once. If not, only the thread that executes does.
    [[nodiscard]] virtual bool is_thread_safe() const { return false; }
    [[nodiscard]] virtual std::optional<Account> account(const Address& address) = 0;
    [[nodiscard]] virtual U256 storage(const Address& address, const U256& key) = 0;
    /// Never null. @param code_hash  not empty_code_hash.
    [[nodiscard]] virtual evm::CodePtr code(const Hash& code_hash) = 0;
    /// Hash of block @p number on this chain; zero if there is none.
    [[nodiscard]] virtual Hash block_hash(std::uint64_t number) = 0;
    [[nodiscard]] virtual bool has_storage(const Address& address) = 0;
};

struct SlotChange {
    U256 key;
    U256 value;  // zero: the slot is gone
    bool operator==(const SlotChange&) const = default;
};

struct AccountChange {
    Address address;
    bool deleted = false;         // the account is gone, and all its storage
    bool storage_wiped = false;   // what storage it had before is gone; slots holds all there is now
    bool code_changed = false;
    Account account;              // as it is now; storage_root is right once applied to a StateTrie
    std::vector<SlotChange> slots;
};

struct CodeChange {
    Hash code_hash;
    evm::CodePtr code;
    Bytes bytes;
};

/// What a block did to the state, each account once.
struct StateChanges {
    std::vector<AccountChange> accounts;
    std::vector<CodeChange> codes;
    [[nodiscard]] bool empty() const { return accounts.empty() && codes.empty(); }
};
/// Changes that came later, on top of earlier ones.
void merge(StateChanges& into, StateChanges later);

class State final : public evm::Host {
  public:
    explicit State(StateReader& reader);
    ~State() override;
    State(State&&) noexcept;
    /// A State that goes on alone from here; between transactions only.
    [[nodiscard]] State clone() const;

    /// Must be called before the first transaction of a block and for a fork that begins.
    void begin_block(std::uint64_t number, evm::Revision revision);
    /// Forgets warm marks, original values, transient storage, logs and scheduled deletions of the transaction before.
    void begin_transaction();
    /// Deletes what is scheduled and, from Spurious Dragon on, what was touched and is empty.
    void end_transaction();
    [[nodiscard]] const std::vector<evm::Log>& logs() const { return logs_; }
    [[nodiscard]] std::vector<evm::Log> take_logs();

    /// What changed since the State was made or take_changes() was last called. Between transactions only.
    [[nodiscard]] StateChanges take_changes();

    /// The account as it is now, or nothing; storage_root is the reader's.
    [[nodiscard]] std::optional<Account> account(const Address& address);
    /// Adds to a balance and touches. The account comes into being if it isn't there.
    void add_balance(const Address& address, const U256& amount);
    /// @return false, without effect, if there is less.
    [[nodiscard]] bool subtract_balance(const Address& address, const U256& amount);

    // Executing ahead (ahead.hpp): a State of its own for a transaction, made while those before it aren't done yet.
    /// Reads this State without changing it, so that several threads may, as long as nobody writes.
    [[nodiscard]] std::optional<Account> peek_account(const Address& address) const;
    [[nodiscard]] U256 peek_storage(const Address& address, const U256& key) const;
    [[nodiscard]] bool peek_has_storage(const Address& address) const;
    [[nodiscard]] evm::CodePtr peek_code(const Hash& code_hash) const;
    [[nodiscard]] Hash peek_block_hash(std::uint64_t number) const { return reader_->block_hash(number); }
    [[nodiscard]] bool has_thread_safe_reader() const { return reader_->is_thread_safe(); }
    /// Whether all that a transaction, the only one that ran on @p ahead, needed of what was before it is the same
    /// here. Then it would do the same here. @pre  what @p ahead read from had nothing that this State doesn't know of.
    [[nodiscard]] bool agrees_with(const State& ahead) const;
    /// Whether that transaction changed or touched an account.
    [[nodiscard]] bool has_touched(const Address& address) const;
    /// Takes its changes over, as if it had run here. @pre  agrees_with(ahead).
    void absorb(State&& ahead);

    // For genesis and for the overrides of eth_call, besides set_balance, set_nonce, set_code and set_storage.
    /// Replaces all storage ("state" of an override): slots not set afterwards are zero.
    void clear_storage(const Address& address);
    /// The precompile at @p from answers at @p to, in what runs on this State from now on.
    void move_precompile(const Address& from, const Address& to);
    void restore_precompiles() { moved_precompiles_.clear(); }
    [[nodiscard]] const std::vector<std::pair<Address, Address>>& moved_precompiles() const {
        return moved_precompiles_;
    }

    /// Addresses and slots that are warm now, for eth_createAccessList.
    struct WarmSet {
        Address address;
        std::vector<U256> slots;
    };
    [[nodiscard]] std::vector<WarmSet> warm_set() const;
    /// Everything this State was asked for and its value before, for prestate tracers: valid until the next
    /// begin_block.
    struct Touched {
        Address address;
        std::optional<Account> before;  // at the start of the State or the last take_changes()
        std::vector<SlotChange> slots_before;
    };
    [[nodiscard]] std::vector<Touched> touched() const;

    // evm::Host
    [[nodiscard]] bool exists(const Address& address) override;
    [[nodiscard]] U256 balance(const Address& address) override;
    [[nodiscard]] std::uint64_t nonce(const Address& address) override;
    [[nodiscard]] Hash code_hash(const Address& address) override;
    [[nodiscard]] evm::CodePtr code(const Address& address) override;
    [[nodiscard]] bool has_collision(const Address& address) override;
    void set_balance(const Address& address, const U256& balance) override;
    void set_nonce(const Address& address, std::uint64_t nonce) override;
    void set_code(const Address& address, Bytes code) override;
    void create_account(const Address& address) override;
    void touch(const Address& address) override;
    [[nodiscard]] bool created_in_transaction(const Address& address) override;
    bool schedule_destruction(const Address& address) override;
    [[nodiscard]] U256 storage(const Address& address, const U256& key) override;
    [[nodiscard]] evm::SlotValues storage_values(const Address& address, const U256& key) override;
    void set_storage(const Address& address, const U256& key, const U256& value) override;
    [[nodiscard]] U256 transient_storage(const Address& address, const U256& key) override;
    void set_transient_storage(const Address& address, const U256& key, const U256& value) override;
    bool warm_account(const Address& address) override;
    bool warm_storage(const Address& address, const U256& key) override;
    void emit_log(evm::Log log) override;
    [[nodiscard]] Hash block_hash(std::uint64_t number) override;
    [[nodiscard]] std::size_t checkpoint() override;
    void revert(std::size_t checkpoint) override;

  private:
    struct Slot;
    struct Entry;
    struct Undo;

    [[nodiscard]] Entry& load(const Address& address);
    [[nodiscard]] Slot& load_slot(Entry& entry, const U256& key);
    /// Before anything of an account is written: it is part of the changes, exists and is touched.
    /// @param what  is written, which counts as needed too: bits of Entry.
    Entry& write(const Address& address, std::uint8_t what);
    void note_emptiness(Entry& entry);
    [[nodiscard]] const Entry* find(const Address& address) const;
    [[nodiscard]] bool has_storage(const Entry& entry) const;
    [[nodiscard]] bool agrees_with(const Entry& ahead) const;
    void absorb_entry(Entry& ahead);
    void mark_changed(Entry& entry);
    void mark_touched(Entry& entry);
    void note(Undo undo);
    void undo(const Undo& undo);
    void remove(Entry& entry);
    void collect(Entry& entry, StateChanges& changes);

    StateReader* reader_;
    evm::Revision revision_ = evm::Revision::frontier;
    std::uint64_t block_number_ = 0;
    std::uint32_t transaction_ = 1;  // marks of another transaction don't count
    std::vector<std::unique_ptr<Entry>> entries_;
    FlatMap<Address, std::uint32_t> index_;
    std::uint32_t last_entry_ = ~0U;
    std::vector<std::uint32_t> changed_;    // entries that may differ from the reader
    std::vector<std::uint32_t> touched_;    // in this transaction; some perhaps no longer
    std::vector<std::uint32_t> scheduled_;  // for deletion in this transaction; some perhaps no longer
    struct TransientKey {
        Address address;
        U256 key;
        bool operator==(const TransientKey&) const = default;
    };
    struct TransientHash {
        std::size_t operator()(const TransientKey& key) const noexcept {
            return std::hash<Address>{}(key.address) ^ std::hash<U256>{}(key.key);
        }
    };
    FlatMap<TransientKey, U256, TransientHash> transient_;
    std::vector<evm::Log> logs_;
    std::vector<Undo> journal_;
    std::vector<std::pair<Hash, evm::CodePtr>> replaced_codes_;  // of the journal's code changes, in order
    std::vector<std::pair<Address, Address>> moved_precompiles_;
    FlatMap<Hash, evm::CodePtr> codes_;  // that were set here, perhaps in vain
};

}  // namespace weft::chain
