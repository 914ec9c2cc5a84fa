#include "service/proxy/follower.hpp"

#include <algorithm>

namespace weft::service::proxy {

const FollowedBlock* Follower::at(std::uint64_t number) const {
    if (chain_.empty() || number < chain_.front().number || number > chain_.back().number) return nullptr;
    return &chain_[static_cast<std::size_t>(number - chain_.front().number)];
}

std::optional<bool> Follower::has(std::uint64_t number, const std::string& hash) const {
    const auto* const ours = at(number);
    return ours == nullptr ? std::nullopt : std::optional(ours->hash == hash);
}

/// Whether its parent is a block that we have.
bool Follower::joins(const FollowedBlock& block) const {
    if (block.number == 0) return false;
    const auto* const parent = at(block.number - 1);
    return parent != nullptr && parent->hash == block.parent;
}

void Follower::append(FollowedBlock block, FollowerEffects& effects) {
    effects.emitted.push_back({block, false});
    chain_.push_back(std::move(block));
    if (chain_.size() > config_.window_max) chain_.pop_front();
}

void Follower::take_back_to(std::uint64_t number, FollowerEffects& effects) {
    while (!chain_.empty() && chain_.back().number >= number) {
        effects.emitted.push_back({std::move(chain_.back()), true});
        chain_.pop_back();
    }
}

FollowerEffects Follower::saw(FollowedBlock block, std::size_t source, bool fills) {
    FollowerEffects effects;
    if (chain_.empty()) {
        tip_source_ = source;
        append(std::move(block), effects);
        return effects;
    }
    if (const auto* const ours = at(block.number); ours != nullptr && ours->hash == block.hash) {
        if (block.number == chain_.back().number && branch_.empty()) tip_source_ = source;
        return effects;
    }
    // The ancestor that was asked for.
    if (!branch_.empty() && branch_.back().parent == block.hash) {
        branch_.push_back(std::move(block));
        return grow();
    }
    const bool longer = block.number > chain_.back().number;
    if (!longer && source != tip_source_) return effects;
    if (!branch_.empty()) {
        // One branch at a time, and of two the longer one. The one that is left is shown again with its next block.
        if (block.number <= branch_.front().number) return effects;
        if (branch_.front().hash == block.parent) {
            branch_.insert(branch_.begin(), std::move(block));
            branch_source_ = source;
            if (branch_.size() > config_.window_max) jump(effects);
            return effects;
        }
        branch_.clear();
    }
    branch_source_ = source;
    branch_.push_back(std::move(block));
    if (!fills && !joins(branch_.back())) {
        jump(effects);
        effects.jumped = false;
        return effects;
    }
    return grow();
}

/// Puts the branch in place if its root is known, else asks for one more ancestor.
FollowerEffects Follower::grow() {
    FollowerEffects effects;
    const auto& root = branch_.back();
    if (!joins(root)) {
        const bool hopeless = branch_.size() >= config_.window_max || root.number <= chain_.front().number;
        if (hopeless) {
            jump(effects);
        } else {
            effects.wanted = root.parent;
        }
        return effects;
    }
    take_back_to(root.number, effects);
    auto branch = std::move(branch_);
    branch_.clear();
    for (auto block = branch.rbegin(); block != branch.rend(); ++block) append(std::move(*block), effects);
    tip_source_ = branch_source_;
    return effects;
}

/// Begins anew from what is known of the branch. What it has another block for is replaced for sure; of the rest nobody
/// knows.
void Follower::jump(FollowerEffects& effects) {
    auto branch = std::move(branch_);
    branch_.clear();
    take_back_to(branch.back().number, effects);
    chain_.clear();
    effects.jumped = true;
    for (auto block = branch.rbegin(); block != branch.rend(); ++block) append(std::move(*block), effects);
    tip_source_ = branch_source_;
}

FollowerEffects Follower::missed(const std::string& hash) {
    FollowerEffects effects;
    // It is asked for again with the next block.
    if (!branch_.empty() && branch_.back().parent == hash) branch_.clear();
    return effects;
}

}  // namespace weft::service::proxy
