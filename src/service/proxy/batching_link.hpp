#pragma once
// Gathers calls to an HTTP upstream into batches: those of one turn of the loop, or of a short time. An upstream that
// bills or limits requests sees fewer of them, and one that is far away fewer exchanges.

#include <memory>
#include <vector>

#include "net/loop.hpp"
#include "service/proxy/http_links.hpp"

namespace weft::service::proxy {

class BatchingLink final : public Link {
  public:
    /// @param items_max  calls of one batch, at least 2. @param window_ns  0: this turn of the loop.
    BatchingLink(net::Loop& loop, std::unique_ptr<HttpLinks> links, std::size_t items_max, std::int64_t window_ns);
    ~BatchingLink() override;

    /// Calls that may not be made twice go alone: a batch that was lost, or refused as a whole, is made again call by
    /// call.
    void call(const LinkCall& call, std::int64_t deadline_ns, Done done) override;
    [[nodiscard]] std::size_t connections() const override;

  private:
    struct Core;
    /// Outlived by batches under way.
    std::shared_ptr<Core> core_;
};

}  // namespace weft::service::proxy
