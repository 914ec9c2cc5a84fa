// Blocks, transactions, receipts and accounts, as storage has them.

#include "base/hex.hpp"
#include "chain/transaction.hpp"
#include "service/gateway/core.hpp"
#include "service/gateway/errors.hpp"
#include "service/gateway/eth_read.hpp"
#include "service/gateway/format.hpp"

namespace weft::service::gateway {

namespace {

using api::BlockRef;
using api::BlockTag;
using api::SealedBlockPtr;

constexpr std::string_view null_json = "null";
/// As geth: what one eth_getProof or eth_getStorageValues may name.
constexpr std::size_t slot_count_max = 1024;

}  // namespace

Task<SealedBlockPtr> find_block(Call& call, BlockRef ref, bool header_only) {
    if (ref.tag == BlockTag::pending) {
        auto reply = co_await call.ports().pending_block(call.context, {});
        co_return std::move(reply.block);
    }
    auto reply = co_await call.ports().get_block(call.context, {ref, header_only});
    co_return std::move(reply.block);
}

namespace {

// --- the head

Task<std::string> block_number(Call& call) {
    const auto head = co_await call.ports().head(call.context, {});
    co_return quantity_json(head.number);
}

Task<std::string> chain_id(Call& call) {
    const ChainFacts facts = co_await call.core.facts(call.context);
    co_return quantity_json(facts.chain_id);
}

Task<std::string> syncing(Call& call) {
    const auto status = co_await call.ports().status(call.context, {});
    if (!status.is_syncing) co_return std::string("false");
    const auto head = co_await call.ports().head(call.context, {});
    std::uint64_t highest = std::max(status.sync_to, head.number);
    if (const auto network = co_await settled(call.ports().network_status(call.context, {}))) {
        for (const auto& peer : network->peers) highest = std::max(highest, peer.height);
    }
    json::Writer out;
    out.begin_object().key("startingBlock").quantity(status.sync_from);
    out.key("currentBlock").quantity(head.number).key("highestBlock").quantity(highest).end_object();
    co_return out.take();
}
Task<std::string> mining(Call&) { co_return std::string("false"); }
Task<std::string> hashrate(Call&) { co_return std::string("\"0x0\""); }

Task<std::string> coinbase(Call& call) {
    const auto status = co_await call.ports().status(call.context, {});
    co_return data_json(status.coinbase);
}

Task<std::string> accounts(Call& call) {
    const auto reply = co_await call.ports().accounts(call.context, {});
    json::Writer out;
    out.begin_array();
    for (const auto& address : reply.addresses) out.data(address);
    out.end_array();
    co_return out.take();
}

// --- blocks

Task<std::string> block_json(Call& call, BlockRef ref, bool full) {
    const SealedBlockPtr block = co_await find_block(call, ref, false);
    if (!block) co_return std::string(null_json);
    json::Writer out;
    write_block(out, *block, full, ref.tag == BlockTag::pending);
    co_return out.take();
}

Task<std::string> get_block_by_number(Call& call) {
    const BlockRef ref = co_await call.params.block_number(0);
    const bool full = co_await call.params.boolean(1);
    co_return co_await block_json(call, ref, full);
}

Task<std::string> get_block_by_hash(Call& call) {
    const Hash hash = co_await call.params.hash(0);
    const bool full = co_await call.params.boolean(1);
    co_return co_await block_json(call, BlockRef::with_hash(hash), full);
}

Task<std::string> header_json(Call& call, BlockRef ref) {
    const SealedBlockPtr block = co_await find_block(call, ref, true);
    if (!block) co_return std::string(null_json);
    json::Writer out;
    out.begin_object();
    write_header(out, block->header, block->hash, ref.tag == BlockTag::pending);
    out.end_object();
    co_return out.take();
}

Task<std::string> get_header_by_number(Call& call) {
    const BlockRef ref = co_await call.params.block_number(0);
    co_return co_await header_json(call, ref);
}

Task<std::string> get_header_by_hash(Call& call) {
    const Hash hash = co_await call.params.hash(0);
    co_return co_await header_json(call, BlockRef::with_hash(hash));
}

Task<std::string> transaction_count(Call& call, BlockRef ref) {
    const SealedBlockPtr block = co_await find_block(call, ref, false);
    co_return block ? quantity_json(block->transactions.size()) : std::string(null_json);
}

Task<std::string> transaction_count_by_number(Call& call) {
    const BlockRef ref = co_await call.params.block_number(0);
    co_return co_await transaction_count(call, ref);
}

Task<std::string> transaction_count_by_hash(Call& call) {
    const Hash hash = co_await call.params.hash(0);
    co_return co_await transaction_count(call, BlockRef::with_hash(hash));
}

Task<std::string> uncle_count(Call& call, BlockRef ref) {
    const SealedBlockPtr block = co_await find_block(call, ref, false);
    co_return block ? quantity_json(block->ommers.size()) : std::string(null_json);
}

Task<std::string> uncle_count_by_number(Call& call) {
    const BlockRef ref = co_await call.params.block_number(0);
    co_return co_await uncle_count(call, ref);
}

Task<std::string> uncle_count_by_hash(Call& call) {
    const Hash hash = co_await call.params.hash(0);
    co_return co_await uncle_count(call, BlockRef::with_hash(hash));
}

Task<std::string> uncle(Call& call, BlockRef ref) {
    const std::uint64_t index = co_await call.params.index_number(1);
    const SealedBlockPtr block = co_await find_block(call, ref, false);
    if (!block || index >= block->ommers.size()) co_return std::string(null_json);
    json::Writer out;
    write_ommer(out, block->ommers[index]);
    co_return out.take();
}

Task<std::string> uncle_by_number(Call& call) {
    const BlockRef ref = co_await call.params.block_number(0);
    co_return co_await uncle(call, ref);
}

Task<std::string> uncle_by_hash(Call& call) {
    const Hash hash = co_await call.params.hash(0);
    co_return co_await uncle(call, BlockRef::with_hash(hash));
}

Task<std::string> get_block_receipts(Call& call) {
    const BlockRef ref = co_await call.params.block(0);
    const SealedBlockPtr block = co_await find_block(call, ref, false);
    if (!block) co_return std::string(null_json);
    json::Writer out;
    write_receipts(out, *block);
    co_return out.take();
}

// --- transactions

Task<std::string> get_transaction_by_hash(Call& call) {
    const Hash hash = co_await call.params.hash(0);
    const auto found = co_await call.ports().get_transaction(call.context, {hash});
    json::Writer out;
    if (found.transaction) {
        write_transaction(out, *found.transaction, Place::of(found));
        co_return out.take();
    }
    const auto pooled = co_await call.ports().get_pooled(call.context, {hash});
    if (!pooled.transaction) co_return std::string(null_json);
    write_transaction(out, *pooled.transaction, std::nullopt);
    co_return out.take();
}

Task<std::string> transaction_at(Call& call, BlockRef ref) {
    const std::uint64_t index = co_await call.params.index_number(1);
    const SealedBlockPtr block = co_await find_block(call, ref, false);
    if (!block || index >= block->transactions.size()) co_return std::string(null_json);
    json::Writer out;
    write_transaction(out, *block->transactions[index], Place::in(*block, index));
    co_return out.take();
}

Task<std::string> transaction_by_number_and_index(Call& call) {
    const BlockRef ref = co_await call.params.block_number(0);
    co_return co_await transaction_at(call, ref);
}

Task<std::string> transaction_by_hash_and_index(Call& call) {
    const Hash hash = co_await call.params.hash(0);
    co_return co_await transaction_at(call, BlockRef::with_hash(hash));
}

Task<std::string> raw_transaction_at(Call& call, BlockRef ref) {
    const std::uint64_t index = co_await call.params.index_number(1);
    const SealedBlockPtr block = co_await find_block(call, ref, false);
    if (!block || index >= block->transactions.size()) co_return std::string("\"0x\"");
    co_return data_json(block->transactions[index]->encoded);
}

Task<std::string> raw_transaction_by_number_and_index(Call& call) {
    const BlockRef ref = co_await call.params.block_number(0);
    co_return co_await raw_transaction_at(call, ref);
}

Task<std::string> raw_transaction_by_hash_and_index(Call& call) {
    const Hash hash = co_await call.params.hash(0);
    co_return co_await raw_transaction_at(call, BlockRef::with_hash(hash));
}

Task<std::string> get_transaction_receipt(Call& call) {
    const Hash hash = co_await call.params.hash(0);
    co_return co_await receipt_json(call, hash);
}

// --- accounts

Task<std::string> get_balance(Call& call) {
    const Address address = co_await call.params.address(0);
    const BlockRef ref = co_await call.params.block_or_latest(1);
    const auto account = co_await call.ports().get_account(call.context, {address, ref});
    co_return quantity_json(account.balance);
}

Task<std::string> get_transaction_count(Call& call) {
    const Address address = co_await call.params.address(0);
    const BlockRef ref = co_await call.params.block_or_latest(1);
    if (ref.tag == BlockTag::pending) {
        const auto reply = co_await call.ports().pending_nonce(call.context, {address});
        co_return quantity_json(reply.nonce);
    }
    const auto account = co_await call.ports().get_account(call.context, {address, ref});
    co_return quantity_json(account.nonce);
}

Task<std::string> get_code(Call& call) {
    const Address address = co_await call.params.address(0);
    const BlockRef ref = co_await call.params.block_or_latest(1);
    const auto reply = co_await call.ports().get_code(call.context, {address, ref});
    co_return data_json(reply.code);
}

Task<std::string> get_storage_at(Call& call) {
    const Address address = co_await call.params.address(0);
    const std::string key_text = co_await call.params.text(1);
    const BlockRef ref = co_await call.params.block_or_latest(2);
    const Hash key = co_await read::storage_key(key_text);
    const auto reply = co_await call.ports().get_slot(call.context, {address, U256::from_bytes(key), ref});
    co_return data_json(reply.value.to_hash());
}

struct SlotsOf {
    Address address;
    std::vector<Hash> keys;
};

Result<std::vector<SlotsOf>> storage_requests(const json::Value& value) {
    if (!value.is_object()) {
        return read::wrong_type(read::kind_name(value), "map[common.Address][]common.Hash");
    }
    std::vector<SlotsOf> out;
    std::size_t count = 0;
    for (const auto& [name, keys] : value.members()) {
        SlotsOf slots;
        WEFT_TRY(slots.address, read::address(json::Value::string(name)));
        for (const auto& key : keys.items()) {
            WEFT_TRY(slots.keys.emplace_back(), read::hash(key));
        }
        count += slots.keys.size();
        out.push_back(std::move(slots));
    }
    if (count == 0) return invalid_params("empty request");
    if (count > slot_count_max) return invalid_params("too many slots (max " + std::to_string(slot_count_max) + ")");
    return out;
}

Task<std::string> get_storage_values(Call& call) {
    const auto requests = co_await call.params.get(0, storage_requests);
    const BlockRef ref = co_await call.params.block_or_latest(1);
    json::Writer out;
    out.begin_object();
    for (const auto& [address, keys] : requests) {
        out.key(to_hex(address)).begin_array();
        for (const auto& key : keys) {
            const auto reply = co_await call.ports().get_slot(call.context, {address, U256::from_bytes(key), ref});
            out.data(reply.value.to_hash());
        }
        out.end_array();
    }
    out.end_object();
    co_return out.take();
}

/// Keys come back as they were asked for: whole hashes as such, short ones as quantities.
struct ProofKeys {
    std::vector<Hash> keys;
    std::vector<bool> whole;
};

Result<ProofKeys> proof_keys(const json::Value& value) {
    if (!value.is_array()) return read::wrong_type(read::kind_name(value), "[]string");
    if (value.items().size() > slot_count_max) {
        return invalid_params("too many slots (max " + std::to_string(slot_count_max) + ")");
    }
    ProofKeys out;
    for (const auto& item : value.items()) {
        WEFT_TRY(const std::string text, read::text(item));
        WEFT_TRY(out.keys.emplace_back(), read::storage_key(text));
        out.whole.push_back(text.size() == 66);
    }
    return out;
}

Task<std::string> get_proof(Call& call) {
    const Address address = co_await call.params.address(0);
    const ProofKeys keys = co_await call.params.get(1, proof_keys);
    const BlockRef ref = co_await call.params.block_or_latest(2);
    const auto reply = co_await call.ports().get_proof(call.context, {address, keys.keys, ref});
    const auto write_nodes = [](json::Writer& out, const std::vector<Bytes>& nodes) {
        out.begin_array();
        for (const auto& node : nodes) out.data(node);
        out.end_array();
    };
    json::Writer out;
    out.begin_object();
    out.data("address", address).key("accountProof");
    write_nodes(out, reply.account_proof);
    out.quantity("balance", reply.account.balance).data("codeHash", reply.account.code_hash);
    out.quantity("nonce", reply.account.nonce).data("storageHash", reply.account.storage_root);
    out.key("storageProof").begin_array();
    for (std::size_t i = 0; i < reply.storage.size(); ++i) {
        const auto& slot = reply.storage[i];
        out.begin_object();
        if (i < keys.whole.size() && keys.whole[i]) {
            out.data("key", slot.key);
        } else {
            out.quantity("key", U256::from_bytes(slot.key));
        }
        out.quantity("value", slot.value).key("proof");
        write_nodes(out, slot.proof);
        out.end_object();
    }
    out.end_array();
    out.end_object();
    co_return out.take();
}

/// What forge asks instead of three questions.
Task<std::string> get_account_info(Call& call) {
    const Address address = co_await call.params.address(0);
    const BlockRef ref = co_await call.params.block_or_latest(1);
    const auto account = co_await call.ports().get_account(call.context, {address, ref});
    const auto code = co_await call.ports().get_code(call.context, {address, ref});
    json::Writer out;
    out.begin_object();
    out.quantity("balance", account.balance).quantity("nonce", account.nonce).data("code", code.code);
    out.end_object();
    co_return out.take();
}

Task<std::string> get_account(Call& call) {
    const Address address = co_await call.params.address(0);
    const BlockRef ref = co_await call.params.block_or_latest(1);
    const auto account = co_await call.ports().get_account(call.context, {address, ref});
    json::Writer out;
    out.begin_object();
    out.quantity("balance", account.balance).quantity("nonce", account.nonce);
    out.data("codeHash", account.code_hash).data("storageRoot", account.storage_root);
    out.end_object();
    co_return out.take();
}

}  // namespace

Task<std::string> raw_transaction(Call& call, Hash hash) {
    const auto found = co_await call.ports().get_transaction(call.context, {hash});
    if (found.transaction) co_return data_json(found.transaction->encoded);
    const auto pooled = co_await call.ports().get_pooled(call.context, {hash});
    co_return pooled.transaction ? data_json(pooled.transaction->encoded) : std::string("\"0x\"");
}

Task<std::string> receipt_json(Call& call, Hash hash) {
    const auto found = co_await call.ports().get_transaction(call.context, {hash});
    if (!found.transaction || !found.receipt) co_return std::string(null_json);
    json::Writer out;
    write_receipt(out, *found.transaction, *found.receipt, Place::of(found), found.first_log_index);
    co_return out.take();
}

namespace {
Task<std::string> get_raw_transaction_by_hash(Call& call) {
    const Hash hash = co_await call.params.hash(0);
    co_return co_await raw_transaction(call, hash);
}
}  // namespace

void add_read_methods(MethodTable& table) {
    const Parameter number{"block", Type::block};
    const Parameter block{"block", Type::block, false};
    const Parameter block_hash{"blockHash", Type::hash};
    const Parameter hash{"transactionHash", Type::hash};
    const Parameter index{"index", Type::quantity};
    const Parameter address{"address", Type::address};
    const Parameter full{"fullTransactions", Type::boolean};
    table.add({
        {"eth_blockNumber", "Number of the newest block.", {}, block_number},
        {"eth_chainId", "Chain id that transactions are signed for.", {}, chain_id},
        {"eth_syncing", "Whether the node catches up with others.", {}, syncing},
        {"eth_mining", "Whether the node mines by proof of work.", {}, mining},
        {"eth_hashrate", "Proof-of-work hashes a second.", {}, hashrate},
        {"eth_coinbase", "Address that gets the next block's fees.", {}, coinbase},
        {"eth_accounts", "Addresses that the wallet signs for.", {}, accounts},
        {"eth_getBlockByNumber", "A block by number or tag.", {number, full}, get_block_by_number},
        {"eth_getBlockByHash", "A block by hash.", {block_hash, full}, get_block_by_hash},
        {"eth_getHeaderByNumber", "A header by number or tag.", {number}, get_header_by_number},
        {"eth_getHeaderByHash", "A header by hash.", {block_hash}, get_header_by_hash},
        {"eth_getBlockTransactionCountByNumber",
         "How many transactions a block has.",
         {number},
         transaction_count_by_number},
        {"eth_getBlockTransactionCountByHash",
         "How many transactions a block has.",
         {block_hash},
         transaction_count_by_hash},
        {"eth_getUncleCountByBlockNumber", "How many ommers a block has.", {number}, uncle_count_by_number},
        {"eth_getUncleCountByBlockHash", "How many ommers a block has.", {block_hash}, uncle_count_by_hash},
        {"eth_getUncleByBlockNumberAndIndex", "An ommer of a block.", {number, index}, uncle_by_number},
        {"eth_getUncleByBlockHashAndIndex", "An ommer of a block.", {block_hash, index}, uncle_by_hash},
        {"eth_getBlockReceipts", "All receipts of a block.", {number}, get_block_receipts},
        {"eth_getTransactionByHash", "A transaction, in a block or waiting.", {hash}, get_transaction_by_hash},
        {"eth_getTransactionByBlockNumberAndIndex",
         "A transaction of a block.",
         {number, index},
         transaction_by_number_and_index},
        {"eth_getTransactionByBlockHashAndIndex",
         "A transaction of a block.",
         {block_hash, index},
         transaction_by_hash_and_index},
        {"eth_getRawTransactionByHash", "A transaction's bytes.", {hash}, get_raw_transaction_by_hash},
        {"eth_getRawTransactionByBlockNumberAndIndex",
         "A transaction's bytes.",
         {number, index},
         raw_transaction_by_number_and_index},
        {"eth_getRawTransactionByBlockHashAndIndex",
         "A transaction's bytes.",
         {block_hash, index},
         raw_transaction_by_hash_and_index},
        {"eth_getTransactionReceipt", "What a transaction did.", {hash}, get_transaction_receipt},
        {"eth_getBalance", "An account's wei.", {address, block}, get_balance},
        {"eth_getTransactionCount", "An account's nonce.", {address, block}, get_transaction_count},
        {"eth_getCode", "An account's code.", {address, block}, get_code},
        {"eth_getStorageAt", "A storage slot.", {address, {"slot", Type::text}, block}, get_storage_at},
        {"eth_getStorageValues",
         "Storage slots of several accounts.",
         {{"requests", Type::object}, block},
         get_storage_values},
        {"eth_getProof",
         "An account and slots with their Merkle proofs.",
         {address, {"keys", Type::array}, block},
         get_proof},
        {"eth_getAccountInfo", "Balance, nonce and code of an account.", {address, block}, get_account_info},
        {"eth_getAccount", "An account as the state trie has it.", {address, block}, get_account},
    });
}

}  // namespace weft::service::gateway
