// The orders a development chain takes, under the names and with the return values of Hardhat (evm_*, hardhat_*) and
// Anvil (anvil_*). On any other chain these methods do not exist.

#include "base/hex.hpp"
#include "chain/fork.hpp"
#include "service/gateway/core.hpp"
#include "service/gateway/errors.hpp"
#include "service/gateway/eth_config.hpp"
#include "service/gateway/eth_fees.hpp"
#include "service/gateway/eth_read.hpp"
#include "service/gateway/format.hpp"

namespace weft::service::gateway {

namespace {

using api::consensus::Configure;
using api::consensus::SetAccount;

std::string yes() { return "true"; }
std::string none() { return "null"; }
/// Hardhat says true where Anvil says null.
std::string done(const Call& call) { return call.method.starts_with("anvil_") ? none() : yes(); }

Task<std::string> configure(Call& call, Configure settings) {
    co_await call.ports().configure(call.context, std::move(settings));
    co_return done(call);
}

Task<std::string> set_account(Call& call, SetAccount change) {
    co_await call.ports().set_account(call.context, std::move(change));
    co_return done(call);
}

// --- snapshots

Task<std::string> snapshot(Call& call) {
    const auto reply = co_await call.ports().snapshot(call.context, {});
    co_return quantity_json(reply.id);
}

Task<std::string> revert(Call& call) {
    const std::uint64_t id = co_await call.params.any_u64(0);
    const auto reply = co_await call.ports().revert(call.context, {id});
    co_return std::string(reply.reverted ? "true" : "false");
}

Task<std::string> reset(Call& call) {
    co_await call.ports().reset(call.context, {});
    co_return done(call);
}

// --- blocks

struct MineOptions {
    std::uint64_t blocks = 1;
    std::optional<std::uint64_t> timestamp;
};

/// Hardhat: a timestamp. Anvil: {timestamp, blocks}, which its own library puts into {options}.
Result<MineOptions> mine_options(const json::Value& given) {
    const json::Value& value = given["options"].is_object() ? given["options"] : given;
    MineOptions out;
    if (!value.is_object()) {
        WEFT_TRY(out.timestamp, read::any_u64(value));
        return out;
    }
    if (!value["timestamp"].is_null()) {
        WEFT_TRY(out.timestamp, read::any_u64(value["timestamp"]));
    }
    if (!value["blocks"].is_null()) {
        WEFT_TRY(out.blocks, read::any_u64(value["blocks"]));
    }
    return out;
}

Task<std::string> evm_mine(Call& call) {
    MineOptions options;
    if (call.params.has(0)) options = co_await call.params.get(0, mine_options);
    co_await call.ports().mine(call.context, {options.blocks, std::nullopt, options.timestamp});
    co_return std::string("\"0x0\"");
}

Task<std::string> mine_many(Call& call) {
    api::consensus::Mine order;
    if (call.params.has(0)) order.count = co_await call.params.any_u64(0);
    if (call.params.has(1)) order.interval_s = co_await call.params.any_u64(1);
    // Anvil's interval of nothing is the clock; two blocks never have one time.
    if (order.interval_s == 0) order.interval_s.reset();
    if (order.count != 0) co_await call.ports().mine(call.context, order);
    co_return done(call);
}

Task<std::string> set_automine(Call& call) {
    Configure settings;
    settings.automine = co_await call.params.boolean(0);
    co_return co_await configure(call, std::move(settings));
}

Task<std::string> get_automine(Call& call) {
    const auto status = co_await call.ports().status(call.context, {});
    co_return std::string(status.automine ? "true" : "false");
}

/// Hardhat also takes a range of milliseconds; its lower end serves.
Result<std::uint64_t> interval(const json::Value& value) {
    if (value.is_array() && !value.items().empty()) return read::any_u64(value.items().front());
    return read::any_u64(value);
}

Task<std::string> set_interval_ms(Call& call) {
    Configure settings;
    settings.interval_ms = co_await call.params.get(0, interval);
    co_return co_await configure(call, std::move(settings));
}

Task<std::string> set_interval_s(Call& call) {
    const std::uint64_t seconds = co_await call.params.any_u64(0);
    Configure settings;
    settings.interval_ms = std::min<std::uint64_t>(seconds, ~0ULL / 1000) * 1000;
    co_return co_await configure(call, std::move(settings));
}

Task<std::string> get_interval_s(Call& call) {
    const auto status = co_await call.ports().status(call.context, {});
    co_return status.interval_ms == 0 ? none() : std::to_string(status.interval_ms / 1000);
}

Task<std::string> set_gas_limit(Call& call) {
    Configure settings;
    settings.gas_limit = co_await call.params.any_u64(0);
    co_await call.ports().configure(call.context, std::move(settings));
    co_return yes();
}

Task<std::string> set_coinbase(Call& call) {
    Configure settings;
    settings.coinbase = co_await call.params.address(0);
    co_return co_await configure(call, std::move(settings));
}

Task<std::string> set_next_base_fee(Call& call) {
    Configure settings;
    settings.next_base_fee = co_await call.params.any_number(0);
    co_return co_await configure(call, std::move(settings));
}

Task<std::string> set_prev_randao(Call& call) {
    Configure settings;
    settings.next_prev_randao = co_await call.params.hash(0);
    co_return co_await configure(call, std::move(settings));
}

Task<std::string> set_min_gas_price(Call& call) {
    Configure settings;
    settings.min_gas_price = co_await call.params.any_number(0);
    co_return co_await configure(call, std::move(settings));
}

// --- time

Result<std::int64_t> seconds(const json::Value& value) {
    const bool negative = value.text().starts_with('-');
    const auto magnitude = read::any_u64(negative ? json::Value::string(value.text().substr(1)) : value);
    if (!magnitude) return std::unexpected(magnitude.error());
    if (*magnitude >> 62 != 0) return fail(ErrorCode::invalid_argument, "number > 62 bits");
    const auto amount = static_cast<std::int64_t>(*magnitude);
    return negative ? -amount : amount;
}

Task<std::string> increase_time(Call& call) {
    Configure settings;
    settings.add_seconds = co_await call.params.get(0, seconds);
    co_await call.ports().configure(call.context, std::move(settings));
    const auto clock = co_await call.ports().clock(call.context, {});
    const std::string total = std::to_string(clock.offset_s);
    co_return call.method.starts_with("anvil_") ? total : json::quote(total);
}

Task<std::string> set_next_timestamp(Call& call) {
    const std::uint64_t timestamp = co_await call.params.any_u64(0);
    Configure settings;
    settings.next_timestamp = timestamp;
    co_await call.ports().configure(call.context, std::move(settings));
    co_return call.method.starts_with("anvil_") ? none() : json::quote(std::to_string(timestamp));
}

Task<std::string> set_time(Call& call) {
    Configure settings;
    settings.set_time = co_await call.params.any_u64(0);
    co_await call.ports().configure(call.context, std::move(settings));
    const auto clock = co_await call.ports().clock(call.context, {});
    co_return std::to_string(clock.offset_s);
}

Task<std::string> set_block_interval(Call& call) {
    Configure settings;
    settings.block_interval_s = co_await call.params.any_u64(0);
    co_return co_await configure(call, std::move(settings));
}

Task<std::string> remove_block_interval(Call& call) {
    Configure settings;
    settings.block_interval_s = 0;
    co_await call.ports().configure(call.context, std::move(settings));
    co_return yes();
}

// --- accounts

Task<std::string> set_balance(Call& call) {
    SetAccount change;
    change.address = co_await call.params.address(0);
    change.balance = co_await call.params.any_number(1);
    co_return co_await set_account(call, std::move(change));
}

Task<std::string> add_balance(Call& call) {
    SetAccount change;
    change.address = co_await call.params.address(0);
    const U256 amount = co_await call.params.any_number(1);
    const auto account = co_await call.ports().get_account(call.context, {change.address, {}});
    bool carry = false;
    change.balance = U256::add(account.balance, amount, carry);
    if (carry) change.balance = ~U256{};
    co_return co_await set_account(call, std::move(change));
}

Task<std::string> set_nonce(Call& call) {
    SetAccount change;
    change.address = co_await call.params.address(0);
    change.nonce = co_await call.params.any_u64(1);
    if (call.method == "hardhat_setNonce") {
        const auto account = co_await call.ports().get_account(call.context, {change.address, {}});
        if (*change.nonce < account.nonce) {
            co_await Result<void>(invalid_params("New nonce (" + std::to_string(*change.nonce) +
                                                 ") must not be smaller than the existing nonce (" +
                                                 std::to_string(account.nonce) + ")."));
        }
    }
    co_return co_await set_account(call, std::move(change));
}

Task<std::string> set_code(Call& call) {
    SetAccount change;
    change.address = co_await call.params.address(0);
    change.code = co_await call.params.data(1);
    co_return co_await set_account(call, std::move(change));
}

Task<std::string> set_storage_at(Call& call) {
    SetAccount change;
    change.address = co_await call.params.address(0);
    api::consensus::SlotChange slot;
    slot.key = co_await call.params.get(1, read::any_word);
    slot.value = co_await call.params.get(2, read::any_word);
    if (call.method == "hardhat_setStorageAt") {
        const std::string& text = call.params.at(2).text();
        if (text.size() != 66) {
            co_await Result<void>(
                invalid_params("Storage value must be exactly 32 bytes long. Received " + text.substr(0, 100) + "."));
        }
    }
    change.slots.push_back(slot);
    co_await call.ports().set_account(call.context, std::move(change));
    co_return yes();
}

Task<std::string> impersonate(Call& call) {
    const Address address = co_await call.params.address(0);
    co_await call.ports().impersonate(call.context, {address, true, false});
    co_return done(call);
}

Task<std::string> stop_impersonating(Call& call) {
    const Address address = co_await call.params.address(0);
    const auto before = co_await call.ports().may_impersonate(call.context, {address});
    co_await call.ports().impersonate(call.context, {address, false, false});
    if (call.method.starts_with("anvil_")) co_return none();
    co_return std::string(before.reverted ? "true" : "false");
}

Task<std::string> auto_impersonate(Call& call) {
    const bool enabled = co_await call.params.boolean(0);
    co_await call.ports().impersonate(call.context, {{}, enabled, true});
    co_return done(call);
}

// --- the pool

Task<std::string> drop_transaction(Call& call) {
    const Hash hash = co_await call.params.hash(0);
    const bool anvil = call.method.starts_with("anvil_");
    if (!anvil) {
        const auto mined = co_await call.ports().get_transaction(call.context, {hash});
        if (mined.transaction) {
            co_await Result<void>(
                invalid_params("Transaction " + to_hex(hash) + " cannot be dropped because it's already mined"));
        }
    }
    // Zero means all of them to the pool, and no transaction to a client.
    const auto dropped =
        hash.is_zero() ? api::validation::PooledReply{} : co_await call.ports().drop(call.context, {hash});
    if (anvil) co_return dropped.transaction ? data_json(hash) : none();
    co_return std::string(dropped.transaction ? "true" : "false");
}

Task<std::string> drop_all(Call& call) {
    co_await call.ports().drop(call.context, {});
    co_return done(call);
}

Task<std::string> drop_of_sender(Call& call) {
    const Address sender = co_await call.params.address(0);
    const auto content = co_await call.ports().pool_content(call.context, {sender});
    for (const auto* list : {&content.pending, &content.queued}) {
        for (const auto& one : *list) co_await call.ports().drop(call.context, {one->hash});
    }
    co_return done(call);
}

// --- what it is

Task<std::string> metadata(Call& call) {
    const auto status = co_await call.ports().status(call.context, {});
    const auto head = co_await call.ports().head(call.context, {});
    json::Writer out;
    out.begin_object();
    out.string("clientVersion", call.core.config.client_version);
    out.key("chainId").unsigned_integer(status.chain_id);
    out.data("instanceId", status.instance_id);
    out.key("latestBlockNumber").unsigned_integer(head.number);
    out.data("latestBlockHash", head.hash);
    if (call.method.starts_with("anvil_")) out.null("forkedNetwork").key("snapshots").begin_object().end_object();
    out.end_object();
    co_return out.take();
}

Task<std::string> node_info(Call& call) {
    const auto status = co_await call.ports().status(call.context, {});
    const auto head = co_await call.ports().head(call.context, {});
    const Fees fees = co_await current_fees(call);
    std::string fork = "osaka";
    if (const auto config = read_chain_config(status.fork)) {
        fork = chain::to_string(chain::rules_at(*config, head.number, head.timestamp, true).fork);
    }
    json::Writer out;
    out.begin_object();
    out.quantity("currentBlockNumber", head.number);
    out.key("currentBlockTimestamp").unsigned_integer(head.timestamp);
    out.data("currentBlockHash", head.hash);
    out.string("hardFork", fork).string("transactionOrder", "fees");
    out.key("environment").begin_object();
    out.quantity("baseFee", fees.base_fee).key("chainId").unsigned_integer(status.chain_id);
    out.quantity("gasLimit", status.gas_limit).quantity("gasPrice", fees.base_fee + fees.tip);
    out.end_object();
    out.key("forkConfig").begin_object().null("forkUrl").null("forkBlockNumber").null("forkRetryBackoff").end_object();
    out.end_object();
    co_return out.take();
}

Task<std::string> accept(Call& call) { co_return done(call); }
Task<std::string> refuse_compilation(Call&) { co_return std::string("false"); }

constexpr Access dev = Access::development;

void add_chain_methods(MethodTable& table) {
    const Parameter id{"snapshotId", Type::quantity};
    const Parameter on{"enabled", Type::boolean};
    const Parameter number{"value", Type::quantity};
    const Parameter count{"blocks", Type::quantity, false};
    const Parameter spacing{"interval", Type::quantity, false};
    for (const std::string_view name : {"evm_snapshot", "anvil_snapshot"}) {
        table.add({name, "Remembers the chain as it is.", {}, snapshot, dev});
    }
    for (const std::string_view name : {"evm_revert", "anvil_revert"}) {
        table.add({name, "Takes the chain back to a snapshot.", {id}, revert, dev});
    }
    for (const std::string_view name : {"hardhat_reset", "anvil_reset"}) {
        table.add({name, "Takes the chain back to its genesis.", {{"options", Type::object, false}}, reset, dev});
    }
    for (const std::string_view name : {"hardhat_mine", "anvil_mine"}) {
        table.add({name, "Seals blocks.", {count, spacing}, mine_many, dev});
    }
    for (const std::string_view name : {"evm_setAutomine", "anvil_setAutomine", "anvil_setAutoMine"}) {
        table.add({name, "Whether each transaction gets a block at once.", {on}, set_automine, dev});
    }
    for (const std::string_view name : {"hardhat_getAutomine", "anvil_getAutomine"}) {
        table.add({name, "Whether each transaction gets a block at once.", {}, get_automine, dev});
    }
    for (const std::string_view name : {"evm_setBlockGasLimit", "anvil_setBlockGasLimit"}) {
        table.add({name, "Gas limit of the blocks to come.", {number}, set_gas_limit, dev});
    }
    for (const std::string_view name : {"hardhat_setCoinbase", "anvil_setCoinbase"}) {
        table.add({name, "Who gets the fees of the blocks to come.", {{"address", Type::address}}, set_coinbase, dev});
    }
    for (const std::string_view name : {"hardhat_setNextBlockBaseFeePerGas", "anvil_setNextBlockBaseFeePerGas"}) {
        table.add({name, "Base fee of the next block.", {number}, set_next_base_fee, dev});
    }
    for (const std::string_view name : {"hardhat_setPrevRandao", "anvil_setPrevRandao"}) {
        table.add({name, "PREVRANDAO of the next block.", {{"value", Type::hash}}, set_prev_randao, dev});
    }
    for (const std::string_view name : {"hardhat_setMinGasPrice", "anvil_setMinGasPrice"}) {
        table.add({name, "The least gas price that is admitted.", {number}, set_min_gas_price, dev});
    }
    table.add({
        {"evm_mine", "Seals a block.", {{"timestampOrOptions", Type::any, false}}, evm_mine, dev},
        {"evm_setIntervalMining",
         "Milliseconds between blocks; 0: none.",
         {{"interval", Type::any}},
         set_interval_ms,
         dev},
        {"anvil_setIntervalMining", "Seconds between blocks; 0: none.", {number}, set_interval_s, dev},
        {"anvil_getIntervalMining", "Seconds between blocks, or null.", {}, get_interval_s, dev},
    });
}

void add_time_methods(MethodTable& table) {
    const Parameter number{"value", Type::quantity};
    for (const std::string_view name : {"evm_increaseTime", "anvil_increaseTime"}) {
        table.add({name, "Moves the clock by seconds.", {number}, increase_time, dev});
    }
    for (const std::string_view name : {"evm_setNextBlockTimestamp", "anvil_setNextBlockTimestamp"}) {
        table.add({name, "Timestamp of the next block.", {number}, set_next_timestamp, dev});
    }
    for (const std::string_view name : {"evm_setTime", "anvil_setTime"}) {
        table.add({name, "Sets the clock.", {number}, set_time, dev});
    }
    table.add({
        {"anvil_setBlockTimestampInterval",
         "Seconds between the timestamps of blocks.",
         {number},
         set_block_interval,
         dev},
        {"anvil_removeBlockTimestampInterval", "Timestamps by the clock again.", {}, remove_block_interval, dev},
    });
}

void add_account_methods(MethodTable& table) {
    const Parameter address{"address", Type::address};
    const Parameter number{"value", Type::quantity};
    for (const std::string_view name : {"hardhat_setBalance", "anvil_setBalance", "evm_setAccountBalance"}) {
        table.add({name, "Sets an account's wei.", {address, number}, set_balance, dev});
    }
    for (const std::string_view name : {"hardhat_setNonce", "anvil_setNonce", "evm_setAccountNonce"}) {
        table.add({name, "Sets an account's nonce.", {address, number}, set_nonce, dev});
    }
    for (const std::string_view name : {"hardhat_setCode", "anvil_setCode", "evm_setAccountCode"}) {
        table.add({name, "Sets an account's code.", {address, {"code", Type::data}}, set_code, dev});
    }
    for (const std::string_view name : {"hardhat_setStorageAt", "anvil_setStorageAt", "evm_setAccountStorageAt"}) {
        table.add({name,
                   "Sets a storage slot.",
                   {address, {"slot", Type::quantity}, {"value", Type::data}},
                   set_storage_at,
                   dev});
    }
    for (const std::string_view name : {"hardhat_impersonateAccount", "anvil_impersonateAccount"}) {
        table.add({name, "Lets an account send without its key.", {address}, impersonate, dev});
    }
    for (const std::string_view name : {"hardhat_stopImpersonatingAccount", "anvil_stopImpersonatingAccount"}) {
        table.add({name, "Asks for the account's key again.", {address}, stop_impersonating, dev});
    }
    for (const std::string_view name : {"hardhat_autoImpersonateAccount", "anvil_autoImpersonateAccount"}) {
        table.add(
            {name, "Lets every account send without its key.", {{"enabled", Type::boolean}}, auto_impersonate, dev});
    }
    table.add({"anvil_addBalance", "Adds to an account's wei.", {address, number}, add_balance, dev});
}

void add_other_methods(MethodTable& table) {
    const Parameter hash{"transactionHash", Type::hash};
    for (const std::string_view name : {"hardhat_dropTransaction", "anvil_dropTransaction"}) {
        table.add({name, "Takes a transaction out of the pool.", {hash}, drop_transaction, dev});
    }
    for (const std::string_view name : {"hardhat_dropAllTransactions", "anvil_dropAllTransactions"}) {
        table.add({name, "Empties the pool.", {}, drop_all, dev});
    }
    for (const std::string_view name : {"hardhat_metadata", "anvil_metadata"}) {
        table.add({name, "The client, and the chain's newest block.", {}, metadata, dev});
    }
    for (const std::string_view name : {"hardhat_setLoggingEnabled", "anvil_setLoggingEnabled"}) {
        table.add({name, "Accepted; logging is the operator's.", {{"enabled", Type::boolean, false}}, accept, dev});
    }
    table.add({
        {"anvil_removePoolTransactions",
         "Takes a sender's transactions out of the pool.",
         {{"address", Type::address}},
         drop_of_sender,
         dev},
        {"anvil_nodeInfo", "The node's settings.", {}, node_info, dev},
        {"hardhat_addCompilationResult",
         "Accepted and not used: there are no stack traces.",
         {{"solcVersion", Type::text}, {"input", Type::object}, {"output", Type::object}},
         refuse_compilation,
         dev},
    });
}

}  // namespace

void add_development_methods(MethodTable& table) {
    add_chain_methods(table);
    add_time_methods(table);
    add_account_methods(table);
    add_other_methods(table);
}

}  // namespace weft::service::gateway
