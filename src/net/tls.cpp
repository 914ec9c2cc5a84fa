#include "net/tls.hpp"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "base/hex.hpp"

namespace weft::net {

namespace {

template <auto Free>
struct Freer {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};
template <class T, auto Free>
using Owned = std::unique_ptr<T, Freer<Free>>;
using KeyPtr = Owned<EVP_PKEY, EVP_PKEY_free>;
using CertificatePtr = Owned<X509, X509_free>;
using BioPtr = Owned<BIO, BIO_free>;

/// Why OpenSSL refused, in its words.
std::string last_reason() {
    const char* text = ERR_reason_error_string(ERR_peek_error());
    std::string out = text == nullptr ? "unknown" : text;
    ERR_clear_error();
    return out;
}

/// SHA-256 of the certificate's key; nothing if that is no ed25519 key.
std::optional<std::string> id_of(X509* certificate) {
    const EVP_PKEY* key = X509_get0_pubkey(certificate);
    if (key == nullptr || EVP_PKEY_get_id(key) != EVP_PKEY_ED25519) return std::nullopt;
    unsigned char* encoded = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &encoded);
    if (size <= 0) return std::nullopt;
    Hash digest;
    const int done =
        EVP_Digest(encoded, static_cast<std::size_t>(size), digest.data(), nullptr, EVP_sha256(), nullptr);
    OPENSSL_free(encoded);
    if (done != 1) return std::nullopt;
    return to_hex_digits(digest);
}

std::string text_of(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(size)};
}

struct PemParts {
    CertificatePtr certificate;
    KeyPtr key;
};
PemParts parts_of(const std::string& pem) {
    const auto open = [&] { return BioPtr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))); };
    PemParts out{CertificatePtr(PEM_read_bio_X509(open().get(), nullptr, nullptr, nullptr)),
                 KeyPtr(PEM_read_bio_PrivateKey(open().get(), nullptr, nullptr, nullptr))};
    ERR_clear_error();
    return out;
}

std::string system_reason() { return std::generic_category().message(errno); }

Result<void> write_private(const std::string& path, const std::string& text) {
    const std::string unfinished = path + ".new";
    const int fd = open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return fail(ErrorCode::unavailable, unfinished + ": " + system_reason());
    const bool written = fchmod(fd, 0600) == 0 && write(fd, text.data(), text.size()) == std::ssize(text) &&
                         fsync(fd) == 0;
    const std::string reason = written ? "" : system_reason();
    close(fd);
    if (!written) return fail(ErrorCode::unavailable, unfinished + ": " + reason);
    if (rename(unfinished.c_str(), path.c_str()) != 0) {
        return fail(ErrorCode::unavailable, path + ": " + system_reason());
    }
    return {};
}

/// The file's text; nothing if there is no file.
Result<std::optional<std::string>> read_private(const std::string& path) {
    constexpr std::size_t size_max = 64 * 1024;
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return std::optional<std::string>();
    if (fd < 0) return fail(ErrorCode::unavailable, path + ": " + system_reason());
    struct stat status {};
    std::string text(size_max, '\0');
    const bool known = fstat(fd, &status) == 0;
    const auto size = read(fd, text.data(), text.size());
    close(fd);
    if (!known || size < 0) return fail(ErrorCode::unavailable, path + ": can't be read");
    if ((status.st_mode & 077) != 0) {
        return fail(ErrorCode::permission_denied, path + ": holds a key and may be read by others: chmod 600");
    }
    text.resize(static_cast<std::size_t>(size));
    return std::optional(std::move(text));
}

}  // namespace

TlsIdentity TlsIdentity::make() {
    const KeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    const CertificatePtr certificate(X509_new());
    WEFT_ASSERT(key && certificate);
    X509* x509 = certificate.get();
    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    // Nobody looks at the dates; these are what RFC 5280, 4.1.2.5, has for a certificate without an end.
    ASN1_TIME_set_string_X509(X509_getm_notBefore(x509), "20000101000000Z");
    ASN1_TIME_set_string_X509(X509_getm_notAfter(x509), "99991231235959Z");
    X509_NAME* name = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("weft"), -1, -1, 0);
    X509_set_issuer_name(x509, name);
    X509_set_pubkey(x509, key.get());
    WEFT_ASSERT(X509_sign(x509, key.get(), nullptr) > 0);
    const BioPtr out(BIO_new(BIO_s_mem()));
    WEFT_ASSERT(PEM_write_bio_X509(out.get(), x509) == 1);
    WEFT_ASSERT(PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
    return {text_of(out.get()), *id_of(x509)};
}

