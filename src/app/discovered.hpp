#pragma once
// Ports to a service that is found through the registry: each call goes to a healthy instance, and is made again
// elsewhere, or at the same instance when it is back, if that can't do harm.
//
// When may a call be made again? Always if it was certainly not handled. If nobody knows, because the connection broke
// while it waited for its answer, only operations that can be repeated are: reads, and Submit, whose transaction has a
// hash that tells whether the first attempt went through.

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "api/registry.hpp"
#include "api/storage.hpp"
#include "api/validation.hpp"
#include "base/wire.hpp"
#include "mesh/backoff.hpp"
#include "mesh/layer.hpp"
#include "mesh/retry.hpp"
#include "mesh/roster.hpp"
#include "mesh/service.hpp"
#include "net/grpc.hpp"
#include "net/loop.hpp"

namespace weft::app {

/// Operations that may be made again though the first attempt may have been handled. What is not listed here may not.
inline constexpr auto repeatable_methods = std::to_array<std::string_view>({
    "weft.Storage/Head",          "weft.Storage/GetBlock",          "weft.Storage/GetTransaction",
    "weft.Storage/GetAccount",    "weft.Storage/GetCode",           "weft.Storage/GetSlot",
    "weft.Storage/GetProof",      "weft.Storage/GetLogs",           "weft.Storage/FeeHistory",
    "weft.Storage/Events",        "weft.Validation/PendingNonce",   "weft.Validation/GetPooled",
    "weft.Validation/PoolStatus", "weft.Validation/PoolContent",    "weft.Validation/Best",
    "weft.Validation/Submit",     "weft.Validation/PendingEvents",  "weft.Contract/Call",
    "weft.Contract/Estimate",     "weft.Contract/CreateAccessList", "weft.Contract/TraceTransaction",
    "weft.Contract/TraceBlock",   "weft.Contract/TraceCall",        "weft.Contract/Simulate",
    "weft.Contract/PendingBlock", "weft.Contract/Preview",          "weft.Consensus/Status",
    "weft.Consensus/Clock",       "weft.Consensus/MayImpersonate",  "weft.Wallet/Accounts",
    "weft.Wallet/Sign",           "weft.Network/Status",            "weft.Monitor/Report",
    "weft.Storage/OpenState",     "weft.Storage/ReadState",         "weft.Storage/RootOf",
    "weft.Contract/Execute",      "weft.Contract/Activity",         "weft.Monitor/TopContracts",
    "weft.Monitor/ContractStats", "weft.Monitor/ContractEvents",    "weft.Monitor/Finality",
    "weft.Consensus/ReadIndex",   "weft.Consensus/ValidatorSet",    "weft.Consensus/Votes",
    // Between the services of one node. A head that is told twice changes nothing the second time, nor does a hint.
    "weft.Storage/ReadBlocks",    "weft.Storage/Usage",             "weft.Validation/Match",
    "weft.Validation/FindPooled", "weft.Validation/HeadChanged",    "weft.Contract/Build",
    "weft.Contract/Check",        "weft.Contract/MakeChange",       "weft.Consensus/Notify",
    "weft.Consensus/Progress",    "weft.Consensus/ProveIdentity",   "weft.Network/FetchBlocks",
    "weft.Network/FetchHeaders",  "weft.Network/FetchSnapshot",     "weft.Network/FetchChunk",
    "weft.Storage/SnapshotHead",  "weft.Storage/ReadSnapshot",    "weft.Registry/List",
});
[[nodiscard]] constexpr bool is_repeatable(std::string_view method) {
    return std::ranges::find(repeatable_methods, method) != repeatable_methods.end();
}

/// What is worth nothing later: whoever sends it makes up for a loss. It is not kept for an instance that is away.
inline constexpr auto fleeting_methods = std::to_array<std::string_view>({
    "weft.Network/Announce", "weft.Network/Send", "weft.Network/Penalize", "weft.Consensus/Deliver",
});
[[nodiscard]] constexpr bool is_fleeting(std::string_view method) {
    return std::ranges::find(fleeting_methods, method) != fleeting_methods.end();
}

/// Answered when something happens, so that the time it takes is no measure.
inline constexpr auto waiting_methods = std::to_array<std::string_view>({
    "weft.Storage/Events", "weft.Validation/PendingEvents", "weft.Monitor/ContractEvents",
});
/// How methods begin that do as much as the request says, or ask others; all else is a look-up, or nearly.
inline constexpr auto uneven_methods = std::to_array<std::string_view>({
    "weft.Contract/", "weft.Consensus/", "weft.Network/", "weft.Storage/GetLogs", "weft.Storage/ReadBlocks",
    "weft.Storage/ReadSnapshot",
});
[[nodiscard]] constexpr mesh::CallKind kind_of(std::string_view method) {
    if (std::ranges::find(waiting_methods, method) != waiting_methods.end()) return mesh::CallKind::waiting;
    const bool uneven = std::ranges::any_of(uneven_methods, [&](auto start) { return method.starts_with(start); });
    return uneven ? mesh::CallKind::uneven : mesh::CallKind::even;
}

struct DiscoveredOptions {
    /// Of the operations that are called: those that may be made again though they may have been handled.
    mesh::Repeatable repeatable = is_repeatable;
    mesh::Backoff backoff = {.min_ns = 5 * ns_per_ms, .max_ns = 200 * ns_per_ms};
    mesh::RetryConfig retry;
    /// Who gets a call, and who is left aside.
    mesh::RosterConfig roster;
    /// A call fails if for so long no attempt could be made or each was refused: long enough for a restart.
    std::int64_t patience_ns = 6 * ns_per_s;
    /// Of the service's instances this one alone, by its id; empty: any.
    std::string only;
    net::GrpcChannelOptions channel = {.backoff_max_ns = 200 * ns_per_ms};
};

/// What came of a call besides its result.
struct CallReport {
    std::uint32_t attempts = 0;
    /// An attempt before the last may have been handled.
    bool earlier_unknown = false;
};

/// The instances of one service as callers see them. Thread-safe.
class Discovered : public std::enable_shared_from_this<Discovered> {
  public:
    /// @param loops  must outlive the calls.
    [[nodiscard]] static std::shared_ptr<Discovered> make(net::LoopGroup& loops, mesh::Port<api::registry::List> list,
                                                          std::string service, DiscoveredOptions options = {});
    ~Discovered();

