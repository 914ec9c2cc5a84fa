#pragma once
// TLS as a stream's filter, by OpenSSL; what is trusted and shown is up to the context. Also what the contexts of this
// room share.

#include <memory>
#include <string>
#include <string_view>

#include "net/filter.hpp"

// OpenSSL's, which stay behind the .cpp files.
struct bio_st;
struct ssl_ctx_st;
struct ssl_st;

namespace weft::net {

class TlsFilter final : public Filter {
  public:
    enum class Side : std::uint8_t { client, server };

    /// @param protocol  ALPN's name that the handshake must end with; empty: whatever it ends with.
    TlsFilter(ssl_ctx_st* context, Side side, std::string protocol);
    ~TlsFilter() override;

    [[nodiscard]] ssl_st* ssl() const { return ssl_; }
    /// For a context's callbacks: why the peer's certificate is refused, instead of what OpenSSL says.
    void refuse(std::string reason) { refusal_ = std::move(reason); }

    void arrived(std::string_view bytes) override;
    Event next(std::string_view& plain) override;
    void keep() override;
    [[nodiscard]] bool pending() const override;
    [[nodiscard]] bool secured() const override { return state_ == State::secured; }
    [[nodiscard]] bool seal(std::string_view plain) override;
    bool end() override;
    [[nodiscard]] std::string_view protocol() const override;
    [[nodiscard]] std::string_view peer_subject() const override { return subject_; }

  private:
    friend struct TlsBio;
    enum class State : std::uint8_t { fresh, handshake, secured, failed };

    Event handshake();
    Event fail(std::string reason);

    ssl_st* ssl_;
    State state_ = State::fresh;
    bool end_sent_ = false;
    std::string protocol_;
    std::string refusal_;
    std::string subject_;
    std::string_view input_;  // what OpenSSL has not taken yet
    std::string kept_;        // what input_ points into when it has outlived the socket's buffer
};

/// Why OpenSSL refused, in its words; forgets it.
[[nodiscard]] std::string tls_reason();

}  // namespace weft::net
