#pragma once
// The contract service in a process of its own: the same service as in a node, on states that it reads over ports.

#include <memory>

#include "api/consensus.hpp"
#include "api/storage.hpp"
#include "api/validation.hpp"
#include "chain/fork.hpp"
#include "mesh/service.hpp"
#include "net/grpc.hpp"
#include "service/contract/contract.hpp"

namespace weft::app {

class RemoteContract {
  public:
    /// What it asks of a node.
    struct Ports {
        mesh::Port<api::storage::OpenState> open_state;
        mesh::Port<api::storage::ReadState> read_state;
        mesh::Port<api::storage::RootOf> root_of;
        mesh::Port<api::storage::GetBlock> get_block;
        mesh::Port<api::storage::GetTransaction> get_transaction;
        mesh::Port<api::validation::Best> best;
        mesh::Port<api::consensus::Status> status;

        template <class F>
        void for_each(F&& f) {
            const auto all = [&](auto&... port) { (f(port), ...); };
            all(open_state, read_state, root_of, get_block, get_transaction, best, status);
        }
    };
    /// @param loops   what waits for answers goes on here; must outlive this and run.
    /// @param config  of the node's chain; must outlive this.
    /// @param threads  that execute.
    RemoteContract(net::LoopGroup& loops, const chain::ChainConfig& config, Ports ports, std::size_t threads,
                   service::contract::Limits limits);

    /// Offers what can be done away from the node; before the server listens.
    void serve(net::GrpcServer& server);
    [[nodiscard]] service::contract::Contract& service() { return contract_; }
    /// Ends what executes. No calls afterwards; what they resumed runs on its loops yet.
    void stop() {
        contract_.stop();
        workers_.reset();
    }

  private:
    service::contract::RemoteStates states_;
    std::unique_ptr<net::WorkerPool> workers_;
    service::contract::Contract contract_;
};

}  // namespace weft::app
