#pragma once
// geth's 4byteTracer: how often each function selector was called with how many bytes of arguments.

#include <cstdint>
#include <map>
#include <string>

#include "evm/tracer.hpp"

namespace weft::evm {

class FourByteTracer final : public Tracer {
  public:
    [[nodiscard]] bool wants_steps() const override { return false; }
    void on_enter(const TraceEnter& enter) override;

    /// {"0x27dc297e-128": 1, ...}, sorted.
    [[nodiscard]] std::string result() const;

  private:
    std::map<std::string, std::uint64_t> counts_;
};

}  // namespace weft::evm
