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
    [[nodiscard]] bool send();
    void over(std::uint32_t attempt, Verdict verdict);
    void on_time();
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
    std::string why_;            // of the last attempt that failed
    std::uint32_t allowed_ = 1;  // attempts that need no budget, or have it
    std::uint32_t retries_ = 0;
    std::uint32_t hedges_ = 0;
    bool ended_ = false;
    net::Timer timer_;
};

}  // namespace weft::service::proxy
