#include "net/http_connection.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "base/json.hpp"

namespace weft::net {

namespace {

constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
/// RFC 9113, 3.4.
constexpr std::string_view http2_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

int status_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::invalid_argument:
        case ErrorCode::out_of_range: return 400;
        case ErrorCode::unauthenticated: return 401;
        case ErrorCode::permission_denied: return 403;
        case ErrorCode::not_found: return 404;
        case ErrorCode::already_exists:
        case ErrorCode::failed_precondition:
        case ErrorCode::aborted: return 409;
        case ErrorCode::resource_exhausted: return 429;
        case ErrorCode::unimplemented: return 501;
        case ErrorCode::unavailable: return 503;
        case ErrorCode::deadline_exceeded: return 504;
        default: return 500;
    }
}

}  // namespace

Response error_response(int status, std::string_view message) {
    json::Writer body;
    body.begin_object().string("error", message).end_object();
    Response out;
    out.status = status;
    out.body = body.take();
    return out;
}

Response to_response(Result<Response> result) {
    return result ? *std::move(result) : error_response(status_of(result.error().code), result.error().message);
}

bool compress(Response& response, const HttpOptions& options) {
    if (options.gzip_bytes_min == 0 || response.body.size() < options.gzip_bytes_min ||
        response.body.size() > options.gzip_bytes_max || !compressible(response.content_type))
        return false;
    const bool encoded = std::ranges::any_of(
        response.headers, [](const auto& header) { return equal_names(header.first, "content-encoding"); });
    if (encoded) return false;
    response.body = gzip(response.body);
    return true;
}

void count(std::atomic<std::uint64_t>& counter) {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);  // one thread writes it
}

HttpConnection::HttpConnection(Loop& loop, Socket socket, std::string peer, std::shared_ptr<HttpShared> shared,
                               std::size_t loop_index, ConnectionSet& set)
    : ServerStream(loop, std::move(socket)),
      shared_(std::move(shared)),
      set_(set),
      peer_(std::move(peer)),
      loop_index_(static_cast<std::uint32_t>(loop_index)),
      active_ns_(loop.now_ns()),
      timer_(loop, [this] { on_time(); }) {
    set_timer();
}

bool HttpConnection::blocked() const {
    return next_number_ - next_answer_ >= shared_->options.pipelined_max ||
           output_size() > shared_->options.output_bytes_max;
}

void HttpConnection::on_input(std::string_view bytes) {
    active_ns_ = loop().now_ns();
    if (!backlog_.empty() || consuming_) {
        backlog_.append(bytes);
        return;
    }
    consume(bytes);
}

void HttpConnection::consume(std::string_view bytes) {
    consuming_ = true;
    while (!bytes.empty() && !closed() && !last_seen_) {
        if (blocked()) {
            backlog_.assign(bytes);
            pause_reading();
            break;
        }
        bytes = step(bytes);
    }
    consuming_ = false;
    if (!closed()) set_timer();
}

/// Takes up the reading again after something ended or left.
void HttpConnection::go_on() {
    if (closed() || consuming_ || blocked()) return;
    if (!backlog_.empty()) {
        const std::string bytes = std::exchange(backlog_, {});
        consume(bytes);
    }
    if (closed() || !backlog_.empty()) return;
    if (!input_ended_) {
        resume_reading();
    } else if (next_answer_ == next_number_) {
        close_after_output();
    }
}

std::string_view HttpConnection::step(std::string_view bytes) {
    if (partial_) return partial_->in_body ? step_body(bytes) : step_head(bytes);
    if (bytes.starts_with(http2_preface) && may_be_http2()) {
        switch_to_http2(bytes);
        return {};
    }
    const HeadLimits limits{shared_->options.header_bytes_max, shared_->options.header_count_max};
    Head& head = scratch();
    const bool preface_begins = http2_preface.starts_with(bytes) && may_be_http2();
    switch (preface_begins ? Parsed::more : parse_request_head(bytes, limits, head)) {
        case Parsed::bad: refuse(head.error_status, head.error); return {};
        case Parsed::more:
            partial_ = std::make_unique<Partial>();
            partial_->head_bytes = bytes;
            partial_->since_ns = loop().now_ns();
            return {};
        case Parsed::done: break;
    }
    return begin_body(head, bytes.substr(0, head.size), bytes.substr(head.size));
}

