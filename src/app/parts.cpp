// The five services of a node, each in a process of its own. They start in any order, and go on when a neighbour is
// away: who needs it waits, tries again, or does without.

#include <thread>
#include <utility>

#include "app/neighbours.hpp"
#include "app/node.hpp"
#include "app/node_parts.hpp"
#include "app/on_loop.hpp"
#include "app/services.hpp"
#include "base/time.hpp"
#include "net/port.hpp"
#include "net/workers.hpp"
#include "observe/log.hpp"
#include "service/contract/contract.hpp"
#include "service/monitor/monitor.hpp"
#include "service/storage/storage.hpp"
#include "service/validation/validation.hpp"

namespace weft::app {

namespace {

/// What every such process has.
struct Part {
    std::string name;
    ServiceOptions options;
    NodeConfig config;
    std::unique_ptr<net::LoopGroup> own_loops;
    net::LoopGroup& loops;
    net::GrpcClient registry;
    Neighbours neighbours;
    net::GrpcServer server;
    const observe::Log log;

    Part(std::string service, const ServiceOptions& given, NodeConfig made, std::unique_ptr<net::LoopGroup> running,
         net::GrpcClient registered_at, mesh::Port<api::registry::List> list, std::string node)
        : name(std::move(service)),
          options(given),
          config(std::move(made)),
          own_loops(std::move(running)),
          loops(*own_loops),
          registry(std::move(registered_at)),
          neighbours(loops, std::move(list), Layout::service, only(std::move(node))),
          server(loops),
          log(name) {}

    /// @errors invalid_argument  an id that is not the service's name and a node's.
    static Result<std::unique_ptr<Part>> make(const std::string& service, const ServiceOptions& options) {
        if (!options.id.starts_with(service + "-") || options.id.size() == service.size() + 1) {
            return fail(ErrorCode::invalid_argument, "--id " + options.id + ": must be " + service + "-NODE");
        }
        std::string node = options.id.substr(service.size() + 1);
        const std::string data = options.system.data + "/node-" + node;
        WEFT_CHECK(make_folder(data));
        WEFT_TRY(auto config, make_node_config(options.system, data));
        auto loops = std::make_unique<net::LoopGroup>(loops_beside_others(options.system));
        loops->start();
        net::GrpcClient registry(*loops, options.registry, registry_channel);
        WEFT_TRY(auto list, list_port(*loops, registry, options.system));
        return std::make_unique<Part>(service, options, std::move(config), std::move(loops), std::move(registry),
                                      std::move(list), std::move(node));
    }

    static DiscoveredOptions only(std::string node) {
        DiscoveredOptions out;
        out.only = std::move(node);
        return out;
    }

    template <class Service, mesh::Operation... R>
    void offer(Service& service, Task<typename R::Reply> (Service::*... serve)(mesh::Context, R)) {
        (net::serve(server, mesh::Port<R>([&service, serve](mesh::Context context, R request) {
                        return (service.*serve)(context, std::move(request));
                    })),
         ...);
    }

    /// Calls start() until what it needs is there. @return false if a signal came first.
    template <class Start>
    Result<bool> begin(const StopSignals& signals, const Start& start) const {
        bool has_said = false;
        while (true) {
            const Result<void> started = start();
            if (started) return true;
            const auto code = started.error().code;
            if (code != ErrorCode::unavailable && code != ErrorCode::deadline_exceeded && code != ErrorCode::aborted) {
                return std::unexpected(started.error());
            }
            if (!std::exchange(has_said, true)) log.info("waiting", {{"why", started.error().message}});
            if (signals.take() != 0) return false;
        }
    }

    /// Until a signal arrives; then @p stop ends what waits or runs. No task runs after it.
    template <class Started, class Stop>
    Result<void> serve(const StopSignals& signals, const Started& started, const Stop& stop) {
        WEFT_CHECK(server.listen(options.listen));
        const std::string address = server.local_address().to_string();
        Registration registration(loops, registry, make_instance(options, name, address));
        log.info("listening", {{"address", address}, {"data", config.data}});
        started();
        signals.wait();
        stop();  // first: whoever waits gets an answer, and the server need not wait for them
        leave(registration, server);
        loops.stop();
        return {};
    }
};

constexpr auto nothing = [] {};

/// Tells this process's event positions from those of the one before it.
std::uint64_t new_epoch() { return static_cast<std::uint64_t>(unix_ms()) | 1; }

}  // namespace

Result<void> run_storage(const StopSignals& signals, const ServiceOptions& options) {
    using service::storage::Storage;
    WEFT_TRY(const auto part, Part::make("storage", options));
    net::WorkerPool pool(worker_threads, call_queue_max);
    net::PoolWorkers workers(pool, std::max(1U, std::thread::hardware_concurrency()));
    WEFT_TRY(auto database,
             service::storage::Database::open(database_config(part->config, workers), part->config.genesis));
    Storage storage(std::move(database), part->config.genesis, new_epoch(), part->config.snapshot_interval);
    part->offer(storage, &Storage::head, &Storage::get_block, &Storage::get_transaction, &Storage::get_account,
                &Storage::get_code, &Storage::get_slot, &Storage::get_proof, &Storage::get_logs, &Storage::fee_history,
                &Storage::events, &Storage::read_blocks, &Storage::open_state, &Storage::read_state, &Storage::root_of,
                &Storage::commit_delta, &Storage::amend, &Storage::rewind, &Storage::usage, &Storage::snapshot_head,
                &Storage::read_snapshot, &Storage::begin_snapshot, &Storage::put_headers, &Storage::put_chunk,
                &Storage::finish_snapshot);
    return part->serve(signals, nothing, [&] { storage.stop(); });
}

namespace {

/// validation, contract and wallet: the pool beside what makes blocks of it, on states that storage has elsewhere.
struct ValidationPart {
    using Contract = service::contract::Contract;
    using Validation = service::validation::Validation;

