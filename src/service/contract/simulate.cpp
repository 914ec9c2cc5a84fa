// eth_simulateV1: blocks that are not, on top of one that is, with calls in them and anything overridden.
//
// @source  execution-apis, eth_simulateV1; codes -38010 to -38026 and texts as geth words them.

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "evm/tracer.hpp"
#include "service/contract/contract.hpp"
#include "service/contract/message.hpp"

namespace weft::service::contract {

namespace {

constexpr std::uint64_t blocks_max = 256;
constexpr std::uint64_t seconds_between_blocks = 12;

namespace code {
constexpr std::int32_t nonce_too_low = -38010;
constexpr std::int32_t nonce_too_high = -38011;
constexpr std::int32_t base_fee_too_low = -38012;
constexpr std::int32_t intrinsic_gas = -38013;
constexpr std::int32_t insufficient_funds = -38014;
constexpr std::int32_t block_gas_limit = -38015;
constexpr std::int32_t block_number_order = -38020;
constexpr std::int32_t block_time_order = -38021;
constexpr std::int32_t sender_not_eoa = -38024;
constexpr std::int32_t init_code_size = -38025;
constexpr std::int32_t too_many_blocks = -38026;
constexpr std::int32_t execution_failed = -32015;
constexpr std::int32_t reverted = 3;
constexpr std::int32_t internal = -32603;
}  // namespace code

std::unexpected<Error> refuse(std::int32_t detail, std::string message) {
    return std::unexpected(Error{ErrorCode::invalid_argument, std::move(message), {}, detail});
}

std::int32_t code_of(chain::Rule rule) {
    switch (rule) {
        case chain::Rule::nonce_too_low: return code::nonce_too_low;
        case chain::Rule::nonce_too_high: return code::nonce_too_high;
        case chain::Rule::fee_cap_below_base_fee: return code::base_fee_too_low;
        case chain::Rule::intrinsic_gas_too_low:
        case chain::Rule::floor_gas_too_low: return code::intrinsic_gas;
        case chain::Rule::insufficient_funds: return code::insufficient_funds;
        case chain::Rule::sender_not_eoa: return code::sender_not_eoa;
        case chain::Rule::init_code_size_exceeded: return code::init_code_size;
        default: return code::internal;
    }
}

/// The base state, whose block hashes go on with those of the simulated blocks.
class SimulatedReader final : public chain::StateReader {
  public:
    explicit SimulatedReader(chain::StateReader& below) : below_(below) {}
    void add_block(std::uint64_t number, const Hash& hash) { hashes_[number] = hash; }

    std::optional<chain::Account> account(const Address& address) override { return below_.account(address); }
    U256 storage(const Address& address, const U256& key) override { return below_.storage(address, key); }
    evm::CodePtr code(const Hash& code_hash) override { return below_.code(code_hash); }
    Hash block_hash(std::uint64_t number) override {
        const auto found = hashes_.find(number);
        return found != hashes_.end() ? found->second : below_.block_hash(number);
    }
    bool has_storage(const Address& address) override { return below_.has_storage(address); }

  private:
    chain::StateReader& below_;
    std::map<std::uint64_t, Hash> hashes_;
};

/// Collects a call's logs and, on request, a log for each transfer of ether, in order; reverted frames take theirs
/// back.
class TransferTracer final : public evm::Tracer {
  public:
    /// @param log_count  of the block, reverted ones included; it outlives this.
    TransferTracer(bool transfers, std::uint64_t& log_count) : transfers_(transfers), log_count_(log_count) {}
    bool wants_steps() const override { return false; }
    void on_enter(const evm::TraceEnter& enter) override {
        starts_.push_back(logs_.size());
        const auto& message = enter.message;
        const bool moves = message.kind != evm::CallKind::delegatecall && message.kind != evm::CallKind::callcode;
        if (transfers_ && moves && !message.value.is_zero()) add(enter.from, enter.to, message.value);
    }
    void on_exit(const evm::TraceExit& exit) override {
        if (exit.status != evm::Status::success) {
            logs_.resize(starts_.back());
            indexes_.resize(starts_.back());
        }
        starts_.pop_back();
    }
    void on_log(const evm::Log& log) override { keep(log); }
    void on_self_destruct(int, const Address& contract, const Address& beneficiary, const U256& balance) override {
        if (transfers_ && !balance.is_zero()) add(contract, beneficiary, balance);
    }
    std::vector<evm::Log> take_logs() { return std::move(logs_); }
    std::vector<std::uint64_t> take_indexes() { return std::move(indexes_); }