std::string_view HttpConnection::step_head(std::string_view bytes) {
    auto& part = *partial_;
    const std::size_t before = part.head_bytes.size();
    const std::size_t room = shared_->options.header_bytes_max + 1 - before;
    const std::string_view taken = bytes.substr(0, room);
    part.head_bytes.append(taken);
    if (may_be_http2() &&
        http2_preface.starts_with(std::string_view(part.head_bytes).substr(0, http2_preface.size()))) {
        if (part.head_bytes.size() < http2_preface.size()) return {};
        switch_to_http2(part.head_bytes + std::string(bytes.substr(taken.size())));
        return {};
    }
    // Parsed again only when a line has ended: at most once for each header, or beyond the limit.
    if (taken.find('\n') == std::string_view::npos && taken.size() < room) return {};
    const HeadLimits limits{shared_->options.header_bytes_max, shared_->options.header_count_max};
    switch (parse_request_head(part.head_bytes, limits, part.head)) {
        case Parsed::bad: refuse(part.head.error_status, part.head.error); return {};
        case Parsed::more: return {};
        case Parsed::done: break;
    }
    const auto whole = std::move(partial_);
    return begin_body(whole->head, std::string_view(whole->head_bytes).substr(0, whole->head.size),
                      bytes.substr(whole->head.size - before));
}

/// Starts the request if its body is here, or begins to gather the body. Returns what comes after.
std::string_view HttpConnection::begin_body(Head& head, std::string_view head_bytes, std::string_view bytes) {
    if (head.content_length > shared_->options.body_bytes_max) {
        refuse(413, "body too large");
        return {};
    }
    if (!head.chunked && bytes.size() >= head.content_length) {
        const auto length = static_cast<std::size_t>(head.content_length);
        if (head.upgrades_to_websocket && upgrade(head, head_bytes, bytes)) return {};
        start(head, request_of(head, head_bytes, bytes.substr(0, length), nullptr));
        return bytes.substr(length);
    }
    partial_ = std::make_unique<Partial>();
    auto& part = *partial_;
    part.head_bytes = head_bytes;
    const HeadLimits limits{shared_->options.header_bytes_max, shared_->options.header_count_max};
    WEFT_ASSERT(parse_request_head(part.head_bytes, limits, part.head) == Parsed::done);
    part.in_body = true;
    part.body = std::make_unique<std::string>();
    part.since_ns = loop().now_ns();
    if (!head.chunked) {
        // A peer that announces much and sends little shall not make us reserve much.
        constexpr std::uint64_t reserve_max = 256 * 1024;
        part.body->reserve(static_cast<std::size_t>(std::min(part.head.content_length, reserve_max)));
    }
    if (part.head.expects_continue && part.head.minor_version == 1 && bytes.empty() && next_answer_ == next_number_) {
        write(std::string_view("HTTP/1.1 100 Continue\r\n\r\n"));
    }
    return bytes.empty() ? bytes : step_body(bytes);
}

std::string_view HttpConnection::step_body(std::string_view bytes) {
    auto& part = *partial_;
    if (part.head.chunked) {
        switch (part.chunks.decode(bytes, *part.body, shared_->options.body_bytes_max)) {
            case Parsed::bad: refuse(part.chunks.error_status(), part.chunks.error()); return {};
            case Parsed::more: return {};
            case Parsed::done: break;
        }
    } else {
        const std::size_t take = std::min<std::uint64_t>(part.head.content_length - part.body->size(), bytes.size());
        part.body->append(bytes.substr(0, take));
        bytes.remove_prefix(take);
        if (part.body->size() < part.head.content_length) return {};
    }
    const auto whole = std::move(partial_);
    start(whole->head, request_of(whole->head, whole->head_bytes, {}, std::move(whole->body)));
    return bytes;
}

Request HttpConnection::request_of(const Head& head, std::string_view head_bytes, std::string_view body,
                                   std::unique_ptr<std::string> large_body) const {
    const bool secure = filter() != nullptr;
    Request out = make_request(head, head_bytes, body, std::move(large_body), peer_,
                               secure ? filter()->peer_subject() : std::string_view());
    out.secure = secure;
    return out;
}

HttpConnection::Turn HttpConnection::next_turn(const Head& head) {
    Turn turn{next_number_++, {}};
    turn.framing.keep_alive = head.keep_alive && !set_.winding_down();
    turn.framing.http_1_0 = head.minor_version == 0;
    turn.framing.head_only = head.method == "HEAD";
    turn.framing.gzip_asked = head.accepts_gzip;
    return turn;
}

