#include "weft_side.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <mutex>
#include <unordered_map>

#include "base/hex.hpp"
#include "crypto/keccak.hpp"
#include "evm/code.hpp"
#include "evm/gas.hpp"
#include "evm/opcode.hpp"
#include "evm/status.hpp"

namespace weft::differential {

namespace {

/// A case's state. Block hashes are those that state tests assume: keccak256 of the number in decimal digits.
class CaseReader final : public chain::StateReader {
  public:
    CaseReader(const CaseState& state, Tier tier) : state_(state) {
        for (const auto& [address, account] : state) {
            if (account.code.empty()) continue;
            const Hash hash = crypto::keccak256(account.code);
            hashes_[address] = hash;
            auto code = evm::make_code(account.code, hash);
            code->set_patience(tier == Tier::translated ? 0 : std::numeric_limits<std::int64_t>::max());
            codes_[hash] = std::move(code);
        }
    }
    std::optional<chain::Account> account(const Address& address) override {
        const auto found = state_.find(address);
        if (found == state_.end()) return std::nullopt;
        chain::Account out;
        out.nonce = found->second.nonce;
        out.balance = found->second.balance;
        if (const auto hash = hashes_.find(address); hash != hashes_.end()) out.code_hash = hash->second;
        return out;
    }
    U256 storage(const Address& address, const U256& key) override {
        const auto found = state_.find(address);
        if (found == state_.end()) return {};
        const auto slot = found->second.storage.find(key);
        return slot == found->second.storage.end() ? U256{} : slot->second;
    }
    evm::CodePtr code(const Hash& code_hash) override { return codes_.at(code_hash); }
    [[nodiscard]] bool is_thread_safe() const override { return true; }
    Hash block_hash(std::uint64_t number) override {
        const std::lock_guard lock(mutex_);
        if (std::ranges::find(block_hashes, number) == block_hashes.end()) block_hashes.push_back(number);
        return crypto::keccak256(as_bytes(std::to_string(number)));
    }
    bool has_storage(const Address& address) override {
        const auto found = state_.find(address);
        return found != state_.end() && !found->second.storage.empty();
    }
    std::vector<std::uint64_t> block_hashes;

