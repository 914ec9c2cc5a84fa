#pragma once
// One kept-alive connection to an HTTP/1.1 server: one exchange at a time, an answer by a call. What clients and
// proxies are made of.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "net/http_client.hpp"
#include "net/http_codec.hpp"
#include "net/stream.hpp"

namespace weft::net {

struct HttpLinkLimits {
    std::size_t header_bytes_max = 64 * 1024;
    std::size_t body_bytes_max = 64 * 1024 * 1024;
    /// Whether Reply::headers is filled; status and content type always are.
    bool keeps_headers = false;
};

/// Of its loop's thread; owned by shared_ptr.
class HttpLink final : public Stream {
  public:
    /// Called once, on the loop; the link may be used for the next exchange from inside it.
    using Done = std::move_only_function<void(Result<Reply>)>;

    HttpLink(Loop& loop, Socket socket, HttpLinkLimits limits);

    /// Sends a request whose head ends with an empty line, and its body. No exchange may be under way.
    /// @errors given to @p done: as HttpClient::fetch.
    void begin(std::string_view head, std::string_view body, bool head_only, std::int64_t deadline_ns, Done done);
    /// Closes the connection at @p until_ns unless an exchange begins before.
    void rest(std::int64_t until_ns) { timer_.set(until_ns); }

    /// Whether anything of the answer has come.
    [[nodiscard]] bool answered() const { return answered_; }
    /// Whether another exchange may follow the one that has ended.
    [[nodiscard]] bool reusable() const { return !closed() && reusable_; }

  private:
    void on_input(std::string_view bytes) override;
    void on_input_end() override;
    void on_closed() override;
    void on_failed(const std::string& reason) override { end(fail(ErrorCode::unavailable, reason)); }
    [[nodiscard]] bool take_heads(std::string_view& bytes);
    void take_body(std::string_view bytes);
    [[nodiscard]] bool bodiless() const { return head_only_ || status_ == 204 || status_ == 304; }
    void finish(bool clean);
    void broken(std::string why);
    void too_long();
    void on_time();
    void end(Result<Reply> result);

    const HttpLinkLimits limits_;
    std::string head_bytes_;  // of a head that did not come in one piece
    Reply reply_;
    ChunkDecoder chunks_;
    std::uint64_t content_length_ = 0;
    int status_ = 0;
    bool has_content_length_ = false;
    bool chunked_ = false;
    bool keep_alive_ = false;
    bool head_only_ = false;
    bool head_done_ = false;
    bool answered_ = false;
    bool reusable_ = false;
    Done done_;
    Timer timer_;
};

}  // namespace weft::net