  private:
    void keep(evm::Log log) {
        logs_.push_back(std::move(log));
        indexes_.push_back(log_count_++);
    }
    void add(const Address& from, const Address& to, const U256& value) {
        static constexpr Hash transfer_topic{{0xdd, 0xf2, 0x52, 0xad, 0x1b, 0xe2, 0xc8, 0x9b, 0x69, 0xc2, 0xb0,
                                              0x68, 0xfc, 0x37, 0x8d, 0xaa, 0x95, 0x2b, 0xa7, 0xf1, 0x63, 0xc4,
                                              0xa1, 0x16, 0x28, 0xf5, 0x5a, 0x4d, 0xf5, 0x23, 0xb3, 0xef}};
        evm::Log log;
        log.address.bytes.fill(0xee);
        log.topics = {transfer_topic, Hash::from(from), Hash::from(to)};
        log.data = to_bytes(value.to_hash());
        keep(std::move(log));
    }
    bool transfers_;
    std::uint64_t& log_count_;
    std::vector<evm::Log> logs_;
    std::vector<std::uint64_t> indexes_;  // of each
    std::vector<std::size_t> starts_;
};

/// Blocks in order, with the empty ones between them, and numbers and times for all.
Result<std::vector<api::contract::SimulatedBlock>> complete(const std::vector<api::contract::SimulatedBlock>& asked,
                                                            const chain::Header& base) {
    std::vector<api::contract::SimulatedBlock> out;
    std::uint64_t number = base.number;
    std::uint64_t time = base.timestamp;
    const auto append = [&](api::contract::SimulatedBlock block) {
        number = *block.block_overrides.number;
        time = *block.block_overrides.time;
        out.push_back(std::move(block));
    };
    for (auto block : asked) {
        auto& overrides = block.block_overrides;
        if (!overrides.number) overrides.number = number + 1;
        if (*overrides.number <= number) {
            return refuse(code::block_number_order,
                          fmt::format("block numbers must be in order: {} <= {}", *overrides.number, number));
        }
        if (*overrides.number - base.number > blocks_max) return refuse(code::too_many_blocks, "too many blocks");
        while (number + 1 < *overrides.number) {
            api::contract::SimulatedBlock empty;
            empty.block_overrides.number = number + 1;
            empty.block_overrides.time = time + seconds_between_blocks;
            append(std::move(empty));
        }
        if (!overrides.time) overrides.time = time + seconds_between_blocks;
        if (*overrides.time <= time) {
            return refuse(code::block_time_order,
                          fmt::format("block timestamps must be in order: {} <= {}", *overrides.time, time));
        }
        append(std::move(block));
    }
    return out;
}

class Simulation {
  public:
    Simulation(const chain::ChainConfig& config, const api::contract::Simulate& request, Run& run,
               std::uint64_t gas_max, std::function<Result<Hash>(const chain::StateChanges&)> root)
        : config_(config), request_(request), limiter_(run.limiter), reader_(*run.at.reader), state_(reader_),
          root_(std::move(root)), parent_(run.at.block->header),
          total_difficulty_(run.at.block->total_difficulty), gas_left_(gas_max) {}

    Result<api::contract::SimulateReply> run() {
        WEFT_TRY(const auto blocks, complete(request_.blocks, parent_));
        api::contract::SimulateReply reply;
        for (const auto& block : blocks) {
            WEFT_TRY(auto result, run_block(block));
            reply.blocks.push_back(std::move(result));
        }
        return reply;
    }

