#pragma once
// Ethereum's chain as REST under /v1, over JSON-RPC, whoever answers that. Objects are those of JSON-RPC, with its
// quantities; /openapi.json tells of all of it.

#include "net/rest.hpp"
#include "net/rpc_call.hpp"

namespace weft::api::web {

class Rest {
  public:
    static constexpr std::uint64_t page_items_max = 1'000;
    static constexpr std::uint64_t page_blocks_max = 100;
    /// Blocks that one page of logs looks into.
    static constexpr std::uint64_t page_span_max = 10'000;

    explicit Rest(net::RpcCall call);

    [[nodiscard]] const net::RestTable& table() const { return table_; }
    /// Must outlive its task.
    Task<net::Response> serve(mesh::Context context, net::Request request) const;

  private:
    net::RestTable table_;
    net::RestHandler handler_;
};

}  // namespace weft::api::web
