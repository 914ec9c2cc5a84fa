#include "app/bench_etcd.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/time.hpp"
#include "net/grpc.hpp"
#include "net/loop.hpp"
#include "net/port.hpp"

namespace weft::app {

namespace {

constexpr std::int64_t start_ns_max = 20 * ns_per_s;

/// What it says is of no use, but a full pipe would stop it.
void discard_output(const Process& process) {
    std::array<char, 4096> bytes{};
    while (::read(process.output_fd(), bytes.data(), bytes.size()) > 0) {
    }
}

Result<void> wait_for_answer(const std::string& address, Process& process) {
    net::LoopGroup loops(1);
    loops.start();
    const net::GrpcClient client(loops, address, {.backoff_max_ns = 100 * ns_per_ms});
    const auto range = net::remote_port<EtcdRange>(client);
    const std::int64_t until_ns = monotonic_ns() + start_ns_max;
    Result<void> result = fail(ErrorCode::unavailable, "etcd does not answer");
    while (monotonic_ns() < until_ns && !process.reap()) {
        discard_output(process);
        if (run(range(mesh::Context::with_timeout(ns_per_s), {"/", "0"}))) {
            result = {};
            break;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    loops.stop();
    return result;
}

Result<Descriptor> connect_to(const std::string& address) {
    WEFT_TRY(const auto endpoint, net::Endpoint::parse(address));
    Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(endpoint.port);
    ::inet_pton(AF_INET, endpoint.host.c_str(), &to.sin_addr);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
        return fail(ErrorCode::unavailable, "no connection to " + address);
    }
    return socket;
}

}  // namespace

Result<std::unique_ptr<Etcd>> Etcd::start(const std::string& program) {
    WEFT_TRY(auto client_at, net::ReservedAddress::make("127.0.0.1:0"));
    WEFT_TRY(auto peer_at, net::ReservedAddress::make("127.0.0.1:0"));
    const std::string& client = client_at.text();
    const std::string& peer = peer_at.text();
    std::string folder = (std::filesystem::temp_directory_path() / "weft-etcd-XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr) return fail(ErrorCode::internal, folder + ": can't be made");
    auto process = Process::start(
        {program, "--data-dir", folder, "--listen-client-urls", "http://" + client, "--advertise-client-urls",
         "http://" + client, "--listen-peer-urls", "http://" + peer, "--initial-advertise-peer-urls", "http://" + peer,
         "--initial-cluster", "default=http://" + peer, "--log-level", "error"});
    if (!process) {
        std::error_code none;
        std::filesystem::remove_all(folder, none);
        return std::unexpected(process.error());
    }
    auto started =
        std::unique_ptr<Etcd>(new Etcd(std::move(client_at), std::move(peer_at), folder, *std::move(process)));
    WEFT_CHECK(wait_for_answer(started->address(), started->process_));
    return started;
}

Etcd::~Etcd() {
    process_.signal(SIGTERM);
    for (int i = 0; i < 100 && !process_.reap(); ++i) {
        discard_output(process_);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    process_.signal(SIGKILL);
    std::error_code none;
    std::filesystem::remove_all(folder_, none);
}

Result<EtcdWatchers> EtcdWatchers::open(const std::string& address, std::size_t count) {
    // Keys and their ends in base64: "/" up to "0".
    const std::string body = R"({"create_request":{"key":"Lw==","range_end":"MA=="}})";
    const std::string request = fmt::format("POST /v3/watch HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n"
                                            "Content-Length: {}\r\n\r\n{}",
                                            address, body.size(), body);
    EtcdWatchers out;
    for (std::size_t i = 0; i < count; ++i) {
        WEFT_TRY(auto socket, connect_to(address));
        if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(request.size())) {
            return fail(ErrorCode::unavailable, "etcd takes no watch");
        }
        std::string head;
        while (head.find("\"created\":true") == std::string::npos) {
            std::array<char, 4096> bytes{};
            const auto size = ::recv(socket.get(), bytes.data(), bytes.size(), 0);
            if (size <= 0) return fail(ErrorCode::unavailable, "etcd makes no watch");
            head.append(bytes.data(), static_cast<std::size_t>(size));
        }
        out.sockets_.push_back(std::move(socket));
    }
    return out;
}

Result<void> EtcdWatchers::wait_for_all(std::int64_t deadline_ns) {
    std::vector<pollfd> waiting;
    for (const auto& socket : sockets_) waiting.push_back({socket.get(), POLLIN, 0});
    std::vector<std::string> heard(waiting.size());
    std::size_t left = waiting.size();
    while (left > 0) {
        const std::int64_t rest_ns = deadline_ns - monotonic_ns();
        if (rest_ns <= 0) return fail(ErrorCode::deadline_exceeded, "an event of etcd's did not come");
        if (::poll(waiting.data(), waiting.size(), static_cast<int>(rest_ns / ns_per_ms) + 1) < 0) continue;
        for (std::size_t i = 0; i < waiting.size(); ++i) {
            if (waiting[i].revents == 0) continue;
            std::array<char, 16'384> bytes{};
            const auto size = ::recv(waiting[i].fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
            if (size <= 0) return fail(ErrorCode::unavailable, "etcd ended a watch");
            heard[i].append(bytes.data(), static_cast<std::size_t>(size));
            // The line's end: one event for each change, and one change at a time.
            if (heard[i].find("\"events\"") == std::string::npos || heard[i].find("}\n") == std::string::npos) continue;
            waiting[i].fd = -1;
            --left;
        }
    }
    return {};
}

}  // namespace weft::app