  private:
    chain::Header make_header(const api::contract::BlockOverrides& overrides) const {
        chain::BlockAttributes attributes;
        attributes.timestamp = *overrides.time;
        attributes.coinbase = overrides.coinbase.value_or(parent_.coinbase);
        attributes.prev_randao = overrides.prev_randao.value_or(Hash{});
        attributes.gas_limit = overrides.gas_limit.value_or(parent_.gas_limit);
        attributes.parent_total_difficulty = total_difficulty_;
        auto header = chain::make_header(config_, parent_, attributes);
        header.number = *overrides.number;
        if (!header.difficulty.is_zero()) header.difficulty = overrides.difficulty.value_or(parent_.difficulty);
        if (header.base_fee && !request_.validation) header.base_fee = U256{};
        if (overrides.base_fee) header.base_fee = *overrides.base_fee;
        return header;
    }

    Result<void> check_moves(const std::vector<api::contract::AccountOverride>& overrides,
                             evm::Revision revision) const {
        for (const auto& change : overrides) {
            if (change.move_precompile_to && !evm::is_precompile(change.address, revision)) {
                return refuse(
                    -32000, fmt::format("account {} is not a precompile", chain::to_checksum_address(change.address)));
            }
        }
        return {};
    }

    Result<api::contract::SimulatedResult> run_block(const api::contract::SimulatedBlock& asked) {
        auto block = std::make_shared<api::SealedBlock>();
        block->header = make_header(asked.block_overrides);
        auto& header = block->header;
        auto environment = make_environment(config_, header, asked.block_overrides);
        environment.limiter = &limiter_;
        chain::BlockExecution frame(config_, header, state_);
        frame.limit(&limiter_);
        state_.begin_block(header.number, environment.rules.revision);
        state_.restore_precompiles();  // an override holds for its block
        WEFT_CHECK(check_moves(asked.overrides, environment.rules.revision));
        WEFT_CHECK(apply_overrides(state_, asked.overrides));
        if (const auto begun = frame.begin(); !begun) return std::unexpected(chain::to_error(begun.error()));
        log_count_ = 0;
        api::contract::SimulatedResult out;
        std::uint64_t blob_gas = 0;
        for (const auto& call : asked.calls) {
            if (limiter_.requested()) return fail(ErrorCode::cancelled, "ended");
            WEFT_TRY(auto result, run_call(call, environment, *block));
            blob_gas += chain::gas_per_blob * call.blob_hashes.size();
            out.calls.push_back(std::move(result));
        }
        std::optional<std::vector<chain::Withdrawal>> withdrawals;
        if (environment.rules.at_least(evm::Revision::shanghai)) withdrawals.emplace();
        if (const auto ended = frame.finish({}, withdrawals); !ended)
            return std::unexpected(chain::to_error(ended.error()));
        chain::merge(changes_, frame.take_changes());
        chain::merge(changes_, state_.take_changes());
        chain::fill_header(header,
                           {block->transactions, block->receipts, frame.requests(), {}, header.gas_used, blob_gas});
        WEFT_TRY(header.state_root, root_(changes_));
        block->hash = chain::hash_of(header);
        total_difficulty_ += header.difficulty;
        block->total_difficulty = total_difficulty_;
        block->size = chain::encode(api::to_block(*block)).size();
        reader_.add_block(header.number, block->hash);
        parent_ = header;
        out.block = std::move(block);
        return out;
    }

    Result<api::contract::SimulatedCall> run_call(const api::contract::CallRequest& call,
                                                  const chain::BlockEnvironment& environment, api::SealedBlock& block) {
        auto& header = block.header;
        const Address sender = call.from.value_or(Address{});
        const std::uint64_t block_gas_left = header.gas_limit - header.gas_used;
        auto transaction = to_transaction(call, config_, environment.block.base_fee, gas_left_);
        if (call.gas && *call.gas > block_gas_left) {
            return refuse(code::block_gas_limit, fmt::format("block gas limit reached: {} >= {}",
                                                             header.gas_used + *call.gas, header.gas_limit));
        }
        transaction.gas_limit = std::min({call.gas.value_or(block_gas_left), block_gas_left, gas_left_});
        if (transaction.type == chain::TransactionType::legacy && !call.gas_price) {
            transaction.type = chain::TransactionType::dynamic_fee;
        }
        transaction.nonce = call.nonce.value_or(state_.nonce(sender));
        TransferTracer tracer(request_.trace_transfers, log_count_);
        const chain::CallChecks checks{request_.validation, false, request_.validation, false};
        auto outcome = chain::execute_call(state_, environment, transaction, sender, &tracer, checks);
        if (!outcome) {
            return refuse(code_of(outcome.error().rule),
                          fmt::format("err: {} (supplied gas {})",
                                      call_wording(outcome.error(), transaction, environment), transaction.gas_limit));
        }
        header.gas_used += outcome->gas_used;
        gas_left_ -= std::min(gas_left_, outcome->gas_used);
        add_receipt(block, transaction, sender, *outcome);
        if (!environment.rules.at_least(evm::Revision::byzantium)) {
            chain::merge(changes_, state_.take_changes());
            WEFT_TRY(block.receipts.back().post_state, root_(changes_));
        }
        return describe(*outcome, tracer);
    }

