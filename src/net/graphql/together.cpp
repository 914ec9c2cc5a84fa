#include "net/graphql/together.hpp"

namespace weft::net::graphql {

Task<bool> Together::run() {
    // Without an executor to come back to, tasks may end on any thread: then one at a time.
    if (home_ == nullptr || concurrent_max_ == 1 || count_ == 1) {
        for (std::size_t i = 0; i < count_; ++i) whole_ = co_await start_(i) && whole_;
        co_return whole_;
    }
    if (count_ == 0) co_return true;
    auto ended = ended_.emplace().future();
    begin();
    co_await std::move(ended).wait();
    co_return whole_;
}

void Together::begin() {
    if (beginning_) return;
    beginning_ = true;
    while (next_ < count_ && running_ < concurrent_max_) {
        ++running_;
        spawn(start_(next_++), [this](Result<bool> done) {
            const auto take = [this, good = done && *done] {
                whole_ = good && whole_;
                --running_;
                begin();
            };
            if (Executor::current() == home_) {
                take();
            } else {
                home_->post(take);
            }
        });
    }
    beginning_ = false;
    if (next_ == count_ && running_ == 0) {
        if (auto ended = std::exchange(ended_, std::nullopt)) ended->set({});  // this may be gone now
    }
}

}  // namespace weft::net::graphql
