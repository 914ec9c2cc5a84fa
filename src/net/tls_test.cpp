#include "net/tls.hpp"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "net/test_peer.hpp"

namespace weft::net {
namespace {

constexpr std::int64_t patience_ns = 20 * ns_per_s;

/// What happened on one end.
struct Seen {
    std::string peer_id;
    std::string plain;
    std::string failure;
    Hash exported;
    bool secured = false;
    bool closed = false;
};

class End final : public TlsStream {
  public:
    /// @param done  gets what was seen when the stream has closed, or @p want plain bytes have come.
    End(Loop& loop, int fd, TlsContext& context, Side side, std::string pin, std::int64_t deadline_ns,
        std::string greeting, std::size_t want, Promise<Seen> done)
        : TlsStream(loop, fd, context, side, std::move(pin), deadline_ns),
          greeting_(std::move(greeting)),
          want_(want),
          done_(std::move(done)) {}

  private:
    void on_secured() override {
        seen_.secured = true;
        seen_.peer_id = peer_id();
        seen_.exported = exported("label", as_bytes("context"));
        send(as_bytes(greeting_));
    }
    void on_plain(BytesView bytes) override {
        seen_.plain += as_text(bytes);
        if (seen_.plain.size() >= want_) tell();
    }
    void on_failed(const std::string& reason) override { seen_.failure = reason; }
    void on_closed() override {
        seen_.closed = true;
        tell();
    }
    void tell() {
        if (auto done = std::exchange(done_, std::nullopt)) done->set(seen_);
    }

    std::string greeting_;
    std::size_t want_;
    std::optional<Promise<Seen>> done_;
    Seen seen_;
};

/// A server that waits for one connection, on a loop of its own.
class TlsTest : public testing::Test {
  protected:
    TlsTest() { loops_.start(); }
    ~TlsTest() override {
        run_on_all(loops_, [this](Loop&, std::size_t) {
            listener_.reset();
            for (const auto& end : ends_) {
                if (!end->closed()) end->close();
            }
            ends_.clear();
        });
        loops_.stop();
    }

    Loop& loop() { return loops_.loop(0); }

    Future<Seen> serve(TlsContext& context, std::string greeting, std::size_t want,
                       std::int64_t handshake_ns = patience_ns) {
        const auto bound = bind_and_listen("127.0.0.1:0");
        EXPECT_TRUE(bound);
        server_ = bound->endpoint;
        Promise<Seen> promise;
        auto future = promise.future();
        run_on_all(loops_, [&](Loop&, std::size_t) {
            auto accepted = [this, &context, greeting, want, handshake_ns,
                             promise = std::move(promise)](int fd, const std::string&) mutable {
                open(std::make_shared<End>(loop(), fd, context, TlsStream::Side::server, "",
                                           monotonic_ns() + handshake_ns, greeting, want, std::move(promise)));
            };
            listener_ = std::make_unique<Listener>(loop(), bound->fd, std::move(accepted));
        });
        return future;
    }
    Future<Seen> dial(TlsContext& context, std::string pin, std::string greeting, std::size_t want) {
        Promise<Seen> promise;
        auto future = promise.future();
        const auto fd = run(run_at(loop(), connect_socket(loop(), server_, monotonic_ns() + patience_ns)));
        EXPECT_TRUE(fd);
        run_on_all(loops_, [&](Loop&, std::size_t) {
            open(std::make_shared<End>(loop(), *fd, context, TlsStream::Side::client, std::move(pin),
                                       monotonic_ns() + patience_ns, std::move(greeting), want, std::move(promise)));
        });
        return future;
    }
    static Seen wait(Future<Seen> future) { return run(std::move(future).wait()).value_or(Seen{}); }

    LoopGroup loops_{1};
    Endpoint server_;
    const TlsIdentity alice_ = TlsIdentity::make();
    const TlsIdentity bob_ = TlsIdentity::make();
    TlsContext alice_context_{alice_, "weft/1", [](const std::string&) { return true; }};
    TlsContext bob_context_{bob_, "weft/1", [](const std::string&) { return true; }};