void HttpConnection::start(const Head& head, Request request) {
    count(shared_->counts[loop_index_].requests);
    const Turn turn = next_turn(head);
    if (!turn.framing.keep_alive) last_seen_ = true;
    auto self = std::static_pointer_cast<HttpConnection>(shared_from_this());
    spawn(shared_->handler(std::move(request)), [self = std::move(self), turn](Result<Response> result) mutable {
        if (self->loop().inside()) {
            self->finish(turn, std::move(result));
        } else {
            auto& loop = self->loop();
            loop.post([self = std::move(self), turn, result = std::move(result)]() mutable {
                self->finish(turn, std::move(result));
            });
        }
    });
}

void HttpConnection::finish(Turn turn, Result<Response> result) {
    if (closed()) {
        if (result && result->stream) result->stream->abandon();
        return;
    }
    answer(turn, to_response(std::move(result)));
    if (!closed() && !consuming_) {
        go_on();
        if (!closed()) set_timer();
    }
}

void HttpConnection::answer(Turn turn, Response response) {
    if (turn.number != next_answer_) {
        waiting_.push_back({turn, std::move(response)});
        return;
    }
    write_response(turn, response);
    answer_waiting();
    active_ns_ = loop().now_ns();
}

/// After an answer: those behind it that are there already, up to one that is not whole yet.
void HttpConnection::answer_waiting() {
    if (stream_) return;
    ++next_answer_;
    while (!waiting_.empty()) {
        const auto next = std::find_if(waiting_.begin(), waiting_.end(),
                                       [this](const Waiting& w) { return w.turn.number == next_answer_; });
        if (next == waiting_.end()) break;
        Waiting now = std::move(*next);
        waiting_.erase(next);
        write_response(now.turn, now.response);
        if (stream_) return;
        ++next_answer_;
    }
    if (waiting_.empty() && waiting_.capacity() != 0) waiting_ = {};
}

void HttpConnection::begin_stream(const ResponseFraming& framing, std::shared_ptr<BodyStream> stream) {
    stream_ = std::move(stream);
    stream_framing_ = framing;
    const auto weak = std::weak_ptr(std::static_pointer_cast<HttpConnection>(shared_from_this()));
    // Later: who has something more may be in the middle of its own affairs.
    stream_->on_more = [weak] {
        if (const auto self = weak.lock()) self->loop().post([self] { self->write_stream(); });
    };
    loop().post([weak] {
        if (const auto self = weak.lock()) self->write_stream();
    });
}

void HttpConnection::write_stream() {
    constexpr std::size_t piece_bytes = 64 * 1024;
    while (stream_ && !closed() && output_size() <= shared_->options.output_bytes_max) {
        std::string piece;
        const bool more = stream_->read(piece, piece_bytes);
        const bool chunked = !stream_framing_.http_1_0;
        if (!piece.empty()) {
            std::array<char, 16> size{};
            char* end = std::to_chars(size.begin(), size.end(), piece.size(), 16).ptr;
            if (chunked) piece.insert(0, std::string(size.begin(), end) + "\r\n").append("\r\n");
            write(std::move(piece));
        } else if (more) {
            break;
        }
        if (more) continue;
        if (chunked) write(std::string_view("0\r\n\r\n"));
        stream_.reset();
        if (!stream_framing_.keep_alive) {
            last_seen_ = true;
            close_after_output();
        }
        answer_waiting();
        active_ns_ = loop().now_ns();
        go_on();
    }
    if (!closed()) set_timer();
}

void HttpConnection::write_response(const Turn& turn, Response& response) {
    if (closed() || closing()) {
        if (response.stream) response.stream->abandon();
        return;
    }
    const bool gzipped = turn.framing.gzip_asked && !response.stream && compress(response, shared_->options);
    ResponseFraming framing = turn.framing;
    if (set_.winding_down() && turn.number + 1 == next_number_) framing.keep_alive = false;
    if (response.stream) {
        framing.chunked = true;
        framing.keep_alive = framing.keep_alive && !framing.http_1_0;
    }
    append_response_head(output(), response, response.body.size(), gzipped, framing);
    output_grew();
    const bool bodiless =
        framing.head_only || response.status < 200 || response.status == 204 || response.status == 304;
    if (response.stream && bodiless) response.stream->abandon();
    if (response.stream && !bodiless) return begin_stream(framing, std::move(response.stream));
    if (!bodiless) write(std::move(response.body));
    if (!framing.keep_alive) {
        last_seen_ = true;
        close_after_output();
    }
}

