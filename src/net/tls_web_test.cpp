#include "net/tls_web.hpp"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <fstream>
#include <thread>

#include "net/http.hpp"
#include "net/http_client.hpp"
#include "net/test_certificates.hpp"
#include "net/test_peer.hpp"
#include "net/websocket.hpp"

namespace weft::net {
namespace {

/// A blocking client of OpenSSL's own, for what ours would not do.
class ForeignClient {
  public:
    explicit ForeignClient(const Endpoint& server, const std::string& trusts, SSL_SESSION* session = nullptr)
        : peer_(server), context_(SSL_CTX_new(TLS_client_method())) {
        SSL_CTX_load_verify_file(context_, trusts.c_str());
        SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
        ssl_ = SSL_new(context_);
        SSL_set_fd(ssl_, peer_.descriptor());
        if (session != nullptr) SSL_set_session(ssl_, session);
    }
    ~ForeignClient() {
        SSL_free(ssl_);
        SSL_CTX_free(context_);
        ERR_clear_error();
    }
    ForeignClient(const ForeignClient&) = delete;
    ForeignClient& operator=(const ForeignClient&) = delete;

    bool connect() { return SSL_connect(ssl_) == 1; }
    /// Until the server says that it ends.
    std::string exchange(std::string_view request) {
        SSL_write(ssl_, request.data(), static_cast<int>(request.size()));
        std::string out;
        char bytes[4096];
        for (int got = 0; (got = SSL_read(ssl_, bytes, sizeof bytes)) > 0;)
            out.append(bytes, static_cast<std::size_t>(got));
        SSL_shutdown(ssl_);
        return out;
    }
    [[nodiscard]] SSL* ssl() { return ssl_; }

  private:
    TestPeer peer_;
    SSL_CTX* context_;
    SSL* ssl_ = nullptr;
};

class TlsWeb : public testing::Test {
  protected:
    TlsWeb() {
        authority_.sign("server", "server", "IP:127.0.0.1,DNS:localhost");
        authority_.sign("client", "alice", "");
        authority_.sign("old", "server", "IP:127.0.0.1", -1);
        authority_.sign("named", "server", "DNS:elsewhere.example");
        stranger_.sign("client", "mallory", "");
        loops_.start();
    }
    ~TlsWeb() override {
        client_.reset();
        server_.reset();
        loops_.stop();
    }

    void serve(TlsServerOptions options, HttpOptions http = {}) {
        auto made = TlsServer::make(std::move(options));
        ASSERT_TRUE(made) << made.error().message;
        tls_ = http.tls = *made;
        server_.emplace(
            loops_, [](Request request) { return handle(std::move(request)); }, http);
        server_->websocket("/ws", {.on_message = [](SessionPtr session, std::string text) -> Task<void> {
                               session->send(text);
                               co_return;
                           }});
        ASSERT_TRUE(server_->listen("127.0.0.1:0"));
    }
    TlsServerOptions certificate(const std::string& name) const {
        return {.certificate_file = authority_.file(name), .key_file = authority_.key(name)};
    }
    static Task<Response> handle(Request request) {
        Response out;
        out.content_type = "text/plain";
        out.body = request.path == "/big" ? std::string(3'000'000, 'x')
                                          : std::string(request.secure ? "secure " : "plain ") +
                                                std::string(request.peer_subject) + " " + std::string(request.body);
        co_return out;
    }
    Result<Reply> fetch(TlsClientOptions options, const std::string& path = "/", std::string body = "") {
        auto tls = TlsClient::make(options);
        EXPECT_TRUE(tls) << tls.error().message;
        client_.emplace(loops_.loop(0), HttpClientOptions{.tls = *tls});
        return again(path, std::move(body));
    }
    Result<Reply> again(const std::string& path, std::string body = "") {
        const std::string url = "https://" + server_->local_address().to_string() + path;
        return run(client_->fetch(mesh::Context::with_timeout(20 * ns_per_s), *Fetch::post(url, std::move(body))));
    }

