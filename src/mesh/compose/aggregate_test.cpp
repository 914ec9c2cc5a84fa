#include "mesh/compose/aggregate.hpp"

#include <gtest/gtest.h>

#include "mesh/layer/test_timers.hpp"

namespace weft::mesh::compose {
namespace {

struct Fixture : testing::Test {
    VirtualTimers timers;
    std::vector<Scripted> services = std::vector<Scripted>(3);
    std::optional<Result<Parts<Ask::Reply>>> result;

    void SetUp() override {
        for (auto& service : services) service = Scripted{};
    }
    void ask_all(Enough enough) {
        std::vector<Flow<Ask, Ask::Reply>> flows;
        for (const auto& service : services) flows.push_back(flow<Ask>(service));
        result.reset();
        spawn(aggregate(timers, flows, enough)({.deadline_ns = timers.now_ns() + ns_per_s}, Ask{}),
              [&](Result<Parts<Ask::Reply>> it) { result = std::move(it); });
    }
    void reply(std::size_t which) { services[which].answer(Ask::Reply{static_cast<int>(which)}); }
    void refuse(std::size_t which) { services[which].answer(fail(ErrorCode::internal, std::to_string(which))); }
    /// "0-2" for replies of the first and third; an error's code; "" while there is nothing.
    std::string seen() const {
        if (!result) return "";
        if (!*result) return std::string(to_string(result->error().code));
        std::string out;
        for (const auto& part : result->value()) out += part ? std::to_string(part->value) : "-";
        return out;
    }
    void TearDown() override {
        // What ends late changes nothing.
        const auto before = seen();
        for (std::size_t i = 0; i < 3; ++i) {
            while (!services[i].calls->empty()) reply(i);
        }
        timers.pass(2 * ns_per_s);
        if (!before.empty()) EXPECT_EQ(seen(), before);
        EXPECT_EQ(timers.pending(), 0U);
    }
};
using aggregate_of_three = Fixture;

TEST_F(aggregate_of_three, all_wants_all_and_fails_with_the_first) {
    ask_all(Enough::all());
    reply(2);
    reply(0);
    EXPECT_EQ(seen(), "");
    reply(1);
    EXPECT_EQ(seen(), "012");
    ask_all(Enough::all());
    refuse(1);
    EXPECT_EQ(seen(), "internal");
}

TEST_F(aggregate_of_three, all_waits_no_longer_than_the_deadline) {
    ask_all(Enough::all());
    reply(0);
    timers.pass(ns_per_s);
    EXPECT_EQ(seen(), "deadline_exceeded");
}

TEST_F(aggregate_of_three, a_quorum_is_enough_and_its_loss_is_known_at_once) {
    ask_all(Enough::quorum(2));
    refuse(0);
    reply(2);
    EXPECT_EQ(seen(), "");
    reply(1);
    EXPECT_EQ(seen(), "-12");
    ask_all(Enough::quorum(2));
    refuse(0);
    EXPECT_EQ(seen(), "");
    refuse(2);
    EXPECT_EQ(seen(), "internal");
}

TEST_F(aggregate_of_three, best_effort_gives_what_there_is_at_the_deadline_or_the_end) {
    ask_all(Enough::best_effort());
    reply(1);
    refuse(2);
    timers.pass(ns_per_s - 1);
    EXPECT_EQ(seen(), "");
    timers.pass(1);
    EXPECT_EQ(seen(), "-1-");
    services[0].calls->clear();
    ask_all(Enough::best_effort());
    refuse(0);
    reply(1);
    refuse(2);
    EXPECT_EQ(seen(), "-1-");
    ask_all(Enough::best_effort(2));
    reply(1);
    timers.pass(ns_per_s);
    EXPECT_EQ(seen(), "deadline_exceeded");
}

}  // namespace
}  // namespace weft::mesh::compose