    net::WorkerPool pool{worker_threads, call_queue_max};
    net::PoolWorkers workers{pool, std::max(1U, std::thread::hardware_concurrency())};
    /// Makes and checks blocks. Its threads wait for values of the state, which a loop must never do.
    net::WorkerPool making{worker_threads, call_queue_max};
    net::WorkerPool call_pool;
    service::contract::RemoteStates states;
    service::wallet::Wallet wallet;
    std::unique_ptr<Validation> validation;
    std::unique_ptr<Contract> contract;

    explicit ValidationPart(Part& part)
        : call_pool(part.config.call_threads, call_queue_max),
          states({part.neighbours.port<api::storage::OpenState>(),
                  on_loop(part.loops, part.neighbours.port<api::storage::ReadState>())}),
          wallet(part.config.keys) {}

    Result<void> open(Part& part) {
        WEFT_TRY(auto kept,
                 store::Kv::open(part.config.data + "/pool", Validation::kept_tables, Validation::kept_options));
        auto& far = part.neighbours;
        validation = std::make_unique<Validation>(
            part.config.genesis.config,
            service::validation::Ports{far.port<api::storage::GetAccount>(), far.port<api::storage::GetCode>(),
                                       far.port<api::storage::OpenState>(), far.port<api::consensus::Notify>(),
                                       far.port<api::consensus::MayImpersonate>(), far.port<api::network::Announce>()},
            std::move(kept), new_epoch(), pool);
        service::contract::Ports ports;
        ports.root = {[root_of = far.port<api::storage::RootOf>()](mesh::Context context, api::storage::Root request) {
            return root_of(context, {api::storage::to_delta(*request.changes), request.base.value_or(api::BlockRef{}),
                                     !request.base.has_value()});
        }};
        ports.commit = {
            [commit = far.port<api::storage::CommitDelta>()](mesh::Context context, api::storage::Commit request) {
                return commit(context, {std::move(request.block), api::storage::to_delta(*request.changes),
                                        std::move(request.proof)});
            }};
        ports.find_pooled = {[this](mesh::Context context, api::validation::FindPooled request) {
            return validation->find_pooled(context, std::move(request));
        }};
        ports.best = {[this](mesh::Context context, api::validation::Best request) {
            return validation->best(context, request);
        }};
        ports.get_block = far.port<api::storage::GetBlock>();
        ports.get_transaction = far.port<api::storage::GetTransaction>();
        ports.status = far.port<api::consensus::Status>();
        ports.open_state = [this](mesh::Context context, service::contract::StateWanted wanted) {
            return states.open(context, std::move(wanted));
        };
        contract = std::make_unique<Contract>(part.config.genesis.config, std::move(ports), call_pool, workers,
                                              part.config.call_limits);
        return {};
    }

    void offer(Part& part) {
        part.offer(*validation, &Validation::submit, &Validation::import, &Validation::match,
                   &Validation::pending_nonce, &Validation::get_pooled, &Validation::find_pooled,
                   &Validation::pool_status, &Validation::pool_content, &Validation::best, &Validation::head_changed,
                   &Validation::drop, &Validation::pending_events);
        part.offer(wallet, &service::wallet::Wallet::accounts, &service::wallet::Wallet::sign);
        part.offer(*contract, &Contract::call, &Contract::estimate, &Contract::create_access_list,
                   &Contract::trace_transaction, &Contract::trace_block, &Contract::trace_call, &Contract::simulate,
                   &Contract::execute, &Contract::activity, &Contract::pending_block, &Contract::preview);
        offer_making(part, &Contract::build, &Contract::check, &Contract::adopt, &Contract::make_change);
    }

