#pragma once
// Which block each upstream has, and which one the gateway says is the newest, as a pure state machine.
//
// The gateway's head never goes back: a client that was told of block N is answered about N, whichever upstream
// answers. A head is believed when another upstream is near it, so that one that lies, or is on a chain of its own,
// moves nobody. Of only two upstreams far apart either may be wrong: the higher one is believed when it has shown that
// it went on from where the other one is, which one that only says a number can't.
//
// Invariants:
//   1. served() never decreases, but by reset().
//   2. With three upstreams or more that are used, one alone can't raise served() by more than lag_max above all
//   others; nor can one of two, but by goes_on().
//   3. The first head is served when every upstream has said its own, or does not answer.

#include <cstdint>
#include <optional>
#include <vector>

namespace weft::service::proxy {

struct HeadsConfig {
    /// Upstreams this near one another are of one mind.
    std::uint64_t lag_max = 16;
    std::uint64_t finality_depth = 64;
};

class Heads {
  public:
    Heads(HeadsConfig config, std::size_t upstreams) : config_(config), upstreams_(upstreams) {}

    /// An upstream has shown this block.
    /// @return whether served() has grown.
    bool observe(std::size_t upstream, std::uint64_t number);
    /// ... has said which block is final or safe.
    void observe_final(std::size_t upstream, std::uint64_t number);
    void observe_safe(std::size_t upstream, std::uint64_t number);
    /// Whether its word counts: it answers.
    bool set_used(std::size_t upstream, bool used);
    /// It is of another chain: what it said counts for nothing, and is not waited for.
    bool leave_out(std::size_t upstream);
    /// It has shown blocks above the other's head, and both have the same one below it. Holds until it is near again.
    bool goes_on(std::size_t upstream);
    /// Its head is too far above what is served to be a matter of being early.
    [[nodiscard]] bool is_far_above(std::size_t upstream) const {
        return served_ != 0 && upstreams_[upstream].head > served_ + config_.lag_max;
    }
    /// Every upstream that is used is below served(), and has been for long: their chain began anew. Takes theirs.
    bool reset();
    /// Begins where another left off: what clients were told stays true.
    void begin_at(const Heads& other);
    /// The only one that is left has been far above served() for long: it is believed after all.
    bool trust(std::size_t upstream);
    /// Forgets all that was seen, as the chain was changed on purpose.
    void forget();

    /// 0: none is known.
    [[nodiscard]] std::uint64_t served() const { return served_; }
    [[nodiscard]] std::uint64_t of(std::size_t upstream) const { return upstreams_[upstream].head; }
    [[nodiscard]] bool lags(std::size_t upstream) const {
        return upstreams_[upstream].head + config_.lag_max < served_;
    }
    /// The highest that a used upstream said and none below its own head doubts; never above served().
    [[nodiscard]] std::uint64_t final() const { return final_; }
    [[nodiscard]] std::uint64_t safe() const { return safe_; }
    [[nodiscard]] bool knows_final() const { return knows_final_; }

  private:
    struct Upstream {
        std::uint64_t head = 0;
        std::uint64_t final = 0;
        std::uint64_t safe = 0;
        bool used = true;
        bool goes_on = false;
    };
    [[nodiscard]] std::uint64_t believed() const;
    bool update();

    HeadsConfig config_;
    std::vector<Upstream> upstreams_;
    std::uint64_t served_ = 0;
    std::uint64_t final_ = 0;
    std::uint64_t safe_ = 0;
    bool knows_final_ = false;
};

}  // namespace weft::service::proxy
