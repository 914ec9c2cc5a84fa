// `weft up`: the supervisor of a system, or the system itself if its layout is one process.

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "app/banner.hpp"
#include "app/command.hpp"
#include "app/neighbours.hpp"
#include "app/run_file.hpp"
#include "app/services.hpp"
#include "app/supervisor.hpp"
#include "app/validators.hpp"
#include "app/watch.hpp"
#include "net/grpc.hpp"
#include "net/port.hpp"
#include "net/reserved_address.hpp"
#include "observe/log.hpp"
#include "store/kv.hpp"

namespace weft::app {

namespace {

/// The system's folder; a temporary one goes with this object.
class DataFolder {
  public:
    static Result<DataFolder> make(const SystemConfig& config) {
        DataFolder folder;
        if (!config.data.empty() || !config.dev) {
            folder.path_ = std::filesystem::absolute(config.data.empty() ? "weft-data" : config.data).string();
            WEFT_CHECK(make_folder(folder.path_));
            return folder;
        }
        std::error_code none;
        std::string pattern = (std::filesystem::temp_directory_path(none) / "weft-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) return fail(ErrorCode::internal, pattern + ": can't make it");
        folder.path_ = pattern;
        folder.temporary_ = true;
        return folder;
    }
    DataFolder(DataFolder&& other) noexcept
        : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, false)) {}
    DataFolder& operator=(DataFolder&&) = delete;
    ~DataFolder() {
        std::error_code none;
        if (temporary_) std::filesystem::remove_all(path_, none);
    }
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    DataFolder() = default;
    std::string path_;
    bool temporary_ = false;
};

void print(const SystemConfig& config, std::string_view text) {
    if (config.silent) return;
    fmt::print("{}", text);
    std::fflush(stdout);
}

Result<void> announce(const SystemConfig& config, const SystemStatus& status) {
    WEFT_TRY(const std::string text, banner(config, status));
    print(config, text);
    return {};
}

Result<void> up_in_one_process(const StopSignals& signals, const SystemConfig& config,
                               const std::vector<NodePlace>& places) {
    RunFile run_file(config.data);
    WEFT_TRY(const auto system, SingleProcess::start(config, places));
    SystemStatus status{::getpid(), "thread", system->http(), system->ws(), config.data, {}};
    for (const auto& place : places) status.processes.push_back({place.id, "node", ::getpid(), "", "serving", 0});
    status.processes.push_back({"gateway-0", "gateway", ::getpid(), "", "serving", 0});
    WEFT_CHECK(run_file.write(status));
    WEFT_CHECK(announce(config, status));
    signals.wait();
    return {};
}

/// What the registry says of the system's instances, for the supervisor's thread.
class Instances {
  public:
    explicit Instances(const std::string& registry)
        : loops_(1),
          client_(loops_, registry, {.backoff_max_ns = 100 * ns_per_ms}),
          watch_(loops_, net::remote_port<api::registry::List>(client_), "", [this](const auto& all) { keep(all); }) {
        loops_.start();
    }
    ~Instances() { loops_.stop(); }
    [[nodiscard]] bool connected() const { return watch_.connected(); }
    [[nodiscard]] std::optional<mesh::Instance> find(const std::string& id) const {
        const std::scoped_lock lock(mutex_);
        const auto at = by_id_.find(id);
        return at == by_id_.end() ? std::nullopt : std::optional(at->second);
    }

