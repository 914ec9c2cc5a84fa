#pragma once
// Scatter and gather: one request to many services, and a policy for those that do not answer.

#include <cstddef>
#include <optional>
#include <vector>

#include "mesh/compose/compose.hpp"

namespace weft::mesh::compose {

/// How many replies are enough. All of them, a quorum, or as many as there are by the deadline.
struct Enough {
    enum class Kind : std::uint8_t { all, quorum, best_effort } kind = Kind::all;
    /// Of a quorum; of best effort the least that is better than none.
    std::size_t count = 1;

    static Enough all() { return {}; }
    static Enough quorum(std::size_t count) { return {Kind::quorum, count}; }
    static Enough best_effort(std::size_t least = 1) { return {Kind::best_effort, least}; }
};

/// In the order of the services; empty where there was none, or none yet.
template <class T>
using Parts = std::vector<std::optional<T>>;

namespace detail {

template <class Out>
struct Gathered {
    using Answer = std::optional<Result<Parts<Out>>>;
    First<Parts<Out>> first;
    std::mutex mutex;
    Parts<Out> parts;
    std::size_t replies = 0;
    std::size_t failures = 0;
    std::optional<Error> error = {};  // the first
    Enough enough;

    void on(std::size_t index, Result<Out> result) {
        answer([&] {
            if (result) {
                parts[index].emplace(*std::move(result));
                ++replies;
            } else {
                ++failures;
                if (!error) error = std::move(result).error();
            }
            return decide(false);
        });
    }
    void on_deadline() {
        answer([&] { return decide(true); });
    }

  private:
    template <class Work>
    void answer(Work work) {
        Answer made;
        {
            const std::scoped_lock lock(mutex);
            if (parts.empty()) return;  // it has been given
            made = work();
            if (made) parts.clear();
        }
        if (made) first.offer(*std::move(made));
    }
    Answer decide(bool is_late) {
        const std::size_t open = parts.size() - replies - failures;
        const std::size_t least = enough.kind == Enough::Kind::all ? parts.size() : enough.count;
        const std::size_t wanted = enough.kind == Enough::Kind::best_effort ? parts.size() : least;
        const bool is_over = is_late || open == 0;
        if (replies >= wanted || (is_over && replies >= least)) return std::move(parts);
        if (!is_over && replies + open >= least) return std::nullopt;
        if (error) return std::unexpected(*std::move(error));
        return fail(ErrorCode::deadline_exceeded,
                    std::to_string(replies) + " of " + std::to_string(least) + " replies before the deadline");
    }
};

template <class F>
Task<Parts<typename F::Output>> scatter(std::vector<F> services, Enough enough, Timers* timers, Context context,
                                        typename F::Input input) {
    auto gathered = std::make_shared<Gathered<typename F::Output>>();
    gathered->parts.resize(services.size());
    gathered->enough = enough;
    auto answer = gathered->first.future();
    const auto timer = timers->at(context.deadline_ns, [gathered] { gathered->on_deadline(); });
    for (std::size_t i = 0; i < services.size(); ++i) {
        spawn(call_of(services[i], context, input),
              [gathered, i](Result<typename F::Output> result) { gathered->on(i, std::move(result)); });
    }
    auto parts = co_await settled(std::move(answer).wait());
    timers->cancel(timer);
    co_return std::move(parts);
}

}  // namespace detail

/// All services are asked at once. The answer comes as soon as there are enough replies, or can't be any more; with
/// best effort, when all have ended, and at the deadline.
///
/// @errors of the first that failed, if there are too few replies; deadline_exceeded if none failed.
template <AnyFlow F>
[[nodiscard]] Flow<typename F::Input, Parts<typename F::Output>> aggregate(Timers& timers, std::vector<F> services,
                                                                           Enough enough) {
    WEFT_ASSERT(!services.empty() && enough.count >= 1 && enough.count <= services.size());
    return {[services = std::move(services), enough, timers = &timers](Context context, typename F::Input input) {
        return detail::scatter(services, enough, timers, std::move(context), std::move(input));
    }};
}

}  // namespace weft::mesh::compose
