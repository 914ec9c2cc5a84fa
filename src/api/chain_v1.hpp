#pragma once
// weft.chain.v1: a chain for clients that speak gRPC, as both gateways offer it. Unlike the operations between services
// these are promised to others: a member is only ever added at the end, and what changes its meaning becomes v2.
//
// Members bear the names of JSON-RPC's, in snake case, which is how replies are read from it (web/grpc_json.hpp).
// `about` is the comment of the .proto file.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/u256.hpp"
#include "base/wire.hpp"

namespace weft::api::chain_v1 {

inline constexpr std::string_view package = "weft.chain.v1";
inline constexpr std::string_view service = "weft.chain.v1.Chain";
inline constexpr std::string_view about =
    "An Ethereum chain. Addresses are 20 bytes, hashes and storage keys 32. Numbers of up to 256 bits are big-endian\n"
    "bytes: 32 of them in replies, at most 32 in requests. Amounts are in wei.\n"
    "\n"
    "What goes wrong is a status with google.rpc.Status in grpc-status-details-bin, whose detail is an RpcError.";

// In replies all bytes are there, of a zero too: a reader need not know how many.
struct ShownAddress {
    using WrittenWhenZero = void;
};
struct ShownHash {
    using WrittenWhenZero = void;
};
struct ShownNumber {
    using WrittenWhenZero = void;
};
using Address = FixedBytes<20, ShownAddress>;
using Hash = FixedBytes<32, ShownHash>;
using Number = FixedBytes<32, ShownNumber>;

enum class BlockTag : std::uint8_t { none, latest, safe, finalized, earliest, pending };
constexpr auto enumerators(BlockTag) {
    return std::to_array<std::string_view>({"BLOCK_TAG_UNSPECIFIED", "BLOCK_TAG_LATEST", "BLOCK_TAG_SAFE",
                                            "BLOCK_TAG_FINALIZED", "BLOCK_TAG_EARLIEST", "BLOCK_TAG_PENDING"});
}

struct BlockId {
    static constexpr std::string_view about =
        "Which block is meant: one of the three, or nothing for the latest. What is read of a state is read of one\n"
        "block throughout a call.";
    BlockTag tag = BlockTag::none;
    std::optional<std::uint64_t> number = {};
    std::optional<weft::Hash> hash = {};
};

struct RpcError {
    static constexpr std::string_view about =
        "The detail of an error: JSON-RPC's code, and its data (what a contract reverted with).";
    std::int32_t code = 0;
    Bytes data = {};
};

struct GetChainIdResponse {
    std::uint64_t chain_id = 0;
    std::string client_version = {};
};
struct GetChainIdRequest {
    using Reply = GetChainIdResponse;
    static constexpr std::string_view method = "weft.chain.v1.Chain/GetChainId";
    wire::Reserved nothing = {};
};

struct BlockHeader {
    std::uint64_t number = 0;
    Hash hash = {};
    Hash parent_hash = {};
    std::uint64_t timestamp = 0;
    Address miner = {};
    std::uint64_t gas_limit = 0;
    std::uint64_t gas_used = 0;
    std::optional<Number> base_fee_per_gas = {};
    Number difficulty = {};
    Bytes extra_data = {};
    Hash mix_hash = {};
    Bytes nonce = {};
    Hash state_root = {};
    Hash transactions_root = {};
    Hash receipts_root = {};
    Bytes logs_bloom = {};
    Hash sha3_uncles = {};
    std::optional<Hash> withdrawals_root = {};
    std::optional<std::uint64_t> blob_gas_used = {};
    std::optional<std::uint64_t> excess_blob_gas = {};
    std::optional<Hash> parent_beacon_block_root = {};
    std::optional<Hash> requests_hash = {};
};
struct GetHeadRequest {
    using Reply = BlockHeader;
    static constexpr std::string_view method = "weft.chain.v1.Chain/GetHead";
    static constexpr std::string_view about = "The newest block that is latest (if unspecified), safe or finalized.";
    BlockTag tag = BlockTag::none;
};

struct AccessTuple {
    Address address = {};
    std::vector<Hash> storage_keys = {};
};
struct Transaction {
    static constexpr std::string_view about =
        "Without block_number it waits in the pool. Without `to` it makes a contract. `gas_price` is what it pays\n"
        "once it is in a block.";
    Hash hash = {};
    std::optional<Hash> block_hash = {};
    std::optional<std::uint64_t> block_number = {};
    std::optional<std::uint64_t> transaction_index = {};
    std::uint64_t type = 0;
    Address from = {};
    std::optional<Address> to = {};
    std::uint64_t nonce = 0;
    Number value = {};
    std::uint64_t gas = 0;
    Number gas_price = {};
    std::optional<Number> max_fee_per_gas = {};
    std::optional<Number> max_priority_fee_per_gas = {};
    std::optional<Number> max_fee_per_blob_gas = {};
    Bytes input = {};
    std::optional<std::uint64_t> chain_id = {};
    std::vector<AccessTuple> access_list = {};
    std::vector<Hash> blob_versioned_hashes = {};
    Number v = {};
    Number r = {};
    Number s = {};
};

struct Withdrawal {
    static constexpr std::string_view about = "The amount is in gwei.";
    std::uint64_t index = 0;
    std::uint64_t validator_index = 0;
    Address address = {};
    std::uint64_t amount = 0;
};
struct Block {
    static constexpr std::string_view about = "Either the hashes of its transactions or the transactions are there.";
    BlockHeader header = {};
    std::vector<Hash> transaction_hashes = {};
    std::vector<Transaction> transactions = {};
    std::vector<Hash> uncles = {};
    std::vector<Withdrawal> withdrawals = {};
    std::uint64_t size = 0;
};
struct GetBlockRequest {
    using Reply = Block;
    static constexpr std::string_view method = "weft.chain.v1.Chain/GetBlock";
    BlockId block = {};
    bool full_transactions = false;
};

struct GetTransactionRequest {
    using Reply = Transaction;
    static constexpr std::string_view method = "weft.chain.v1.Chain/GetTransaction";
    std::optional<weft::Hash> hash = {};
};

struct Log {
    static constexpr std::string_view about =
        "`removed`: its block is no longer on the chain; only streams tell of such.";
    Address address = {};
    std::vector<Hash> topics = {};
    Bytes data = {};
    std::uint64_t block_number = 0;
    Hash block_hash = {};
    Hash transaction_hash = {};
    std::uint64_t transaction_index = 0;
    std::uint64_t log_index = 0;
    bool removed = false;
};
struct Receipt {
    static constexpr std::string_view about =
        "`status` is 1 if the transaction did what it should, 0 if it failed. Before Byzantium it has `root` instead.";
    Hash transaction_hash = {};
    std::uint64_t transaction_index = 0;
    Hash block_hash = {};
    std::uint64_t block_number = 0;
    std::uint64_t type = 0;
    Address from = {};
    std::optional<Address> to = {};
    std::optional<Address> contract_address = {};
    std::optional<std::uint64_t> status = {};
    std::optional<Hash> root = {};
    std::uint64_t gas_used = 0;
    std::uint64_t cumulative_gas_used = 0;
    Number effective_gas_price = {};
    std::optional<std::uint64_t> blob_gas_used = {};
    std::optional<Number> blob_gas_price = {};
    Bytes logs_bloom = {};
    std::vector<Log> logs = {};
};
struct GetReceiptRequest {
    using Reply = Receipt;
    static constexpr std::string_view method = "weft.chain.v1.Chain/GetReceipt";
    static constexpr std::string_view about = "NOT_FOUND until the transaction is in a block.";
    std::optional<weft::Hash> transaction_hash = {};
};

struct Topics {
    static constexpr std::string_view about = "What one topic may be; nothing: anything.";
    std::vector<weft::Hash> any_of = {};
};
struct LogFilter {
    static constexpr std::string_view about =
        "Logs of any of the addresses (none: of all) whose first topic is one of the first `topics`, and so on.";
    std::vector<weft::Address> addresses = {};
    std::vector<Topics> topics = {};
};
struct GetLogsResponse {
    std::vector<Log> logs = {};
};
struct GetLogsRequest {
    using Reply = GetLogsResponse;
    static constexpr std::string_view method = "weft.chain.v1.Chain/GetLogs";
    static constexpr std::string_view about = "From one block (unspecified: the latest) to another, or of one by hash.";
    BlockId from_block = {};
    BlockId to_block = {};
    std::optional<weft::Hash> block_hash = {};
    LogFilter filter = {};
};

struct GetBalanceResponse {
    Number balance = {};
};
struct GetBalanceRequest {
    using Reply = GetBalanceResponse;
    static constexpr std::string_view method = "weft.chain.v1.Chain/GetBalance";
    std::optional<weft::Address> address = {};
    BlockId block = {};
};

struct Account {
    Address address = {};
    Number balance = {};
    std::uint64_t nonce = 0;
    Hash code_hash = {};
    std::uint64_t code_size = 0;
    Bytes code = {};
};
struct GetAccountRequest {
    using Reply = Account;
    static constexpr std::string_view method = "weft.chain.v1.Chain/GetAccount";
    std::optional<weft::Address> address = {};
    BlockId block = {};
    bool with_code = false;
};

struct GetStorageResponse {
    Hash value = {};
};
struct GetStorageRequest {
    using Reply = GetStorageResponse;
    static constexpr std::string_view method = "weft.chain.v1.Chain/GetStorage";
    std::optional<weft::Address> address = {};
    U256 slot = {};
    BlockId block = {};
};

struct StorageProof {
    Number key = {};
    Number value = {};
    std::vector<Bytes> proof = {};
};
struct GetProofResponse {
    static constexpr std::string_view about = "Nodes of the tries, from the root on (EIP-1186).";
    Address address = {};
    Number balance = {};
    std::uint64_t nonce = 0;
    Hash code_hash = {};
    Hash storage_hash = {};
    std::vector<Bytes> account_proof = {};
    std::vector<StorageProof> storage_proof = {};
};
struct GetProofRequest {
    using Reply = GetProofResponse;
    static constexpr std::string_view method = "weft.chain.v1.Chain/GetProof";
    std::optional<weft::Address> address = {};
    std::vector<U256> slots = {};
    BlockId block = {};
};

struct AccessEntry {
    weft::Address address = {};
    std::vector<weft::Hash> storage_keys = {};
};
struct Message {
    static constexpr std::string_view about = "What a transaction would say. What is missing is chosen by the node.";
    std::optional<weft::Address> from = {};
    std::optional<weft::Address> to = {};
    std::optional<std::uint64_t> gas = {};
    std::optional<U256> gas_price = {};
    std::optional<U256> max_fee_per_gas = {};
    std::optional<U256> max_priority_fee_per_gas = {};
    std::optional<U256> value = {};
    Bytes input = {};
    std::optional<std::uint64_t> nonce = {};
    std::vector<AccessEntry> access_list = {};
};
struct CallResponse {
    Bytes output = {};
};
struct CallRequest {
    using Reply = CallResponse;
    static constexpr std::string_view method = "weft.chain.v1.Chain/Call";
    static constexpr std::string_view about =
        "Runs a message on a state and throws away what it changes. One that reverts is FAILED_PRECONDITION, and what\n"
        "it reverted with the detail's data.";
    Message message = {};
    BlockId block = {};
};
struct EstimateGasResponse {
    std::uint64_t gas = 0;
};
struct EstimateGasRequest {
    using Reply = EstimateGasResponse;
    static constexpr std::string_view method = "weft.chain.v1.Chain/EstimateGas";
    Message message = {};
    BlockId block = {};
};

struct GetGasPriceResponse {
    Number gas_price = {};
    Number max_priority_fee_per_gas = {};
};
struct GetGasPriceRequest {
    using Reply = GetGasPriceResponse;
    static constexpr std::string_view method = "weft.chain.v1.Chain/GetGasPrice";
    wire::Reserved nothing = {};
};

struct Rewards {
    std::vector<Number> rewards = {};
};
struct FeeHistoryResponse {
    static constexpr std::string_view about =
        "Of blocks from the oldest on; `base_fee_per_gas` has one more, of the block after them. The ratio of gas\n"
        "used to the limit is in millionths. `reward` has a list of the asked percentiles for each block.";
    std::uint64_t oldest_block = 0;
    std::vector<Number> base_fee_per_gas = {};
    std::vector<std::uint64_t> gas_used_ratio_ppm = {};
    std::vector<Rewards> reward = {};
};
struct FeeHistoryRequest {
    using Reply = FeeHistoryResponse;
    static constexpr std::string_view method = "weft.chain.v1.Chain/FeeHistory";
    std::uint64_t block_count = 0;
    BlockId newest_block = {};
    /// Whole percents, 0 to 100, growing.
    std::vector<std::uint32_t> reward_percentiles = {};
};

struct SendRawTransactionResponse {
    Hash hash = {};
};
struct SendRawTransactionRequest {
    using Reply = SendRawTransactionResponse;
    static constexpr std::string_view method = "weft.chain.v1.Chain/SendRawTransaction";
    static constexpr std::string_view about = "Sends a signed transaction as it is encoded (EIP-2718).";
    Bytes raw = {};
};

struct HeadsRequest {
    using Reply = BlockHeader;
    static constexpr std::string_view method = "weft.chain.v1.Chain/Heads";
    static constexpr std::string_view about =
        "New blocks as they come, until the client leaves. After a reorganization the new branch's blocks are told.";
    static constexpr bool gives_stream = true;
    wire::Reserved nothing = {};
};
struct LogsRequest {
    using Reply = Log;
    static constexpr std::string_view method = "weft.chain.v1.Chain/Logs";
    static constexpr std::string_view about =
        "New logs as they come, until the client leaves; those of a block that is replaced once more, as removed.";
    static constexpr bool gives_stream = true;
    LogFilter filter = {};
};

}  // namespace weft::api::chain_v1