  private:
    void keep(const std::vector<mesh::Instance>& all) {
        const std::scoped_lock lock(mutex_);
        by_id_.clear();
        for (const auto& instance : all) by_id_.emplace(instance.id, instance);
    }
    mutable std::mutex mutex_;
    std::map<std::string, mesh::Instance> by_id_;
    net::LoopGroup loops_;
    net::GrpcClient client_;
    Watch watch_;
};

std::string service_of(const std::string& name) { return name.substr(0, name.find('-')); }

ProcessStatus status_of(const ChildState& child, const Instances& instances, const std::string& registry) {
    ProcessStatus out{child.name, service_of(child.name), child.pid, "", "starting", child.restarts, ""};
    if (child.pid == 0) {
        out.health = "down";
        return out;
    }
    if (child.name == "registry") {
        out.address = registry;
        if (instances.connected()) out.health = "serving";
        return out;
    }
    const auto instance = instances.find(child.name);
    // The registry may still know the process before this one.
    if (!instance || instance->started_ms < child.started_unix_ms) return out;
    out.address = instance->address;
    out.health = instance->healthy ? "serving" : "unhealthy";
    out.labels = to_text(*instance);
    return out;
}

/// Of one node; each needs those before it, so that they stop in an order in which nobody misses anybody.
std::vector<std::string> processes_of(Layout layout, const std::string& node) {
    if (layout != Layout::service) return {node};
    std::vector<std::string> out;
    for (const auto part : node_parts) out.push_back(std::string(part) + node.substr(node.find('-')));
    return out;
}

Result<std::vector<ChildSpec>> make_children(const SystemConfig& config, const std::string& registry,
                                             const std::vector<NodePlace>& places) {
    const std::string file = config.data + "/weft.run.yaml";
    std::ofstream out(file, std::ios::trunc);
    out << "# Written by `weft up`: what its processes run with.\n" << to_yaml(config) << std::flush;
    if (!out) return fail(ErrorCode::internal, file + ": can't be written");
    const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
    const auto child = [&](const std::string& name) {
        return ChildSpec{name, {self, "run", service_of(name), "--config", file, "--id", name, "--registry", registry}};
    };
    std::vector children{child("registry")};
    for (const auto& place : places) {
        for (const auto& name : processes_of(config.layout, place.id)) {
            children.push_back(child(name));
            if (place.p2p.empty()) continue;
            auto& arguments = children.back().arguments;
            arguments.insert(arguments.end(), {"--p2p", place.p2p});
        }
    }
    for (std::uint64_t i = 0; i < config.contracts; ++i) children.push_back(child(fmt::format("contract-{}", i)));
    children.push_back(child("gateway-0"));
    return children;
}

Result<void> up_in_processes(const StopSignals& signals, SystemConfig config, const std::vector<NodePlace>& places) {
    // Before anything starts, and so that who is started again has the same address.
    WEFT_TRY(const auto registry_at, net::ReservedAddress::make("127.0.0.1:0"));
    const std::string& registry = registry_at.text();
    WEFT_TRY(const auto http_at, net::ReservedAddress::make(config.http));
    config.http = http_at.text();
    std::optional<net::ReservedAddress> ws_at;
    if (!config.ws.empty()) {
        WEFT_TRY(ws_at, net::ReservedAddress::make(config.ws));
        config.ws = ws_at->text();
    }
    WEFT_TRY(auto children, make_children(config, registry, places));
    SupervisorOptions options;
    options.log_dir = config.data + "/logs";
    WEFT_CHECK(make_folder(options.log_dir));
    options.say = [&config](const std::string& line) {
        if (!config.silent) fmt::print(stderr, "weft: {}\n", line);
    };

    RunFile run_file(config.data);
    Supervisor supervisor(std::move(children), std::move(options));
    const Instances instances(registry);
    bool announced = false;
    bool complained = false;
    return supervisor.run(signals, [&](const std::vector<ChildState>& states) {
        SystemStatus status{::getpid(), std::string(to_string(config.layout)), config.http, config.ws, config.data, {}};
        bool all_serve = true;
        for (const auto& child : states) {
            status.processes.push_back(status_of(child, instances, registry));
            all_serve = all_serve && status.processes.back().health == "serving";
        }
        if (const auto written = run_file.write(status); !written && !complained) {
            complained = true;
            (void)fail_with(written.error());
        }
        if (all_serve && !announced) {
            announced = true;
            (void)announce(config, status);
        }
        return announced;
    });
}

Result<void> up(const SystemOptions& given, std::optional<Layout> layout) {
    const StopSignals signals;
    WEFT_TRY(SystemConfig config, given.read());
    if (layout) {
        config.layout = *layout;
        if (!config.validators) config.validators = 1;
    }
    complete(config);
    WEFT_TRY(const auto folder, DataFolder::make(config));
    config.data = folder.path();
    WEFT_CHECK(store::check_disk_space(config.data));
    for (auto* path : {&config.genesis, &config.peers}) {
        if (!path->empty()) *path = std::filesystem::absolute(*path).string();
    }
    WEFT_TRY(const bool validators, has_validators(config));
    std::vector<NodePlace> places{{"node-0", {}}};
    if (validators) {
        WEFT_TRY(places, prepare_validators(config));
    }
    if (config.layout != Layout::thread) return up_in_processes(signals, config, places);
    observe::set_log_level(*observe::level_from(config.log_level));
    const std::string logs = config.data + "/logs";
    WEFT_CHECK(make_folder(logs));
    WEFT_CHECK(observe::set_log_file(logs + "/weft.log"));
    return up_in_one_process(signals, config, places);
}

void define(CLI::App& command, int& status, std::optional<Layout> layout) {
    auto options = std::make_shared<SystemOptions>();
    options->add_to(command);
    command.callback([options, layout, &status] {
        const auto done = up(*options, layout);
        status = done ? exit_done : fail_with(done.error());
    });
}

}  // namespace

void define_up(CLI::App& command, int& status) { define(command, status, std::nullopt); }

/// The same in one process.
void define_node(CLI::App& command, int& status) { define(command, status, Layout::thread); }

}  // namespace weft::app
