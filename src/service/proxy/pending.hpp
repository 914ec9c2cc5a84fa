#pragma once
// One call under way: the driver of mesh::Attempts.

#include <array>
#include <memory>

#include "mesh/attempts.hpp"
#include "service/proxy/engine.hpp"

namespace weft::service::proxy {

struct Engine::Pending : std::enable_shared_from_this<Engine::Pending> {
    Pending(Engine& of, Spec what);

    void begin();
    Promise<AnswerPtr> promise;

  private:
    void give(const mesh::AttemptsEvent& event);
    void go_on(mesh::AttemptsEffects effects);
    enum class Sent : std::uint8_t { yes, no, later };
    [[nodiscard]] Sent send();
    void over(std::uint32_t attempt, Verdict verdict);
    void settle(std::uint32_t attempt, Verdict verdict);
    void hedge_or_retry();
    [[nodiscard]] bool is_taken(std::uint32_t attempt) const;
    void look_up(std::uint32_t refused);
    void on_time();
    void compare(std::optional<std::uint32_t> agreed);
    void finish(const mesh::AttemptsEffects& effects);
    void end(AnswerPtr answer);
    [[nodiscard]] AnswerPtr failure() const;

    Engine& engine_;
    Spec spec_;
    Needs needs_;
    mesh::AttemptsConfig config_;
    mesh::Attempts machine_;
    std::int64_t deadline_ns_;
    std::uint64_t tried_ = 0;
    std::array<AnswerPtr, mesh::attempts_limit> answers_;
    std::array<std::size_t, mesh::attempts_limit> targets_{};
    std::array<Hint, mesh::attempts_limit> hints_{};
    std::array<std::uint64_t, mesh::attempts_limit> digests_{};
    std::uint32_t open_ = 0;              // attempts under way, a bit each
    std::optional<std::uint32_t> taken_;  // an attempt whose refusal is_taken()
    std::string lookup_;                  // params of the question whether the transaction got in
    std::string why_;                     // of the last attempt that failed
    std::uint32_t allowed_ = 1;           // attempts that need no budget, or have it
    std::uint32_t retries_ = 0;
    std::uint32_t hedges_ = 0;
    bool awaits_block_ = false;
    bool lost_ = false;     // an attempt that may have been handled
    bool refused_ = false;  // by one that had the block and can't answer
    bool ended_ = false;
    net::Timer timer_;
};

}  // namespace weft::service::proxy
