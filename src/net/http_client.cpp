#include "net/http_client.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "net/http_codec.hpp"
#include "net/stream.hpp"

namespace weft::net {

namespace {

/// One connection to a server; one request at a time.
class ClientStream final : public Stream {
  public:
    ClientStream(Loop& loop, int fd, const HttpClientOptions& options)
        : Stream(loop, fd), options_(options), timer_(loop, [this] { on_time(); }, true) {}

    Future<Reply> begin(std::string request, bool head_only, std::int64_t deadline_ns) {
        head_only_ = head_only;
        bytes_.clear();
        head_done_ = false;
        body_ = {};
        chunks_ = {};
        answered_ = false;
        auto future = promise_.emplace().future();
        timer_.set(deadline_ns);
        write(std::move(request));
        return future;
    }
    void rest(std::int64_t until_ns) { timer_.set(until_ns); }
    /// Whether anything of an answer has come.
    [[nodiscard]] bool answered() const { return answered_; }
    [[nodiscard]] bool reusable() const { return !closed() && reusable_; }

  private:
    void on_input(std::string_view bytes) override {
        if (!promise_) return close();  // an answer nobody asked for
        answered_ = true;
        if (!head_done_) {
            bytes_.append(bytes);
            if (!take_heads()) return;
            const std::string rest = bytes_.substr(head_.size);
            bytes_.resize(head_.size);
            return take_body(rest);
        }
        take_body(bytes);
    }

    bool take_heads() {
        while (true) {
            switch (parse_response_head(bytes_, HeadLimits{options_.header_bytes_max, 1'000}, head_)) {
                case Parsed::more: return false;
                case Parsed::bad: broken(std::string("no HTTP: ") + head_.error); return false;
                case Parsed::done: break;
            }
            if (head_.status >= 200) break;
            bytes_.erase(0, head_.size);  // 100 Continue
        }
        head_done_ = true;
        if (head_.content_length > options_.body_bytes_max) {
            too_long();
            return false;
        }
        return true;
    }

    [[nodiscard]] bool bodiless() const { return head_only_ || head_.status == 204 || head_.status == 304; }

    void take_body(std::string_view bytes) {
        if (bodiless()) return finish(bytes.empty());
        if (head_.chunked) {
            switch (chunks_.decode(bytes, body_, options_.body_bytes_max)) {
                case Parsed::more: return;
                case Parsed::bad:
                    return chunks_.error_status() == 413 ? too_long()
                                                         : broken(std::string("no HTTP: ") + chunks_.error());
                case Parsed::done: return finish(bytes.empty());
            }
        }
        if (head_.has_content_length) {
            const auto take =
                static_cast<std::size_t>(std::min<std::uint64_t>(head_.content_length - body_.size(), bytes.size()));
            body_.append(bytes.substr(0, take));
            if (body_.size() == head_.content_length) finish(take == bytes.size());
            return;
        }
        if (body_.size() + bytes.size() > options_.body_bytes_max) return too_long();
        body_.append(bytes);  // until the server closes
    }

    void on_input_end() override {
        if (promise_ && head_done_ && !bodiless() && !head_.chunked && !head_.has_content_length) finish(false);
        close();
    }

    void finish(bool clean) {
        Reply reply;
        reply.status = head_.status;
        reply.content_type = head_.header("content-type");
        reply.body = std::move(body_);
        for (const auto& header : head_.headers) reply.headers.emplace_back(header.name, header.value);
        reusable_ = clean && head_.keep_alive && (head_.chunked || head_.has_content_length || bodiless());
        end(std::move(reply));
    }

    void broken(std::string why) {
        end(fail(ErrorCode::data_loss, std::move(why)));
        close();
    }
    void too_long() {
        end(fail(ErrorCode::resource_exhausted,
                 "the answer is longer than " + std::to_string(options_.body_bytes_max) + " bytes"));
        close();
    }
    void on_time() {
        end(fail(ErrorCode::deadline_exceeded, "no answer in time"));
        close();
    }
    void on_closed() override {
        timer_.cancel();
        end(fail(ErrorCode::unavailable, "connection closed before the answer"));
    }
    void end(Result<Reply> result) {
        const auto self = shared_from_this();  // the one who waits may let go of this
        timer_.cancel();
        if (auto promise = std::exchange(promise_, std::nullopt)) promise->set(std::move(result));
    }

    const HttpClientOptions options_;
    std::string bytes_;
    Head head_;
    std::string body_;
    ChunkDecoder chunks_;
    bool head_only_ = false;
    bool head_done_ = false;
    bool answered_ = false;
    bool reusable_ = false;
    std::optional<Promise<Reply>> promise_;
    Timer timer_;
};

std::string request_text(const Fetch& request) {
    std::string out = request.method + " " + request.target + " HTTP/1.1\r\nHost: " +
                      (request.endpoint.is_unix ? "localhost" : request.endpoint.to_string()) + "\r\n";
    const bool has_body = !request.body.empty() || request.method == "POST" || request.method == "PUT";
    if (has_body) {
        out += "Content-Type: " + request.content_type + "\r\nContent-Length: ";
        append_number(out, request.body.size());
        out += "\r\n";
    }
    for (const auto& [name, value] : request.headers) out += name + ": " + value + "\r\n";
    out += "\r\n";
    out += request.body;
    return out;
}

Result<void> check(const Fetch& request) {
    const auto bad = [](std::string_view text) {
        return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
    };
    if (!is_token(request.method)) return fail(ErrorCode::invalid_argument, "bad method");
    if (!request.target.starts_with('/') || bad(request.target) || request.target.find(' ') != std::string::npos) {
        return fail(ErrorCode::invalid_argument, "bad target");
    }
    if (bad(request.content_type)) return fail(ErrorCode::invalid_argument, "bad content type");
    for (const auto& [name, value] : request.headers) {
        if (!is_token(name) || bad(value)) return fail(ErrorCode::invalid_argument, "bad header " + name);
    }
    return {};
}

}  // namespace

Result<Fetch> Fetch::get(std::string_view url) {
    WEFT_TRY(Url parsed, Url::parse(url));
    Fetch out;
    out.endpoint = std::move(parsed.endpoint);
    out.target = std::move(parsed.target);
    return out;
}

Result<Fetch> Fetch::post(std::string_view url, std::string body) {
    WEFT_TRY(Fetch out, get(url));
    out.method = "POST";
    out.body = std::move(body);
    return out;
}

std::string_view Reply::header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
        if (equal_names(key, name)) return value;
    }
    return {};
}

struct HttpClient::Core {
    Core(Loop& on, HttpClientOptions with) : loop(on), options(with) {}

