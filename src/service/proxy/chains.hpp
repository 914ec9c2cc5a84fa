#pragma once
// Of which chain each upstream is, and of which one the gateway is, as a pure state machine.
//
// The gateway's chain is the one that the configuration names. If it names none, the upstreams vote, each with the id
// that it said; of ids with as many votes the one wins whose first upstream stands first in the configuration.
// Fallbacks vote only where no other upstream says an id. It is decided as soon as those that have not answered yet
// can't change the outcome, so that nobody waits for one that is slow and would be outvoted.
//
// Invariants:
//   1. What was decided stays, whatever is said later.
//   2. If all upstreams answer, the order in which they do changes nothing.
//   3. An upstream that said another id than the gateway's is never used.

#include <cstdint>
#include <optional>
#include <vector>

namespace weft::service::proxy {

class Chains {
  public:
    enum class Standing : std::uint8_t {
        awaited,  // it has not answered yet, or what it said is waiting for the others' votes
        silent,   // it did not answer
        ours,
        other,
        untold,  // it answers, but does not say its chain
    };

    /// @param named      by the configuration; nothing: they vote.
    /// @param fallbacks  whether each upstream is one.
    /// @param kept       what clients were told before a reload: it stays unless all upstreams say another one.
    Chains(std::optional<std::uint64_t> named, const std::vector<bool>& fallbacks, std::optional<std::uint64_t> kept);

    /// It answered. @param id  nothing: it won't say.
    void say(std::size_t upstream, std::optional<std::uint64_t> id);
    /// It did not answer. What it said before is believed until it says something else.
    void fail(std::size_t upstream);

    /// Nothing: not decided yet.
    [[nodiscard]] std::optional<std::uint64_t> id() const { return id_; }
    [[nodiscard]] std::optional<std::uint64_t> of(std::size_t upstream) const { return upstreams_[upstream].said; }
    [[nodiscard]] Standing standing(std::size_t upstream) const;
    /// One that won't say its chain is used where the configuration does not ask for a certain one.
    [[nodiscard]] bool may_use(std::size_t upstream) const;

  private:
    struct Upstream {
        bool fallback = false;
        bool answered = false;
        bool awaited = true;
        std::optional<std::uint64_t> said = {};
    };
    void decide();
    [[nodiscard]] bool anyone_says(std::uint64_t id) const;
    [[nodiscard]] std::optional<std::uint64_t> vote(bool fallbacks) const;
    [[nodiscard]] bool may_vote(bool fallbacks) const;

    std::vector<Upstream> upstreams_;
    const bool is_named_;
    bool is_decided_;
    std::optional<std::uint64_t> id_;
};

}  // namespace weft::service::proxy