  private:
    std::mutex mutex_;  // of block_hashes, all that changes
    const CaseState& state_;
    std::map<Address, Hash> hashes_;
    std::unordered_map<Hash, evm::CodePtr> codes_;
};

void put(const chain::StateChanges& changes, CaseState& state) {
    std::unordered_map<Hash, const Bytes*> codes;
    for (const auto& code : changes.codes) codes[code.code_hash] = &code.bytes;
    for (const auto& change : changes.accounts) {
        if (change.deleted) {
            state.erase(change.address);
            continue;
        }
        CaseAccount& account = state[change.address];
        account.nonce = change.account.nonce;
        account.balance = change.account.balance;
        if (change.account.code_hash == chain::empty_code_hash) {
            account.code.clear();
        } else if (const auto code = codes.find(change.account.code_hash); code != codes.end()) {
            account.code = *code->second;
        }
        if (change.storage_wiped) account.storage.clear();
        for (const auto& [key, value] : change.slots) {
            if (value.is_zero()) {
                account.storage.erase(key);
            } else {
                account.storage[key] = value;
            }
        }
    }
}

/// What the block would refuse, then what the transaction's own rules do.
chain::Checked<chain::TransactionOutcome> execute(chain::State& state, const chain::BlockEnvironment& environment,
                                                  const Case& subject, evm::Tracer* tracer) {
    const auto signed_transaction = chain::sign_transaction(subject.transaction, subject.secret_key);
    if (!signed_transaction) return chain::refuse(chain::Rule::invalid_signature);
    const auto& tx = subject.transaction;
    if (tx.gas_limit > environment.block.gas_limit) return chain::refuse(chain::Rule::block_gas_exceeded);
    if (tx.blob_hashes.size() > environment.rules.blobs.max) {
        return chain::refuse(chain::Rule::blob_count_exceeded);
    }
    return chain::execute_transaction(state, environment, *signed_transaction, tracer);
}

std::uint16_t precompile_number(const Address& address) {
    return static_cast<std::uint16_t>(address.bytes[18] << 8 | address.bytes[19]);
}

}  // namespace

bool operator==(const Ending& a, const Ending& b) {
    const auto kind = [](const Ending& ending) { return std::min(ending.status, evm::Status::failure); };
    return a.refused == b.refused && kind(a) == kind(b) && a.gas_used == b.gas_used && a.output == b.output &&
           a.logs == b.logs && a.post == b.post;
}

Ending run(const Case& subject, Tier tier, evm::Tracer* tracer) {
    CaseReader reader(subject.pre, tier);
    chain::State state(reader);
    chain::BlockEnvironment environment;
    environment.rules = chain::rules_of_fork(subject.fork);
    environment.block = subject.block;
    state.begin_block(environment.block.number, environment.rules.revision);
    auto outcome = execute(state, environment, subject, tracer);
    Ending out;
    out.post = subject.pre;
    if (!outcome) {
        out.refused = true;
        out.reason = outcome.error().message;
    } else {
        out.status = outcome->status;
        out.gas_used = outcome->gas_used;
        out.gas_used_peak = outcome->gas_used_peak;
        out.output = std::move(outcome->output);
        out.logs = std::move(outcome->logs);
    }
    for (const auto& authorization : subject.transaction.authorizations) {
        const auto authority = chain::recover_authority(authorization);
        if (authority && !subject.pre.contains(*authority)) ++out.absent_authorities;
    }
    put(state.take_changes(), out.post);
    out.block_hashes = std::move(reader.block_hashes);
    return out;
}

bool operator==(const BlockEnding& a, const BlockEnding& b) {
    return a.answers == b.answers && a.receipts == b.receipts && a.gas_used == b.gas_used && a.post == b.post;
}

BlockEnding run(const Block& block, Workers& workers) {
    const auto& subject = block.world;
    const chain::ChainConfig config = chain::config_of(subject.fork);
    const auto revision = chain::revision_of(subject.fork);
    chain::Header header;
    header.number = subject.block.number;
    header.timestamp = subject.block.timestamp;
    header.gas_limit = subject.block.gas_limit;
    header.coinbase = subject.block.coinbase;
    header.difficulty = subject.block.difficulty;
    header.mix_hash = subject.block.prev_randao;
    if (revision >= evm::Revision::london) header.base_fee = subject.block.base_fee;
    if (revision >= evm::Revision::cancun) header.excess_blob_gas = subject.excess_blob_gas;
    CaseReader reader(subject.pre, Tier::exact);
    chain::State state(reader);
    chain::BlockExecution execution(config, header, state);
    BlockEnding out;
    WEFT_ASSERT(execution.begin());
    execution.add_all(block.transactions, workers, [&](std::size_t, const chain::Checked<void>& answer) {
        out.answers.push_back(answer ? "" : answer.error().message);
        return true;
    });
    out.receipts = execution.receipts();
    out.gas_used = execution.gas_used();
    out.counts = execution.ahead_counts();
    out.post = subject.pre;
    put(execution.take_changes(), out.post);
    return out;
}

void Coverage::on_enter(const evm::TraceEnter& enter) {
    auto& of = revisions_[static_cast<std::size_t>(revision_)];
    if (enter.message.depth == 0) ++of.cases;
    of.depth_max = std::max(of.depth_max, enter.message.depth);
    frames_.push_back({enter.is_precompile ? precompile_number(enter.to) : std::uint16_t{0}});
}

void Coverage::on_exit(const evm::TraceExit& exit) {
    const auto precompile = frames_.empty() ? std::uint16_t{0} : frames_.back().precompile;
    if (!frames_.empty()) frames_.pop_back();
    ++revisions_[static_cast<std::size_t>(revision_)].endings[static_cast<std::size_t>(exit.status)];
    if (precompile == 0) return;
    Calls& calls = precompiles_[precompile];
    if (exit.status != evm::Status::success) {
        ++calls.failed;
    } else {
        ++(exit.output.empty() ? calls.without_output : calls.succeeded);
    }
}

void Coverage::on_step(const evm::TraceStep& step) {
    ++revisions_[static_cast<std::size_t>(revision_)].opcodes[step.opcode];
}

void Coverage::write(json::Writer& writer) const {
    writer.begin_object().key("revisions").begin_object();
    for (std::size_t i = 0; i < evm::revision_count; ++i) {
        const auto revision = static_cast<evm::Revision>(i);
        const auto& of = revisions_[i];
        if (of.cases == 0) continue;
        writer.key(evm::to_string(revision)).begin_object();
        writer.key("cases").unsigned_integer(of.cases).key("depth").integer(of.depth_max);
        writer.key("opcodes").begin_object();
        for (std::size_t opcode = 0; opcode < 256; ++opcode) {
            if (!evm::gas_schedules[i].defines(static_cast<std::uint8_t>(opcode))) continue;
            writer.key(evm::opcode_name(static_cast<std::uint8_t>(opcode))).unsigned_integer(of.opcodes[opcode]);
        }
        writer.end_object().key("endings").begin_object();
        for (std::size_t status = 0; status < of.endings.size(); ++status) {
            if (of.endings[status] == 0) continue;
            const auto name = evm::to_string(static_cast<evm::Status>(status));
            writer.key(name.empty() ? "success" : name).unsigned_integer(of.endings[status]);
        }
        writer.end_object().end_object();
    }
    writer.end_object().key("precompiles").begin_object();
    for (const auto& [number, calls] : precompiles_) {
        writer.key(std::to_string(number)).begin_object();
        writer.key("succeeded").unsigned_integer(calls.succeeded);
        writer.key("without_output").unsigned_integer(calls.without_output);
        writer.key("failed").unsigned_integer(calls.failed).end_object();
    }
    writer.end_object().end_object();
}

void StepWriter::on_step(const evm::TraceStep& step) {
    if (step.pc >= step.code.size() || ++count_ > steps_max) return;
    const auto top = step.stack.empty() ? std::string() : to_quantity(step.stack.back());
    text_ += fmt::format("{}[{},{},\"{}\",{},\"{}\"]", text_.empty() ? "" : ",", step.depth, step.pc,
                         evm::opcode_name(step.opcode), step.gas, top);
}

}  // namespace weft::differential
