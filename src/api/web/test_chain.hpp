#pragma once
// A chain of a few blocks behind an RpcCall, which remembers what it was asked.

#include <string>
#include <vector>

#include "base/hex.hpp"
#include "net/jsonrpc.hpp"
#include "net/rpc_call.hpp"

namespace weft::api::web {

/// Blocks 0 to 3, of which 0 and 1 are final; block 2 has @p transactions transactions, each with two logs. The newest
/// block is one further each time it is asked for, up to the last.
class TestChain {
  public:
    static constexpr std::uint64_t transactions = 100;
    std::vector<std::string> asked;
    std::uint64_t newest = 2;

    [[nodiscard]] static std::string word(std::uint64_t number) {
        const std::string digits = to_quantity(number).substr(2);
        return "0x" + std::string(64 - digits.size(), '0') + digits;
    }
    [[nodiscard]] static std::string block_hash(std::uint64_t number) { return word(0xb000 + number); }
    [[nodiscard]] static std::string tx_hash(std::uint64_t index) { return word(0xa000 + index); }
    [[nodiscard]] static std::string address(std::uint64_t number) { return "0x" + word(number).substr(26); }

    net::RpcCall call() {
        return [this](mesh::Context, std::string_view method, std::string params) {
            return answer(std::string(method), std::move(params));
        };
    }
    [[nodiscard]] std::size_t count(std::string_view method) const {
        std::size_t out = 0;
        for (const auto& one : asked) out += one.starts_with(method) ? 1 : 0;
        return out;
    }

  private:
    Task<std::string> answer(std::string method, std::string params) {
        asked.push_back(method + params);
        const json::Value given = co_await json::parse(params);
        Result<std::string> out = answer_now(method, given.items());
        co_return out;
    }

    static std::string transaction(std::uint64_t index) {
        return R"({"hash":")" + tx_hash(index) + R"(","blockHash":")" + block_hash(2) +
               R"(","blockNumber":"0x2","transactionIndex":")" + to_quantity(index) + R"(","from":")" + address(1) +
               R"(","to":null,"nonce":")" + to_quantity(index) +
               R"(","value":"0x1","gasPrice":"0x64","maxFeePerGas":"0x64","maxPriorityFeePerGas":"0x5","gas":"0x5208",)"
               R"("input":"0x","type":"0x2","r":"0x1","s":"0x2","v":"0x0","yParity":"0x0","accessList":[]})";
    }
    static std::string log(std::uint64_t index) {
        return R"({"address":")" + address(9) + R"(","topics":[")" + word(7) + R"("],"data":"0x","logIndex":")" +
               to_quantity(index) + R"(","transactionIndex":")" + to_quantity(index / 2) + R"(","blockHash":")" +
               block_hash(2) + R"(","blockNumber":"0x2"})";
    }
    static std::string receipt(std::uint64_t index) {
        return R"({"transactionHash":")" + tx_hash(index) + R"(","blockHash":")" + block_hash(2) +
               R"(","blockNumber":"0x2","status":"0x1","gasUsed":"0x5208","contractAddress":null,"logs":[)" +
               log(2 * index) + "," + log(2 * index + 1) + "]}";
    }
    static std::string block(std::uint64_t number, bool full) {
        std::string list;
        for (std::uint64_t i = 0; number == 2 && i < transactions; ++i) {
            list += (i == 0 ? "" : ",") + (full ? transaction(i) : "\"" + tx_hash(i) + "\"");
        }
        const std::string parent = number == 0 ? word(0) : block_hash(number - 1);
        return R"({"number":")" + to_quantity(number) + R"(","hash":")" + block_hash(number) + R"(","parentHash":")" +
               parent +
               R"(","baseFeePerGas":"0x3c","gasLimit":"0x1e8480","gasUsed":"0xf4240","timestamp":"0x1",)"
               R"("miner":")" +
               address(3) + R"(","uncles":[],"transactions":[)" + list + "]}";
    }

    /// The number that a tag, a number or a hash means; 99 if there is none.
    std::uint64_t number_of(const std::string& id) {
        if (id == "latest") return newest < 3 ? newest++ : newest;
        if (id == "finalized" || id == "safe") return 1;
        if (id.size() != 66) return quantity_from_hex(id).value_or(99);
        return id >= block_hash(0) && id <= block_hash(3) ? id.back() - '0' : 99;
    }

    Result<std::string> answer_now(const std::string& method, const std::vector<json::Value>& params) {
        const std::string first = params.empty() ? "" : params[0].text();
        if (method.starts_with("eth_getBlockBy")) {
            const std::uint64_t number = number_of(first);
            return number > 3 ? "null" : block(number, params[1].as_boolean());
        }
        if (method == "eth_getBlockReceipts") {
            std::string out;
            for (std::uint64_t i = 0; i < transactions; ++i) out += (i == 0 ? "" : ",") + receipt(i);
            return "[" + out + "]";
        }
        if (method == "eth_getTransactionByHash") return first == tx_hash(0) ? transaction(0) : "null";
        if (method == "eth_getTransactionReceipt") return first == tx_hash(0) ? receipt(0) : "null";
        if (method == "eth_getLogs") return "[" + log(0) + "," + log(1) + "]";
        if (method == "eth_getBalance") return "\"0x10\"";
        if (method == "eth_getTransactionCount") return "\"0x3\"";
        if (method == "eth_getCode") return "\"0x6001\"";
        if (method == "eth_getStorageAt") return "\"" + word(5) + "\"";
        if (method == "eth_chainId") return "\"0x7a69\"";
        if (method == "eth_syncing") return "false";
        if (method == "web3_clientVersion") return "\"test\"";
        if (method == "eth_estimateGas") return "\"0x5208\"";
        if (method == "eth_call") return std::unexpected(Error{ErrorCode::failed_precondition, "reverted", {0xab}, 3});
        if (method == "eth_sendRawTransaction") {
            if (first == "0x00") return std::unexpected(Error{ErrorCode::unknown, "nonce too low", {}, -32000});
            return "\"" + tx_hash(0) + "\"";
        }
        if (method == "debug_traceCall") return R"({"output":"0x12","gasUsed":"0x99"})";
        if (method == "eth_gasPrice") return fail(ErrorCode::unavailable, "nobody is there");
        return std::unexpected(Error{ErrorCode::unimplemented, "no " + method, {}, -32601});
    }
};

}  // namespace weft::api::web
