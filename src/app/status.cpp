#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "app/command.hpp"
#include "app/run_file.hpp"
#include "base/hex.hpp"
#include "base/json.hpp"
#include "net/http_client.hpp"
#include "net/loop.hpp"

namespace weft::app {

namespace {

struct Head {
    std::uint64_t number = 0;
    std::string hash;
};

/// Asked of the gateway, as any client would: an answer shows that the whole path works.
Result<Head> ask_head(const std::string& http) {
    WEFT_TRY(auto request,
             net::Fetch::post("http://" + http + "/",
                              R"({"jsonrpc":"2.0","id":1,"method":"eth_getBlockByNumber","params":["latest",false]})"));
    net::LoopGroup loops(1);
    net::HttpClient client(loops.loop(0));
    loops.start();
    const auto reply = run(client.fetch(mesh::Context::with_timeout(2 * ns_per_s), std::move(request)));
    loops.stop();
    if (!reply) return std::unexpected(reply.error());
    WEFT_TRY(const json::Value body, json::parse(reply->body));
    const auto& block = body["result"];
    WEFT_TRY(const std::uint64_t number, quantity_from_hex(block["number"].text()));
    return Head{number, block["hash"].text()};
}

std::string as_json(const SystemStatus& system, const Result<Head>& head) {
    json::Writer writer;
    writer.begin_object();
    write_members(writer, system);
    writer.key("head");
    if (head) {
        writer.begin_object().key("number").unsigned_integer(head->number).string("hash", head->hash).end_object();
    } else {
        writer.null();
    }
    writer.end_object();
    return writer.take() + "\n";
}

std::string as_table(const SystemStatus& system, const Result<Head>& head) {
    std::string out =
        fmt::format("{:<12} {:>8}  {:<22} {:<10} {:>8}\n", "NAME", "PID", "ADDRESS", "HEALTH", "RESTARTS");
    for (const auto& process : system.processes) {
        out += fmt::format("{:<12} {:>8}  {:<22} {:<10} {:>8}\n", process.name, process.pid, process.address,
                           process.health, process.restarts);
    }
    out += head ? fmt::format("\nhead     {} {}\n", head->number, head->hash)
                : fmt::format("\nhead     not known: {}\n", head.error().message);
    out += fmt::format("http     {}\nlayout   {}\ndata     {}\n", system.http, system.layout, system.data);
    return out;
}

int status_command(const std::string& data, bool json) {
    const auto system = find_running(data);
    if (!system) return fail_with(system.error());
    const auto head = ask_head(system->http);
    fmt::print("{}", json ? as_json(*system, head) : as_table(*system, head));
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
