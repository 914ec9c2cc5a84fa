#include "mesh/compose/compose.hpp"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "mesh/compose/contract.hpp"
#include "mesh/layer/test_timers.hpp"
#include "mesh/layer/timeout.hpp"
#include "verify/random.hpp"

namespace weft::mesh::compose {
namespace {

using Step = Flow<int, int>;

// What does not fit does not compile.
template <class A, class B>
concept Pipes = requires(A a, B b) {
    a >> b;
};
template <class A, class B>
concept Chooses = requires(A a, B b) {
    a | b;
};
template <class A, class B>
concept Joins = requires(A a, B b) {
    a& b;
};
template <class A>
concept Repeats = requires(A a) {
    repeat(
        a, [](const typename A::Output&) { return true; }, 1);
};
static_assert(Pipes<Flow<int, std::string>, Flow<std::string, long>>);
static_assert(!Pipes<Flow<int, std::string>, Flow<int, long>>);
static_assert(!Chooses<Flow<int, int>, Flow<int, long>> && !Chooses<Flow<int, int>, Flow<long, int>>);
static_assert(Joins<Flow<int, int>, Flow<int, long>> && !Joins<Flow<int, int>, Flow<long, int>>);
static_assert(Repeats<Step> && !Repeats<Flow<int, long>>);

/// A service that does for each request what is drawn for it once: a reply or an error, now or later.
Step drawn(VirtualTimers& timers, std::uint64_t seed, std::uint32_t failing_percent) {
    return {[&timers, seed, failing_percent](Context, int input) -> Task<int> {
        verify::Random random(seed, static_cast<std::uint64_t>(input));
        const bool fails = random.below(100) < failing_percent;
        const auto value = static_cast<int>(random.below(8));
        // No two services of a law end in the same moment, or who fails first would be a matter of chance.
        const auto delay_ns = static_cast<std::int64_t>(random.below(1'000'000'000));
        if (random.below(4) != 0) co_await timers.sleep_until(timers.now_ns() + delay_ns);
        if (fails) co_await Result<void>(fail(ErrorCode::internal, std::to_string(seed) + " fails"));
        co_return value;
    }};
}
Step failing() {
    return {[](Context, int) -> Task<int> { co_return fail(ErrorCode::aborted, "failing"); }};
}

template <class F>
std::string outcome(VirtualTimers& timers, const F& of, int input) {
    std::optional<Result<typename F::Output>> result;
    spawn(of(Context{.deadline_ns = timers.now_ns() + 100 * ns_per_s}, input),
          [&](Result<typename F::Output> it) { result = std::move(it); });
    timers.pass(20 * ns_per_s);
    if (!result) return "no end";
    return *result ? testing::PrintToString(**result) : result->error().message;
}

struct Fixture : testing::Test {
    VirtualTimers timers;

    /// Calls @p law with services that are drawn anew each time.
    void for_random_services(const std::function<void(Step, Step, Step, int input)>& law) {
        for (std::uint64_t seed = 1; seed < 1'500; seed += 3) {
            const auto failing_percent = static_cast<std::uint32_t>(seed % 5 * 20);
            const auto make = [&](std::uint64_t of) { return drawn(timers, of, failing_percent); };
            for (int input = 0; input < 4; ++input) {
                SCOPED_TRACE("seed " + std::to_string(seed) + ", input " + std::to_string(input));
                law(make(seed), make(seed + 1), make(seed + 2), input);
                ASSERT_FALSE(HasFailure());
            }
        }
    }
};
using compose_laws = Fixture;

TEST_F(compose_laws, pipelines_are_a_monoid_whose_zero_on_the_left_is_failure) {
    for_random_services([&](const Step& a, const Step& b, const Step& c, int input) {
        EXPECT_EQ(outcome(timers, (a >> b) >> c, input), outcome(timers, a >> (b >> c), input));
        EXPECT_EQ(outcome(timers, identity<int>() >> a, input), outcome(timers, a, input));
        EXPECT_EQ(outcome(timers, a >> identity<int>(), input), outcome(timers, a, input));
        EXPECT_EQ(outcome(timers, failing() >> a, input), "failing");
    });
}

TEST_F(compose_laws, choices_are_a_monoid_on_replies) {
    for_random_services([&](const Step& a, const Step& b, const Step& c, int input) {
        EXPECT_EQ(outcome(timers, (a | b) | c, input), outcome(timers, a | (b | c), input));
        EXPECT_EQ(outcome(timers, failing() | a, input), outcome(timers, a, input));
        const auto alone = outcome(timers, a, input);
        const bool replies = alone.find("fails") == std::string::npos;
        EXPECT_EQ(outcome(timers, a | failing(), input), replies ? alone : "failing");
    });
}

TEST_F(compose_laws, parallel_is_associative_but_for_nesting_and_fails_as_the_first_does) {
    using Three = std::pair<std::pair<int, int>, int>;
    const auto nested = map<std::pair<int, std::pair<int, int>>>([](const auto& it) -> Result<Three> {
        return Three{{it.first, it.second.first}, it.second.second};
    });
    for_random_services([&](const Step& a, const Step& b, const Step& c, int input) {
        EXPECT_EQ(outcome(timers, (a & b) & c, input), outcome(timers, (a & (b & c)) >> nested, input));
    });
}

TEST_F(compose_laws, what_comes_before_a_choice_distributes_over_it) {
    for_random_services([&](const Step& f, const Step& a, const Step& b, int input) {
        if (outcome(timers, f, input).find("fails") != std::string::npos) return;
        EXPECT_EQ(outcome(timers, f >> (a | b), input), outcome(timers, (f >> a) | (f >> b), input));
    });
}

TEST_F(compose_laws, what_comes_after_a_choice_does_not) {
    bool differs = false;
    for_random_services([&](const Step& a, const Step& b, const Step& c, int input) {
        differs = differs || outcome(timers, (a | b) >> c, input) != outcome(timers, (a >> c) | (b >> c), input);
    });
    EXPECT_TRUE(differs);
}

TEST_F(compose_laws, repetition_is_a_pipeline_as_long_as_it_takes) {
    for_random_services([&](const Step& a, const Step&, const Step&, int input) {
        const auto always = [](int) { return true; };
        const auto is_even = [](int value) { return value % 2 == 0; };
        EXPECT_EQ(outcome(timers, repeat(a, always, 1), input), outcome(timers, a, input));
        auto by_hand = outcome(timers, a, input);
        int times = 1;
        for (Step chain = a; times < 4 && by_hand.size() == 1 && !is_even(std::stoi(by_hand)); ++times) {
            chain = chain >> a;
            by_hand = outcome(timers, chain, input);
        }
        if (by_hand.size() == 1 && !is_even(std::stoi(by_hand))) by_hand = "no end after 4 times";
        EXPECT_EQ(outcome(timers, repeat(a, is_even, 4), input), by_hand);
    });
}

TEST_F(compose_laws, each_part_sees_the_deadline_of_the_whole) {
    std::vector<std::int64_t> seen;
    const Step part([&](Context context, int input) -> Task<int> {
        seen.push_back(context.deadline_ns);
        if (input == 7) co_return fail(ErrorCode::internal, "7");
        co_return input + 1;
    });
    const auto whole =
        (part >> (part & part) >> map<std::pair<int, int>>([](auto it) -> Result<int> { return it.first; }) >>
         repeat(
             part, [](int value) { return value >= 6; }, 9) >>
         part) >>
        (part | part);
    EXPECT_EQ(outcome(timers, whole, 0), "7");
    EXPECT_EQ(seen, std::vector<std::int64_t>(seen.size(), seen[0]));
    EXPECT_EQ(seen.size(), 10U);
}

TEST_F(compose_laws, a_flow_is_a_port_and_takes_layers) {
    Scripted service;
    const auto twice = flow<Ask>(service) >>
                       map<Ask::Reply>([](Ask::Reply reply) -> Result<Ask> { return Ask{reply.value + 1}; }) >>
                       flow<Ask>(service);
    const Port<Ask> port = to_port(Flow<Ask, Ask::Reply>(timeout(timers, ns_per_s) | twice));
    const auto call = ask(port, {.deadline_ns = timers.now_ns() + 9 * ns_per_s});
    service.answer(Ask::Reply{4});
    EXPECT_EQ(service.calls->front().request.value, 5);
    service.answer(Ask::Reply{6});
    EXPECT_EQ(call.value(), 6);
}

TEST_F(compose_laws, a_contract_is_checked_where_services_meet) {
    int asked = 0;
    const Step half([&](Context, int input) -> Task<int> {
        ++asked;
        co_return input / 2;
    });
    const Contract<int, int> contract{.name = "half",
                                      .requires_of = [](int input) { return input >= 0; },
                                      .ensures = [](int input, int output) { return output * 2 == input; }};
    const auto service = under(contract, half);
    EXPECT_EQ(outcome(timers, service, 8), "4");
    EXPECT_EQ(outcome(timers, service, -8), "contract half: its precondition does not hold");
    EXPECT_EQ(asked, 1);
    EXPECT_EQ(outcome(timers, service >> service, 6), "contract half: its postcondition does not hold");
    EXPECT_EQ(outcome(timers, under(Contract<int, int>{.name = "none"}, half), 7), "3");
}

TEST_F(compose_laws, of_contracts_that_imply_each_other_only_the_first_can_be_broken) {
    // If what a ensures implies what b requires, the pipeline asks only what a asks, and gives what b promises.
    for_random_services([&](const Step& a, const Step& b, const Step&, int input) {
        const auto in_range = [](int value) { return value >= 0 && value < 8; };
        const Contract<int, int> first{.name = "first",
                                       .requires_of = [](int value) { return value != 3; },
                                       .ensures = [=](int, int output) { return in_range(output); }};
        const Contract<int, int> second{
            .name = "second", .requires_of = in_range, .ensures = [=](int, int output) { return in_range(output); }};
        const auto found = outcome(timers, under(first, a) >> under(second, b), input);
        EXPECT_EQ(found,
                  input == 3 ? "contract first: its precondition does not hold" : outcome(timers, a >> b, input));
    });
}

}  // namespace
}  // namespace weft::mesh::compose
