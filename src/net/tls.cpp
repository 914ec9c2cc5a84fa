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
    /// In place of the check of a chain of signatures: whose key it is decides. That the peer holds the key, TLS has
    /// checked itself.
    static int verify(X509_STORE_CTX* store, void*) {
        auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
        auto& stream = *static_cast<TlsStream*>(SSL_get_app_data(ssl));
        const auto id = id_of(X509_STORE_CTX_get0_cert(store));
        if (!id) {
            stream.tls().refuse("the peer's key is not an ed25519 key");
        } else if (!stream.pin_.empty() && *id != stream.pin_) {
            stream.tls().refuse("the peer is " + *id + " and not " + stream.pin_);
        } else if (stream.pin_.empty() && !stream.context_.admit_(*id)) {
            stream.tls().refuse("the peer " + *id + " is not admitted");
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
    : Stream(loop, {fd, std::make_unique<TlsFilter>(context.context_, side, context.alpn_.substr(1))}),
      context_(context),
      side_(side),
      pin_(std::move(pin)),
      deadline_(loop, [this] {
          if (!secured()) filter_failed("the handshake took too long");
      }) {
    SSL_set_app_data(tls().ssl(), this);
    deadline_.set(deadline_ns);
}

void TlsStream::send(BytesView plain) {
    WEFT_ASSERT(secured());
    if (!closing()) write(as_text(plain));
}

Hash TlsStream::exported(std::string_view label, BytesView context) const {
    WEFT_ASSERT(secured());
    Hash out;
    WEFT_ASSERT(SSL_export_keying_material(tls().ssl(), out.data(), Hash::size, label.data(), label.size(),
                                           context.data(), context.size(), 1) == 1);
    return out;
}

}  // namespace weft::net