    TestAuthority authority_{"authority"};
    TestAuthority stranger_{"stranger"};
    LoopGroup loops_{2};
    std::shared_ptr<TlsServer> tls_;
    std::optional<HttpServer> server_;
    std::optional<HttpClient> client_;
};

TEST_F(TlsWeb, a_client_fetches_over_one_secured_connection) {
    serve(certificate("server"));
    const auto reply = fetch({.ca_file = authority_.file("ca")}, "/", "hello");
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->body, "secure  hello");
    EXPECT_EQ(again("/big")->body, std::string(3'000'000, 'x'));
    const std::string large(2'000'000, 'y');
    EXPECT_EQ(again("/", large)->body, "secure  " + large);
    EXPECT_EQ(server_->counters().accepted, 1U);
}

TEST_F(TlsWeb, a_client_trusts_nobody_but_the_authority_and_the_name) {
    const struct {
        const char* certificate;
        std::string ca_file;
        const char* want;
    } table[] = {
        {"server", stranger_.file("ca"), "unable to get local issuer certificate"},
        {"server", "", "unable to get local issuer certificate"},
        {"old", authority_.file("ca"), "certificate has expired"},
        {"named", authority_.file("ca"), "IP address mismatch"},
    };
    for (const auto& row : table) {
        SCOPED_TRACE(row.want);
        serve(certificate(row.certificate));
        const auto reply = fetch({.ca_file = row.ca_file});
        ASSERT_FALSE(reply);
        EXPECT_EQ(reply.error().code, ErrorCode::unavailable);
        EXPECT_EQ(reply.error().detail, 1);
        EXPECT_EQ(reply.error().message,
                  std::string("tls 127.0.0.1: handshake: certificate verify failed (") + row.want + ")");
        server_.reset();
    }
}

TEST_F(TlsWeb, a_host_name_is_checked_and_sent) {
    serve(certificate("server"));
    const auto tls = *TlsClient::make({.ca_file = authority_.file("ca")});
    HttpClient client(loops_.loop(0), {.tls = tls});
    const std::string port = ":" + std::to_string(server_->local_address().port);
    const auto get = [&](const std::string& host) {
        return run(client.fetch(mesh::Context::with_timeout(20 * ns_per_s), *Fetch::get("https://" + host + port)));
    };
    EXPECT_TRUE(get("localhost"));
    server_.reset();
}

TEST_F(TlsWeb, a_plain_server_and_a_plain_client_are_told_apart) {
    serve(certificate("server"));
    TestPeer plain(server_->local_address());
    plain.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(plain.all().find("HTTP/1.1"), std::string::npos);
    HttpServer bare(loops_, [](Request request) { return handle(std::move(request)); });
    ASSERT_TRUE(bare.listen("127.0.0.1:0"));
    HttpClient client(loops_.loop(0));
    const auto reply = run(client.fetch(mesh::Context::with_timeout(20 * ns_per_s),
                                        *Fetch::get("https://" + bare.local_address().to_string())));
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().message, "tls 127.0.0.1: handshake: wrong version number");
}

TEST_F(TlsWeb, mutual_tls_tells_the_handler_who_asks) {
    auto options = certificate("server");
    options.client_ca_file = authority_.file("ca");
    serve(options);
    const std::string ca = authority_.file("ca");
    const auto known = fetch(
        {.ca_file = ca, .certificate_file = authority_.file("client"), .key_file = authority_.key("client")}, "/", "x");
    ASSERT_TRUE(known) << known.error().message;
    EXPECT_EQ(known->body, "secure CN=alice x");
    EXPECT_EQ(fetch({.ca_file = ca}).error().code, ErrorCode::unavailable);
    const auto stranger =
        fetch({.ca_file = ca, .certificate_file = stranger_.file("client"), .key_file = stranger_.key("client")});
    EXPECT_EQ(stranger.error().code, ErrorCode::unavailable);
    EXPECT_EQ(server_->counters().requests, 1U);
}

