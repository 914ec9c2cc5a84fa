#include "net/tls_web.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <optional>

#include "net/stream.hpp"
#include "net/tls_filter.hpp"

namespace weft::net {

namespace {

using ContextPtr = std::shared_ptr<ssl_ctx_st>;

/// What both sides have in common.
ContextPtr make_context(const SSL_METHOD* method) {
    ContextPtr out(SSL_CTX_new(method), SSL_CTX_free);
    WEFT_ASSERT(out != nullptr);
    SSL_CTX* context = out.get();
    bool good = SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1;
    // Of version 1.2 what has forward secrecy and authenticated encryption; 1.3 has nothing else.
    good &= SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1;
    WEFT_ASSERT(good);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_PRIORITIZE_CHACHA |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_max_early_data(context, 0);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    return out;
}

std::unexpected<Error> file_error(const std::string& path) {
    return fail(ErrorCode::invalid_argument, path + ": " + tls_reason());
}

Result<void> use_certificate(SSL_CTX* context, const std::string& certificate_file, const std::string& key_file) {
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context, certificate_file.c_str()) != 1) return file_error(certificate_file);
    struct stat status {};
    if (stat(key_file.c_str(), &status) == 0 && (status.st_mode & 077) != 0) {
        return fail(ErrorCode::permission_denied, key_file + ": holds a key and may be read by others: chmod 600");
    }
    if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1) return file_error(key_file);
    return {};
}

/// As OpenSSL has lists of names.
constexpr std::string_view protocols_1 = "\x08http/1.1";
constexpr std::string_view protocols_2 = "\x02h2\x08http/1.1";

/// The first of ours that the client speaks, too. A client that offers other protocols only is refused (RFC 7301, 3.2).
int select_protocol(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                    unsigned offered_size, void*) {
    const auto& ours = *static_cast<const std::string_view*>(SSL_get_app_data(ssl));
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                              static_cast<unsigned>(ours.size()), offered, offered_size) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

Result<ContextPtr> server_context(const TlsServerOptions& options) {
    const ContextPtr out = make_context(TLS_server_method());
    SSL_CTX* context = out.get();
    WEFT_CHECK(use_certificate(context, options.certificate_file, options.key_file));
    SSL_CTX_set_alpn_select_cb(context, select_protocol, nullptr);
    // Sessions are taken up again by tickets alone: the server remembers nothing, whatever the number of clients.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 1);
    if (options.client_ca_file.empty()) return out;
    const char* authorities = options.client_ca_file.c_str();
    STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(authorities);
    if (names == nullptr || SSL_CTX_load_verify_file(context, authorities) != 1)
        return file_error(options.client_ca_file);
    SSL_CTX_set_client_CA_list(context, names);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    static constexpr unsigned char session_of[] = "weft";
    SSL_CTX_set_session_id_context(context, session_of, sizeof session_of - 1);
    return out;
}

}  // namespace

Result<std::shared_ptr<TlsServer>> TlsServer::make(TlsServerOptions options) {
    std::shared_ptr<TlsServer> out(new TlsServer(std::move(options)));
    WEFT_CHECK(out->reload());
    return out;
}

Result<void> TlsServer::reload() {
    WEFT_TRY(ContextPtr fresh, server_context(options_));
    const std::lock_guard lock(mutex_);
    context_ = std::move(fresh);
    return {};
}

std::unique_ptr<Filter> TlsServer::filter(bool http2) const {
    const std::lock_guard lock(mutex_);
    auto out = std::make_unique<TlsFilter>(context_.get(), TlsFilter::Side::server, "");
    SSL_set_app_data(out->ssl(), const_cast<std::string_view*>(http2 ? &protocols_2 : &protocols_1));
    return out;
}

bool TlsServer::handshake_begins() {
    if (handshakes_.fetch_add(1, std::memory_order_relaxed) < options_.handshakes_max) return true;
    handshake_ended();
    return false;
}

