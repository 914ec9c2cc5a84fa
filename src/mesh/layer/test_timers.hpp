#pragma once
// What the tests of layers share: virtual time, and a service whose replies come when the test says.

#include <deque>
#include <map>
#include <string>
#include <string_view>

#include "mesh/layer.hpp"
#include "verify/random.hpp"

namespace weft::mesh {

class VirtualTimers : public Timers {
  public:
    [[nodiscard]] std::int64_t now_ns() const override { return now_ns_; }
    std::uint64_t random() override { return random_.next(); }
    Id at(std::int64_t at_ns, std::move_only_function<void()> work) override {
        works_.emplace(std::pair{std::max(at_ns, now_ns_), ++last_}, std::move(work));
        return last_;
    }
    void cancel(Id id) override {
        std::erase_if(works_, [&](const auto& one) { return one.first.second == id; });
    }
    void pass(std::int64_t duration_ns) {
        const auto end_ns = now_ns_ + duration_ns;
        while (!works_.empty() && works_.begin()->first.first <= end_ns) {
            auto work = works_.extract(works_.begin());
            now_ns_ = work.key().first;
            work.mapped()();
        }
        now_ns_ = end_ns;
    }
    [[nodiscard]] std::size_t pending() const { return works_.size(); }

  private:
    std::map<std::pair<std::int64_t, Id>, std::move_only_function<void()>> works_;
    std::int64_t now_ns_ = 1'000 * ns_per_s;
    Id last_ = 0;
    verify::Random random_{17};
};

struct Ask {
    struct Reply {
        int value = 0;
        bool operator==(const Reply&) const = default;
    };
    static constexpr std::string_view method = "test.Test/Ask";
    int value = 0;
};
inline bool repeatable_always(std::string_view) { return true; }
inline bool repeatable_never(std::string_view) { return false; }

/// Copies are the same service.
struct Scripted {
    struct Call {
        Context context;
        Ask request;
        Promise<Ask::Reply> promise;
    };
    /// Calls that were made and not answered, the oldest first.
    std::shared_ptr<std::deque<Call>> calls = std::make_shared<std::deque<Call>>();
    std::shared_ptr<int> made = std::make_shared<int>(0);

    Task<Ask::Reply> operator()(Context context, Ask request) const {
        ++*made;
        Promise<Ask::Reply> promise;
        auto reply = promise.future();
        calls->push_back({std::move(context), request, std::move(promise)});
        co_return co_await std::move(reply).wait();
    }
    void answer(Result<Ask::Reply> reply, std::size_t which = 0) const {
        auto call = std::move((*calls)[which]);
        calls->erase(calls->begin() + static_cast<std::ptrdiff_t>(which));
        call.promise.set(std::move(reply));
    }
    /// For the end of a test: what still waits would hold what it waits for.
    void end_all() const {
        while (!calls->empty()) answer(fail(ErrorCode::cancelled, "the test ends"));
    }
};

/// A call's result, once it is there.
struct Pending {
    std::shared_ptr<std::optional<Result<Ask::Reply>>> result = std::make_shared<std::optional<Result<Ask::Reply>>>();
    [[nodiscard]] bool done() const { return result->has_value(); }
    [[nodiscard]] int value() const { return done() && result->value() ? (*result)->value().value : -1; }
    [[nodiscard]] ErrorCode error() const { return done() && !result->value() ? (*result)->error().code : ErrorCode{}; }
};

template <ServiceOf<Ask> S>
Pending ask(const S& service, Context context, int value = 0) {
    Pending pending;
    spawn(owning<Ask>(service, std::move(context), Ask{value}),
          [pending](Result<Ask::Reply> reply) { *pending.result = std::move(reply); });
    return pending;
}

}  // namespace weft::mesh
