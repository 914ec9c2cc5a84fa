#include "net/reserved_address.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/stream.hpp"

namespace weft::net {
namespace {

/// A socket that is given its port by the kernel, out of a few.
class ChosenPort {
  public:
    ChosenPort(std::uint16_t lowest, std::uint16_t highest) {
        constexpr int local_port_range = 51;  // IP_LOCAL_PORT_RANGE, which Debian 12's headers have not
        const std::uint32_t range = std::uint32_t{highest} << 16 | lowest;
        is_known_ = setsockopt(fd_, IPPROTO_IP, local_port_range, &range, sizeof range) == 0;
        const int on = 1;
        setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    }
    ~ChosenPort() { close(fd_); }
    ChosenPort(const ChosenPort&) = delete;
    ChosenPort& operator=(const ChosenPort&) = delete;

    /// Whether the kernel can be told from which ports to choose; Linux 6.3 can.
    [[nodiscard]] bool is_known() const { return is_known_; }
    [[nodiscard]] bool binds() const {
        const sockaddr_in any = loopback(0);
        return bind(fd_, reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0;
    }
    [[nodiscard]] bool connects(std::uint16_t port) const {
        const sockaddr_in peer = loopback(port);
        return connect(fd_, reinterpret_cast<const sockaddr*>(&peer), sizeof peer) == 0;
    }

  private:
    static sockaddr_in loopback(std::uint16_t port) {
        sockaddr_in out{};
        out.sin_family = AF_INET;
        out.sin_port = htons(port);
        out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return out;
    }
    int fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_known_ = false;
};

TEST(ReservedAddress, nobody_is_given_its_port) {
    const auto kept = ReservedAddress::make("127.0.0.1:0");
    ASSERT_TRUE(kept);
    const std::uint16_t port = Endpoint::parse(kept->text())->port;
    if (!ChosenPort(port, port).is_known()) GTEST_SKIP() << "this kernel can't be told from which ports to choose";
    const auto other = bind_and_listen("127.0.0.1:0");
    ASSERT_TRUE(other);
    EXPECT_FALSE(ChosenPort(port, port).binds());
    EXPECT_FALSE(ChosenPort(port, port).connects(other->endpoint.port));
    EXPECT_TRUE(ChosenPort(32'768, 60'999).binds());
    EXPECT_TRUE(ChosenPort(32'768, 60'999).connects(other->endpoint.port));
    close(other->fd);
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
