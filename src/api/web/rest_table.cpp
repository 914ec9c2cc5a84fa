#include "api/web/rest_table.hpp"

#include <charconv>

#include "api/web/number.hpp"
#include "api/web/rest.hpp"
#include "base/hex.hpp"

namespace weft::api::web {

namespace {

using net::RestParameter;
using net::RestType;
using net::Route;

std::unexpected<Error> due(std::string what) { return fail(ErrorCode::invalid_argument, std::move(what)); }

Result<std::string> read_hash(std::string_view text) {
    const auto hash = fixed_from_hex<Hash>(text);
    if (!hash) return due("32 bytes in hexadecimal are due");
    return to_hex(*hash);
}
Result<std::string> read_address(std::string_view text) {
    const auto address = fixed_from_hex<Address>(text);
    if (!address) return due("20 bytes in hexadecimal are due");
    return to_hex(*address);
}
Result<std::string> read_data(std::string_view text) {
    const auto bytes = from_hex(text);
    if (!bytes) return due("bytes in hexadecimal are due");
    return to_hex(*bytes);
}
/// Decimal or hexadecimal, into a quantity.
Result<std::string> read_quantity(std::string_view text) {
    const auto number = read_number(text);
    if (!number) return due("a number is due, decimal or hexadecimal");
    return to_quantity(*number);
}
Result<std::string> read_height(std::string_view text) {
    const auto number = read_number(text);
    if (!number || !number->fits_u64()) return due("a block's number is due, decimal or hexadecimal");
    return to_quantity(*number);
}
Result<std::string> read_block(std::string_view text) {
    for (const std::string_view tag : {"latest", "safe", "finalized", "earliest", "pending"}) {
        if (text == tag) return std::string(text);
    }
    if (text.size() == 2 + 2 * Hash::size) return read_hash(text);
    auto number = read_height(text);
    if (!number) return due("a number, a hash, or latest, safe, finalized, earliest or pending is due");
    return number;
}
Result<std::string> read_slot(std::string_view text) {
    if (text.size() == 2 + 2 * Hash::size) return read_hash(text);
    const auto number = read_number(text);
    if (!number) return due("a slot is due: 32 bytes or a number");
    return to_hex(number->to_hash());
}
/// Decimal, as handlers count.
Result<std::string> read_count(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return due("a decimal number is due");
    return std::to_string(number);
}
template <std::uint64_t max>
Result<std::string> read_limit(std::string_view text) {
    auto count = read_count(text);
    if (!count || *count == "0" || count->size() > 9 || std::stoull(*count) > max) {
        return due("a number from 1 to " + std::to_string(max) + " is due");
    }
    return count;
}
Result<std::string> read_flag(std::string_view text) {
    if (text != "true" && text != "false") return due("true or false is due");
    return std::string(text);
}

constexpr RestType hash_type{R"({"type":"string","pattern":"^0x[0-9a-fA-F]{64}$"})", read_hash};
constexpr RestType address_type{R"({"type":"string","pattern":"^0x[0-9a-fA-F]{40}$"})", read_address};
constexpr RestType data_type{R"({"type":"string","pattern":"^0x([0-9a-fA-F]{2})*$"})", read_data};
constexpr RestType quantity_type{R"({"type":"string","pattern":"^(0x[0-9a-fA-F]+|[0-9]+)$"})", read_quantity};
constexpr RestType height_type{R"({"type":"string","pattern":"^(0x[0-9a-fA-F]+|[0-9]+)$"})", read_height};
constexpr RestType block_type{
    R"({"type":"string","pattern":"^(latest|safe|finalized|earliest|pending|0x[0-9a-fA-F]+|[0-9]+)$"})", read_block};
constexpr RestType slot_type{R"({"type":"string","pattern":"^(0x[0-9a-fA-F]+|[0-9]+)$"})", read_slot};
constexpr RestType count_type{R"({"type":"integer","minimum":0})", read_count};
constexpr RestType items_type{R"({"type":"integer","minimum":1,"maximum":1000,"default":100})",
                              read_limit<Rest::page_items_max>};
constexpr RestType blocks_type{R"({"type":"integer","minimum":1,"maximum":100,"default":20})",
                               read_limit<Rest::page_blocks_max>};
constexpr RestType span_type{R"({"type":"integer","minimum":1,"maximum":10000,"default":1000})",
                             read_limit<Rest::page_span_max>};
constexpr RestType flag_type{R"({"type":"boolean","default":false})", read_flag};

std::vector<RestParameter> call_members() {
    return {{"from", &address_type, "who calls"},
            {"to", &address_type, "who is called; none creates a contract"},
            {"gas", &quantity_type, "gas that the call may use"},
            {"gasPrice", &quantity_type, "wei for a unit of gas"},
            {"maxFeePerGas", &quantity_type, "the most wei for a unit of gas"},
            {"maxPriorityFeePerGas", &quantity_type, "the most wei of it for the block's maker"},
            {"value", &quantity_type, "wei sent along"},
            {"data", &data_type, "input"},
            {"block", &block_type, "whose state; latest if not given"}};
}

std::vector<net::RestSchema> make_schemas() {
    constexpr std::string_view object = R"({"type":"object"})";
    return {
        {"Block", R"({"type":"object","required":["number","hash","parentHash","transactions"],"properties":{)"
                  R"("number":{"type":"string"},"hash":{"type":["string","null"]},"parentHash":{"type":"string"},)"
                  R"("timestamp":{"type":"string"},"transactions":{"type":"array"}}})"},
        {"Blocks", R"({"type":"object","required":["blocks","next"],"properties":{"blocks":{"type":"array",)"
                   R"("items":{"$ref":"#/components/schemas/Block"}},"next":{"type":["string","null"]}}})"},
        {"Transaction", R"({"type":"object","required":["hash","from","nonce","blockHash"],"properties":{)"
                        R"("hash":{"type":"string"},"from":{"type":"string"},"to":{"type":["string","null"]},)"
                        R"("nonce":{"type":"string"},"blockHash":{"type":["string","null"]}}})"},
        {"Transactions", R"({"type":"object","required":["block","count","transactions","next"],"properties":{)"
                         R"("block":{"type":["string","null"]},"count":{"type":"integer"},"transactions":{)"
                         R"("type":"array","items":{"$ref":"#/components/schemas/Transaction"}},)"
                         R"("next":{"type":["integer","null"]}}})"},
        {"Receipt", R"({"type":"object","required":["transactionHash","blockHash","gasUsed","logs"],"properties":{)"
                    R"("transactionHash":{"type":"string"},"blockHash":{"type":"string"},)"
                    R"("status":{"type":"string"},"gasUsed":{"type":"string"},"logs":{"type":"array"}}})"},
        {"Receipts", R"({"type":"object","required":["block","count","receipts","next"],"properties":{)"
                     R"("block":{"type":["string","null"]},"count":{"type":"integer"},"receipts":{"type":"array",)"
                     R"("items":{"$ref":"#/components/schemas/Receipt"}},"next":{"type":["integer","null"]}}})"},
        {"Sent", R"({"type":"object","required":["hash"],"properties":{"hash":{"type":"string"}}})"},
        {"Account", R"({"type":"object","required":["address","block","balance","nonce","codeSize"],"properties":{)"
                    R"("address":{"type":"string"},"block":{"type":"string"},"balance":{"type":"string"},)"
                    R"("nonce":{"type":"string"},"codeSize":{"type":"integer"}}})"},
        {"Data", R"({"type":"object","required":["block","data"],"properties":{"block":{"type":"string"},)"
                 R"("data":{"type":"string"}}})"},
        {"Proof", object},
        {"Logs", R"({"type":"object","required":["from","to","logs","next"],"properties":{"from":{"type":"string"},)"
                 R"("to":{"type":"string"},"logs":{"type":"array"},"next":{"type":["string","null"]}}})"},
        {"CallResult", R"({"type":"object","required":["success","output"],"properties":{)"
                       R"("success":{"type":"boolean"},"output":{"type":"string"},"error":{"type":"string"}}})"},
        {"Estimate", R"({"type":"object","required":["gas"],"properties":{"gas":{"type":"string"}}})"},
        {"Fees", object},
        {"Chain", R"({"type":"object","required":["chainId","head"],"properties":{"chainId":{"type":"string"},)"
                  R"("client":{"type":"string"},"head":{"type":"object"},"safe":{"type":["object","null"]},)"
                  R"("finalized":{"type":["object","null"]},"syncing":{"type":["object","boolean"]}}})"},
        {"Validators", R"({"type":"object","required":["block","validators"],"properties":{)"
                       R"("block":{"type":"string"},"validators":{"type":"array","items":{"type":"string"}}}})"}};
}

const RestParameter block{"block", &block_type, "a number, a hash or a tag"};
const RestParameter state{"block", &block_type, "whose state; latest if not given"};
const RestParameter address{"address", &address_type, "an account"};
const RestParameter hash{"hash", &hash_type, "of a transaction"};
const RestParameter offset{"offset", &count_type, "how many to leave out at the beginning"};
const RestParameter limit{"limit", &items_type, "how many at most"};

RestParameter topic(std::string_view name) {
    return {name, &hash_type, "what it may be there; any if not given", false, true};
}

std::vector<Route> block_routes() {
    const RestParameter from{"from", &height_type, "the first one; the newest if not given"};
    const RestParameter full{"full", &flag_type, "with whole transactions instead of hashes"};
    const RestParameter index{"index", &count_type, "its place, from 0"};
    const RestParameter count{"limit", &blocks_type, "how many at most"};
    const std::string_view list = "/v1/blocks/{block}/transactions";
    return {
        {"listBlocks", "GET", "/v1/blocks", "Blocks, newest first.", {from, count}, {}, "Blocks"},
        {"getBlock", "GET", "/v1/blocks/{block}", "A block.", {block, full}, {}, "Block"},
        {"listBlockTransactions",
         "GET",
         list,
         "The transactions of a block.",
         {block, offset, limit},
         {},
         "Transactions"},
        {"getBlockTransaction",
         "GET",
         "/v1/blocks/{block}/transactions/{index}",
         "A transaction of a block.",
         {block, index},
         {},
         "Transaction"},
        {"listBlockReceipts",
         "GET",
         "/v1/blocks/{block}/receipts",
         "The receipts of a block.",
         {block, offset, limit},
         {},
         "Receipts"},
    };
}

std::vector<Route> account_routes() {
    const RestParameter slot{"slot", &slot_type, "which one"};
    const RestParameter slots{"slot", &slot_type, "which ones", false, true};
    return {
        {"getAccount", "GET", "/v1/accounts/{address}", "An account.", {address, state}, {}, "Account"},
        {"getStorage",
         "GET",
         "/v1/accounts/{address}/storage/{slot}",
         "A storage slot of a contract.",
         {address, slot, state},
         {},
         "Data"},
        {"getCode", "GET", "/v1/accounts/{address}/code", "The code of a contract.", {address, state}, {}, "Data"},
        {"getProof",
         "GET",
         "/v1/accounts/{address}/proof",
         "An account and slots with their Merkle proofs.",
         {address, slots, state},
         {},
         "Proof"},
    };
}

std::vector<Route> transaction_routes() {
    const RestParameter raw{"raw", &data_type, "as it was signed", true};
    return {
        {"sendTransaction", "POST", "/v1/transactions", "Sends a signed transaction.", {}, {raw}, "Sent", 202},
        {"getTransaction",
         "GET",
         "/v1/transactions/{hash}",
         "A transaction, in a block or waiting.",
         {hash},
         {},
         "Transaction"},
        {"getReceipt", "GET", "/v1/transactions/{hash}/receipt", "What a transaction did.", {hash}, {}, "Receipt"},
        {"call", "POST", "/v1/call", "Runs a call and forgets what it did.", {}, call_members(), "CallResult"},
        {"estimate", "POST", "/v1/estimate", "Gas that a transaction needs.", {}, call_members(), "Estimate"},
    };
}

std::vector<Route> chain_routes() {
    const std::vector<RestParameter> logs = {
        {"from", &height_type, "the first block; the newest if not given"},
        {"to", &height_type, "the last block; the newest if not given"},
        {"block", &hash_type, "one block instead"},
        {"span", &span_type, "how many blocks at most"},
        {"address", &address_type, "who may have logged", false, true},
        topic("topic0"),
        topic("topic1"),
        topic("topic2"),
        topic("topic3"),
    };
    return {
        {"getChain", "GET", "/v1/chain", "The chain and its newest blocks.", {}, {}, "Chain"},
        {"listLogs", "GET", "/v1/logs", "Logs, a page of blocks at a time.", logs, {}, "Logs"},
        {"getFees", "GET", "/v1/fees", "What transactions pay now.", {}, {}, "Fees"},
        {"listValidators", "GET", "/v1/validators", "The validators of a block.", {state}, {}, "Validators"},
    };
}

}  // namespace

net::RestTable make_rest_table() {
    net::RestTable out{"weft", "1", chain_routes(), make_schemas()};
    for (auto& routes : {block_routes(), transaction_routes(), account_routes()}) {
        out.routes.insert(out.routes.end(), routes.begin(), routes.end());
    }
    return out;
}

}  // namespace weft::api::web
