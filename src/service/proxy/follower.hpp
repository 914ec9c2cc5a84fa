#pragma once
// The chain as subscribers see it, as a pure state machine: headers come from several upstreams, early, late, twice, on
// branches; out comes one sequence in which each block follows its parent, and what a reorganisation replaces is taken
// back before its replacement is given.
//
// Invariants:
//   1. An emitted block is the child of the last block that was emitted and not taken back.
//   2. Blocks are taken back in the opposite order of their emission, each once.
//   3. At most window_max blocks are remembered, and at most window_max wait for their ancestors.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace weft::service::proxy {

struct FollowedBlock {
    std::uint64_t number = 0;
    std::string hash;    // raw JSON, with its quotes
    std::string parent;  // the same
    std::string header;  // raw JSON object
};

struct FollowerConfig {
    std::size_t window_max = 256;
};

struct FollowerEffects {
    struct Emission {
        FollowedBlock block;
        bool removed = false;
    };
    std::vector<Emission> emitted;
    /// Hash of a block to fetch and hand to saw(), or to missed().
    std::optional<std::string> wanted;
    /// Blocks were left out: more than the window had passed, or an ancestor is nowhere to be had.
    bool jumped = false;
};

class Follower {
  public:
    explicit Follower(FollowerConfig config = {}) : config_(config) {}

    /// @param source  who showed it. On a branch that is no longer than ours only the one that showed our newest block
    ///                is followed: others may be behind.
    /// @param fills   whether ancestors shall be fetched; otherwise a gap is jumped over in silence.
    [[nodiscard]] FollowerEffects saw(FollowedBlock block, std::size_t source, bool fills);
    /// The wanted block could not be had.
    [[nodiscard]] FollowerEffects missed(const std::string& hash);

    /// Whether the chain has this block; nothing if it has none of that number.
    [[nodiscard]] std::optional<bool> has(std::uint64_t number, const std::string& hash) const;
    [[nodiscard]] const FollowedBlock* tip() const { return chain_.empty() ? nullptr : &chain_.back(); }
    [[nodiscard]] std::size_t waiting() const { return branch_.size(); }

  private:
    [[nodiscard]] const FollowedBlock* at(std::uint64_t number) const;
    [[nodiscard]] bool joins(const FollowedBlock& block) const;
    void append(FollowedBlock block, FollowerEffects& effects);
    /// The blocks from this number on.
    void take_back_to(std::uint64_t number, FollowerEffects& effects);
    void jump(FollowerEffects& effects);
    [[nodiscard]] FollowerEffects grow();

    FollowerConfig config_;
    std::deque<FollowedBlock> chain_;
    /// A branch whose root is not known yet, its newest block first.
    std::vector<FollowedBlock> branch_;
    std::size_t tip_source_ = 0;
    std::size_t branch_source_ = 0;
};

}  // namespace weft::service::proxy
