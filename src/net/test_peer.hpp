#pragma once
// The other end in tests: a blocking socket that sends exactly the bytes it is told to, in the pieces it is told to.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "net/endpoint.hpp"

namespace weft::net {

class TestPeer {
  public:
    explicit TestPeer(const Endpoint& server, int receive_buffer = 0) {
        fd_ = socket(AF_INET, SOCK_STREAM, 0);
        if (receive_buffer > 0) setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
        const timeval patience{20, 0};
        setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        const int on = 1;
        setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(server.port);
        inet_pton(AF_INET, server.host.c_str(), &address.sin_addr);
        EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
    ~TestPeer() { close(fd_); }
    TestPeer(const TestPeer&) = delete;
    TestPeer& operator=(const TestPeer&) = delete;

    /// False if the server has closed.
    bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto done = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (done <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(done));
        }
        return true;
    }
    void end() { shutdown(fd_, SHUT_WR); }
    [[nodiscard]] int descriptor() const { return fd_; }
    /// Sends each byte by itself.
    void send_slowly(std::string_view bytes) {
        for (const char& byte : bytes) send({&byte, 1});
    }
    /// Everything until the server closes.
    std::string all() {
        while (more()) {
        }
        return take(buffer_.size());
    }
    /// Up to and with @p end; what is there if the server closes before.
    std::string until(std::string_view end) {
        std::size_t at;
        while ((at = buffer_.find(end)) == std::string::npos) {
            if (!more()) return take(buffer_.size());
        }
        return take(at + end.size());
    }
    std::string exactly(std::size_t size) {
        while (buffer_.size() < size) {
            if (!more()) return take(buffer_.size());
        }
        return take(size);
    }
    /// A response with its body, by Content-Length.
    std::string response() {
        std::string head = until("\r\n\r\n");
        const std::size_t at = head.find("Content-Length: ");
        if (at != std::string::npos) head += exactly(std::stoul(head.substr(at + 16)));
        return head;
    }

  private:
    bool more() {
        char bytes[65536];
        const auto got = recv(fd_, bytes, sizeof bytes, 0);
        if (got > 0) buffer_.append(bytes, static_cast<std::size_t>(got));
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) ADD_FAILURE() << "the server says nothing";
        return got > 0;
    }
    std::string take(std::size_t size) {
        std::string out = buffer_.substr(0, size);
        buffer_.erase(0, size);
        return out;
    }
    int fd_;
    std::string buffer_;
};

}  // namespace weft::net
