#include "net/reserved_address.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/stream.hpp"

namespace weft::net {
namespace {

/// A socket that is given its port by the kernel: out of a few, if the kernel takes a wish (Linux 6.3), or of all.
class GivenPort {
  public:
    GivenPort(std::uint16_t lowest, std::uint16_t highest) {
        constexpr int local_port_range = 51;  // IP_LOCAL_PORT_RANGE, which Debian 12's headers have not
        const std::uint32_t range = std::uint32_t{highest} << 16 | lowest;
        takes_wish_ = setsockopt(fd_, IPPROTO_IP, local_port_range, &range, sizeof range) == 0;
        const int on = 1;
        setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    }
    ~GivenPort() { close(fd_); }
    GivenPort(const GivenPort&) = delete;
    GivenPort& operator=(const GivenPort&) = delete;

    [[nodiscard]] bool takes_wish() const { return takes_wish_; }
    /// The port; 0: there was none for it.
    [[nodiscard]] std::uint16_t of_server() const {
        const sockaddr_in any = loopback(0);
        return bind(fd_, reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0 ? port() : 0;
    }
    [[nodiscard]] std::uint16_t of_connection(std::uint16_t peer_port) const {
        const sockaddr_in peer = loopback(peer_port);
        return connect(fd_, reinterpret_cast<const sockaddr*>(&peer), sizeof peer) == 0 ? port() : 0;
    }

    static sockaddr_in loopback(std::uint16_t port) {
        sockaddr_in out{};
        out.sin_family = AF_INET;
        out.sin_port = htons(port);
        out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return out;
    }

  private:
    [[nodiscard]] std::uint16_t port() const {
        sockaddr_in own{};
        socklen_t size = sizeof own;
        getsockname(fd_, reinterpret_cast<sockaddr*>(&own), &size);
        return ntohs(own.sin_port);
    }
    int fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool takes_wish_ = false;
};

TEST(ReservedAddress, nobody_is_given_its_port) {
    const auto kept = ReservedAddress::make("127.0.0.1:0");
    ASSERT_TRUE(kept);
    const std::uint16_t port = Endpoint::parse(kept->text())->port;
    const auto other = bind_and_listen("127.0.0.1:0");
    ASSERT_TRUE(other);
    // Where it is the only port that may be given, one question tells; else many may.
    const int tries = GivenPort(port, port).takes_wish() ? 1 : 2'000;
    for (int i = 0; i < tries; ++i) {
        EXPECT_NE(GivenPort(port, port).of_server(), port);
        EXPECT_NE(GivenPort(port, port).of_connection(other->endpoint.port), port);
    }
    EXPECT_NE(GivenPort(32'768, 60'999).of_server(), 0);
    EXPECT_NE(GivenPort(32'768, 60'999).of_connection(other->endpoint.port), 0);
    close(other->fd);
    // Nor is it anybody's who asks for it by its number and does not know that it is kept.
    const int stranger = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in there = GivenPort::loopback(port);
    EXPECT_NE(bind(stranger, reinterpret_cast<const sockaddr*>(&there), sizeof there), 0);
    close(stranger);
}

TEST(ReservedAddress, who_is_told_of_it_listens_there_again_and_again) {
    const auto kept = ReservedAddress::make("127.0.0.1:0");
    ASSERT_TRUE(kept);
    for (int i = 0; i < 2; ++i) {
        const auto bound = bind_and_listen(kept->text());
        ASSERT_TRUE(bound) << bound.error().message;
        EXPECT_EQ(bound->endpoint.to_string(), kept->text());
        const auto second = bind_and_listen(kept->text());
        ASSERT_FALSE(second);
        EXPECT_NE(second.error().message.find("in use"), std::string::npos);
        const auto again = ReservedAddress::make(kept->text());
        ASSERT_FALSE(again);
        EXPECT_EQ(again.error().message, second.error().message);
        close(bound->fd);
    }
}

TEST(ReservedAddress, a_unix_socket_is_as_it_is_and_nonsense_is_refused) {
    EXPECT_EQ(ReservedAddress::make("unix:/tmp/there")->text(), "unix:/tmp/there");
    EXPECT_EQ(ReservedAddress::make("127.0.0.1").error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace weft::net