Result<TlsIdentity> TlsIdentity::from_pem(std::string pem) {
    const auto parts = parts_of(pem);
    if (!parts.certificate || !parts.key || X509_check_private_key(parts.certificate.get(), parts.key.get()) != 1) {
        ERR_clear_error();
        return fail(ErrorCode::data_loss, "no key with its certificate");
    }
    auto id = id_of(parts.certificate.get());
    if (!id) return fail(ErrorCode::data_loss, "not an ed25519 key");
    return TlsIdentity(std::move(pem), *std::move(id));
}

Result<TlsIdentity> TlsIdentity::load_or_make(const std::string& path) {
    WEFT_TRY(auto text, read_private(path));
    if (text) {
        auto identity = from_pem(*std::move(text));
        if (!identity) return fail(identity.error().code, path + ": " + identity.error().message);
        return identity;
    }
    auto made = make();
    WEFT_CHECK(write_private(path, made.pem()));
    return made;
}

/// What OpenSSL calls.
struct TlsCallbacks {
    static TlsStream& stream_of(BIO* bio) { return *static_cast<TlsStream*>(BIO_get_data(bio)); }

    static int write(BIO* bio, const char* data, std::size_t size, std::size_t* done) {
        BIO_clear_retry_flags(bio);
        TlsStream& stream = stream_of(bio);
        if (stream.closed()) return 0;
        stream.output().append(data, size);
        stream.output_grew();
        *done = size;
        return 1;
    }
    static int read(BIO* bio, char* data, std::size_t size, std::size_t* done) {
        BIO_clear_retry_flags(bio);
        std::string_view& input = stream_of(bio).input_;
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

    /// In place of the check of a chain of signatures: whose key it is decides. That the peer holds the key, TLS has
    /// checked itself.
    static int verify(X509_STORE_CTX* store, void*) {
        auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
        auto& stream = *static_cast<TlsStream*>(SSL_get_app_data(ssl));
        const auto id = id_of(X509_STORE_CTX_get0_cert(store));
        if (!id) {
            stream.refusal_ = "the peer's key is not an ed25519 key";
        } else if (!stream.pin_.empty() && *id != stream.pin_) {
            stream.refusal_ = "the peer is " + *id + " and not " + stream.pin_;
        } else if (stream.pin_.empty() && !stream.context_.admit_(*id)) {
            stream.refusal_ = "the peer " + *id + " is not admitted";
        } else {
            stream.peer_id_ = *id;
            return 1;
        }
        X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
        return 0;
    }

    static int select_alpn(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                           unsigned offered_size, void*) {
        const auto& want = static_cast<TlsStream*>(SSL_get_app_data(ssl))->context_.alpn_;
        unsigned char* chosen = nullptr;
        if (SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(want.data()),
                                  static_cast<unsigned>(want.size()), offered, offered_size) != OPENSSL_NPN_NEGOTIATED)
            return SSL_TLSEXT_ERR_ALERT_FATAL;
        *out = chosen;
        return SSL_TLSEXT_ERR_OK;
    }
};

