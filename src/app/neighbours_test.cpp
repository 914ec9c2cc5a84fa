#include "app/neighbours.hpp"

#include <gtest/gtest.h>

#include "app/node.hpp"

namespace weft::app {
namespace {

TEST(neighbours, every_operation_of_a_gateway_is_at_a_part_of_a_node) {
    service::gateway::Ports ports;
    for_each_port(ports, []<class R>(mesh::Port<R>&) {
        SCOPED_TRACE(R::method);
        EXPECT_TRUE(is_part_of_node(holder_of(R::method)));
    });
}

TEST(neighbours, contract_and_wallet_are_with_validation) {
    EXPECT_EQ(holder_of("weft.Contract/Build"), "validation");
    EXPECT_EQ(holder_of("weft.Wallet/Sign"), "validation");
    EXPECT_EQ(holder_of("weft.Validation/Submit"), "validation");
    EXPECT_EQ(holder_of("weft.Storage/Head"), "storage");
    EXPECT_EQ(holder_of("weft.Consensus/Status"), "consensus");
    EXPECT_EQ(holder_of("weft.Network/Send"), "network");
    EXPECT_EQ(holder_of("weft.Monitor/Report"), "monitor");
    EXPECT_FALSE(is_part_of_node("gateway"));
}

/// What changes the chain is made again by who knows whether it was handled, never blindly.
TEST(neighbours, orders_are_not_repeated) {
    for (const std::string_view method : {"weft.Storage/CommitDelta", "weft.Storage/Amend", "weft.Storage/Rewind",
                                          "weft.Contract/Adopt", "weft.Consensus/Mine"}) {
        EXPECT_FALSE(is_repeatable(method)) << method;
        EXPECT_FALSE(is_fleeting(method)) << method;
    }
    for (const auto method : fleeting_methods) EXPECT_FALSE(is_repeatable(method)) << method;
}

}  // namespace
}  // namespace weft::app
