#pragma once
// Ethereum's GraphQL (EIP-1767) over JSON-RPC, whoever answers that.
//
// What a query costs upstream does not grow with its fields: a block comes with its transactions in one call if they
// are asked for, and all receipts of a block in one more.

#include "net/graphql/http.hpp"
#include "net/rpc_call.hpp"

namespace weft::api::web {

class GraphQl {
  public:
    /// Blocks of one `blocks(from, to)`.
    static constexpr std::uint64_t blocks_max = 1'000;

    explicit GraphQl(net::RpcCall call, net::graphql::Limits limits = {});

    /// Answers one HTTP request; must outlive its task.
    Task<net::Response> serve(mesh::Context context, net::Request request) const;

    [[nodiscard]] const net::graphql::Schema& schema() const { return schema_; }
    /// What a request's fields are resolved on.
    [[nodiscard]] net::graphql::ObjectPtr root(mesh::Context context) const;

  private:
    net::graphql::Schema schema_;
    net::graphql::Limits limits_;
    net::RpcCall call_;
};

}  // namespace weft::api::web