TlsContext::TlsContext(const TlsIdentity& identity, std::string alpn, Admit admit)
    : id_(identity.id()), admit_(std::move(admit)) {
    WEFT_ASSERT(!alpn.empty() && alpn.size() <= 255);
    alpn_ = static_cast<char>(alpn.size()) + alpn;  // as OpenSSL has lists of them
    const auto parts = parts_of(identity.pem());
    context_ = SSL_CTX_new(TLS_method());
    WEFT_ASSERT(context_ != nullptr && parts.certificate && parts.key);
    constexpr long certificate_bytes_max = 4096;
    bool good = SSL_CTX_set_min_proto_version(context_, TLS1_3_VERSION) == 1;
    good &= SSL_CTX_set_max_proto_version(context_, TLS1_3_VERSION) == 1;
    good &= SSL_CTX_set_ciphersuites(context_, "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") == 1;
    good &= SSL_CTX_set1_groups_list(context_, "X25519") == 1;
    good &= SSL_CTX_set1_sigalgs_list(context_, "ed25519") == 1;
    good &= SSL_CTX_set_num_tickets(context_, 0) == 1;
    good &= SSL_CTX_use_certificate(context_, parts.certificate.get()) == 1;
    good &= SSL_CTX_use_PrivateKey(context_, parts.key.get()) == 1;
    good &= SSL_CTX_set_alpn_protos(context_, reinterpret_cast<const unsigned char*>(alpn_.data()),
                                    static_cast<unsigned>(alpn_.size())) == 0;
    WEFT_ASSERT(good);
    SSL_CTX_set_options(context_, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_early_data(context_, 0);
    SSL_CTX_set_max_cert_list(context_, certificate_bytes_max);
    SSL_CTX_set_mode(context_, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_set_cert_verify_callback(context_, TlsCallbacks::verify, nullptr);
    SSL_CTX_set_alpn_select_cb(context_, TlsCallbacks::select_alpn, nullptr);
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

TlsStream::TlsStream(Loop& loop, int fd, TlsContext& context, Side side, std::string pin, std::int64_t deadline_ns)
    : Stream(loop, fd),
      context_(context),
      side_(side),
      pin_(std::move(pin)),
      ssl_(SSL_new(context.context_)),
      deadline_(loop, [this] { fail_with("the handshake took too long"); }) {
    BIO* bio = BIO_new(TlsCallbacks::method());
    WEFT_ASSERT(ssl_ != nullptr && bio != nullptr);
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_, bio, bio);
    SSL_set_app_data(ssl_, this);
    if (side == Side::client) {
        SSL_set_connect_state(ssl_);
    } else {
        SSL_set_accept_state(ssl_);
    }
    deadline_.set(deadline_ns);
}

TlsStream::~TlsStream() { SSL_free(ssl_); }

void TlsStream::start() { advance(); }

void TlsStream::on_input(std::string_view bytes) {
    input_ = bytes;
    if (!secured_) advance();
    if (secured_) read_plain();
    input_ = {};
}

void TlsStream::on_input_end() {
    if (!secured_) return fail_with("the peer closed during the handshake");
    close();
}

void TlsStream::advance() {
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_);
    if (done != 1) {
        if (SSL_get_error(ssl_, done) == SSL_ERROR_WANT_READ) return;
        return fail_with(refusal_.empty() ? "handshake: " + last_reason() : refusal_);
    }
    const unsigned char* alpn = nullptr;
    unsigned alpn_size = 0;
    SSL_get0_alpn_selected(ssl_, &alpn, &alpn_size);
    // A peer that offers no protocol at all is not asked to choose one.
    if (as_text({alpn, alpn_size}) != std::string_view(context_.alpn_).substr(1)) {
        return fail_with("handshake: the peer speaks another protocol");
    }
    secured_ = true;
    deadline_.cancel();
    on_secured();
}

void TlsStream::read_plain() {
    constexpr std::size_t record_bytes_max = 16 * 1024;
    thread_local std::array<std::uint8_t, record_bytes_max> plain;
    while (!closed() && !closing()) {
        ERR_clear_error();
        std::size_t size = 0;
        const int done = SSL_read_ex(ssl_, plain.data(), plain.size(), &size);
        if (done == 1) {
            on_plain({plain.data(), size});
            continue;
        }
        switch (SSL_get_error(ssl_, done)) {
            case SSL_ERROR_WANT_READ: return;
            case SSL_ERROR_ZERO_RETURN: return close();
            default: return fail_with("tls: " + last_reason());
        }
    }
}

void TlsStream::send(BytesView plain) {
    WEFT_ASSERT(secured_);
    if (closed() || closing() || plain.empty()) return;
    ERR_clear_error();
    std::size_t done = 0;
    // What it writes goes into memory, so all of it is taken at once.
    if (SSL_write_ex(ssl_, plain.data(), plain.size(), &done) != 1 || done != plain.size()) {
        fail_with("tls: " + last_reason());
    }
}

Hash TlsStream::exported(std::string_view label, BytesView context) const {
    WEFT_ASSERT(secured_);
    Hash out;
    WEFT_ASSERT(SSL_export_keying_material(ssl_, out.data(), Hash::size, label.data(), label.size(), context.data(),
                                           context.size(), 1) == 1);
    return out;
}

void TlsStream::fail_with(std::string reason) {
    if (closed() || closing()) return;
    deadline_.cancel();
    on_failed(reason);
    // The alert that says why, if there is one, still leaves.
    constexpr std::int64_t linger_ns = 500 * ns_per_ms;
    if (!closed()) output_size() > 0 ? close_after_output(linger_ns) : close();
}

}  // namespace weft::net
