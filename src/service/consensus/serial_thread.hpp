#pragma once
// One thread that does one thing after the other. No executor: a task that it waits for ends on whatever thread its
// answer comes, and never on this one, which would wait for itself.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace weft::service::consensus {

class SerialThread {
  public:
    using Work = std::move_only_function<void()>;

    SerialThread() : thread_([this] { loop(); }) {}
    /// Ends after the work in progress; what is queued is dropped.
    ~SerialThread() {
        {
            const std::lock_guard lock(mutex_);
            is_stopping_ = true;
        }
        wake_.notify_all();
        thread_.join();
    }
    SerialThread(const SerialThread&) = delete;
    SerialThread& operator=(const SerialThread&) = delete;

    void post(Work work) {
        {
            const std::lock_guard lock(mutex_);
            works_.push_back(std::move(work));
        }
        wake_.notify_one();
    }

  private:
    void loop() {
        std::unique_lock lock(mutex_);
        while (true) {
            wake_.wait(lock, [this] { return is_stopping_ || !works_.empty(); });
            if (is_stopping_) return;
            Work work = std::move(works_.front());
            works_.pop_front();
            lock.unlock();
            work();
            work = nullptr;
            lock.lock();
        }
    }

    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Work> works_;
    bool is_stopping_ = false;
    std::thread thread_;
};

}  // namespace weft::service::consensus
