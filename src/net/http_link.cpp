#include "net/http_link.hpp"

#include <algorithm>

namespace weft::net {

namespace {
/// Heads are parsed in memory that the links of a thread share: none is kept.
Head& scratch() {
    thread_local Head head;
    return head;
}
constexpr std::size_t header_count_max = 1'000;
}  // namespace

HttpLink::HttpLink(Loop& loop, Socket socket, HttpLinkLimits limits)
    : Stream(loop, std::move(socket)),
      limits_(limits),
      timer_(
          loop, [this] { on_time(); }, true) {}

void HttpLink::begin(std::string_view head, std::string_view body, bool head_only, std::int64_t deadline_ns,
                     Done done) {
    WEFT_ASSERT(!done_);
    done_ = std::move(done);
    head_only_ = head_only;
    head_done_ = false;
    answered_ = false;
    reusable_ = false;
    timer_.set(deadline_ns);
    if (closed()) return end(fail(ErrorCode::unavailable, "connection closed before the answer"));
    write(head);
    write(body);
}

void HttpLink::on_input(std::string_view bytes) {
    if (!done_) return close();  // an answer nobody asked for
    answered_ = true;
    if (!head_done_) {
        if (!head_bytes_.empty()) {
            head_bytes_.append(bytes);
            std::string whole = std::move(head_bytes_);
            head_bytes_.clear();
            std::string_view rest = whole;
            if (take_heads(rest)) take_body(rest);
            return;
        }
        if (!take_heads(bytes)) return;
    }
    take_body(bytes);
}

/// Takes the head off @p bytes; false if it is not there yet, or the exchange has ended.
bool HttpLink::take_heads(std::string_view& bytes) {
    Head& head = scratch();
    while (true) {
        switch (parse_response_head(bytes, HeadLimits{limits_.header_bytes_max, header_count_max}, head)) {
            case Parsed::more: head_bytes_ = bytes; return false;
            case Parsed::bad: broken(std::string("no HTTP: ") + head.error); return false;
            case Parsed::done: break;
        }
        bytes.remove_prefix(head.size);
        if (head.status >= 200) break;  // 100 Continue
    }
    head_done_ = true;
    reply_ = {};
    status_ = reply_.status = head.status;
    reply_.content_type = head.header("content-type");
    if (limits_.keeps_headers) {
        for (const auto& header : head.headers) reply_.headers.emplace_back(header.name, header.value);
    }
    content_length_ = head.content_length;
    has_content_length_ = head.has_content_length;
    chunked_ = head.chunked;
    keep_alive_ = head.keep_alive;
    if (chunked_) chunks_ = {};
    if (content_length_ > limits_.body_bytes_max) {
        too_long();
        return false;
    }
    return true;
}

void HttpLink::take_body(std::string_view bytes) {
    if (bodiless()) return finish(bytes.empty());
    auto& body = reply_.body;
    if (chunked_) {
        switch (chunks_.decode(bytes, body, limits_.body_bytes_max)) {
            case Parsed::more: return;
            case Parsed::bad:
                return chunks_.error_status() == 413 ? too_long() : broken(std::string("no HTTP: ") + chunks_.error());
            case Parsed::done: return finish(bytes.empty());
        }
    }
    if (has_content_length_) {
        const auto take =
            static_cast<std::size_t>(std::min<std::uint64_t>(content_length_ - body.size(), bytes.size()));
        // A server that announces much and sends little shall not make us reserve much.
        constexpr std::uint64_t reserve_max = 1024 * 1024;
        if (body.empty()) body.reserve(static_cast<std::size_t>(std::min(content_length_, reserve_max)));
        body.append(bytes.substr(0, take));
        if (body.size() == content_length_) finish(take == bytes.size());
        return;
    }
    if (body.size() + bytes.size() > limits_.body_bytes_max) return too_long();
    body.append(bytes);  // until the server closes
}

void HttpLink::on_input_end() {
    if (done_ && head_done_ && !bodiless() && !chunked_ && !has_content_length_) finish(false);
    close();
}

void HttpLink::finish(bool clean) {
    reusable_ = clean && keep_alive_ && (chunked_ || has_content_length_ || bodiless());
    end(std::move(reply_));
}

void HttpLink::broken(std::string why) {
    end(fail(ErrorCode::data_loss, std::move(why)));
    close();
}

void HttpLink::too_long() {
    end(fail(ErrorCode::resource_exhausted,
             "the answer is longer than " + std::to_string(limits_.body_bytes_max) + " bytes"));
    close();
}

void HttpLink::on_time() {
    const auto self = shared_from_this();
    end(fail(ErrorCode::deadline_exceeded, "no answer in time"));
    close();
}

void HttpLink::on_closed() {
    const auto self = shared_from_this();
    timer_.cancel();
    end(fail(ErrorCode::unavailable, "connection closed before the answer"));
}

void HttpLink::end(Result<Reply> result) {
    const auto self = shared_from_this();  // whoever waits may let go of this
    timer_.cancel();
    head_bytes_ = {};
    if (auto done = std::exchange(done_, nullptr)) done(std::move(result));
}

}  // namespace weft::net