Result<std::shared_ptr<const TlsClient>> TlsClient::make(const TlsClientOptions& options) {
    ContextPtr made = make_context(TLS_client_method());
    SSL_CTX* context = made.get();
    ERR_clear_error();
    if (options.ca_file.empty()) {
        WEFT_ASSERT(SSL_CTX_set_default_verify_paths(context) == 1);
    } else if (SSL_CTX_load_verify_file(context, options.ca_file.c_str()) != 1) {
        return file_error(options.ca_file);
    }
    if (!options.certificate_file.empty() || !options.key_file.empty()) {
        WEFT_CHECK(use_certificate(context, options.certificate_file, options.key_file));
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    return std::shared_ptr<const TlsClient>(new TlsClient(std::move(made)));
}

const std::shared_ptr<const TlsClient>& TlsClient::system() {
    static const std::shared_ptr<const TlsClient> made = *make({});
    return made;
}

std::unique_ptr<Filter> TlsClient::filter(const std::string& host, std::string_view protocol) const {
    auto out = std::make_unique<TlsFilter>(context_.get(), TlsFilter::Side::client, "");
    SSL* ssl = out->ssl();
    X509_VERIFY_PARAM* verify = SSL_get0_param(ssl);
    // Either the name or the address must be in the certificate; names are also told to the server (RFC 6066, 3).
    if (X509_VERIFY_PARAM_set1_ip_asc(verify, host.c_str()) != 1) {
        X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        WEFT_ASSERT(X509_VERIFY_PARAM_set1_host(verify, host.data(), host.size()) == 1);
        SSL_set_tlsext_host_name(ssl, host.c_str());
    }
    ERR_clear_error();
    const std::string offer = static_cast<char>(protocol.size()) + std::string(protocol);
    SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(offer.data()), static_cast<unsigned>(offer.size()));
    return out;
}

namespace {

/// A client's connection until its handshake has ended.
class Securing final : public Stream {
  public:
    Securing(Loop& loop, Socket socket)
        : Stream(loop, std::move(socket)),
          timer_(
              loop, [this] { end(fail(ErrorCode::deadline_exceeded, "the handshake took too long")); }, true) {}

    Future<void> begin(std::int64_t deadline_ns) {
        timer_.set(deadline_ns);
        return promise_.emplace().future();
    }
    [[nodiscard]] Socket take_socket() { return release(); }

  private:
    void on_secured() override {
        pause_reading();
        end({});
    }
    void on_failed(const std::string& reason) override { end(fail(ErrorCode::unavailable, reason)); }
    void on_input(std::string_view) override {}
    void on_closed() override { end(fail(ErrorCode::unavailable, "connection closed during the handshake")); }
    void end(Result<void> result) {
        // Whoever waits lets go of this, and what the filter has to say about a failure leaves with this turn.
        loop().core().bury(shared_from_this());
        timer_.cancel();
        if (auto promise = std::exchange(promise_, std::nullopt)) promise->set(std::move(result));
    }
    std::optional<Promise<void>> promise_;
    Timer timer_;
};

}  // namespace

Task<Socket> connect_secured(Loop& loop, Endpoint endpoint, std::shared_ptr<const TlsClient> tls,
                             std::string_view protocol, std::int64_t deadline_ns) {
    const int fd = co_await connect_socket(loop, endpoint, deadline_ns);
    if (tls == nullptr) co_return Socket(fd);
    auto stream = std::make_shared<Securing>(loop, Socket(fd, tls->filter(endpoint.host, protocol)));
    const auto secured = co_await settled(stream->begin(deadline_ns).wait());
    if (secured && !stream->closed()) co_return stream->take_socket();
    const Error why = secured ? Error{ErrorCode::unavailable, "connection closed", {}, 1} : secured.error();
    co_return std::unexpected(Error{why.code, "tls " + endpoint.host + ": " + why.message, {}, 1});
}

}  // namespace weft::net