    Loop& loop;
    HttpClientOptions options;
    std::map<std::string, std::vector<std::shared_ptr<ClientStream>>> idle;

    std::shared_ptr<ClientStream> take(const std::string& endpoint) {
        auto& list = idle[endpoint];
        while (!list.empty()) {
            auto stream = std::move(list.back());
            list.pop_back();
            if (!stream->closed()) return stream;
        }
        return nullptr;
    }

    void give(const std::string& endpoint, std::shared_ptr<ClientStream> stream) {
        auto& list = idle[endpoint];
        std::erase_if(list, [](const auto& other) { return other->closed(); });
        if (list.size() >= options.idle_connections_max) return stream->close();
        stream->rest(loop.now_ns() + options.idle_timeout_ns);
        list.push_back(std::move(stream));
    }

    void close_all() {
        for (auto& [endpoint, list] : idle) {
            for (auto& stream : list) stream->close();
        }
        idle.clear();
    }
};

namespace {

/// @return whether the request may be sent once more when a kept connection turns out to be dead.
bool repeatable(std::string_view method) {
    return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" || method == "DELETE";
}

}  // namespace

HttpClient::HttpClient(Loop& loop, HttpClientOptions options) : core_(std::make_shared<Core>(loop, options)) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() {
    if (!core_) return;
    if (core_->loop.inside() || !core_->loop.running()) {
        core_->close_all();
    } else {
        auto& loop = core_->loop;
        loop.post([core = std::move(core_)] { core->close_all(); });
    }
}

Task<Reply> HttpClient::fetch(mesh::Context context, Fetch request) {
    const auto here = [](std::shared_ptr<Core> core, mesh::Context with, Fetch what) -> Task<Reply> {
        co_await check(what);
        const std::string endpoint = what.endpoint.to_string();
        while (true) {
            auto stream = core->take(endpoint);
            const bool reused = stream != nullptr;
            if (!reused) {
                const int fd = co_await connect_socket(core->loop, what.endpoint, with.deadline_ns);
                stream = std::make_shared<ClientStream>(core->loop, fd, core->options);
            }
            auto future = stream->begin(request_text(what), what.method == "HEAD", with.deadline_ns);
            auto result = co_await settled(std::move(future).wait());
            if (!result && reused && !stream->answered() && result.error().code == ErrorCode::unavailable &&
                repeatable(what.method))
                continue;
            if (result && stream->reusable()) {
                core->give(endpoint, std::move(stream));
            } else {
                stream->close();
            }
            co_return std::move(result);
        }
    };
    return run_at(core_->loop, here(core_, context, std::move(request)));
}

}  // namespace weft::net