    /// @p method, @p request and @p report (may be null) must live until the task ends.
    /// @errors what the operation gives; unavailable  no instance was reached, or it was lost during a call that can't
    ///         be made again; deadline_exceeded.
    static Task<Bytes> call(std::shared_ptr<Discovered> self, mesh::Context context, std::string_view method,
                            BytesView request, CallReport* report);
    [[nodiscard]] std::size_t healthy_count() const;

  private:
    struct State;
    explicit Discovered(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

namespace detail {

template <mesh::Operation R>
Task<typename R::Reply> call_discovered(std::shared_ptr<Discovered> service, mesh::Context context, R request,
                                        CallReport* report = nullptr) {
    const Bytes sent = wire::encode(request);
    const Bytes received = co_await Discovered::call(std::move(service), context, R::method, sent, report);
    co_return wire::decode<typename R::Reply>(received);
}

}  // namespace detail

/// A port to whichever instance of the service is best.
template <mesh::Operation R>
[[nodiscard]] mesh::Port<R> discovered_port(std::shared_ptr<Discovered> service) {
    return {[service = std::move(service)](mesh::Context context, R request) {
        return detail::call_discovered<R>(service, context, std::move(request));
    }};
}

/// Submit, which knows its transaction again: refused on a second attempt because the first had gone through,
/// it succeeds.
/// @param storage  where sealed transactions are looked up.
[[nodiscard]] mesh::Port<api::validation::Submit> submit_port(std::shared_ptr<Discovered> validation,
                                                              std::shared_ptr<Discovered> storage);

/// ... of a node that is one process.
template <>
[[nodiscard]] inline mesh::Port<api::validation::Submit> discovered_port(std::shared_ptr<Discovered> service) {
    return submit_port(service, service);
}

}  // namespace weft::app
