#include "net/http2_connection.hpp"

#include <algorithm>
#include <vector>

#include "net/nghttp2_util.hpp"

namespace weft::net {

namespace {

/// Frames that ask for nothing cost credit, which grows with time: the peer that floods runs out of it, the one that
/// now and then cancels, pings or changes its settings does not. A reset costs a handler's start, the others a reply.
constexpr std::int64_t credit_max = 10'000;
constexpr std::int64_t credit_per_s = 1'000;
constexpr std::int64_t reset_cost = 20;
constexpr std::int64_t frame_cost = 2;
/// CONTINUATION frames of one header block (CVE-2024-27316); a block has at most 64 KiB, in frames of 16 KiB.
constexpr std::size_t continuations_max = 8;

nghttp2_option* options() {
    static nghttp2_option* const made = [] {
        nghttp2_option* out = nullptr;
        WEFT_ASSERT(nghttp2_option_new(&out) == 0);
        // Closed streams are kept for a tree of priorities that nothing here looks at.
        nghttp2_option_set_no_closed_streams(out, 1);
        nghttp2_option_set_max_continuations(out, continuations_max);
        return out;
    }();
    return made;
}

}  // namespace

void Exchange::submit(std::span<const Http2Field> fields, bool has_body) {
    static constexpr nghttp2_data_source_read_callback read = [](nghttp2_session*, std::int32_t, std::uint8_t* out,
                                                                 std::size_t size, std::uint32_t* flags,
                                                                 nghttp2_data_source* source, void*) -> ssize_t {
        auto& self = *static_cast<Exchange*>(source->ptr);
        bool last = false;
        bool trailers = false;
        const std::size_t done = self.read_body(out, size, last, trailers);
        self.progress_ns_ = self.connection_.loop().now_ns();
        if (last) *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (trailers) *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        self.is_deferred_ = done == 0 && !last;
        if (self.is_deferred_) return NGHTTP2_ERR_DEFERRED;
        return static_cast<ssize_t>(done);
    };
    answered_ = true;
    progress_ns_ = connection_.loop().now_ns();
    nghttp2_data_provider provider{{.ptr = this}, read};
    thread_local std::vector<nghttp2_nv> headers;
    headers.clear();
    for (const auto& field : fields) headers.push_back(make_header(field.name, field.value, field.flags));
    nghttp2_submit_response(connection_.session_, stream_id_, headers.data(), headers.size(),
                            has_body ? &provider : nullptr);
    connection_.mark_dirty();
}

Exchange::~Exchange() { connection_.held_bytes_ -= held_bytes_; }

bool Exchange::hold(std::size_t bytes) {
    if (connection_.held_bytes_ + bytes > connection_.limits_.held_bytes_max) return false;
    held_bytes_ += bytes;
    connection_.held_bytes_ += bytes;
    return true;
}

void Exchange::resume() {
    if (!stream_open_ || !is_deferred_) return;
    is_deferred_ = false;
    progress_ns_ = connection_.loop().now_ns();
    nghttp2_session_resume_data(connection_.session_, stream_id_);
    connection_.mark_dirty();
}

void Exchange::submit_trailers(std::span<const Http2Field> fields) {
    std::vector<nghttp2_nv> trailers;
    for (const auto& field : fields) trailers.push_back(make_header(field.name, field.value, field.flags));
    nghttp2_submit_trailer(connection_.session_, stream_id_, trailers.data(), trailers.size());
}

void Exchange::handler_ended() {
    const auto held = std::move(held_);
    auto& connection = connection_;
    handler_runs_ = false;
    --connection.handlers_;
    if (!stream_open_) delete this;
    if (!connection.closed()) connection.close_if_done();
}

Http2Connection::Http2Connection(Loop& loop, Socket socket, std::string peer, const Http2Limits& limits,
                                 std::shared_ptr<const MakeExchange> make, std::atomic<std::uint64_t>* abused)
    : ServerStream(loop, std::move(socket)),
      limits_(limits),
      peer_(std::move(peer)),
      make_(std::move(make)),
      abused_(abused),
      credit_(credit_max),
      credit_at_ns_(loop.now_ns()),
      active_ns_(loop.now_ns()),
      timer_(loop, [this] { on_time(); }) {
    WEFT_ASSERT(nghttp2_session_server_new2(&session_, callbacks(), this, options()) == 0);
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits_.streams_max},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, stream_window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, header_list_max},
    };
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, connection_window);
    set_timer();
    mark_dirty();
}

Http2Connection::~Http2Connection() { nghttp2_session_del(session_); }

/// What nghttp2 calls. Once the connection is given up no more of its input is looked at.
struct Http2Callbacks {
    static Http2Connection& of(void* self) { return *static_cast<Http2Connection*>(self); }
    static int go_on(void* self) { return of(self).failed_ ? NGHTTP2_ERR_CALLBACK_FAILURE : 0; }

