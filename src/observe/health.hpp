#pragma once
// Liveness apart from readiness: a service that waits for its database is alive and not ready. Restarting it would not
// help, sending it requests would not either.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace weft::observe {

/// The checks of one service. Thread-safe.
class Health {
  public:
    Health();
    ~Health();

    /// Adds a dependency by name, not ready until said so.
    void expect(std::string_view name);
    void set_ready(std::string_view name);
    void set_not_ready(std::string_view name, std::string reason);
    /// Asked when readiness is asked; an error's message is the reason.
    void add_check(std::string name, std::function<Result<void>()> check);
    /// Something a restart would cure, e.g. a watchdog's finding. Stays.
    void set_dead(std::string reason);

    [[nodiscard]] bool live() const;
    [[nodiscard]] bool ready() const;
    /// {"status":"ready"|"not ready"|"dead","checks":{"store":"ok","peers":"no peer yet"}}
    [[nodiscard]] std::string to_json() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace weft::observe
