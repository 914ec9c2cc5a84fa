#pragma once
// Keeps an instance registered: registers, renews three times a lease, and registers again when the registry does not
// know the lease any more, as after its restart.

#include <functional>
#include <memory>
#include <string>

#include "api/registry.hpp"
#include "base/result.hpp"
#include "net/grpc.hpp"
#include "net/loop.hpp"

namespace weft::app {

struct RegistrationOptions {
    std::uint64_t lease_ms = 3000;
    /// What the instance says of itself at each renewal; an error's message is why it is not ready.
    std::function<Result<void>()> ready = [] { return Result<void>(); };
};

class Registration {
  public:
    /// @param loops     must outlive the registration.
    /// @param instance  its address is where its gRPC server listens already.
    Registration(net::LoopGroup& loops, net::GrpcClient registry, api::registry::Instance instance,
                 RegistrationOptions options = {});
    /// Does not deregister: the lease ends by itself.
    ~Registration();
    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;

    /// Stops renewing and gives the lease back, so that callers turn away before the server closes.
    Task<void> leave(mesh::Context context);

  private:
    struct Core;
    std::shared_ptr<Core> core_;
};

}  // namespace weft::app