  private:
    void open(std::shared_ptr<End> end) {
        ends_.push_back(end);
    }
    std::unique_ptr<Listener> listener_;
    std::vector<std::shared_ptr<End>> ends_;
};

TEST_F(TlsTest, two_ends_know_one_another_and_share_a_secret) {
    const std::string large(300'000, 'x');
    auto server = serve(alice_context_, "from alice", large.size());
    auto client = dial(bob_context_, alice_.id(), large, 10);
    const Seen at_server = wait(std::move(server));
    const Seen at_client = wait(std::move(client));
    EXPECT_EQ(at_server.peer_id, bob_.id());
    EXPECT_EQ(at_client.peer_id, alice_.id());
    EXPECT_EQ(at_server.plain, large);
    EXPECT_EQ(at_client.plain, "from alice");
    EXPECT_EQ(at_server.exported, at_client.exported);
    EXPECT_FALSE(at_server.exported.is_zero());
}

TEST_F(TlsTest, each_connection_has_another_secret) {
    auto first_server = serve(alice_context_, "a", 1);
    const Seen first = wait(dial(bob_context_, alice_.id(), "b", 1));
    (void)wait(std::move(first_server));
    auto second_server = serve(alice_context_, "a", 1);
    const Seen second = wait(dial(bob_context_, alice_.id(), "b", 1));
    (void)wait(std::move(second_server));
    EXPECT_NE(first.exported, second.exported);
}

TEST_F(TlsTest, a_wrong_pin_ends_the_handshake_on_both_ends) {
    auto server = serve(alice_context_, "a", 1);
    const Seen at_client = wait(dial(bob_context_, bob_.id(), "b", 1));
    EXPECT_FALSE(at_client.secured);
    EXPECT_EQ(at_client.failure, "the peer is " + alice_.id() + " and not " + bob_.id());
    EXPECT_FALSE(wait(std::move(server)).secured);
}

TEST_F(TlsTest, whom_the_context_does_not_admit_gets_nowhere) {
    TlsContext closed(alice_, "weft/1", [](const std::string&) { return false; });
    auto server = serve(closed, "secret", 1);
    const Seen at_client = wait(dial(bob_context_, alice_.id(), "b", 1));
    const Seen at_server = wait(std::move(server));
    EXPECT_EQ(at_server.failure, "the peer " + bob_.id() + " is not admitted");
    EXPECT_FALSE(at_server.secured);
    EXPECT_EQ(at_client.plain, "");
    EXPECT_TRUE(at_client.closed);
}

TEST_F(TlsTest, another_protocol_is_refused) {
    TlsContext other(bob_, "http/1.1", [](const std::string&) { return true; });
    auto server = serve(alice_context_, "a", 1);
    EXPECT_FALSE(wait(dial(other, alice_.id(), "b", 1)).secured);
    EXPECT_FALSE(wait(std::move(server)).secured);
}

TEST_F(TlsTest, garbage_is_refused) {
    auto server = serve(alice_context_, "a", 1);
    TestPeer peer(server_);
    peer.send("GET / HTTP/1.1\r\nHost: weft\r\n\r\n");
    const Seen seen = wait(std::move(server));
    EXPECT_FALSE(seen.secured);
    EXPECT_NE(seen.failure, "");
    peer.end();
}

TEST_F(TlsTest, a_handshake_byte_by_byte_ends_at_its_deadline) {
    auto server = serve(alice_context_, "a", 1, 100 * ns_per_ms);
    TestPeer peer(server_);
    // A record of 512 bytes is announced, and comes too slowly to ever be there.
    peer.send(std::string("\x16\x03\x01\x02\x00\x01", 6));
    const Seen seen = wait(std::move(server));
    EXPECT_FALSE(seen.secured);
    EXPECT_EQ(seen.failure, "the handshake took too long");
    EXPECT_EQ(peer.all(), "");
}

/// A client as others make them: blocking, with OpenSSL's own sockets.
struct PlainClient {
    explicit PlainClient(const Endpoint& server) : context(SSL_CTX_new(TLS_client_method())) {
        fd = socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(server.port);
        inet_pton(AF_INET, server.host.c_str(), &address.sin_addr);
        EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        constexpr unsigned char alpn[] = "\x06weft/1";
        SSL_CTX_set_alpn_protos(context, alpn, sizeof alpn - 1);
    }
    ~PlainClient() {
        SSL_free(ssl);
        SSL_CTX_free(context);
        close(fd);
        ERR_clear_error();
    }
    PlainClient(const PlainClient&) = delete;
    PlainClient& operator=(const PlainClient&) = delete;

    /// Whether a byte comes from the server.
    bool talk() {
        ssl = SSL_new(context);
        SSL_set_fd(ssl, fd);
        char byte = 0;
        return SSL_connect(ssl) == 1 && SSL_read(ssl, &byte, 1) == 1;
    }
    SSL_CTX* context;
    SSL* ssl = nullptr;
    int fd;
};

TEST_F(TlsTest, a_client_of_an_older_version_is_refused) {
    auto server = serve(alice_context_, "a", 1);
    {
        PlainClient client(server_);
        SSL_CTX_set_max_proto_version(client.context, TLS1_2_VERSION);
        EXPECT_FALSE(client.talk());
    }
    const Seen seen = wait(std::move(server));
    EXPECT_FALSE(seen.secured);
    EXPECT_EQ(seen.failure, "handshake: unsupported protocol");
}

TEST_F(TlsTest, a_client_without_a_certificate_is_refused) {
    auto server = serve(alice_context_, "a", 1);
    {
        PlainClient client(server_);
        EXPECT_FALSE(client.talk());
    }
    const Seen seen = wait(std::move(server));
    EXPECT_FALSE(seen.secured);
    EXPECT_EQ(seen.failure, "handshake: peer did not return a certificate");
}

TEST_F(TlsTest, no_session_can_be_taken_up_again) {
    auto server = serve(alice_context_, "a", 1);
    PlainClient client(server_);
    const auto pem = bob_.pem();
    BIO* text = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    X509* certificate = PEM_read_bio_X509(text, nullptr, nullptr, nullptr);
    EVP_PKEY* key = PEM_read_bio_PrivateKey(text, nullptr, nullptr, nullptr);
    SSL_CTX_use_certificate(client.context, certificate);
    SSL_CTX_use_PrivateKey(client.context, key);
    EXPECT_TRUE(client.talk());
    EXPECT_EQ(SSL_SESSION_is_resumable(SSL_get0_session(client.ssl)), 0);
    X509_free(certificate);
    EVP_PKEY_free(key);
    BIO_free(text);
}

TEST(tls_identity, is_kept_in_a_file_for_its_owner_alone) {
    const std::string path = testing::TempDir() + "weft_tls_identity_" + std::to_string(getpid());
    std::filesystem::remove(path);
    const auto made = TlsIdentity::load_or_make(path);
    ASSERT_TRUE(made);
    EXPECT_EQ(made->id().size(), 64U);
    struct stat status {};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    EXPECT_EQ(TlsIdentity::load_or_make(path)->id(), made->id());
    EXPECT_NE(TlsIdentity::make().id(), made->id());
    ASSERT_EQ(chmod(path.c_str(), 0644), 0);
    EXPECT_EQ(TlsIdentity::load_or_make(path).error().code, ErrorCode::permission_denied);
    std::filesystem::remove(path);
}

TEST(tls_identity, a_file_that_holds_none_is_an_error_and_stays) {
    const std::string path = testing::TempDir() + "weft_tls_broken_" + std::to_string(getpid());
    std::ofstream(path) << "not a key";
    ASSERT_EQ(chmod(path.c_str(), 0600), 0);
    EXPECT_EQ(TlsIdentity::load_or_make(path).error().message, path + ": no key with its certificate");
    EXPECT_EQ(std::filesystem::file_size(path), 9U);
    std::filesystem::remove(path);
    EXPECT_EQ(TlsIdentity::load_or_make("/nowhere/at/all").error().code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace weft::net
