#include "mesh/shed.hpp"

#include <algorithm>

namespace weft::mesh {

namespace {

void close_window(const ShedConfig& config, Shed& shed, std::int64_t now_ns) {
    const bool overloaded = shed.started > 0 && shed.queued_ns / shed.started > config.queued_max_ns;
    std::uint32_t level = shed.admitted_below;
    // The level moves over as many requests as are to be fewer or more, at least by one.
    if (overloaded) {
        auto surplus = static_cast<std::int64_t>(config.less * shed.admitted) + 1;
        while (level > 1 && surplus > 0) surplus -= shed.came[--level];
    } else {
        auto missing = static_cast<std::int64_t>(config.more * shed.requests) + 1;
        while (level < Shed::levels && missing > 0) missing -= shed.came[level++];
    }
    const auto end_ns = now_ns + config.window_ns;
    shed = {};
    shed.admitted_below = level;
    shed.window_end_ns = end_ns;
}

}  // namespace

bool admit(const ShedConfig& config, Shed& shed, std::uint32_t priority, std::uint64_t client, std::int64_t now_ns) {
    if (shed.window_end_ns == 0) shed.window_end_ns = now_ns + config.window_ns;
    if (now_ns >= shed.window_end_ns || shed.requests >= config.window_requests) close_window(config, shed, now_ns);
    const std::uint32_t level =
        std::min(priority, Shed::priorities - 1) * Shed::clients + static_cast<std::uint32_t>(client % Shed::clients);
    ++shed.came[level];
    ++shed.requests;
    if (level >= shed.admitted_below) return false;
    ++shed.admitted;
    return true;
}

void on_started(Shed& shed, std::int64_t queued_ns) {
    ++shed.started;
    shed.queued_ns += std::max(queued_ns, std::int64_t{0});
}

}  // namespace weft::mesh