TEST_F(TlsWeb, a_session_is_taken_up_again_and_its_client_still_known) {
    auto options = certificate("server");
    options.client_ca_file = authority_.file("ca");
    serve(options);
    constexpr std::string_view request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    SSL_SESSION* session = nullptr;
    for (const bool resumed : {false, true}) {
        ForeignClient client(server_->local_address(), authority_.file("ca"), session);
        SSL_use_certificate_file(client.ssl(), authority_.file("client").c_str(), SSL_FILETYPE_PEM);
        SSL_use_PrivateKey_file(client.ssl(), authority_.key("client").c_str(), SSL_FILETYPE_PEM);
        ASSERT_TRUE(client.connect());
        EXPECT_TRUE(client.exchange(request).ends_with("secure CN=alice "));
        EXPECT_EQ(SSL_session_reused(client.ssl()) == 1, resumed);
        SSL_SESSION_free(session);
        session = SSL_get1_session(client.ssl());
    }
    // A certificate that was replaced ends sessions too.
    ASSERT_TRUE(tls_->reload());
    ForeignClient client(server_->local_address(), authority_.file("ca"), session);
    SSL_use_certificate_file(client.ssl(), authority_.file("client").c_str(), SSL_FILETYPE_PEM);
    SSL_use_PrivateKey_file(client.ssl(), authority_.key("client").c_str(), SSL_FILETYPE_PEM);
    ASSERT_TRUE(client.connect());
    EXPECT_EQ(SSL_session_reused(client.ssl()), 0);
    SSL_SESSION_free(session);
}

