// An HTTP/2 connection of a server, given any bytes behind the preface: it ends, and the server goes on.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "base/result.hpp"
#include "net/grpc.hpp"
#include "net/http.hpp"

using namespace weft;
using namespace weft::net;

namespace {

Task<Response> answer(Request request) {
    for (const auto& header : request.headers)
        WEFT_ASSERT(header.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
    WEFT_ASSERT(request.target.starts_with('/') || request.target == "*");
    WEFT_ASSERT(!request.header("host").empty());
    co_return Response{.body = std::string(request.body)};
}

/// One for all inputs; the process ends with it running.
const Endpoint& server() {
    static auto* const loops = new LoopGroup(1);
    static auto* const http = [] {
        loops->start();
        auto* out = new HttpServer(*loops, answer, {.body_bytes_max = 10'000});
        auto service = std::make_shared<GrpcService>();
        service->handle("a/B", [](const mesh::Context&, BytesView bytes) -> Task<Bytes> { co_return to_bytes(bytes); });
        out->grpc(service);
        WEFT_ASSERT(out->listen("127.0.0.1:0").has_value());
        return out;
    }();
    static const Endpoint at = http->local_address();
    return at;
}

/// What the server answers until it closes.
std::string exchange(std::string_view bytes) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server().port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    WEFT_ASSERT(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    (void)send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    std::string out;
    char buffer[4096];
    for (ssize_t got = 0; (got = recv(fd, buffer, sizeof buffer, 0)) > 0;)
        out.append(buffer, static_cast<std::size_t>(got));
    close(fd);
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    exchange(std::string(preface) + std::string(reinterpret_cast<const char*>(data), size));
    const std::string after = exchange("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    WEFT_ASSERT(after.starts_with("HTTP/1.1 200 OK\r\n"));
    return 0;
}