    static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* self) {
        if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
            of(self).begin(frame->hd.stream_id);
        return 0;
    }
    static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                      const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* self) {
        Exchange* exchange = of(self).exchange_of(frame->hd.stream_id);
        // Trailers of a request are read and dropped.
        if (exchange != nullptr && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
            exchange->on_header(as_text(name, name_size), as_text(value, value_size));
        return 0;
    }
    static int data(nghttp2_session*, std::uint8_t, std::int32_t stream_id, const std::uint8_t* bytes, std::size_t size,
                    void* self) {
        Exchange* exchange = of(self).exchange_of(stream_id);
        if (exchange == nullptr || !exchange->wants_input()) return 0;
        exchange->progress_ns_ = of(self).loop().now_ns();
        exchange->on_data({bytes, size});
        return 0;
    }
    static int frame_came(nghttp2_session*, const nghttp2_frame* frame, void* self) {
        auto& connection = of(self);
        const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
        switch (frame->hd.type) {
            case NGHTTP2_RST_STREAM: connection.charge(reset_cost); break;
            case NGHTTP2_PING:
            case NGHTTP2_SETTINGS:
                if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) connection.charge(frame_cost);
                break;
            case NGHTTP2_PRIORITY: connection.charge(frame_cost); break;
            case NGHTTP2_HEADERS:
                if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
                    connection.headers_ended(frame->hd.stream_id, ends);
                } else {
                    connection.data_ended(frame->hd.stream_id, ends);
                }
                break;
            case NGHTTP2_DATA:
                // Nothing in it but perhaps padding, and it isn't the end.
                if (!ends && frame->hd.length <= frame->data.padlen) connection.charge(frame_cost);
                connection.data_ended(frame->hd.stream_id, ends);
                break;
            default: break;
        }
        return go_on(self);
    }
    static int invalid_frame(nghttp2_session*, const nghttp2_frame*, int, void* self) {
        of(self).charge(reset_cost);
        return go_on(self);
    }
    static int frame_left(nghttp2_session*, const nghttp2_frame* frame, void* self) {
        const bool of_request = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
        if (of_request && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) of(self).answer_left(frame->hd.stream_id);
        return 0;
    }
    static int stream_closed(nghttp2_session*, std::int32_t stream_id, std::uint32_t, void* self) {
        Exchange* exchange = of(self).exchange_of(stream_id);
        if (exchange != nullptr) of(self).stream_closed(*exchange);
        return 0;
    }
};

nghttp2_session_callbacks* Http2Connection::callbacks() {
    static nghttp2_session_callbacks* const made = [] {
        nghttp2_session_callbacks* out = nullptr;
        WEFT_ASSERT(nghttp2_session_callbacks_new(&out) == 0);
        nghttp2_session_callbacks_set_on_begin_headers_callback(out, Http2Callbacks::begin_headers);
        nghttp2_session_callbacks_set_on_header_callback(out, Http2Callbacks::header);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(out, Http2Callbacks::data);
        nghttp2_session_callbacks_set_on_frame_recv_callback(out, Http2Callbacks::frame_came);
        nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(out, Http2Callbacks::invalid_frame);
        nghttp2_session_callbacks_set_on_frame_send_callback(out, Http2Callbacks::frame_left);
        nghttp2_session_callbacks_set_on_stream_close_callback(out, Http2Callbacks::stream_closed);
        return out;
    }();
    return made;
}

Exchange* Http2Connection::exchange_of(std::int32_t stream_id) const {
    return static_cast<Exchange*>(nghttp2_session_get_stream_user_data(session_, stream_id));
}

void Http2Connection::on_input(std::string_view bytes) {
    if (failed_) return;
    active_ns_ = loop().now_ns();
    const auto taken =
        nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    // What there is to say about it goes out before the connection closes.
    if (taken == NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
        failed_ = true;
    } else if (taken < 0) {
        give_up(NGHTTP2_ENHANCE_YOUR_CALM);  // floods that nghttp2 itself has noticed
    }
    mark_dirty();
    close_if_done();
}

void Http2Connection::on_flush() {
    while (output_size() < http2_output_max) {
        const std::uint8_t* bytes = nullptr;
        const auto size = nghttp2_session_mem_send(session_, &bytes);
        if (size < 0) failed_ = true;
        if (size <= 0) break;
        output().append(as_text(bytes, static_cast<std::size_t>(size)));
        output_grew();
    }
    const bool ended = nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
    if ((failed_ || ended) && !closing()) close_after_output();
    close_if_done();
}

void Http2Connection::on_drained() {
    if (nghttp2_session_want_write(session_) != 0) mark_dirty();
}

void Http2Connection::on_closed() {
    timer_.cancel();
    while (!open_.empty()) stream_closed(*open_.back());
    leave_set();
}

void Http2Connection::wind_down() {
    if (closed() || winding_down_) return;
    winding_down_ = true;
    const auto last = nghttp2_session_get_last_proc_stream_id(session_);
    nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, nullptr, 0);
    mark_dirty();
}