    static void add_receipt(api::SealedBlock& block, const chain::Transaction& transaction, const Address& sender,
                            const chain::TransactionOutcome& outcome) {
        auto sealed = std::make_shared<chain::SignedTransaction>();
        sealed->transaction = transaction;
        sealed->sender = sender;
        sealed->encoded = chain::encode(transaction);
        sealed->hash = chain::hash_of(transaction);
        block.transactions.push_back(std::move(sealed));
        chain::Receipt receipt;
        receipt.type = transaction.type;
        receipt.success = outcome.succeeded();
        receipt.cumulative_gas_used = block.header.gas_used;
        receipt.logs = outcome.logs;
        receipt.bloom = chain::bloom_of(outcome.logs);
        receipt.gas_used = outcome.gas_used;
        receipt.effective_gas_price = outcome.effective_gas_price;
        receipt.contract_address = outcome.created;
        block.receipts.push_back(std::move(receipt));
    }

    static api::contract::SimulatedCall describe(const chain::TransactionOutcome& outcome, TransferTracer& tracer) {
        api::contract::SimulatedCall out;
        out.success = outcome.succeeded();
        out.output = outcome.output;
        out.gas_used = outcome.gas_used;
        out.gas_used_max = outcome.gas_used_peak;
        out.logs = tracer.take_logs();
        out.log_indexes = tracer.take_indexes();
        if (!outcome.succeeded()) {
            out.error_code = outcome.status == evm::Status::revert ? code::reverted : code::execution_failed;
            out.error = chain::failure_message(outcome);
        }
        return out;
    }

    const chain::ChainConfig& config_;
    const api::contract::Simulate& request_;
    evm::Limiter& limiter_;
    SimulatedReader reader_;
    chain::State state_;
    std::function<Result<Hash>(const chain::StateChanges&)> root_;
    chain::Header parent_;
    U256 total_difficulty_;
    chain::StateChanges changes_;
    std::uint64_t gas_left_;
    std::uint64_t log_count_ = 0;  // of the block
};

}  // namespace

Task<api::contract::SimulateReply> Contract::simulate(mesh::Context context, api::contract::Simulate request) {
    if (request.blocks.empty()) co_return refuse(-32602, "empty input");
    if (request.blocks.size() > blocks_max) co_return refuse(code::too_many_blocks, "too many blocks");
    StateWanted wanted{request.base, {}, {}};
    for (const auto& block : request.blocks) {
        for (const auto& call : block.calls) {
            wanted.accounts.push_back(call.from.value_or(Address{}));
            if (call.to) wanted.accounts.push_back(*call.to);
        }
    }
    const auto work = [&](Run& run) -> Result<api::contract::SimulateReply> {
        const auto root = [&](const chain::StateChanges& changes) -> Result<Hash> {
            const auto shared = std::make_shared<const chain::StateChanges>(changes);
            WEFT_TRY(const auto reply,
                     weft::run(ports_.root(context, {shared, api::BlockRef::at(run.at.block->header.number)})));
            return reply.root;
        };
        return Simulation(config_, request, run, limits_.gas_max(), root).run();
    };
    co_return co_await with_state<api::contract::SimulateReply>(context, std::move(wanted), work);
}

}  // namespace weft::service::contract
