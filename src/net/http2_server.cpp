// Requests for a Handler over HTTP/2: what HttpConnection is for HTTP/1.1.

#include <algorithm>
#include <array>
#include <cstring>

#include "net/grpc_exchange.hpp"
#include "net/http_connection.hpp"
#include "net/nghttp2_util.hpp"

namespace weft::net {

namespace {

/// What the exchanges of one connection share.
struct Http2Context {
    std::shared_ptr<HttpShared> shared;
    std::size_t loop_index;
    std::size_t body_bytes = 0;    // of requests that are not whole yet
    std::size_t answer_bytes = 0;  // of answers that have not left

    /// Of each of both: what many streams at once may make a connection keep.
    [[nodiscard]] std::size_t bytes_max() const { return bytes_max(shared->options); }
    [[nodiscard]] static std::size_t bytes_max(const HttpOptions& options) {
        constexpr std::size_t least = 16 * 1024 * 1024;
        return std::max(4 * options.body_bytes_max, least);
    }
};

/// Fields that are a connection's in HTTP/1.1 have no place here (RFC 9113, 8.2.2); the length is ours to say.
bool of_connection(std::string_view name) {
    static constexpr auto names = std::to_array<std::string_view>(
        {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "content-length"});
    return std::ranges::any_of(names, [name](std::string_view one) { return equal_names(name, one); });
}

class HttpExchange final : public Exchange {
  public:
    HttpExchange(Http2Connection& on, std::int32_t id, std::shared_ptr<Http2Context> context)
        : Exchange(on, id), context_(std::move(context)) {}
    ~HttpExchange() override {
        abandon();
        context_->body_bytes -= body_counted_;
        context_->answer_bytes -= answer_counted_;
    }

    void on_header(std::string_view name, std::string_view value) override;
    void on_headers_end() override;
    void on_data(BytesView bytes) override;
    void on_request_end() override;
    std::size_t read_body(std::uint8_t* out, std::size_t size, bool& last, bool& trailers) override;
    void on_stream_closed() override { abandon(); }

  private:
    /// Where a field lies in text_, which moves while it grows: the name, and the value behind it.
    struct Field {
        std::uint32_t at;
        std::uint32_t name_size;
        std::uint32_t value_size;
    };
    [[nodiscard]] const HttpOptions& options() const { return context_->shared->options; }
    [[nodiscard]] Header header(const Field& field) const {
        const std::string_view text(text_);
        return {text.substr(field.at, field.name_size), text.substr(field.at + field.name_size, field.value_size)};
    }
    void add(std::string_view name, std::string_view value);
    void note(std::string_view name, std::string_view value);
    void fill(Head& head) const;
    void become_grpc();
    void abandon() {
        const auto stream = std::exchange(stream_, nullptr);
        if (!stream) return;
        stream->on_more = nullptr;
        stream->abandon();
    }
    void answer(Response response);
    void refuse(int status, std::string_view why);

