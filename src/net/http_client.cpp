#include "net/http_client.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "net/http_codec.hpp"
#include "net/http_link.hpp"
#include "net/tls_web.hpp"

namespace weft::net {

namespace {

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
    out.secure = parsed.secure();
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
    Core(Loop& on, HttpClientOptions with) : loop(on), options(std::move(with)) {}

    [[nodiscard]] HttpLinkLimits limits() const { return {options.header_bytes_max, options.body_bytes_max, true}; }

    Loop& loop;
    HttpClientOptions options;
    std::map<std::string, std::vector<std::shared_ptr<HttpLink>>> idle;

    [[nodiscard]] std::shared_ptr<const TlsClient> tls_for(const Fetch& request) const {
        if (!request.secure) return nullptr;
        return options.tls != nullptr ? options.tls : TlsClient::system();
    }

    std::shared_ptr<HttpLink> take(const std::string& endpoint) {
        auto& list = idle[endpoint];
        while (!list.empty()) {
            auto stream = std::move(list.back());
            list.pop_back();
            if (!stream->closed()) return stream;
        }
        return nullptr;
    }

    void give(const std::string& endpoint, std::shared_ptr<HttpLink> stream) {
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

HttpClient::HttpClient(Loop& loop, HttpClientOptions options)
    : core_(std::make_shared<Core>(loop, std::move(options))) {}
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
        const std::string endpoint = (what.secure ? "tls " : "") + what.endpoint.to_string();
        while (true) {
            auto stream = core->take(endpoint);
            const bool reused = stream != nullptr;
            if (!reused) {
                Socket socket = co_await connect_secured(core->loop, what.endpoint, core->tls_for(what), "http/1.1",
                                                         with.deadline_ns);
                stream = std::make_shared<HttpLink>(core->loop, std::move(socket), core->limits());
            }
            auto promise = std::make_unique<Promise<Reply>>();
            auto future = promise->future();
            stream->begin(request_text(what), {}, what.method == "HEAD", with.deadline_ns,
                          [promise = std::move(promise)](Result<Reply> reply) { promise->set(std::move(reply)); });
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
