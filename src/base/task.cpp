#include "base/task.hpp"

#include <cstdlib>
#include <new>

namespace weft {

namespace {

thread_local Executor* current_executor = nullptr;

// Size classes of 64 bytes up to 2 KiB; a list a class, bounded so that a burst's memory goes back. Every frame begins
// at a multiple of 64: the compiler takes for granted that a frame is aligned for its locals, whatever they ask.
constexpr std::size_t class_size = 64;
constexpr std::size_t class_count = 32;
constexpr std::size_t frames_kept_max = 1'024;

struct FreeList {
    void* head = nullptr;
    std::size_t count = 0;
};

struct FrameCache {
    FreeList lists[class_count];
    ~FrameCache() {
        for (auto& list : lists) {
            while (list.head != nullptr) {
                void* next = *static_cast<void**>(list.head);
                std::free(list.head);
                list.head = next;
            }
            list.count = frames_kept_max;  // what is freed after this goes to free()
        }
    }
};
thread_local FrameCache frames;

}  // namespace

Executor* Executor::current() { return current_executor; }
void Executor::set_current(Executor* executor) { current_executor = executor; }

namespace detail {

void* allocate_frame(std::size_t size) {
    const std::size_t index = (size - 1) / class_size;
    if (index < class_count) {
        auto& list = frames.lists[index];
        if (list.head != nullptr) {
            void* frame = list.head;
            list.head = *static_cast<void**>(frame);
            --list.count;
            return frame;
        }
        size = (index + 1) * class_size;
    }
    void* frame = std::aligned_alloc(class_size, (size + class_size - 1) / class_size * class_size);
    if (frame == nullptr) throw std::bad_alloc();
    return frame;
}

void free_frame(void* frame, std::size_t size) noexcept {
    const std::size_t index = (size - 1) / class_size;
    if (index < class_count) {
        auto& list = frames.lists[index];
        if (list.count < frames_kept_max) {
            *static_cast<void**>(frame) = list.head;
            list.head = frame;
            ++list.count;
            return;
        }
    }
    std::free(frame);
}

void FutureStateBase::publish() {
    const auto before = state.exchange(1, std::memory_order_acq_rel);
    if (before <= 1) return;
    const Waiter waiter = *reinterpret_cast<Waiter*>(before);
    if (waiter.executor != nullptr && waiter.executor != Executor::current()) {
        waiter.executor->post([handle = waiter.handle] { handle.resume(); });
    } else {
        waiter.handle.resume();
    }
}

}  // namespace detail

}  // namespace weft
