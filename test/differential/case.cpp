#include "case.hpp"

#include "app/fixture_file.hpp"
#include "base/hex.hpp"
#include "crypto/secp256k1.hpp"

namespace weft::differential {

namespace {

using chain::TransactionType;

void write_environment(json::Writer& writer, const Case& subject) {
    const auto& block = subject.block;
    writer.key("env").begin_object();
    writer.data("currentCoinbase", block.coinbase);
    writer.quantity("currentGasLimit", block.gas_limit).quantity("currentNumber", block.number);
    writer.quantity("currentTimestamp", block.timestamp).quantity("currentDifficulty", block.difficulty);
    writer.data("currentRandom", block.prev_randao);
    writer.quantity("currentBaseFee", block.base_fee).quantity("currentExcessBlobGas", subject.excess_blob_gas);
    writer.end_object();
}

void write_authorizations(json::Writer& writer, const chain::Transaction& tx) {
    writer.key("authorizationList").begin_array();
    for (const auto& authorization : tx.authorizations) {
        writer.begin_object().quantity("chainId", authorization.chain_id).data("address", authorization.address);
        writer.quantity("nonce", authorization.nonce).quantity("v", authorization.y_parity);
        writer.quantity("r", authorization.r).quantity("s", authorization.s).end_object();
    }
    writer.end_array();
}

void write_transaction(json::Writer& writer, const Case& subject) {
    const auto& tx = subject.transaction;
    writer.key("transaction").begin_object();
    writer.quantity("nonce", tx.nonce);
    if (tx.has_dynamic_fee()) {
        writer.quantity("maxFeePerGas", tx.max_fee_per_gas);
        writer.quantity("maxPriorityFeePerGas", tx.max_priority_fee_per_gas);
    } else {
        writer.quantity("gasPrice", tx.gas_price());
    }
    writer.key("gasLimit").begin_array().quantity(tx.gas_limit).end_array();
    writer.string("to", tx.to ? to_hex(*tx.to) : "");
    writer.key("value").begin_array().quantity(tx.value).end_array();
    writer.key("data").begin_array().data(tx.data).end_array();
    if (tx.has_access_list()) {
        writer.key("accessLists").begin_array().begin_array();
        for (const auto& entry : tx.access_list) {
            writer.begin_object().data("address", entry.address).key("storageKeys").begin_array();
            for (const auto& key : entry.storage_keys) writer.data(key);
            writer.end_array().end_object();
        }
        writer.end_array().end_array();
    }
    if (tx.type == TransactionType::blob) {
        writer.quantity("maxFeePerBlobGas", tx.max_fee_per_blob_gas);
        writer.key("blobVersionedHashes").begin_array();
        for (const auto& hash : tx.blob_hashes) writer.data(hash);
        writer.end_array();
    }
    if (tx.type == TransactionType::set_code) write_authorizations(writer, tx);
    if (tx.chain_id) writer.quantity("chainId", *tx.chain_id);
    if (const auto sender = crypto::address_of(subject.secret_key)) writer.data("sender", *sender);
    writer.data("secretKey", subject.secret_key);
    writer.end_object();
}

TransactionType type_of(const json::Value& tx) {
    if (tx.find("authorizationList") != nullptr) return TransactionType::set_code;
    if (tx.find("blobVersionedHashes") != nullptr) return TransactionType::blob;
    if (tx.find("maxFeePerGas") != nullptr) return TransactionType::dynamic_fee;
    if (tx.find("accessLists") != nullptr) return TransactionType::access_list;
    return TransactionType::legacy;
}

const json::Value& first(const json::Value& list) {
    static const json::Value nothing;
    return list.items().empty() ? nothing : list.items().front();
}

chain::Transaction read_transaction(const json::Value& from) {
    using namespace app;
    chain::Transaction tx;
    tx.type = type_of(from);
    if (const auto* id = from.find("chainId")) tx.chain_id = fixture_u64(*id);
    if (tx.type != TransactionType::legacy && !tx.chain_id) tx.chain_id = 1;
    tx.nonce = fixture_u64(from["nonce"]);
    tx.max_fee_per_gas = fixture_u256(from[tx.has_dynamic_fee() ? "maxFeePerGas" : "gasPrice"]);
    tx.max_priority_fee_per_gas = tx.has_dynamic_fee() ? fixture_u256(from["maxPriorityFeePerGas"])
                                                       : tx.max_fee_per_gas;
    tx.gas_limit = fixture_u64(first(from["gasLimit"]));
    if (!from["to"].text().empty()) tx.to = fixture_address(from["to"]);
    tx.value = fixture_u256(first(from["value"]));
    tx.data = fixture_bytes(first(from["data"]));
    for (const auto& entry : first(from["accessLists"]).items()) {
        auto& made = tx.access_list.emplace_back();
        made.address = fixture_address(entry["address"]);
        for (const auto& key : entry["storageKeys"].items()) made.storage_keys.push_back(fixture_hash(key));
    }
    tx.max_fee_per_blob_gas = fixture_u256(from["maxFeePerBlobGas"]);
    for (const auto& hash : from["blobVersionedHashes"].items()) tx.blob_hashes.push_back(fixture_hash(hash));
    for (const auto& each : from["authorizationList"].items()) {
        tx.authorizations.push_back({fixture_u256(each["chainId"]), fixture_address(each["address"]),
                                     fixture_u64(each["nonce"]), static_cast<std::uint8_t>(fixture_u64(each["v"])),
                                     fixture_u256(each["r"]), fixture_u256(each["s"])});
    }
    return tx;
}

}  // namespace

void write_state(json::Writer& writer, const CaseState& state) {
    writer.begin_object();
    for (const auto& [address, account] : state) {
        writer.key(to_hex(address)).begin_object();
        writer.quantity("balance", account.balance).quantity("nonce", account.nonce).data("code", account.code);
        writer.key("storage").begin_object();
        for (const auto& [key, value] : account.storage) {
            if (!value.is_zero()) writer.quantity(to_quantity(key), value);
        }
        writer.end_object().end_object();
    }
    writer.end_object();
}

void write_case(json::Writer& writer, const Case& subject) {
    write_environment(writer, subject);
    writer.key("pre");
    write_state(writer, subject.pre);
    write_transaction(writer, subject);
    writer.key("config").begin_object().quantity("chainid", subject.block.chain_id).end_object();
    writer.quantity("blobBaseFee", subject.block.blob_base_fee);
    writer.string("fork", evm::to_string(chain::revision_of(subject.fork)));
}

CaseState read_state(const json::Value& accounts) {
    using namespace app;
    CaseState out;
    for (const auto& [address, value] : accounts.members()) {
        auto& account = out[fixture_address(json::Value::string(address))];
        account.balance = fixture_u256(value["balance"]);
        account.nonce = fixture_u64(value["nonce"]);
        account.code = fixture_bytes(value["code"]);
        for (const auto& [key, slot] : value["storage"].members()) {
            const U256 number = fixture_u256(slot);
            if (!number.is_zero()) account.storage[fixture_u256(json::Value::string(key))] = number;
        }
    }
    return out;
}

Result<Case> read_case(const json::Value& test) {
    using namespace app;
    Case out;
    std::string name = test["fork"].text();
    if (name.empty() && !test["post"].members().empty()) name = test["post"].members().front().first;
    const auto fork = chain::fork_from_fixture_name(name);
    if (!fork) return fail(ErrorCode::invalid_argument, "unknown fork " + name);
    out.fork = *fork;
    const json::Value& env = test["env"];
    out.block.coinbase = fixture_address(env["currentCoinbase"]);
    out.block.gas_limit = fixture_u64(env["currentGasLimit"]);
    out.block.number = fixture_u64(env["currentNumber"]);
    out.block.timestamp = fixture_u64(env["currentTimestamp"]);
    out.block.difficulty = fixture_u256(env["currentDifficulty"]);
    out.block.prev_randao = fixture_hash(env["currentRandom"]);
    if (*fork >= chain::Fork::london) out.block.base_fee = fixture_u256(env["currentBaseFee"]);
    out.excess_blob_gas = fixture_u64(env["currentExcessBlobGas"]);
    out.block.blob_base_fee = chain::blob_base_fee(chain::rules_of_fork(*fork), out.excess_blob_gas);
    out.pre = read_state(test["pre"]);
    out.transaction = read_transaction(test["transaction"]);
    out.secret_key = fixture_hash(test["transaction"]["secretKey"]);
    if (!crypto::address_of(out.secret_key)) return fail(ErrorCode::invalid_argument, "no secret key");
    return out;
}

}  // namespace weft::differential
