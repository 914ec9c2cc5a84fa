#include "app/address.hpp"

#include <cerrno>
#include <cstring>
#include <memory>

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/process.hpp"
#include "net/endpoint.hpp"

namespace weft::app {

Result<std::string> free_address(std::string_view address) {
    WEFT_TRY(auto endpoint, net::Endpoint::parse(address));
    if (endpoint.is_unix) return std::string(address);
    const auto failure = [&](ErrorCode code, const char* what) {
        return fail(code, "listen " + endpoint.to_string() + ": " + what);
    };
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    addrinfo* found = nullptr;
    const int status = ::getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found);
    if (status != 0) return failure(ErrorCode::invalid_argument, ::gai_strerror(status));
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, ::freeaddrinfo);

    const Descriptor socket(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(socket.get(), found->ai_addr, found->ai_addrlen) != 0 || ::listen(socket.get(), 1) != 0) {
        return failure(ErrorCode::unavailable, std::strerror(errno));
    }
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&bound), &size);
    char port[8] = {};
    ::getnameinfo(reinterpret_cast<sockaddr*>(&bound), size, nullptr, 0, port, sizeof port, NI_NUMERICSERV);
    endpoint.port = static_cast<std::uint16_t>(std::stoul(port));
    return endpoint.to_string();
}

}  // namespace weft::app
