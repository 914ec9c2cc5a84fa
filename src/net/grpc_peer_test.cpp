// gRPC as libgrpc++ speaks it, in both directions.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "net/grpc.hpp"
#include "net/http.hpp"

namespace weft::net {
namespace {

const std::filesystem::path peer = std::filesystem::path(WEFT_BUILD_DIR) / "test/grpc_peer/grpc_peer";

bool has_peer() {
    if (std::filesystem::exists(peer)) return true;
    EXPECT_EQ(std::getenv("CI"), nullptr) << "libgrpc++-dev is missing";
    std::puts("NOT RUN: no libgrpc++; install libgrpc++-dev and build anew");
    return false;
}

/// The peer as a server: ended with the test.
class PeerServer {
  public:
    PeerServer() {
        int ends[2] = {};
        EXPECT_EQ(pipe(ends), 0);
        pid_ = fork();
        if (pid_ == 0) {
            dup2(ends[1], STDOUT_FILENO);
            execl(peer.c_str(), peer.c_str(), "serve", nullptr);
            _exit(127);
        }
        close(ends[1]);
        output_ = fdopen(ends[0], "r");
    }
    ~PeerServer() {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
        std::fclose(output_);
    }
    PeerServer(const PeerServer&) = delete;
    PeerServer& operator=(const PeerServer&) = delete;
    std::string line() {
        char text[256] = {};
        if (std::fgets(text, sizeof text, output_) == nullptr) ADD_FAILURE() << "the peer has ended";
        const std::string_view whole(text);
        return std::string(whole.substr(0, whole.find('\n')));
    }

  private:
    pid_t pid_ = -1;
    std::FILE* output_ = nullptr;
};

Task<Bytes> echo(mesh::Context, BytesView request) { co_return to_bytes(request); }
Task<Bytes> refuse(mesh::Context, BytesView) {
    co_return fail(ErrorCode::failed_precondition, "nonce zu niedrig: 5 < 7 % \xc3\xa4\n");
}
Task<Bytes> slow(mesh::Context context, BytesView) {
    co_await Loop::current()->sleep_until(context.deadline_ns + 3'600 * ns_per_s);
    co_return Bytes();
}

Task<void> echo_all(GrpcStreamPtr stream) {
    while (auto message = co_await stream->read()) co_await stream->write(*std::move(message));
}

TEST(grpc_peer, calls_our_server) {
    if (!has_peer()) return;
    LoopGroup loops(1);
    loops.start();
    auto service = std::make_shared<GrpcService>(GrpcServerOptions{});
    service->handle("test.Echo/Echo", echo);
    service->handle("test.Echo/Refuse", refuse);
    service->handle("test.Echo/Slow", slow);
    std::atomic<int> left{0};
    service->handle_stream("test.Echo/All", [](const mesh::Context&, GrpcStreamPtr stream) {
        return echo_all(std::move(stream));
    });
    service->handle_stream("test.Echo/Silent", [&](const mesh::Context&, GrpcStreamPtr stream) -> Task<void> {
        return [](GrpcStreamPtr with, std::atomic<int>& count) -> Task<void> {
            co_await with->write(to_bytes(as_bytes("first")));
            const auto end = co_await settled(with->until_closed());
            EXPECT_EQ(end.error().code, ErrorCode::cancelled);
            ++count;
            count.notify_all();
        }(std::move(stream), left);
    });
    service->set_admission([](const Request& request) -> Result<std::shared_ptr<const mesh::Caller>> {
        if (request.header("x-key") == "key") return nullptr;
        return fail(ErrorCode::unauthenticated, "a key is needed");
    });
    std::optional<HttpServer> server;
    server.emplace(loops, [](Request) -> Task<Response> { co_return Response{}; });
    server->grpc(service);
    ASSERT_TRUE(server->listen("127.0.0.1:0"));
    const std::string command = peer.string() + " call " + server->local_address().to_string() + " 2>&1";
    std::FILE* pipe = popen(command.c_str(), "r");
    ASSERT_NE(pipe, nullptr);
    std::string output;
    for (char line[512]; std::fgets(line, sizeof line, pipe) != nullptr;) output += line;
    EXPECT_EQ(pclose(pipe), 0) << output;
    left.wait(0);
    server.reset();
    loops.stop();
}

TEST(grpc_peer, is_called_by_our_client) {
    if (!has_peer()) return;
    PeerServer other;
    const std::string address = other.line();
    LoopGroup loops(1);
    loops.start();
    {
        const GrpcClient client(loops, address);
        const auto call = [&](std::string_view method, const Bytes& message, std::int64_t timeout_ns = 20 * ns_per_s) {
            return run(client.call(mesh::Context::with_timeout(timeout_ns), method, message));
        };
        for (const std::size_t size : {0UL, 1UL, 100'000UL, 4UL * 1024 * 1024}) {
            SCOPED_TRACE(size);
            const Bytes message(size, 7);
            const auto reply = call("test.Echo/Echo", message);
            ASSERT_TRUE(reply) << reply.error().message;
            EXPECT_EQ(*reply, message);
        }
        const auto refused = call("test.Echo/Refuse", {});
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, ErrorCode::failed_precondition);
        EXPECT_EQ(refused.error().message, "nonce zu niedrig: 5 < 7 % \xc3\xa4\n");
        // The status for a method that a server does not have.
        EXPECT_EQ(call("test.Echo/None", {}).error().code, ErrorCode::unimplemented);
        // The peer sees that nobody waits any more.
        EXPECT_EQ(call("test.Echo/Slow", {}, 50 * ns_per_ms).error().code, ErrorCode::deadline_exceeded);
        EXPECT_EQ(other.line(), "cancelled");
        EXPECT_TRUE(call("test.Echo/Echo", {1}));
    }
    loops.stop();
}

}  // namespace
}  // namespace weft::net
