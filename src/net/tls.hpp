#pragma once
// TLS 1.3 between peers that know one another by their keys.
//
// Each end has an ed25519 key in a certificate that nobody but itself has signed: names, dates and issuers mean
// nothing, the hash of the key is who it is. TLS 1.3 alone, both ends show a certificate, ALPN must agree; no session
// is ever taken up again (no tickets, no early data), nothing is compressed, no key is renegotiated.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "net/stream.hpp"
#include "net/tls_filter.hpp"

namespace weft::net {

/// A key, and the certificate that shows it.
class TlsIdentity {
  public:
    [[nodiscard]] static TlsIdentity make();
    /// Reads @p path, or makes an identity and keeps it there, readable for its owner alone.
    /// @errors unavailable   the file can't be read or written; data_loss  it holds no key with its certificate;
    ///         permission_denied  others than the owner may read it.
    [[nodiscard]] static Result<TlsIdentity> load_or_make(const std::string& path);

    /// SHA-256 of the key (SubjectPublicKeyInfo), 64 hexadecimal digits.
    [[nodiscard]] const std::string& id() const { return id_; }
    /// Certificate and key.
    [[nodiscard]] const std::string& pem() const { return pem_; }

  private:
    TlsIdentity(std::string pem, std::string id) : pem_(std::move(pem)), id_(std::move(id)) {}
    [[nodiscard]] static Result<TlsIdentity> from_pem(std::string pem);
    std::string pem_;
    std::string id_;
};

/// What connections of one identity share. Any thread may make streams of it; it must outlive them.
class TlsContext {
  public:
    /// Whether a peer of this id may connect; for connections without a pin. Called on the stream's loop.
    using Admit = std::function<bool(const std::string& id)>;

    /// @param alpn  the protocol's name, at most 255 bytes.
    TlsContext(const TlsIdentity& identity, std::string alpn, Admit admit);
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    [[nodiscard]] const std::string& id() const { return id_; }

  private:
    friend class TlsStream;
    friend struct TlsCallbacks;
    std::string id_;
    std::string alpn_;
    Admit admit_;
    ssl_ctx_st* context_ = nullptr;
};

/// A stream whose filter is TLS between such peers. What it is told to send before it is secured waits.
class TlsStream : public Stream {
  public:
    using Side = TlsFilter::Side;

    /// @param pin          the only id the peer may have; empty: whom the context admits.
    /// @param deadline_ns  the handshake has ended by then, or the connection is closed.
    TlsStream(Loop& loop, int fd, TlsContext& context, Side side, std::string pin, std::int64_t deadline_ns);

    [[nodiscard]] Side side() const { return side_; }
    [[nodiscard]] bool secured() const { return filter()->secured(); }
    /// Once secured: whom the peer proved to be.
    [[nodiscard]] const std::string& peer_id() const { return peer_id_; }
    /// Once secured: 32 bytes that both ends of this connection know and nobody else does. @source RFC 8446, 7.5.
    [[nodiscard]] Hash exported(std::string_view label, BytesView context) const;
    /// Encrypts and sends. Once secured.
    void send(BytesView plain);

  protected:
    void on_secured() override = 0;
    /// The view is the stream's until this returns. May close.
    virtual void on_plain(BytesView bytes) = 0;
    void on_failed(const std::string& reason) override = 0;

  private:
    friend struct TlsCallbacks;
    void on_input(std::string_view bytes) final { on_plain(as_bytes(bytes)); }
    [[nodiscard]] TlsFilter& tls() const { return static_cast<TlsFilter&>(*filter()); }

    TlsContext& context_;
    Side side_;
    std::string pin_;
    std::string peer_id_;
    Timer deadline_;
};

}  // namespace weft::net
