#include "evm/limiter.hpp"

#include "evm/machine.hpp"

namespace weft::evm {

void Limiter::request(Reason reason) {
    auto none = Reason::none;
    reason_.compare_exchange_strong(none, reason, std::memory_order_relaxed);
    // The frame may have ended since: its machine keeps it, and its next use sets the floor anew.
    if (auto* const frame = running_.load(std::memory_order_acquire)) frame->distrust_floor();
}

}  // namespace weft::evm
