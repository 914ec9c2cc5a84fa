// What others send waits for the engine in bounded room, whatever it is.

#include "service/consensus/pbft.hpp"

#include <gtest/gtest.h>

#include "chain/block.hpp"

namespace weft::service::consensus {
namespace {

namespace pbft = weft::consensus::pbft;
using api::consensus::Verdict;

class PbftQueue : public testing::Test {
  protected:
    PbftQueue() : config_(chain::config_of(chain::Fork::osaka)) { config_.qbft.emplace(); }

    /// How many are taken before one is not, of an engine whose thread does not get to them.
    std::size_t fill(const api::consensus::Deliver& request) {
        Pbft service(config_, {}, {});
        for (std::size_t count = 0;; ++count) {
            const auto reply = run(service.deliver({}, request));
            if (!reply || reply->verdict == Verdict::reject || count > 100'000) {
                ADD_FAILURE() << count << ": " << (reply ? reply->reason : reply.error().message);
                return count;
            }
            if (reply->verdict == Verdict::ignore) {
                EXPECT_EQ(reply->reason, "busy");
                return count;
            }
        }
    }
    static api::consensus::Deliver with_block(std::size_t size) {
        chain::Block block;
        block.header.number = 1;
        chain::Transaction transaction;
        transaction.type = chain::TransactionType::dynamic_fee;
        transaction.data = Bytes(size, 0xab);
        block.transactions.push_back(chain::sign_transaction(transaction, U256(7).to_hash()));
        auto message = std::make_shared<pbft::PbftMessage>();
        message->kind = pbft::Kind::proposal;
        message->height = 1;
        message->block = *pbft::to_block(chain::encode(block));
        message->digest = message->block->digest;
        const auto packed = pbft::pack(*message);
        return {Address{{1}}, packed.message, {message->block->bytes}, false};
    }

    chain::ChainConfig config_;
};

TEST_F(PbftQueue, holds_so_many_messages) {
    EXPECT_EQ(fill(with_block(0)), 4096U);
    const Bytes question = encode_read_message({ReadMessage::Kind::question, 1, 0});
    EXPECT_EQ(fill({Address{{1}}, question, {}, false}), 4096U);
}

/// As large as a block may be that comes by the peers' protocol.
TEST_F(PbftQueue, holds_so_many_bytes) { EXPECT_EQ(fill(with_block(8'000'000)), 8U) << "of 64 MiB"; }

}  // namespace
}  // namespace weft::service::consensus
