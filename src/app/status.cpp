#include <latch>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "api/consensus.hpp"
#include "app/command.hpp"
#include "app/run_file.hpp"
#include "base/hex.hpp"
#include "base/json.hpp"
#include "net/http_client.hpp"
#include "net/loop.hpp"
#include "net/port.hpp"

namespace weft::app {

namespace {

struct Head {
    std::uint64_t number = 0;
    std::string hash;
};

constexpr std::int64_t timeout_ns = 2 * ns_per_s;

/// What one validator does to catch up with the others.
struct Sync {
    std::string name;           // of its process
    Result<std::string> doing;  // empty: it has caught up
};

/// Asked of the gateway, as any client would: an answer shows that the whole path works.
Result<Head> ask_head(const std::string& http) {
    WEFT_TRY(auto request,
             net::Fetch::post("http://" + http + "/",
                              R"({"jsonrpc":"2.0","id":1,"method":"eth_getBlockByNumber","params":["latest",false]})"));
    net::LoopGroup loops(1);
    net::HttpClient client(loops.loop(0));
    loops.start();
    const auto reply = run(client.fetch(mesh::Context::with_timeout(timeout_ns), std::move(request)));
    loops.stop();
    if (!reply) return std::unexpected(reply.error());
    WEFT_TRY(const json::Value body, json::parse(reply->body));
    const auto& block = body["result"];
    WEFT_TRY(const std::uint64_t number, quantity_from_hex(block["number"].text()));
    return Head{number, block["hash"].text()};
}

/// Asked of each validator itself, all at once: the gateway asks only one that is well.
/// @return  empty where nobody votes, or all share one process and have no address.
std::vector<Sync> ask_syncs(const SystemStatus& system) {
    std::vector<Sync> out;
    std::vector<std::string> addresses;
    for (const auto& process : system.processes) {
        if (process.service != "node" && process.service != "consensus") continue;
        if (system.layout == "thread") continue;
        out.push_back({process.name, fail(ErrorCode::unavailable, "it does not serve yet")});
        addresses.push_back(process.address);
    }
    std::latch left(static_cast<std::ptrdiff_t>(out.size()));
    net::LoopGroup loops(1);
    loops.start();
    {
        std::vector<net::GrpcClient> clients(out.size());
        for (std::size_t i = 0; i < out.size(); ++i) {
            if (addresses[i].empty()) {
                left.count_down();
                continue;
            }
            clients[i] = net::GrpcClient(loops, addresses[i]);
            spawn(net::remote_port<api::consensus::Progress>(clients[i])(mesh::Context::with_timeout(timeout_ns), {}),
                  [&, i](Result<api::consensus::ProgressReply> reply) {
                      if (reply) {
                          out[i].doing = std::move(reply->syncing);
                      } else {
                          out[i].doing = std::unexpected(std::move(reply).error());
                      }
                      left.count_down();
                  });
        }
        left.wait();
    }
    loops.stop();
    std::erase_if(out, [](const Sync& it) {
        return !it.doing && it.doing.error().code == ErrorCode::failed_precondition;  // one sealer, who is never behind
    });
    return out;
}

std::string as_json(const SystemStatus& system, const Result<Head>& head, const std::vector<Sync>& syncs) {
    json::Writer writer;
    writer.begin_object();
    write_members(writer, system);
    writer.key("head");
    if (head) {
        writer.begin_object().key("number").unsigned_integer(head->number).string("hash", head->hash).end_object();
    } else {
        writer.null();
    }
    writer.key("sync").begin_array();
    for (const auto& [name, doing] : syncs) {
        writer.begin_object().string("name", name).key("doing");
        if (doing) {
            writer.string(*doing);
        } else {
            writer.null();
        }
        writer.end_object();
    }
    writer.end_array();
    writer.end_object();
    return writer.take() + "\n";
}

/// One line for each validator that is not known to have caught up.
std::string as_lines(const std::vector<Sync>& syncs) {
    if (syncs.empty()) return {};
    std::string out;
    for (const auto& [name, doing] : syncs) {
        if (doing && doing->empty()) continue;
        out += fmt::format("{:<8} {}: {}\n", out.empty() ? "sync" : "", name,
                           doing ? *doing : "not known: " + doing.error().message);
    }
    return out.empty() ? "sync     done\n" : out;
}

std::string as_table(const SystemStatus& system, const Result<Head>& head, const std::vector<Sync>& syncs) {
    std::string out =
        fmt::format("{:<12} {:>8}  {:<22} {:<10} {:>8}  {}\n", "NAME", "PID", "ADDRESS", "HEALTH", "RESTARTS",
                    "LABELS");
    for (const auto& process : system.processes) {
        out += fmt::format("{:<12} {:>8}  {:<22} {:<10} {:>8}  {}\n", process.name, process.pid, process.address,
                           process.health, process.restarts, process.labels);
    }
    out += head ? fmt::format("\nhead     {} {}\n", head->number, head->hash)
                : fmt::format("\nhead     not known: {}\n", head.error().message);
    out += as_lines(syncs);
    out += fmt::format("http     {}\nlayout   {}\ndata     {}\n", system.http, system.layout, system.data);
    return out;
}

int status_command(const std::string& data, bool json) {
    const auto system = find_running(data);
    if (!system) return fail_with(system.error());
    const auto head = ask_head(system->http);
    const auto syncs = ask_syncs(*system);
    fmt::print("{}", json ? as_json(*system, head, syncs) : as_table(*system, head, syncs));
    return exit_done;
}

}  // namespace

void define_status(CLI::App& command, int& status) {
    auto data = std::make_shared<std::string>();
    auto json = std::make_shared<bool>(false);
    command.add_option("--data", *data, "folder of the system (default: the one of this user that was started last)")
        ->type_name("DIR");
    command.add_flag("--json", *json, "for scripts");
    command.callback([data, json, &status] { status = status_command(*data, *json); });
}

}  // namespace weft::app
