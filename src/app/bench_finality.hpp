#pragma once
// Load on a chain whose blocks are final when they are seen, and the time that each transaction took to get there.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "app/bench_transactions.hpp"
#include "base/result.hpp"
#include "net/endpoint.hpp"

namespace weft::app {

/// The transactions of one sender, in order of nonce.
using BenchLane = std::vector<BenchTransaction>;

struct FinalityLoad {
    /// Transactions a second of all lanes together; 0: the next as soon as the last is acknowledged.
    double rate = 0;
    std::size_t in_flight_max = 12'000;  // sent and not final
    std::int64_t duration_ns = 0;        // of sending
};

struct FinalityRun {
    std::uint64_t sent = 0;
    std::uint64_t final_count = 0;
    std::vector<Hash> lost;   // sent and not in the chain, though nothing moved any more for a while
    std::string complaint;    // the last error that the server gave, if it gave any
    double seconds = 0;       // from the first request to the last finality
    std::vector<double> finality_ms;  // ascending; with a rate from when the transaction was due
    std::vector<Address> proposers;   // of the blocks with transactions, in order
    std::vector<std::size_t> sent_of;  // by lane

    [[nodiscard]] double per_second() const;
    /// @param q  0 to 1. @return 0 without values.
    [[nodiscard]] double quantile_ms(double q) const;
};

/// Sends each lane in order, all lanes at once, and follows the blocks until every transaction is final or lost.
/// A transaction that is refused is sent again for a while, so that those behind it do not wait for it for ever.
/// @errors as call_once.
[[nodiscard]] Result<FinalityRun> run_to_finality(const net::Endpoint& server, const std::vector<BenchLane>& lanes,
                                                  const FinalityLoad& load);

}  // namespace weft::app
