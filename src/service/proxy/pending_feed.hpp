#pragma once
// Hashes of transactions that wait, while somebody wants them: from a filter on one upstream, on another one when that
// is lost.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/loop.hpp"
#include "service/proxy/upstreams.hpp"

namespace weft::service::proxy {

/// Of one loop.
class PendingFeed {
  public:
    PendingFeed(net::Loop& loop, Upstreams& upstreams, std::function<void(std::string_view hash)> saw);
    ~PendingFeed() { *alive_ = false; }

    void want(bool wanted);

  private:
    void begin();
    void ask();
    void again(std::int64_t after_ns);

    net::Loop& loop_;
    Upstreams& upstreams_;
    std::function<void(std::string_view)> saw_;
    bool wanted_ = false;
    std::uint64_t tried_ = 0;  // upstreams that know no such filter, or lost it
    std::size_t upstream_ = 0;
    std::string params_;  // with the filter's id; empty: there is none
    net::Timer timer_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace weft::service::proxy