/// Answers, after what is in flight, and reads no more.
void HttpConnection::refuse(int status, std::string_view why) {
    count(shared_->counts[loop_index_].bad_requests);
    partial_.reset();
    last_seen_ = true;
    Turn turn{next_number_++, {}};
    turn.framing.keep_alive = false;
    answer(turn, error_response(status, why));
}

bool HttpConnection::upgrade(const Head& head, std::string_view head_bytes, std::string_view rest) {
    const std::string_view path = head.target.substr(0, head.target.find('?'));
    const WebSocketRoute* route = nullptr;
    for (const auto& candidate : shared_->routes) {
        if (candidate.path == path || candidate.path == "*") {
            route = &candidate;
            break;
        }
    }
    if (route == nullptr || head.content_length != 0) return false;
    const auto accept = websocket_accept_header(head);
    if (!accept || next_answer_ != next_number_) {
        Response response =
            error_response(accept ? 400 : 426, accept ? "upgrade behind other requests" : accept.error().message);
        response.headers = {{"Sec-WebSocket-Version", "13"}};
        count(shared_->counts[loop_index_].bad_requests);
        last_seen_ = true;
        Turn turn = next_turn(head);
        turn.framing.keep_alive = false;
        answer(turn, std::move(response));
        return true;
    }
    SessionNote note;
    if (route->handler.accept) {
        const Request request = request_of(head, head_bytes, {}, nullptr);
        auto allowed = route->handler.accept(request);
        if (!allowed) {
            refuse(403, allowed.error().message);
            return true;
        }
        note = *std::move(allowed);
    }
    std::string output = take_output();
    output +=
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
        *accept + "\r\n\r\n";
    timer_.cancel();
    const auto self = shared_from_this();
    Socket socket = release();
    leave_set();
    auto session =
        open_websocket(loop(), std::move(socket), peer_, std::string(path), std::move(note), *route, std::move(output),
                       shared_);
    set_.add(session);
    start_websocket(*session, rest);
    return true;
}

void HttpConnection::switch_to_http2(std::string_view bytes) {
    timer_.cancel();
    const auto self = shared_from_this();
    const std::string whole(bytes);
    Socket socket = release();
    leave_set();
    const auto next = open_http2(loop(), std::move(socket), std::move(peer_), shared_, loop_index_);
    set_.add(next);
    start_http2(*next, whole);
}

void HttpConnection::on_input_end() {
    // The peer may have ended its side after its last request and still read; but nobody would notice if it were gone
    // while nothing is said.
    if (stream_) return close();
    input_ended_ = true;
    pause_reading();
    if (next_answer_ == next_number_ && backlog_.empty()) {
        if (output_size() == 0) return close();
        close_after_output();
    }
}

void HttpConnection::on_drained() {
    if (stream_) write_stream();
    go_on();
    if (!closed()) set_timer();
}

void HttpConnection::on_closed() {
    timer_.cancel();
    if (const auto stream = std::exchange(stream_, nullptr)) stream->abandon();
    for (const auto& one : waiting_) {
        if (one.response.stream) one.response.stream->abandon();
    }
    partial_.reset();
    backlog_ = {};
    waiting_ = {};
    leave_set();
}

void HttpConnection::wind_down() {
    if (closed()) return;
    if (next_answer_ == next_number_ && !partial_) {
        if (output_size() == 0) return close();
        close_after_output();
    }
}

std::int64_t HttpConnection::deadline() const {
    const auto& options = shared_->options;
    if (output_size() > 0) return output_progress_ns() + options.write_timeout_ns;
    if (partial_) return partial_->since_ns + (partial_->in_body ? options.body_timeout_ns : options.header_timeout_ns);
    if (next_answer_ != next_number_) return never;
    return active_ns_ + options.idle_timeout_ns;
}

void HttpConnection::set_timer() {
    const std::int64_t at = deadline();
    // A deadline that moves away, as it does with every request, leaves the timer where it is: it looks again when it
    // fires.
    if (at == never || (timer_.armed() && timer_at_ns_ <= at)) return;
    timer_at_ns_ = at;
    timer_.set(at);
}

void HttpConnection::on_time() {
    const std::int64_t at = deadline();
    if (loop().now_ns() < at) return set_timer();
    if (output_size() == 0 && partial_ && next_answer_ == next_number_ && !closing()) {
        refuse(408, partial_->in_body ? "body came too slowly" : "header came too slowly");
        return;
    }
    close();
}

}  // namespace weft::net
