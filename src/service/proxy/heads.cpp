#include "service/proxy/heads.hpp"

#include <algorithm>

namespace weft::service::proxy {

std::uint64_t Heads::believed() const {
    // The three highest that are used are all the rule looks at; used upstreams without a head say nothing.
    std::uint64_t top[3] = {0, 0, 0};
    std::size_t used = 0;
    std::size_t known = 0;
    bool goes_on = false;  // the highest does
    // When nobody is well, what they say is better than nothing.
    const bool any_used = std::ranges::any_of(upstreams_, &Upstream::used);
    for (const auto& one : upstreams_) {
        if (one.head == 0 && one.used && served_ == 0) return 0;
        if (one.head == 0) continue;
        ++known;
        if (any_used && !one.used) continue;
        ++used;
        std::uint64_t head = one.head;
        if (head > top[0]) goes_on = one.goes_on;
        for (auto& place : top) {
            if (head > place) std::swap(head, place);
        }
    }
    if (known == 1 || (used > 1 && top[0] - top[1] <= config_.lag_max)) return top[0];
    if (used >= 3) return top[1];
    if (known == 2 && goes_on) return top[0];
    if (known == 2 && used == 2) return top[1];
    // The others are away for a moment, which makes nobody more honest: who goes on from what was served is right.
    const std::uint64_t next = served_ == 0 ? top[0] : served_ + config_.lag_max;
    return top[0] <= next ? top[0] : top[1];
}

bool Heads::update() {
    const std::uint64_t before = served_;
    served_ = std::max(served_, believed());
    // What is final for one is final; a liar's word is bounded by the head that others stand for.
    std::uint64_t final_head = 0;
    std::uint64_t safe_head = 0;
    for (const auto& one : upstreams_) {
        if (!one.used || one.head > served_) continue;
        final_head = std::max(final_head, std::min(one.final, one.head));
        safe_head = std::max(safe_head, std::min(one.safe, one.head));
    }
    if (!knows_final_ && served_ > config_.finality_depth) final_head = served_ - config_.finality_depth;
    final_ = std::max(final_, final_head);
    safe_ = std::max({safe_, safe_head, final_});
    return served_ != before;
}

bool Heads::observe(std::size_t upstream, std::uint64_t number) {
    auto& head = upstreams_[upstream].head;
    if (head == number) return false;
    head = number;
    for (std::size_t i = 0; i < upstreams_.size(); ++i) {
        if (i != upstream && upstreams_[i].head + config_.lag_max >= number) upstreams_[upstream].goes_on = false;
    }
    return update();
}

bool Heads::goes_on(std::size_t upstream) {
    upstreams_[upstream].goes_on = true;
    return update();
}

void Heads::observe_final(std::size_t upstream, std::uint64_t number) {
    knows_final_ = true;
    upstreams_[upstream].final = number;
    update();
}

void Heads::observe_safe(std::size_t upstream, std::uint64_t number) {
    upstreams_[upstream].safe = number;
    update();
}

bool Heads::set_used(std::size_t upstream, bool used) {
    upstreams_[upstream].used = used;
    return update();
}

bool Heads::leave_out(std::size_t upstream) {
    upstreams_[upstream] = {.used = false};
    return update();
}

void Heads::begin_at(const Heads& other) {
    served_ = other.served_;
    final_ = other.final_;
    safe_ = other.safe_;
    knows_final_ = other.knows_final_;
}

void Heads::forget() {
    for (auto& one : upstreams_) one.head = one.final = one.safe = 0;
    served_ = final_ = safe_ = 0;
}

bool Heads::trust(std::size_t upstream) {
    const std::uint64_t head = upstreams_[upstream].head;
    const auto used = std::ranges::count_if(upstreams_, [](const auto& one) { return one.used && one.head > 0; });
    if (used != 1 || !upstreams_[upstream].used || head <= served_) return false;
    served_ = head;
    update();
    return true;
}

bool Heads::reset() {
    const std::uint64_t now = believed();
    if (now == 0 || now >= served_) return false;
    served_ = now;
    final_ = 0;
    safe_ = 0;
    update();
    return true;
}

}  // namespace weft::service::proxy