TEST_F(TlsWeb, versions_from_1_2_on) {
    serve(certificate("server"));
    const struct {
        int version;
        bool taken;
    } table[] = {{TLS1_1_VERSION, false}, {TLS1_2_VERSION, true}, {TLS1_3_VERSION, true}};
    for (const auto& row : table) {
        SCOPED_TRACE(row.version);
        ForeignClient client(server_->local_address(), authority_.file("ca"));
        SSL_set_security_level(client.ssl(), 0);
        SSL_set_min_proto_version(client.ssl(), row.version);
        SSL_set_max_proto_version(client.ssl(), row.version);
        EXPECT_EQ(client.connect(), row.taken);
        if (!row.taken) continue;
        const std::string answer = client.exchange("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        EXPECT_TRUE(answer.ends_with("secure  ")) << answer;
        // The server has said that this is all: an answer can't be cut short unnoticed.
        EXPECT_EQ(SSL_get_shutdown(client.ssl()) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
    }
}

TEST_F(TlsWeb, a_replaced_certificate_is_shown_to_new_connections_and_old_ones_go_on) {
    serve(certificate("server"));
    ASSERT_TRUE(fetch({.ca_file = authority_.file("ca")}));
    ForeignClient before(server_->local_address(), authority_.file("ca"));
    ASSERT_TRUE(before.connect());
    authority_.sign("server", "server two", "IP:127.0.0.1");
    ASSERT_TRUE(tls_->reload());
    ForeignClient after(server_->local_address(), authority_.file("ca"));
    ASSERT_TRUE(after.connect());
    const auto subject = [](ForeignClient& client) {
        char text[100] = "";
        X509_NAME_oneline(X509_get_subject_name(SSL_get0_peer_certificate(client.ssl())), text, sizeof text);
        return std::string(text);
    };
    EXPECT_EQ(subject(before), "/CN=server");
    EXPECT_EQ(subject(after), "/CN=server two");
    ASSERT_TRUE(again("/"));
    EXPECT_EQ(server_->counters().accepted, 3U);
    // What can't be read changes nothing.
    std::ofstream(authority_.file("server")) << "nothing";
    EXPECT_EQ(tls_->reload().error().code, ErrorCode::invalid_argument);
    ForeignClient still(server_->local_address(), authority_.file("ca"));
    EXPECT_TRUE(still.connect());
}

TEST_F(TlsWeb, files_that_will_not_do) {
    const auto error = [](TlsServerOptions options) { return TlsServer::make(std::move(options)).error(); };
    EXPECT_EQ(error({.certificate_file = "/nowhere", .key_file = "/nowhere"}).code, ErrorCode::invalid_argument);
    EXPECT_EQ(error({.certificate_file = authority_.file("server"), .key_file = authority_.key("client")}).message,
              authority_.key("client") + ": key values mismatch");
    auto options = certificate("server");
    options.client_ca_file = authority_.key("server");
    EXPECT_EQ(error(options).code, ErrorCode::invalid_argument);
    ASSERT_EQ(chmod(authority_.key("server").c_str(), 0644), 0);
    EXPECT_EQ(error(certificate("server")).code, ErrorCode::permission_denied);
    EXPECT_EQ(TlsClient::make({.ca_file = "/nowhere"}).error().code, ErrorCode::invalid_argument);
}

TEST_F(TlsWeb, handshakes_are_counted_and_end_in_time) {
    auto options = certificate("server");
    options.handshake_timeout_ns = 200 * ns_per_ms;
    options.handshakes_max = 2;
    serve(options);
    {
        TestPeer first(server_->local_address());
        TestPeer second(server_->local_address());
        while (server_->counters().open < 2) std::this_thread::yield();
        TestPeer third(server_->local_address());
        EXPECT_EQ(third.all(), "");
        while (server_->counters().refused < 1) std::this_thread::yield();
        EXPECT_EQ(first.all(), "");
        EXPECT_EQ(second.all(), "");
    }
    EXPECT_TRUE(fetch({.ca_file = authority_.file("ca")}));
}

TEST_F(TlsWeb, a_websocket_over_tls) {
    serve(certificate("server"));
    const auto tls = *TlsClient::make({.ca_file = authority_.file("ca")});
    Promise<std::string> heard;
    auto text = heard.future();
    const std::string large(1'000'000, 'w');
    const auto session = run(connect_websocket(loops_.loop(0), mesh::Context::with_timeout(20 * ns_per_s),
                                               "wss://" + server_->local_address().to_string() + "/ws",
                                               {.on_message = [&heard](SessionPtr, std::string got) -> Task<void> {
                                                   heard.set(std::move(got));
                                                   co_return;
                                               }},
                                               {.tls = tls}));
    ASSERT_TRUE(session) << session.error().message;
    (*session)->send(large);
    EXPECT_EQ(run(std::move(text).wait()).value_or(""), large);
    const auto refused = run(connect_websocket(loops_.loop(0), mesh::Context::with_timeout(20 * ns_per_s),
                                               "wss://" + server_->local_address().to_string() + "/ws", {}));
    EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
}

TEST_F(TlsWeb, frames_that_come_with_the_upgrade_are_not_lost) {
    serve(certificate("server"));
    ForeignClient client(server_->local_address(), authority_.file("ca"));
    ASSERT_TRUE(client.connect());
    // Two records in one segment at best: the upgrade, and frames behind it; "hi" and a close frame, masked by zeros.
    const std::string upgrade =
        "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    BIO* pipe = BIO_new(BIO_f_buffer());
    BIO_set_write_buffer_size(pipe, 65'536);
    SSL_set0_wbio(client.ssl(), BIO_push(pipe, BIO_new_socket(SSL_get_fd(client.ssl()), BIO_NOCLOSE)));
    SSL_write(client.ssl(), upgrade.data(), static_cast<int>(upgrade.size()));
    const std::string frames("\x81\x82\0\0\0\0hi\x88\x80\0\0\0\0", 14);
    SSL_write(client.ssl(), frames.data(), static_cast<int>(frames.size()));
    (void)BIO_flush(SSL_get_wbio(client.ssl()));
    const std::string answer = client.exchange("");
    EXPECT_NE(answer.find("101 Switching Protocols"), std::string::npos);
    EXPECT_NE(answer.find("\x81\x02hi"), std::string::npos);
}

}  // namespace
}  // namespace weft::net
