// `weft registry`: what the registry of a running system knows, and an operator's words to it.

#include <algorithm>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "app/command.hpp"
#include "app/registration.hpp"
#include "app/run_file.hpp"
#include "app/services.hpp"
#include "app/signals.hpp"
#include "app/watch.hpp"
#include "base/json.hpp"
#include "net/port.hpp"

namespace weft::app {

namespace {

constexpr std::int64_t timeout_ns = 5 * ns_per_s;

struct RegistryCommand {
    std::string registry;
    std::string service;
    std::vector<std::string> labels;
    bool json = false;
    // of add
    std::vector<std::string> addresses;
    std::string check;
    std::string id;
    std::uint32_t weight = 1;
    // of drain
    std::vector<std::string> ids;
};

/// A connection to the registry, and what it needs.
struct Connection {
    explicit Connection(const std::string& address) : loops(1), client(loops, address, registry_channel) {
        loops.start();
    }
    ~Connection() { loops.stop(); }
    template <mesh::Operation R>
    [[nodiscard]] Result<typename R::Reply> call(R request) const {
        return weft::run(net::remote_port<R>(client)(mesh::Context::with_timeout(timeout_ns), std::move(request)));
    }
    net::LoopGroup loops;
    const net::GrpcClient client;
};

/// Of the system that was started last, if none is given.
Result<std::string> address_of(const RegistryCommand& command) {
    if (!command.registry.empty()) return command.registry;
    WEFT_TRY(const auto system, find_running(""));
    for (const auto& process : system.processes) {
        if (process.service == "registry" && !process.address.empty()) return process.address;
    }
    return fail(ErrorCode::not_found, "the system has no registry: its layout is " + system.layout);
}

Result<std::vector<api::registry::Label>> labels_of(const RegistryCommand& command) {
    std::vector<api::registry::Label> out;
    for (const auto& text : command.labels) {
        WEFT_TRY(auto labels, parse_labels(text));
        for (auto& [name, value] : labels) out.push_back({std::move(name), std::move(value)});
    }
    return out;
}

std::string health_of(const api::registry::Instance& instance) {
    if (instance.healthy) return "serving";
    return instance.alive ? "not ready" : "not reached";
}

void write(json::Writer& writer, const api::registry::Instance& instance) {
    writer.begin_object().string("id", instance.id).string("service", instance.service);
    writer.string("address", instance.address);
    writer.key("pid").unsigned_integer(instance.pid);
    writer.key("weight").unsigned_integer(instance.weight);
    writer.key("healthy").boolean(instance.healthy);
    writer.key("alive").boolean(instance.alive);
    writer.key("drained").boolean(instance.drained);
    writer.string("check", instance.check.empty() ? "grpc" : instance.check).string("detail", instance.detail);
    writer.key("labels").begin_array();
    for (const auto& [name, value] : instance.labels) writer.string(name + "=" + value);
    writer.end_array();
    writer.end_object();
}

std::string row(const api::registry::Instance& instance) {
    std::string about = to_text(to_mesh(instance));
    if (!instance.detail.empty()) about += fmt::format("{}({})", about.empty() ? "" : " ", instance.detail);
    return fmt::format("{:<16} {:<12} {:<26} {:<11} {:>6}  {}\n", instance.id, instance.service, instance.address,
                       health_of(instance), instance.drained ? 0 : instance.weight, about);
}

Result<void> list(const RegistryCommand& command) {
    WEFT_TRY(const auto address, address_of(command));
    WEFT_TRY(auto labels, labels_of(command));
    const Connection connection(address);
    WEFT_TRY(const auto reply,
             connection.call(api::registry::List{.service = command.service, .labels = std::move(labels)}));
    if (command.json) {
        json::Writer writer;
        writer.begin_object().key("index").unsigned_integer(reply.index);
        writer.key("instances").begin_array();
        for (const auto& instance : reply.instances) write(writer, instance);
        writer.end_array().end_object();
        fmt::print("{}\n", writer.take());
        return {};
    }
    fmt::print("{:<16} {:<12} {:<26} {:<11} {:>6}  {}\n", "ID", "SERVICE", "ADDRESS", "HEALTH", "WEIGHT", "LABELS");
    for (const auto& instance : reply.instances) fmt::print("{}", row(instance));
    return {};
}

/// One line a change, until a signal arrives: what there is first.
Result<void> watch(const RegistryCommand& command) {
    const StopSignals signals;
    WEFT_TRY(const auto address, address_of(command));
    WEFT_TRY(const auto labels, labels_of(command));
    const Connection connection(address);
    api::registry::List request{.service = command.service, .labels = labels};
    while (signals.take() == 0) {
        const auto reply = connection.call(request);
        if (!reply) return std::unexpected(reply.error());
        const auto say = [&](std::string_view what, const std::string& line) {
            fmt::print("{} {}", what, line);
            if (line.empty() || line.back() != '\n') fmt::print("\n");
        };
        for (const auto& id : reply->removed) {
            if (!command.json) {
                say("-", id);
                continue;
            }
            json::Writer writer;
            writer.begin_object().string("removed", id).end_object();
            fmt::print("{}\n", writer.take());
        }
        for (const auto& instance : reply->instances) {
            if (!command.json) {
                say("+", row(instance));
                continue;
            }
            json::Writer writer;
            write(writer, instance);
            fmt::print("{}\n", writer.take());
        }
        std::fflush(stdout);
        request.index = reply->index;
        request.epoch = reply->epoch;
        request.changes = true;
        request.wait_ms = 1'000;  // so that a signal is seen
    }
    return {};
}

Result<void> drain(const RegistryCommand& command, bool drained) {
    WEFT_TRY(const auto address, address_of(command));
    const Connection connection(address);
    for (const auto& id : command.ids) WEFT_CHECK(connection.call(api::registry::Drain{id, drained}));
    return {};
}

/// Keeps foreign servers registered until a signal arrives: what can't register itself is registered by somebody else.
Result<void> add(const RegistryCommand& command) {
    const StopSignals signals;
    WEFT_TRY(const auto address, address_of(command));
    WEFT_TRY(const auto labels, labels_of(command));
    Connection connection(address);
    std::vector<std::unique_ptr<Registration>> registrations;
    for (std::size_t i = 0; i < command.addresses.size(); ++i) {
        api::registry::Instance instance;
        const bool numbered = command.id.empty() || command.addresses.size() > 1;
        instance.id = command.id.empty() ? command.service : command.id;
        if (numbered) instance.id += fmt::format("-{}", i);
        instance.service = command.service;
        instance.address = command.addresses[i];
        instance.labels = labels;
        instance.weight = command.weight;
        instance.check = command.check;
        instance.started_unix_ms = static_cast<std::uint64_t>(unix_ms());
        // Refused here, and not over and over in the background.
        WEFT_TRY(const auto tried, connection.call(api::registry::Register{instance, 1'000}));
        WEFT_CHECK(connection.call(api::registry::Deregister{tried.lease_id}));
        registrations.push_back(std::make_unique<Registration>(connection.loops, connection.client, instance));
        fmt::print("{} {} {}\n", instance.id, instance.service, instance.address);
    }
    std::fflush(stdout);
    signals.wait();
    for (const auto& one : registrations) (void)weft::run(one->leave(mesh::Context::with_timeout(timeout_ns)));
    return {};
}

using Work = Result<void> (*)(const RegistryCommand&);

CLI::App* define(CLI::App& command, int& status, const char* name, const char* summary,
                 const std::shared_ptr<RegistryCommand>& options, Work work) {
    auto* const sub = command.add_subcommand(name, summary);
    sub->add_option("--registry", options->registry, "where it is (default: of the system that was started last)")
        ->type_name("HOST:PORT");
    sub->callback([options, work, &status] {
        const auto done = work(*options);
        status = done ? exit_done : fail_with(done.error());
    });
    return sub;
}

void add_filter(CLI::App& sub, RegistryCommand& options) {
    sub.add_option("--service", options.service, "its instances alone")->type_name("NAME");
    sub.add_option("--label", options.labels, "those that have it; more than once: that have all")
        ->type_name("NAME=VALUE");
    sub.add_flag("--json", options.json, "for scripts");
}

}  // namespace

void define_registry(CLI::App& command, int& status) {
    command.require_subcommand(1);
    const auto options = [] { return std::make_shared<RegistryCommand>(); };
    auto listing = options();
    add_filter(*define(command, status, "list", "the instances of all services, or some", listing, list), *listing);
    auto watching = options();
    add_filter(*define(command, status, "watch", "what there is and each change, until Ctrl-C", watching, watch),
               *watching);
    auto drained = options();
    define(command, status, "drain", "no new calls go to these instances", drained,
           [](const RegistryCommand& it) { return drain(it, true); })
        ->add_option("id", drained->ids, "of instances")
        ->type_name("ID")
        ->required();
    auto undrained = options();
    define(command, status, "undrain", "calls go to them again", undrained,
           [](const RegistryCommand& it) { return drain(it, false); })
        ->add_option("id", undrained->ids, "of instances")
        ->type_name("ID")
        ->required();
    auto adding = options();
    auto* const sub = define(command, status, "add", "keep foreign servers registered, until Ctrl-C", adding, add);
    sub->add_option("address", adding->addresses, "of each server")->type_name("URL|HOST:PORT")->required();
    sub->add_option("--service", adding->service, "what they are instances of")->type_name("NAME")->required();
    sub->add_option("--check", adding->check,
                    "how they are checked: grpc (default), \"http /PATH\", \"rpc lag=8 age=60\" or lease")
        ->type_name("CHECK");
    sub->add_option("--id", adding->id, "of the instance (default: the service's name and a number)")->type_name("ID");
    sub->add_option("--weight", adding->weight, "its share of the calls (default 1)")->check(CLI::Range(0, 1'000'000));
    sub->add_option("--label", adding->labels, "what is said of them")->type_name("NAME=VALUE");
}

}  // namespace weft::app
