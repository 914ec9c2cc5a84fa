// The blocks and transactions of the execution-apis specification's chain, in full: no field more or less.

#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "base/fixtures.hpp"
#include "base/rlp.hpp"
#include "chain/block.hpp"
#include "chain/genesis.hpp"
#include "service/gateway/fake_node.hpp"

namespace weft::service::gateway {
namespace {

namespace fs = std::filesystem;

bool same(const json::Value& a, const json::Value& b) {
    if (a.kind() != b.kind()) return false;
    if (a.is_array()) {
        return a.items().size() == b.items().size() && std::ranges::equal(a.items(), b.items(), same);
    }
    if (!a.is_object()) return a.text() == b.text();
    if (a.members().size() != b.members().size()) return false;
    return std::ranges::all_of(a.members(), [&](const auto& member) {
        const json::Value* const other = b.find(member.first);
        return other != nullptr && same(member.second, *other);
    });
}

api::SealedBlockPtr sealed(chain::Block block, std::size_t size) {
    auto out = std::make_shared<api::SealedBlock>();
    out->hash = chain::hash_of(block.header);
    out->header = std::move(block.header);
    out->transactions = std::move(block.transactions);
    out->ommers = std::move(block.ommers);
    if (block.withdrawals) out->withdrawals = *std::move(block.withdrawals);
    out->size = size;
    return out;
}

/// The specification's chain without receipts: what needs no execution.
void load(testing::FakeNode& node, const fs::path& folder) {
    const std::string genesis_json = read_fixture(folder / "genesis.json");
    const auto genesis = chain::parse_genesis(genesis_json);
    ASSERT_TRUE(genesis) << genesis.error().message;
    node.blocks.clear();
    node.events.clear();
    chain::Block first = chain::genesis_block(*genesis);
    const std::size_t first_size = chain::encode(first).size();
    node.blocks.push_back(sealed(std::move(first), first_size));
    const std::string bytes = read_fixture(folder / "chain.rlp");
    rlp::Reader reader(as_bytes(bytes));
    while (!reader.done()) {
        const auto item = reader.item();
        ASSERT_TRUE(item);
        auto block = chain::decode_block(*item);
        ASSERT_TRUE(block) << block.error().message;
        ASSERT_TRUE(chain::recover_senders(block->transactions));
        node.blocks.push_back(sealed(*std::move(block), item->size()));
    }
    node.status.chain_id = genesis->config.chain_id;
    node.status.development = false;
    node.status.fork = json::to_string((*json::parse(genesis_json))["config"]);
}

struct Spoken {
    std::string request;
    std::string answer;
};

std::vector<Spoken> conversation(const fs::path& file) {
    std::vector<Spoken> out;
    std::istringstream lines(read_fixture(file));
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(">> ")) out.push_back({line.substr(3), {}});
        if (line.starts_with("<< ") && !out.empty()) out.back().answer = line.substr(3);
    }
    return out;
}

json::Value without_message(const json::Value& answer) {
    const json::Value& error = answer["error"];
    if (!error.is_object()) return answer;
    return json::Value::object({{"id", answer["id"]}, {"code", error["code"]}});
}

TEST(conformance, blocks_and_transactions_are_equal_in_full) {
    const auto folder = fixture("execution-apis");
    if (!folder) GTEST_SKIP() << no_fixtures;
    testing::Fixture fixture;
    load(fixture.node, *folder / "tests");
    const std::string_view methods[] = {"eth_blockNumber",
                                        "eth_chainId",
                                        "eth_config",
                                        "eth_getBlockByHash",
                                        "eth_getBlockByNumber",
                                        "eth_getBlockTransactionCountByHash",
                                        "eth_getBlockTransactionCountByNumber",
                                        "eth_getTransactionByBlockHashAndIndex",
                                        "eth_getTransactionByBlockNumberAndIndex",
                                        "eth_getTransactionByHash",
                                        "eth_syncing",
                                        "net_version",
                                        "debug_getRawBlock",
                                        "debug_getRawHeader",
                                        "debug_getRawTransaction"};
    std::size_t count = 0;
    for (const std::string_view method : methods) {
        for (const auto& entry : fs::directory_iterator(*folder / "tests" / method)) {
            for (const auto& [request, want] : conversation(entry.path())) {
                SCOPED_TRACE(entry.path().filename().string() + " " + request);
                const auto got = run(fixture.gateway.answer(request));
                ASSERT_TRUE(got);
                EXPECT_TRUE(same(without_message(*json::parse(*got)), without_message(*json::parse(want))))
                    << "got  " << *got << "\nwant " << want;
                ++count;
            }
        }
    }
    EXPECT_GE(count, 40U);
}

}  // namespace
}  // namespace weft::service::gateway