void Http2Connection::close_if_done() {
    const bool done = winding_down_ && open_.empty() && handlers_ == 0 && nghttp2_session_want_write(session_) == 0;
    if (done && !closed() && !closing()) close_after_output();
}

void Http2Connection::headers_ended(std::int32_t stream_id, bool request_ended) {
    Exchange* exchange = exchange_of(stream_id);
    if (exchange == nullptr) return;
    exchange->request_ended_ = request_ended;
    exchange->on_headers_end();
    data_ended(stream_id, request_ended);  // of what is in its place now
}

void Http2Connection::data_ended(std::int32_t stream_id, bool request_ended) {
    Exchange* exchange = exchange_of(stream_id);
    if (exchange == nullptr || !request_ended) return;
    exchange->request_ended_ = true;
    if (exchange->wants_input()) exchange->on_request_end();
}

/// An answer that does not wait for the end of its request ends the request too (RFC 9113, 8.1).
void Http2Connection::answer_left(std::int32_t stream_id) {
    const Exchange* exchange = exchange_of(stream_id);
    if (exchange != nullptr && !exchange->request_ended_) reset(stream_id, NGHTTP2_NO_ERROR);
}

void Http2Connection::begin(std::int32_t stream_id) {
    any_request_ = true;
    Exchange* exchange = (*make_)(*this, stream_id).release();
    exchange->progress_ns_ = loop().now_ns();
    exchange->index_ = open_.size();
    open_.push_back(exchange);
    nghttp2_session_set_stream_user_data(session_, stream_id, exchange);
}

Exchange& Http2Connection::replace(Exchange& old, std::unique_ptr<Exchange> with) {
    WEFT_ASSERT(!old.handler_runs_ && !old.answered_);
    with->progress_ns_ = old.progress_ns_;
    with->request_ended_ = old.request_ended_;
    with->index_ = old.index_;
    delete std::exchange(open_[with->index_], with.get());
    nghttp2_session_set_stream_user_data(session_, with->stream_id_, with.get());
    return *with.release();
}

void Http2Connection::reset(std::int32_t stream_id, std::uint32_t error) {
    if (Exchange* exchange = exchange_of(stream_id)) exchange->answered_ = true;
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream_id, error);
    mark_dirty();
}

void Http2Connection::stream_closed(Exchange& exchange) {
    open_[exchange.index_] = open_.back();
    open_[exchange.index_]->index_ = exchange.index_;
    open_.pop_back();
    exchange.stream_open_ = false;
    active_ns_ = loop().now_ns();
    exchange.on_stream_closed();
    if (!exchange.handler_runs_) delete &exchange;
}

void Http2Connection::charge(std::int64_t cost) {
    const std::int64_t now = loop().now_ns();
    const std::int64_t milliseconds = (now - credit_at_ns_) / ns_per_ms;
    credit_at_ns_ += milliseconds * ns_per_ms;
    const std::int64_t grown =
        milliseconds > 1'000 * credit_max / credit_per_s ? credit_max : credit_ + milliseconds * credit_per_s / 1'000;
    credit_ = std::min(credit_max, grown) - cost;
    if (credit_ < 0) give_up(NGHTTP2_ENHANCE_YOUR_CALM);
}

/// Ends the connection, and tells the peer why.
void Http2Connection::give_up(std::uint32_t error) {
    if (std::exchange(failed_, true)) return;
    if (abused_ != nullptr) abused_->fetch_add(1, std::memory_order_relaxed);
    nghttp2_session_terminate_session(session_, error);
    mark_dirty();
}

void Http2Connection::set_timer() {
    std::int64_t shortest = limits_.first_request_ns;
    for (const std::int64_t one : {limits_.idle_timeout_ns, limits_.stall_timeout_ns}) {
        if (one > 0) shortest = std::min(shortest, one);
    }
    timer_.set(loop().now_ns() + std::max(shortest / 2, ns_per_ms));
}

void Http2Connection::on_time() {
    const std::int64_t now = loop().now_ns();
    if (!any_request_ && now - active_ns_ >= limits_.first_request_ns) return close();
    if (open_.empty() && any_request_ && limits_.idle_timeout_ns > 0 && now - active_ns_ >= limits_.idle_timeout_ns)
        wind_down();
    if (limits_.stall_timeout_ns > 0) {
        if (output_size() > 0 && now - output_progress_ns() >= limits_.stall_timeout_ns) return close();
        for (const Exchange* exchange : open_) {
            // Neither the handler's time nor ours: the peer's, that sends no more, or opens no window for the answer.
            if (exchange->handler_runs_ || exchange->is_deferred_) continue;
            if (now - exchange->progress_ns_ < limits_.stall_timeout_ns) continue;
            reset(exchange->stream_id_, NGHTTP2_CANCEL);
        }
    }
    set_timer();
}

}  // namespace weft::net
