#include "app/loop_timers.hpp"

#include <optional>
#include <utility>

#include "app/random_bits.hpp"

namespace weft::app {

struct LoopTimers::Entry {
    explicit Entry(net::Loop& on) : loop(on) {}
    net::Loop& loop;
    std::optional<net::Timer> timer;
};

std::int64_t LoopTimers::now_ns() const { return monotonic_ns(); }

std::uint64_t LoopTimers::random() { return random_bits(); }

std::shared_ptr<LoopTimers::Entry> LoopTimers::take(Id id) {
    const std::scoped_lock lock(mutex_);
    const auto found = entries_.find(id);
    if (found == entries_.end()) return nullptr;
    auto entry = std::move(found->second);
    entries_.erase(found);
    return entry;
}

mesh::Timers::Id LoopTimers::at(std::int64_t at_ns, std::move_only_function<void()> work) {
    net::Loop* const here = loops_.here();
    net::Loop& loop = here != nullptr ? *here : loops_.next();
    auto entry = std::make_shared<Entry>(loop);
    Id id = 0;
    {
        const std::scoped_lock lock(mutex_);
        id = ++last_;
        entries_.emplace(id, entry);
    }
    auto begin = [this, id, at_ns, entry = std::move(entry), work = std::move(work)]() mutable {
        {
            const std::scoped_lock lock(mutex_);
            if (!entries_.contains(id)) return;  // cancelled before it was set
        }
        entry->timer.emplace(entry->loop, [this, id, work = std::move(work)]() mutable {
            auto own = take(id);
            if (own == nullptr) return;
            work();
            // It holds the timer that this is called from.
            net::Loop& home = own->loop;
            home.post([own = std::move(own)] {});
        });
        entry->timer->set(at_ns);
    };
    if (here != nullptr) {
        begin();
    } else {
        loop.post(std::move(begin));
    }
    return id;
}

void LoopTimers::cancel(Id id) {
    auto entry = take(id);
    if (entry == nullptr) return;
    net::Loop& loop = entry->loop;
    if (loop.inside()) return;  // the timer goes here, on its thread
    loop.post([entry = std::move(entry)] { entry->timer.reset(); });
}

}  // namespace weft::app
