#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"

namespace weft::net {

/// An address that stays free for whoever is to listen there, in this process or another, also one after the other:
/// nobody else is given its port, be it for a server that takes any or for a connection. Copies keep it together.
class ReservedAddress {
  public:
    /// @param address  with port 0: a free port is chosen. A Unix socket's is as it is.
    /// @errors unavailable  "listen 127.0.0.1:8545: Address already in use", or another reason;
    ///         invalid_argument  no address.
    [[nodiscard]] static Result<ReservedAddress> make(std::string_view address);
    [[nodiscard]] const std::string& text() const { return text_; }

  private:
    struct Held;
    ReservedAddress(std::string text, std::shared_ptr<const Held> held)
        : text_(std::move(text)), held_(std::move(held)) {}
    std::string text_;
    std::shared_ptr<const Held> held_;
};

}  // namespace weft::net
