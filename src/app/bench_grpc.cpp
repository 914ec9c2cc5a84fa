#include "app/bench_grpc.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "app/bench_load.hpp"
#include "app/process.hpp"
#include "net/grpc.hpp"
#include "net/grpc_codec.hpp"

namespace weft::app {

namespace {

constexpr std::string_view method = "test.Echo/Echo";
constexpr int start_timeout_ms = 10'000;

Task<Bytes> echo(mesh::Context, BytesView request) { co_return to_bytes(request); }

struct Server {
    std::string name;
    std::vector<std::string> command;
};

struct Load {
    int connections;
    int streams;
};
constexpr Load loads[] = {{4, 16}, {64, 1}};

struct Measured {
    double cpu_us = 0;
    double per_second = 0;
};

/// The line in which a server says where it listens.
Result<std::string> address_of(const Process& process) {
    std::string out;
    pollfd ready{process.output_fd(), POLLIN, 0};
    while (!out.ends_with('\n')) {
        char byte = 0;
        if (::poll(&ready, 1, start_timeout_ms) <= 0 || ::read(process.output_fd(), &byte, 1) != 1) {
            return fail(ErrorCode::unavailable, "the server says nothing: " + out);
        }
        out.push_back(byte);
    }
    out.pop_back();
    return out;
}

/// The number before @p word in what h2load printed.
double number_before(std::string_view output, std::string_view word) {
    const auto at = output.find(word);
    if (at == std::string_view::npos) return 0;
    const auto begin = output.find_last_of(" \n", at - 1) + 1;
    return std::strtod(std::string(output.substr(begin, at - begin)).c_str(), nullptr);
}

Result<Measured> measure(const std::string& address, pid_t server, const std::string& body, const Load& load,
                         int seconds) {
    const std::string command =
        fmt::format("taskset -c 1 h2load -t 1 -c {} -m {} -D {} -d {} -H 'content-type: application/grpc' "
                    "-H 'te: trailers' http://{}/{} 2>&1",
                    load.connections, load.streams, seconds, body, address, method);
    const double before = cpu_seconds(server);
    std::FILE* pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) return fail(ErrorCode::unavailable, "h2load can't be started");
    std::string output;
    for (char buffer[512]; std::fgets(buffer, sizeof buffer, pipe) != nullptr;) output += buffer;
    pclose(pipe);
    const double cpu = cpu_seconds(server) - before;
    const double done = number_before(output, " succeeded");
    if (done == 0) {
        return fail(ErrorCode::unavailable,
                    "h2load gave no figure (is it installed? apt-get install nghttp2-client): " + output);
    }
    if (number_before(output, " failed") + number_before(output, " errored") > 0) {
        return fail(ErrorCode::internal, "h2load: calls failed: " + output);
    }
    return Measured{cpu * 1e6 / done, number_before(output, " req/s")};
}

}  // namespace

Result<void> bench_grpc(const BenchGrpcOptions& options) {
    const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe");
    const std::string built = self.parent_path() / "test/grpc_peer/grpc_peer";
    const std::string& peer = options.peer.empty() ? built : options.peer;
    std::vector<Server> servers = {{"weft", {"taskset", "-c", "0", self, "bench", "grpc", "--serve"}}};
    if (std::filesystem::exists(peer)) {
        servers.push_back({"libgrpc++", {"taskset", "-c", "0", peer, "serve"}});
    } else {
        fmt::print("libgrpc++ is left out: {} was not built (apt-get install libgrpc++-dev)\n", peer);
    }
    const std::string body = std::filesystem::temp_directory_path() / fmt::format("weft-bench-grpc-{}", ::getpid());
    const auto prefix = net::grpc_prefix(options.message_bytes);
    std::ofstream(body, std::ios::binary) << as_text(BytesView(prefix)) << std::string(options.message_bytes, 'x');

    fmt::print("{:<12} {:>11} {:>8} {:>13} {:>10}\n", "server", "connections", "streams", "CPU us/call", "calls/s");
    std::vector<Measured> first;
    for (const auto& server : servers) {
        WEFT_TRY(const Process process, Process::start(server.command));
        WEFT_TRY(const std::string address, address_of(process));
        for (std::size_t i = 0; i < std::size(loads); ++i) {
            WEFT_TRY(const Measured got, measure(address, process.pid(), body, loads[i], options.seconds));
            fmt::print("{:<12} {:>11} {:>8} {:>13.2f} {:>10.0f}", server.name, loads[i].connections, loads[i].streams,
                       got.cpu_us, got.per_second);
            if (server.name == servers.front().name) {
                first.push_back(got);
            } else {
                fmt::print("   {:.1f} times weft's CPU", got.cpu_us / first[i].cpu_us);
            }
            fmt::print("\n");
            std::fflush(stdout);
        }
    }
    std::filesystem::remove(body);
    return {};
}

Result<void> serve_grpc_bench() {
    net::LoopGroup loops(1);
    loops.start();
    net::GrpcServer server(loops);
    server.handle(std::string(method), echo);
    WEFT_CHECK(server.listen("127.0.0.1:0"));
    fmt::print("{}\n", server.local_address().to_string());
    std::fflush(stdout);
    while (true) ::pause();
}

}  // namespace weft::app