    /// What reads states on the thread that it is called on.
    template <mesh::Operation... R>
    void offer_making(Part& part, Task<typename R::Reply> (Contract::*... serve)(mesh::Context, R)) {
        (net::serve(part.server, mesh::Port<R>([this, serve](mesh::Context context, R request) {
                        return net::run_at(making, (contract.get()->*serve)(context, std::move(request)));
                    })),
         ...);
    }
};

}  // namespace

Result<void> run_validation(const StopSignals& signals, const ServiceOptions& options) {
    WEFT_TRY(const auto part, Part::make("validation", options));
    ValidationPart own(*part);
    WEFT_CHECK(own.open(*part));
    const auto get_block = part->neighbours.port<api::storage::GetBlock>();
    WEFT_TRY(const bool begun, part->begin(signals, [&]() -> Result<void> {
        WEFT_TRY(auto head, run(get_block(mesh::Context::with_timeout(10 * ns_per_s), {{}, true})));
        return own.validation->start(std::move(head.block));
    }));
    if (!begun) return {};
    own.offer(*part);
    // What an earlier process kept waits for its block: consensus, if it runs, does not know of it yet. If it does not
    // run, it will ask.
    const auto tell = [&part, notify = part->neighbours.port<api::consensus::Notify>()] {
        part->loops.next().post(
            [notify] { spawn(notify(mesh::Context::with_timeout(10 * ns_per_s), {}), [](const auto&) {}); });
    };
    return part->serve(signals, tell, [&] {
        own.contract->stop();
        own.validation->stop();
    });
}

Result<void> run_consensus(const StopSignals& signals, const ServiceOptions& options) {
    using service::consensus::Consensus;
    WEFT_TRY(const auto part, Part::make("consensus", options));
    ConsensusPorts ports;
    part->neighbours.fill(ports);
    // Its threads block until they are answered.
    ports.for_each([&]<class R>(mesh::Port<R>& port) { port = on_loop(part->loops, std::move(port)); });
    const auto consensus = make_consensus(part->config, std::move(ports));
    WEFT_TRY(const bool begun, part->begin(signals, [&] { return consensus->start(); }));
    if (!begun) return {};
    part->offer(*consensus, &Consensus::status, &Consensus::notify, &Consensus::deliver, &Consensus::prove_identity,
                &Consensus::validator_set, &Consensus::progress, &Consensus::votes, &Consensus::propose_vote,
                &Consensus::read_index, &Consensus::evidence, &Consensus::mine, &Consensus::configure,
                &Consensus::clock, &Consensus::snapshot, &Consensus::revert, &Consensus::reset, &Consensus::set_account,
                &Consensus::impersonate, &Consensus::may_impersonate);
    const auto look_at_pool = [&] {
        part->loops.next().post([&consensus] {
            spawn(consensus->notify(mesh::Context::with_timeout(10 * ns_per_s), {}), [](const auto&) {});
        });
    };
    return part->serve(signals, look_at_pool, [&] { consensus->stop(); });
}

Result<void> run_network(const StopSignals& signals, const ServiceOptions& options) {
    using service::network::Network;
    WEFT_TRY(const auto part, Part::make("network", options));
    auto& far = part->neighbours;
    service::network::Ports ports;
    ports.deliver = far.port<api::consensus::Deliver>();
    ports.prove_identity = far.port<api::consensus::ProveIdentity>();
    ports.validator_set = far.port<api::consensus::ValidatorSet>();
    ports.import = far.port<api::validation::Import>();
    ports.get_pooled = far.port<api::validation::GetPooled>();
    ports.match = far.port<api::validation::Match>();
    ports.head = far.port<api::storage::Head>();
    ports.read_blocks = far.port<api::storage::ReadBlocks>();
    ports.snapshot_head = far.port<api::storage::SnapshotHead>();
    ports.read_snapshot = far.port<api::storage::ReadSnapshot>();
    Network network(part->loops, network_config(part->config), std::move(ports));
    WEFT_CHECK(network.start());
    part->offer(network, &Network::status, &Network::announce, &Network::send, &Network::fetch_blocks,
                &Network::fetch_headers, &Network::fetch_snapshot, &Network::fetch_chunk, &Network::penalize);
    return part->serve(signals, nothing, [&] { network.stop(); });
}

Result<void> run_monitor(const StopSignals& signals, const ServiceOptions& options) {
    using service::monitor::Monitor;
    WEFT_TRY(const auto part, Part::make("monitor", options));
    auto& far = part->neighbours;
    service::monitor::Ports ports;
    ports.head = far.port<api::storage::Head>();
    ports.pool_status = far.port<api::validation::PoolStatus>();
    ports.network_status = far.port<api::network::Status>();
    ports.consensus_status = far.port<api::consensus::Status>();
    ports.consensus_progress = far.port<api::consensus::Progress>();
    ports.storage_events = far.port<api::storage::Events>();
    ports.activity = far.port<api::contract::Activity>();
    ports.usage = far.port<api::storage::Usage>();
    Monitor monitor(std::move(ports), part->config.monitor_share, new_epoch());
    monitor.start(part->loops.next());
    part->offer(monitor, &Monitor::report, &Monitor::finality, &Monitor::top_contracts, &Monitor::contract_stats,
                &Monitor::contract_events);
    return part->serve(signals, nothing, [&] { monitor.stop(); });
}

}  // namespace weft::app
