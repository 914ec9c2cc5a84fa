#pragma once
// Ctrl-C and its kin as something to read from, instead of a handler that may do next to nothing.

#include "app/process.hpp"

namespace weft::app {

/// Blocks SIGINT, SIGTERM and SIGHUP in this thread and those it starts from now on, and ignores SIGPIPE. Make
/// it before any thread.
class StopSignals {
  public:
    StopSignals();
    /// Readable when one has arrived.
    [[nodiscard]] int fd() const { return descriptor_.get(); }
    /// Takes one that has arrived. @return its number, 0 if there is none.
    [[nodiscard]] int take() const;
    /// Blocks until one arrives. @return its number.
    int wait() const;

  private:
    Descriptor descriptor_;
};

}  // namespace weft::app
