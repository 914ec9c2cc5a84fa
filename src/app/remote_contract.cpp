#include "app/remote_contract.hpp"

#include "app/node.hpp"
#include "app/on_loop.hpp"
#include "net/port.hpp"

namespace weft::app {

namespace {

service::contract::Ports contract_ports(net::LoopGroup& loops, RemoteContract::Ports& given,
                                        service::contract::RemoteStates& states) {
    service::contract::Ports out;
    out.root = {[root_of = on_loop(loops, std::move(given.root_of))](mesh::Context context,
                                                                     api::storage::Root request) {
        return root_of(context, {api::storage::to_delta(*request.changes), request.base.value_or(api::BlockRef{}),
                                 !request.base.has_value()});
    }};
    out.get_block = std::move(given.get_block);
    out.get_transaction = std::move(given.get_transaction);
    out.best = std::move(given.best);
    out.status = std::move(given.status);
    out.open_state = [&states](mesh::Context context, service::contract::StateWanted wanted) {
        return states.open(context, std::move(wanted));
    };
    return out;
}

}  // namespace

RemoteContract::RemoteContract(net::LoopGroup& loops, const chain::ChainConfig& config, Ports ports,
                               std::size_t threads, service::contract::Limits limits)
    : states_({std::move(ports.open_state), on_loop(loops, std::move(ports.read_state))}),
      workers_(std::make_unique<net::WorkerPool>(threads, call_queue_max)),
      contract_(config, contract_ports(loops, ports, states_), *workers_, serial_workers(), limits) {}

void RemoteContract::serve(net::GrpcServer& server) {
    using service::contract::Contract;
    const auto offer = [&]<class R>(Task<typename R::Reply> (Contract::*method)(mesh::Context, R)) {
        net::serve(server, mesh::Port<R>([this, method](mesh::Context context, R request) {
                       return (contract_.*method)(context, std::move(request));
                   }));
    };
    offer(&Contract::call);
    offer(&Contract::estimate);
    offer(&Contract::create_access_list);
    offer(&Contract::trace_transaction);
    offer(&Contract::trace_block);
    offer(&Contract::trace_call);
    offer(&Contract::simulate);
    offer(&Contract::execute);
    offer(&Contract::activity);
}

}  // namespace weft::app
