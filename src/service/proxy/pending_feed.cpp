#include "service/proxy/pending_feed.hpp"

#include "net/rpc_scan.hpp"

namespace weft::service::proxy {

namespace {
constexpr std::int64_t every_ns = 200 * ns_per_ms;
constexpr std::int64_t failed_ns = ns_per_s;
constexpr std::int64_t timeout_ns = 2 * ns_per_s;
const Method asked{"eth_newPendingTransactionFilter", Kind::filter};
constexpr Needs no_needs{"eth_newPendingTransactionFilter", 0, {}};
}  // namespace

PendingFeed::PendingFeed(net::Loop& loop, Upstreams& upstreams, std::function<void(std::string_view hash)> saw)
    : loop_(loop), upstreams_(upstreams), saw_(std::move(saw)), timer_(loop, [this] {
          if (params_.empty()) {
              begin();
          } else {
              ask();
          }
      }) {}

void PendingFeed::want(bool wanted) {
    wanted_ = wanted;
    if (!wanted) {
        timer_.cancel();
        params_.clear();  // the node forgets a filter that nobody asks
    } else if (params_.empty()) {
        begin();
    }
}

void PendingFeed::again(std::int64_t after_ns) {
    if (wanted_) timer_.set(loop_.now_ns() + after_ns);
}

void PendingFeed::begin() {
    const auto target = upstreams_.pick(no_needs, tried_);
    if (!target) {
        tried_ = 0;
        return again(upstreams_.awaits(no_needs) ? every_ns : failed_ns);
    }
    upstream_ = *target;
    upstreams_.call(*target, asked, {"eth_newPendingTransactionFilter", "0", "[]"}, no_needs,
                    loop_.now_ns() + timeout_ns, [this, alive = alive_](const Verdict& verdict) {
                        if (!*alive) return;
                        if (verdict.answer && !verdict.answer->is_error()) {
                            params_ = "[" + std::string(verdict.answer->parts.result) + "]";
                            return again(every_ns);
                        }
                        tried_ |= std::uint64_t{1} << upstream_;
                        again(every_ns);
                    });
}

void PendingFeed::ask() {
    // It may be of another chain by now.
    if (!upstreams_.is_used(upstream_)) {
        params_.clear();
        return begin();
    }
    upstreams_.call(upstream_, asked, {"eth_getFilterChanges", "0", params_}, no_needs, loop_.now_ns() + timeout_ns,
                    [this, alive = alive_](const Verdict& verdict) {
                        if (!*alive) return;
                        if (!verdict.answer || verdict.answer->is_error()) {
                            params_.clear();
                            tried_ |= std::uint64_t{1} << upstream_;
                            return again(0);
                        }
                        net::for_each_item(verdict.answer->parts.result, saw_);
                        again(every_ns);
                    });
}

}  // namespace weft::service::proxy
