#include "net/tls_filter.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/result.hpp"

namespace weft::net {

namespace {

/// The subject of a certificate whose signatures were checked: RFC 2253's text, "CN=client,O=weft".
std::string verified_subject(const SSL* ssl) {
    const X509* certificate = SSL_get0_peer_certificate(ssl);
    if (certificate == nullptr || SSL_get_verify_result(ssl) != X509_V_OK) return {};
    BIO* text = BIO_new(BIO_s_mem());
    WEFT_ASSERT(text != nullptr);
    X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    char* data = nullptr;
    const long size = BIO_get_mem_data(text, &data);
    std::string out(data, static_cast<std::size_t>(size));
    BIO_free(text);
    return out;
}

}  // namespace

std::string tls_reason() {
    const char* text = ERR_reason_error_string(ERR_peek_error());
    std::string out = text == nullptr ? "unknown" : text;
    ERR_clear_error();
    return out;
}

/// What OpenSSL reads from and writes to.
struct TlsBio {
    static TlsFilter& filter_of(BIO* bio) { return *static_cast<TlsFilter*>(BIO_get_data(bio)); }

    static int write(BIO* bio, const char* data, std::size_t size, std::size_t* done) {
        BIO_clear_retry_flags(bio);
        filter_of(bio).sealed_.append(data, size);
        *done = size;
        return 1;
    }
    static int read(BIO* bio, char* data, std::size_t size, std::size_t* done) {
        BIO_clear_retry_flags(bio);
        std::string_view& input = filter_of(bio).input_;
        if (input.empty()) {
            BIO_set_retry_read(bio);
            return 0;
        }
        *done = std::min(size, input.size());
        std::memcpy(data, input.data(), *done);
        input.remove_prefix(*done);
        return 1;
    }
    static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

    static BIO_METHOD* method() {
        static BIO_METHOD* const made = [] {
            BIO_METHOD* out = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weft stream");
            WEFT_ASSERT(out != nullptr);
            BIO_meth_set_write_ex(out, write);
            BIO_meth_set_read_ex(out, read);
            BIO_meth_set_ctrl(out, control);
            return out;
        }();
        return made;
    }
};

TlsFilter::TlsFilter(ssl_ctx_st* context, Side side, std::string protocol)
    : ssl_(SSL_new(context)), protocol_(std::move(protocol)) {
    BIO* bio = BIO_new(TlsBio::method());
    WEFT_ASSERT(ssl_ != nullptr && bio != nullptr);
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_, bio, bio);
    if (side == Side::client) {
        SSL_set_connect_state(ssl_);
    } else {
        SSL_set_accept_state(ssl_);
    }
}

TlsFilter::~TlsFilter() { SSL_free(ssl_); }

void TlsFilter::arrived(std::string_view bytes) {
    if (input_.empty()) {
        input_ = bytes;
        return;
    }
    keep();
    kept_.append(bytes);
    input_ = kept_;
}

void TlsFilter::keep() {
    kept_ = std::string(input_);
    input_ = kept_;
}

bool TlsFilter::pending() const {
    return state_ == State::fresh || !input_.empty() || (state_ == State::secured && SSL_pending(ssl_) > 0);
}

Filter::Event TlsFilter::next(std::string_view& plain) {
    if (state_ == State::failed) {
        input_ = {};
        return Event::none;
    }
    ERR_clear_error();
    if (state_ != State::secured) return handshake();
    constexpr std::size_t record_bytes_max = 16 * 1024;
    thread_local std::array<char, record_bytes_max> buffer;
    std::size_t size = 0;
    const int done = SSL_read_ex(ssl_, buffer.data(), buffer.size(), &size);
    if (done == 1) {
        plain = {buffer.data(), size};
        return Event::plain;
    }
    switch (SSL_get_error(ssl_, done)) {
        case SSL_ERROR_WANT_READ: kept_ = {}; return Event::none;
        case SSL_ERROR_ZERO_RETURN: return Event::ended;
        default: return fail("tls: " + tls_reason());
    }
}

Filter::Event TlsFilter::handshake() {
    state_ = State::handshake;
    const int done = SSL_do_handshake(ssl_);
    if (done != 1) {
        if (SSL_get_error(ssl_, done) == SSL_ERROR_WANT_READ) {
            kept_ = {};
            return Event::none;
        }
        if (!refusal_.empty()) return fail(refusal_);
        std::string reason = "handshake: " + tls_reason();
        const long verdict = SSL_get_verify_result(ssl_);
        if (verdict != X509_V_OK) reason += std::string(" (") + X509_verify_cert_error_string(verdict) + ")";
        return fail(std::move(reason));
    }
    // A peer that offers no protocol at all is not asked to choose one.
    if (!protocol_.empty() && protocol() != protocol_) return fail("handshake: the peer speaks another protocol");
    subject_ = verified_subject(ssl_);
    state_ = State::secured;
    return Event::secured;
}

Filter::Event TlsFilter::fail(std::string reason) {
    state_ = State::failed;
    reason_ = std::move(reason);
    return Event::failed;
}

bool TlsFilter::seal(std::string_view plain) {
    ERR_clear_error();
    std::size_t done = 0;
    // What it writes goes into memory, so all of it is taken at once.
    if (SSL_write_ex(ssl_, plain.data(), plain.size(), &done) == 1 && done == plain.size()) return true;
    (void)fail("tls: " + tls_reason());
    return false;
}

bool TlsFilter::end() {
    if (state_ != State::secured || std::exchange(end_sent_, true)) return false;
    ERR_clear_error();
    return SSL_shutdown(ssl_) >= 0;
}

std::string_view TlsFilter::protocol() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_, &name, &size);
    return {reinterpret_cast<const char*>(name), size};
}

}  // namespace weft::net
