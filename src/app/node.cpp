#include "app/node.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "base/time.hpp"
#include "net/port.hpp"
#include "net/workers.hpp"
#include "app/node_parts.hpp"
#include "app/validators.hpp"
#include "service/consensus/consensus.hpp"
#include "service/contract/contract.hpp"
#include "service/monitor/monitor.hpp"
#include "service/network/network.hpp"
#include "service/storage/storage.hpp"
#include "service/validation/validation.hpp"

namespace weft::app {

namespace {

U256 ether(std::uint64_t amount) { return U256(amount) * U256(1'000'000'000'000'000'000ULL); }

Result<chain::Genesis> development_genesis(const SystemConfig& system,
                                           const std::vector<service::wallet::Wallet::Key>& keys) {
    std::vector<Address> addresses;
    for (const auto& key : keys) addresses.push_back(key.address);
    chain::Genesis genesis = chain::dev_genesis(addresses);
    if (system.hardfork == "prague") {
        genesis.config.at(chain::Fork::osaka).reset();
    } else if (system.hardfork != "osaka") {
        return fail(ErrorCode::invalid_argument, "hardfork " + system.hardfork + ": must be prague or osaka");
    }
    if (system.chain_id) genesis.config.chain_id = *system.chain_id;
    if (system.gas_limit) genesis.header.gas_limit = *system.gas_limit;
    if (system.base_fee) genesis.header.base_fee = *system.base_fee;
    for (auto& account : genesis.alloc) {
        if (std::ranges::find(addresses, account.address) != addresses.end()) account.balance = ether(system.balance);
    }
    // The balances decide the state root, and so the header.
    auto changes = chain::genesis_changes(genesis);
    chain::StateTrie trie;
    genesis.header.state_root = chain::apply(trie, changes, nullptr);
    return genesis;
}

/// The node's part in a chain with validators.
Result<void> add_validator(const SystemConfig& system, NodeConfig& out) {
    WEFT_TRY(out.validator_key, read_key(out.data + "/validator.key"));
    out.p2p = system.p2p;
    if (system.peers.empty()) return {};
    WEFT_TRY(const auto lines, read_peers(system.peers));
    for (const auto& line : lines) {
        auto peer = service::network::parse_static_peer(line);
        if (!peer) return fail(peer.error().code, system.peers + ": " + peer.error().message);
        if (peer->address != system.p2p) out.peers.push_back(*std::move(peer));
    }
    return {};
}

}  // namespace

Result<chain::Genesis> read_genesis(const std::string& path) {
    WEFT_TRY(const std::string text, read_file(path));
    auto genesis = chain::parse_genesis(text);
    if (!genesis) return fail(genesis.error().code, path + ": " + genesis.error().message);
    return genesis;
}

Result<NodeConfig> make_node_config(const SystemConfig& system, std::string data) {
    NodeConfig out;
    out.data = std::move(data);
    out.development = system.dev;
    WEFT_TRY(out.keys, service::wallet::keys_of_mnemonic(system.mnemonic, system.accounts));
    if (system.genesis.empty()) {
        WEFT_TRY(out.genesis, development_genesis(system, out.keys));
    } else {
        WEFT_TRY(out.genesis, read_genesis(system.genesis));
        if (!system.dev && system.genesis != made_genesis(system.data)) out.keys.clear();
    }
    if (out.genesis.config.qbft && !out.data.empty()) WEFT_CHECK(add_validator(system, out));
    // Nobody orders blocks of a chain that is not for development.
    const std::uint64_t interval_ms = system.block_time_ms.value_or(system.dev ? 0 : 2'000);
    out.sealing.automine = !system.no_mining && interval_ms == 0;
    out.sealing.interval_ms = static_cast<std::int64_t>(system.no_mining ? 0 : interval_ms);
    out.sealing.next_interval_ms = unix_ms() + out.sealing.interval_ms;
    out.call_limits.gas = system.call_gas;
    out.call_limits.time_ns = static_cast<std::int64_t>(system.call_time_ms) * ns_per_ms;
    out.call_limits.memory = system.call_memory_mib << 20;
    out.call_limits.depth = static_cast<int>(system.call_depth);
    out.call_limits.trace_size = system.trace_size_mib << 20;
    out.call_threads = system.call_threads;
    out.monitor_share = system.monitor_share;
    out.takes_snapshots = system.sync == "snapshot";
    out.snapshot_interval = system.snapshot_interval;
    return out;
}

struct Node::Services {
    NodeConfig config;
    net::WorkerPool pool{worker_threads, call_queue_max};  // of the chain itself, which waits for no caller's trace
    net::PoolWorkers workers{pool, std::max(1U, std::thread::hardware_concurrency())};
    std::unique_ptr<net::WorkerPool> call_pool;
    std::unique_ptr<service::storage::Storage> storage;
    std::unique_ptr<service::network::Network> network;
    std::unique_ptr<service::wallet::Wallet> wallet;
    std::unique_ptr<service::contract::Contract> contract;
    std::unique_ptr<service::validation::Validation> validation;
    std::unique_ptr<service::consensus::Consensus> consensus;
    std::unique_ptr<service::monitor::Monitor> monitor;
    service::gateway::Ports ports;
};

namespace {

/// A port to a member function of a service in this process.
template <class Service, mesh::Operation R>
mesh::Port<R> direct(std::unique_ptr<Service>& service, Task<typename R::Reply> (Service::*serve)(mesh::Context, R)) {
    return {[service = &service, serve](mesh::Context context, R request) {
        return (service->get()->*serve)(context, std::move(request));
    }};
}

void connect_monitor(service::gateway::Ports& ports, std::unique_ptr<service::monitor::Monitor>& monitor) {
    using service::monitor::Monitor;
    ports.report = direct(monitor, &Monitor::report);
    ports.finality = direct(monitor, &Monitor::finality);
    ports.top_contracts = direct(monitor, &Monitor::top_contracts);
    ports.contract_stats = direct(monitor, &Monitor::contract_stats);
    ports.contract_events = direct(monitor, &Monitor::contract_events);
}

/// A state of storage in this process, for the contract service.
class LocalReader final : public service::contract::Reader {
  public:
    LocalReader(service::storage::Storage::DatabasePtr database, std::uint64_t version, std::uint64_t number)
        : database_(std::move(database)), view_(*database_, version, number) {}
    bool is_thread_safe() const override { return view_.is_thread_safe(); }
    std::optional<chain::Account> account(const Address& address) override { return view_.account(address); }
    U256 storage(const Address& address, const U256& key) override { return view_.storage(address, key); }
    evm::CodePtr code(const Hash& code_hash) override { return view_.code(code_hash); }
    Hash block_hash(std::uint64_t number) override { return view_.block_hash(number); }
    bool has_storage(const Address& address) override { return view_.has_storage(address); }
    const std::optional<Error>& failure() const override { return view_.failure(); }

  private:
    service::storage::Storage::DatabasePtr database_;
    service::storage::StateView view_;
};

template <class Services>
service::network::Ports network_ports(Services& own) {
    using service::consensus::Consensus;
    using service::storage::Storage;
    using service::validation::Validation;
    auto& validation = own.validation;
    const auto& ports = own.ports;
    service::network::Ports out;
    out.deliver = direct(own.consensus, &Consensus::deliver);
    out.prove_identity = direct(own.consensus, &Consensus::prove_identity);
    out.validator_set = direct(own.consensus, &Consensus::validator_set);
    out.read_blocks = direct(own.storage, &Storage::read_blocks);
    out.snapshot_head = direct(own.storage, &Storage::snapshot_head);
    out.read_snapshot = direct(own.storage, &Storage::read_snapshot);
    out.import = direct(validation, &Validation::import);
    out.get_pooled = ports.get_pooled;
    out.match = direct(validation, &Validation::match);
    out.head = ports.head;
    return out;
}

template <class Services>
ConsensusPorts consensus_ports(Services& own) {
    using service::contract::Contract;
    using service::network::Network;
    using service::storage::Storage;
    const auto& ports = own.ports;
    return {ports.head,
            ports.get_block,
            direct(own.storage, &Storage::amend),
            direct(own.storage, &Storage::rewind),
            ports.best,
            direct(own.validation, &service::validation::Validation::head_changed),
            ports.drop,
            ports.pool_status,
            direct(own.contract, &Contract::build),
            direct(own.contract, &Contract::check),
            direct(own.contract, &Contract::adopt),
            direct(own.contract, &Contract::make_change),
            direct(own.network, &Network::send),
            direct(own.network, &Network::fetch_blocks),
            direct(own.network, &Network::penalize),
            direct(own.network, &Network::fetch_headers),
            direct(own.network, &Network::fetch_snapshot),
            direct(own.network, &Network::fetch_chunk),
            direct(own.storage, &Storage::begin_snapshot),
            direct(own.storage, &Storage::put_headers),
            direct(own.storage, &Storage::put_chunk),
            direct(own.storage, &Storage::finish_snapshot)};
}

Task<service::contract::StateAt> open_local_state(service::storage::Storage& storage, api::BlockRef ref) {
    auto at = co_await storage.resolve(ref);
    auto reader = std::make_unique<LocalReader>(std::move(at.database), at.version, at.block->header.number);
    co_return service::contract::StateAt{std::move(reader), std::move(at.block)};
}

}  // namespace

Node::Node(std::unique_ptr<Services> services) : services_(std::move(services)) {}

Node::~Node() { stop(); }

Result<std::unique_ptr<Node>> Node::open(net::LoopGroup& loops, NodeConfig config) {
    auto services = std::make_unique<Services>();
    services->config = std::move(config);
    auto& own = *services;
    const auto& chain_config = own.config.genesis.config;
    // Tells this process's event positions from those of the one before it.
    const auto epoch = static_cast<std::uint64_t>(unix_ms()) | 1;
    using service::consensus::Consensus;
    using service::contract::Contract;
    using service::monitor::Monitor;
    using service::network::Network;
    using service::storage::Storage;
    using service::validation::Validation;
    using service::wallet::Wallet;

    WEFT_TRY(auto database,
             service::storage::Database::open(database_config(own.config, own.workers), own.config.genesis));
    WEFT_TRY(auto kept, store::Kv::open(own.config.data + "/pool", Validation::kept_tables, Validation::kept_options));

    own.call_pool = std::make_unique<net::WorkerPool>(own.config.call_threads, call_queue_max);
    own.storage = std::make_unique<Storage>(std::move(database), own.config.genesis, epoch,
                                            own.config.snapshot_interval);
    own.wallet = std::make_unique<Wallet>(own.config.keys);

    auto& ports = own.ports;
    ports.head = direct(own.storage, &Storage::head);
    ports.get_block = direct(own.storage, &Storage::get_block);
    ports.get_transaction = direct(own.storage, &Storage::get_transaction);
    ports.get_account = direct(own.storage, &Storage::get_account);
    ports.get_code = direct(own.storage, &Storage::get_code);
    ports.get_slot = direct(own.storage, &Storage::get_slot);
    ports.get_proof = direct(own.storage, &Storage::get_proof);
    ports.get_logs = direct(own.storage, &Storage::get_logs);
    ports.fee_history = direct(own.storage, &Storage::fee_history);
    ports.storage_events = direct(own.storage, &Storage::events);
    ports.submit = direct(own.validation, &Validation::submit);
    ports.pending_nonce = direct(own.validation, &Validation::pending_nonce);
    ports.get_pooled = direct(own.validation, &Validation::get_pooled);
    ports.pool_status = direct(own.validation, &Validation::pool_status);
    ports.pool_content = direct(own.validation, &Validation::pool_content);
    ports.best = direct(own.validation, &Validation::best);
    ports.drop = direct(own.validation, &Validation::drop);
    ports.pending_events = direct(own.validation, &Validation::pending_events);
    ports.call = direct(own.contract, &Contract::call);
    ports.estimate = direct(own.contract, &Contract::estimate);
    ports.create_access_list = direct(own.contract, &Contract::create_access_list);
    ports.trace_transaction = direct(own.contract, &Contract::trace_transaction);
    ports.trace_block = direct(own.contract, &Contract::trace_block);
    ports.trace_call = direct(own.contract, &Contract::trace_call);
    ports.simulate = direct(own.contract, &Contract::simulate);
    ports.pending_block = direct(own.contract, &Contract::pending_block);
    ports.preview = direct(own.contract, &Contract::preview);
    ports.status = direct(own.consensus, &Consensus::status);
    ports.read_index = direct(own.consensus, &Consensus::read_index);
    ports.validator_set = direct(own.consensus, &Consensus::validator_set);
    ports.votes = direct(own.consensus, &Consensus::votes);
    ports.mine = direct(own.consensus, &Consensus::mine);
    ports.configure = direct(own.consensus, &Consensus::configure);
    ports.clock = direct(own.consensus, &Consensus::clock);
    ports.snapshot = direct(own.consensus, &Consensus::snapshot);
    ports.revert = direct(own.consensus, &Consensus::revert);
    ports.reset = direct(own.consensus, &Consensus::reset);
    ports.set_account = direct(own.consensus, &Consensus::set_account);
    ports.impersonate = direct(own.consensus, &Consensus::impersonate);
    ports.may_impersonate = direct(own.consensus, &Consensus::may_impersonate);
    ports.accounts = direct(own.wallet, &Wallet::accounts);
    ports.sign = direct(own.wallet, &Wallet::sign);
    ports.network_status = direct(own.network, &Network::status);
    connect_monitor(ports, own.monitor);

    const auto open_state = [storage = own.storage.get()](mesh::Context, service::contract::StateWanted wanted) {
        return open_local_state(*storage, std::move(wanted.block));
    };
    own.contract = std::make_unique<Contract>(
        chain_config,
        service::contract::Ports{direct(own.storage, &Storage::root), direct(own.storage, &Storage::commit),
                                 direct(own.validation, &Validation::find_pooled), ports.get_block,
                                 ports.get_transaction, ports.best, ports.status, open_state},
        *own.call_pool, own.workers, own.config.call_limits);
    own.validation = std::make_unique<Validation>(
        chain_config,
        service::validation::Ports{ports.get_account, ports.get_code, direct(own.storage, &Storage::open_state),
                                   direct(own.consensus, &Consensus::notify), ports.may_impersonate,
                                   direct(own.network, &Network::announce)},
        std::move(kept), epoch, own.pool);
    own.network = std::make_unique<Network>(loops, network_config(own.config), network_ports(own));
    own.consensus = make_consensus(own.config, consensus_ports(own));
    own.monitor = std::make_unique<Monitor>(
        service::monitor::Ports{ports.head, ports.pool_status, ports.network_status, ports.status,
                                direct(own.consensus, &Consensus::progress),
                                ports.storage_events, direct(own.contract, &Contract::activity),
                                direct(own.storage, &Storage::usage)},
        own.config.monitor_share, epoch);

    WEFT_CHECK(own.validation->start((*own.storage->database())->head().block));
    WEFT_CHECK(own.consensus->start());
    WEFT_CHECK(own.network->start());
    own.monitor->start(loops.next());
    return std::unique_ptr<Node>(new Node(std::move(services)));
}

service::gateway::Ports Node::ports() { return services_->ports; }

void Node::serve(net::GrpcServer& server) {
    for_each_port(services_->ports, [&]<class R>(mesh::Port<R>& port) { net::serve(server, port); });
    // What contract services in other processes ask for.
    using service::contract::Contract;
    using service::storage::Storage;
    net::serve(server, direct(services_->storage, &Storage::open_state));
    net::serve(server, direct(services_->storage, &Storage::read_state));
    net::serve(server, direct(services_->storage, &Storage::root_of));
    net::serve(server, direct(services_->contract, &Contract::execute));
    net::serve(server, direct(services_->contract, &Contract::activity));
    // What the operator asks one node.
    using service::consensus::Consensus;
    net::serve(server, direct(services_->consensus, &Consensus::progress));
    net::serve(server, direct(services_->consensus, &Consensus::propose_vote));
    net::serve(server, direct(services_->consensus, &Consensus::evidence));
}

void Node::stop() {
    if (!services_) return;
    services_->network->stop();
    services_->contract->stop();
    services_->consensus->stop();
    services_->validation->stop();
    services_->storage->stop();
    services_->monitor->stop();
}

}  // namespace weft::app