    std::shared_ptr<Http2Context> context_;
    std::string text_;
    std::vector<Field> fields_;  // ":method" and ":path" too; ":authority" as "host"
    std::string cookies_;
    std::string body_;
    std::size_t body_counted_ = 0;
    std::string answer_;
    std::size_t answer_counted_ = 0;
    std::size_t answer_sent_ = 0;
    std::shared_ptr<BodyStream> stream_;  // what follows the answer
    bool too_large_ = false;
    bool accepts_gzip_ = false;
    bool expects_continue_ = false;
    bool is_compressed_ = false;
    bool is_grpc_ = false;
    bool is_head_ = false;
};

void HttpExchange::add(std::string_view name, std::string_view value) {
    fields_.push_back({static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(name.size()),
                       static_cast<std::uint32_t>(value.size())});
    text_.append(name).append(value);
}

void HttpExchange::on_header(std::string_view name, std::string_view value) {
    // The rest of a list that is too long is read, as it must be to understand the next one, and forgotten.
    if (too_large_) return;
    if (text_.size() + cookies_.size() + name.size() + value.size() > options().header_bytes_max ||
        fields_.size() >= options().header_count_max) {
        too_large_ = true;
        return;
    }
    if (name == "cookie") {
        // One field, as in HTTP/1.1 (RFC 9113, 8.2.3).
        if (!cookies_.empty()) cookies_ += "; ";
        cookies_ += value;
        return;
    }
    note(name, value);
    if (name != ":scheme") add(name == ":authority" ? "host" : name, value);
}

void HttpExchange::note(std::string_view name, std::string_view value) {
    if (name == ":method") {
        is_head_ = value == "HEAD";
    } else if (name == "content-type") {
        is_grpc_ = is_grpc(value);
    } else if (name == "content-encoding") {
        is_compressed_ = !equal_names(value, "identity");
    } else if (name == "accept-encoding") {
        accepts_gzip_ = list_has(value, "gzip");
    } else if (name == "expect") {
        expects_continue_ = equal_names(value, "100-continue");
    }
}

void HttpExchange::on_headers_end() {
    if (too_large_) return refuse(431, "header too large");
    if (is_grpc_ && context_->shared->grpc != nullptr) return become_grpc();
    if (is_compressed_) return refuse(415, "compressed requests are not taken");
    if (connection().handlers_full() || context_->answer_bytes > context_->bytes_max())
        return connection().reset(stream_id(), NGHTTP2_REFUSED_STREAM);
    if (expects_continue_) {
        const nghttp2_nv status = make_header(":status", "100", literal);
        nghttp2_submit_headers(connection().session(), NGHTTP2_FLAG_NONE, stream_id(), nullptr, &status, 1, nullptr);
    }
}

/// This is freed.
void HttpExchange::become_grpc() {
    auto call = make_grpc_exchange(connection(), stream_id(), context_->shared->grpc);
    for (const auto& field : fields_) call->on_header(header(field).name, header(field).value);
    count(context_->shared->counts[context_->loop_index].requests);
    connection().replace(*this, std::move(call)).on_headers_end();
}

void HttpExchange::on_data(BytesView bytes) {
    if (body_.size() + bytes.size() > options().body_bytes_max) return refuse(413, "body too large");
    if (context_->body_bytes + bytes.size() > context_->bytes_max()) return refuse(503, "too many bodies at once");
    body_.append(weft::as_text(bytes));
    body_counted_ += bytes.size();
    context_->body_bytes += bytes.size();
}

void HttpExchange::fill(Head& head) const {
    head.clear();
    for (const auto& field : fields_) {
        const Header one = header(field);
        if (one.name == ":method") {
            head.method = one.value;
        } else if (one.name == ":path") {
            head.target = one.value;
        } else {
            head.headers.push_back(one);
        }
    }
}

/// nghttp2 looks at the path only if the scheme is http or https.
bool is_target(const Head& head) {
    const bool fine = std::ranges::all_of(head.target, [](char c) { return c > 0x20 && c < 0x7f; });
    return fine && (head.target.starts_with('/') || (head.target == "*" && head.method == "OPTIONS"));
}

/// nghttp2 has seen to fields that are missing or doubled, their letters, and the length. It lets ":authority" and
/// "host" differ: two readers who look at one each would be led to two places.
bool names_one_host(const Head& head) {
    const std::string_view host = head.header("host");
    return !host.empty() && std::ranges::all_of(head.headers, [host](const Header& one) {
        return one.name != "host" || one.value == host;
    });
}

void HttpExchange::on_request_end() {
    if (!cookies_.empty()) add("cookie", cookies_);
    Head& head = context_->shared->heads[context_->loop_index];
    fill(head);
    if (!is_target(head)) return refuse(400, "bad target");
    if (!names_one_host(head)) return refuse(400, "want one host");
    count(context_->shared->counts[context_->loop_index].requests);
    context_->body_bytes -= std::exchange(body_counted_, 0);
    auto body = body_.empty() ? nullptr : std::make_unique<std::string>(std::move(body_));
    Request request = make_request(head, text_, {}, std::move(body), connection().peer(), connection().peer_subject());
    request.secure = connection().secure();
    text_ = {};
    fields_ = {};
    run(context_->shared->handler(std::move(request)),
        [this](Result<Response> result) { answer(to_response(std::move(result))); });
}

void HttpExchange::answer(Response response) {
    const bool gzipped = accepts_gzip_ && !response.stream && compress(response, options());
    const bool bodiless = response.status < 200 || response.status == 204 || response.status == 304;
    const std::string status = std::to_string(response.status);
    const std::string length = std::to_string(response.body.size());
    std::vector<Http2Field> headers{Http2Field(":status", status, NGHTTP2_NV_FLAG_NO_COPY_NAME)};
    if (!bodiless) {
        if (!response.content_type.empty())
            headers.push_back({"content-type", response.content_type, NGHTTP2_NV_FLAG_NO_COPY_NAME});
        if (!response.stream) headers.push_back({"content-length", length, NGHTTP2_NV_FLAG_NO_COPY_NAME});
        if (gzipped) {
            headers.push_back({"content-encoding", "gzip", literal});
            headers.push_back({"vary", "accept-encoding", literal});
        }
    }
    for (auto& [name, value] : response.headers) {
        if (!is_token(name) || of_connection(name)) continue;
        for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
        replace_line_ends(value);
        headers.push_back({name, value, NGHTTP2_NV_FLAG_NONE});
    }
    const bool has_body = !bodiless && !is_head_ && (response.stream || !response.body.empty());
    if (response.stream && !has_body) response.stream->abandon();
    if (response.stream && has_body) {
        stream_ = std::move(response.stream);
        stream_->on_more = [this] { resume(); };
    } else if (has_body) {
        answer_ = std::move(response.body);
        answer_counted_ = answer_.size();
        context_->answer_bytes += answer_counted_;
    }
    submit(headers, has_body);
}

void HttpExchange::refuse(int status, std::string_view why) {
    count(context_->shared->counts[context_->loop_index].bad_requests);
    answer(error_response(status, why));
}

std::size_t HttpExchange::read_body(std::uint8_t* out, std::size_t size, bool& last, bool&) {
    if (stream_ && answer_sent_ == answer_.size()) {
        answer_.clear();
        answer_sent_ = 0;
        if (!stream_->read(answer_, size)) {
            stream_->on_more = nullptr;
            stream_.reset();
        }
    }
    const std::size_t take = std::min(size, answer_.size() - answer_sent_);
    std::memcpy(out, answer_.data() + answer_sent_, take);
    answer_sent_ += take;
    last = !stream_ && answer_sent_ == answer_.size();
    return take;
}

}  // namespace

std::shared_ptr<ServerStream> open_http2(Loop& loop, Socket socket, std::string peer,
                                         const std::shared_ptr<HttpShared>& shared, std::size_t loop_index) {
    const auto& options = shared->options;
    const Http2Limits limits{.streams_max = options.streams_max,
                             .first_request_ns = options.header_timeout_ns,
                             .idle_timeout_ns = options.idle_timeout_ns,
                             .stall_timeout_ns = std::min(options.write_timeout_ns, options.body_timeout_ns),
                             .held_bytes_max = Http2Context::bytes_max(options)};
    auto context = std::make_shared<Http2Context>(shared, loop_index);
    auto make = std::make_shared<const Http2Connection::MakeExchange>(
        [context = std::move(context)](Http2Connection& connection, std::int32_t id) {
            return std::make_unique<HttpExchange>(connection, id, context);
        });
    return std::make_shared<Http2Connection>(loop, std::move(socket), std::move(peer), limits, std::move(make),
                                             &shared->abusive);
}

void start_http2(ServerStream& stream, std::string_view first_input) {
    static_cast<Http2Connection&>(stream).start(first_input);
}

}  // namespace weft::net
