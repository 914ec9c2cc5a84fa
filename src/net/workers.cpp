#include "net/workers.hpp"

#include <algorithm>
#include <atomic>
#include <memory>

namespace weft::net {

namespace {

/// One run(). A helper that comes when all pieces are taken touches nothing else of it, for the caller may be gone.
struct Run {
    std::size_t count;
    const std::function<void(std::size_t)>* piece;
    std::atomic<std::size_t> taken{0};
    std::atomic<std::size_t> left;

    Run(std::size_t pieces, const std::function<void(std::size_t)>& function)
        : count(pieces), piece(&function), left(pieces) {}

    void take_part() {
        for (std::size_t at = taken++; at < count; at = taken++) {
            (*piece)(at);
            if (--left == 0) left.notify_all();
        }
    }
};

}  // namespace

void PoolWorkers::run(std::size_t count, const std::function<void(std::size_t)>& piece) {
    const std::size_t helpers = std::min(width_, count) - (count == 0 ? 0 : 1);
    if (helpers == 0) return Workers::run(count, piece);
    const auto shared = std::make_shared<Run>(count, piece);
    for (std::size_t i = 0; i < helpers; ++i) {
        if (!pool_.try_post([shared] { shared->take_part(); })) break;
    }
    shared->take_part();
    for (std::size_t left = shared->left; left != 0; left = shared->left) shared->left.wait(left);
}

}  // namespace weft::net
