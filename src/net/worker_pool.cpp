#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "net/loop.hpp"

namespace weft::net {

struct WorkerPool::State {
    std::size_t queued_max;
    mutable std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::move_only_function<void()>> queue;
    bool ending = false;
    std::vector<std::thread> threads;
};

WorkerPool::WorkerPool(std::size_t threads, std::size_t queued_max) : state_(std::make_unique<State>()) {
    WEFT_ASSERT(threads > 0);
    state_->queued_max = queued_max;
    for (std::size_t i = 0; i < threads; ++i) {
        state_->threads.emplace_back([this, i] {
            pthread_setname_np(pthread_self(), ("worker-" + std::to_string(i)).c_str());
            set_current(this);
            std::unique_lock lock(state_->mutex);
            while (true) {
                state_->changed.wait(lock, [this] { return state_->ending || !state_->queue.empty(); });
                if (state_->queue.empty()) return;
                auto work = std::move(state_->queue.front());
                state_->queue.pop_front();
                lock.unlock();
                work();
                work = nullptr;
                lock.lock();
            }
        });
    }
}

WorkerPool::~WorkerPool() {
    {
        const std::lock_guard lock(state_->mutex);
        state_->ending = true;
    }
    state_->changed.notify_all();
    for (auto& thread : state_->threads) thread.join();
}

void WorkerPool::post(std::move_only_function<void()> work) {
    {
        const std::lock_guard lock(state_->mutex);
        state_->queue.push_back(std::move(work));
    }
    state_->changed.notify_one();
}

bool WorkerPool::try_post(std::move_only_function<void()>&& work) {
    {
        const std::lock_guard lock(state_->mutex);
        if (state_->queue.size() >= state_->queued_max) return false;
        state_->queue.push_back(std::move(work));
    }
    state_->changed.notify_one();
    return true;
}

std::size_t WorkerPool::queued() const {
    const std::lock_guard lock(state_->mutex);
    return state_->queue.size();
}

}  // namespace weft::net
