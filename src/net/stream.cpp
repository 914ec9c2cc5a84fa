#include "net/stream.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <latch>

namespace weft::net {

namespace {
/// A string from this size on is sent from where it is.
constexpr std::size_t copy_bytes_max = 8 * 1024;
constexpr std::size_t vectors_max = 16;
/// What is sealed ahead of the socket: a slow reader's bytes wait plain, once.
constexpr std::size_t sealed_bytes_max = 64 * 1024;
/// More than that can only be answers to a peer who asks the filter itself (key updates) and does not read.
constexpr std::size_t sealed_answers_max = 256 * 1024;
}  // namespace

Stream::Stream(Loop& loop, Socket socket)
    : loop_(loop),
      fd_(std::exchange(socket.fd_, -1)),
      output_progress_ns_(loop.now_ns()),
      filter_(std::move(socket.filter_)) {
    loop_.core().add(fd_, EPOLLIN, *this);
    if (filter_ != nullptr) mark_dirty();
}

Stream::~Stream() {
    if (dirty_) loop_.core().forget_flush(*this);
    if (fd_ >= 0) {
        loop_.core().remove(fd_, *this);
        ::close(fd_);
    }
}

void Stream::mark_dirty() {
    if (dirty_) return;
    dirty_ = true;
    loop_.core().flush_later(*this);
}

std::string& Stream::output() {
    if (output_.empty() && output_.capacity() < 64) output_ = loop_.core().take_buffer();
    return output_;
}

void Stream::output_grew() {
    std::size_t total = output_.size() - (queue_.empty() ? front_sent_ : 0);
    for (std::size_t i = queue_at_; i < queue_.size(); ++i)
        total += queue_[i].size() - (i == queue_at_ ? front_sent_ : 0);
    if (output_size_ == 0) output_progress_ns_ = loop_.now_ns();
    output_size_ = total;
    if (fd_ >= 0) mark_dirty();
}

void Stream::write(std::string_view bytes) {
    if (fd_ < 0 || bytes.empty()) return;
    output().append(bytes);
    output_grew();
}

void Stream::write(std::string&& bytes) {
    if (bytes.size() < copy_bytes_max) return write(std::string_view(bytes));
    if (fd_ < 0) return;
    if (!output_.empty()) {
        queue_.push_back(std::move(output_));
        output_.clear();
    }
    queue_.push_back(std::move(bytes));
    output_grew();
}

void Stream::flush() {
    dirty_ = false;
    if (fd_ < 0) return;
    if (filter_ != nullptr && reading_ && filter_->pending()) {
        read_filtered();
        if (fd_ < 0) return;
    }
    on_flush();
    if (fd_ < 0 || waiting_for_output_) return;
    const bool any = output_size() > 0;
    if (!send_all()) return;
    output_empty();
    if (any && fd_ >= 0) on_drained();
}

bool Stream::send_all() {
    do {
        while (output_size() > 0) {
            if (!(filter_ == nullptr ? send_some() : send_sealed())) return false;
        }
    } while (closing_ && filter_ != nullptr && filter_->end());
    return true;
}

bool Stream::send_some() {
    iovec vectors[vectors_max];
    std::size_t count = 0;
    std::size_t skip = front_sent_;
    const auto add = [&](std::string& bytes) {
        vectors[count++] = {bytes.data() + skip, bytes.size() - skip};
        skip = 0;
    };
    for (std::size_t i = queue_at_; i < queue_.size() && count < vectors_max; ++i) add(queue_[i]);
    if (count < vectors_max && !output_.empty()) add(output_);
    ssize_t done;
    if (count == 1) {
        done = ::send(fd_, vectors[0].iov_base, vectors[0].iov_len, MSG_NOSIGNAL);
    } else {
        msghdr message{};
        message.msg_iov = vectors;
        message.msg_iovlen = count;
        done = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    }
    if (done >= 0) {
        sent(static_cast<std::size_t>(done));
        return true;
    }
    return send_failed();
}

/// Whether to try again at once.
bool Stream::send_failed() {
    if (errno == EINTR) return true;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        waiting_for_output_ = true;
        set_interest();
    } else {
        close();
    }
    return false;
}

bool Stream::send_sealed() {
    if (filter_->sealed_size() == 0 && !seal_some()) return false;
    std::string& sealed = filter_->sealed_;
    const auto done =
        ::send(fd_, sealed.data() + filter_->sealed_sent_, sealed.size() - filter_->sealed_sent_, MSG_NOSIGNAL);
    if (done < 0) return send_failed();
    output_progress_ns_ = loop_.now_ns();
    filter_->sealed_sent_ += static_cast<std::size_t>(done);
    if (filter_->sealed_size() == 0) {
        filter_->sealed_sent_ = 0;
        sealed.clear();
        loop_.core().give_buffer(std::exchange(sealed, {}));
    }
    return true;
}

/// False if the filter isn't ready, or has failed.
bool Stream::seal_some() {
    if (!filter_->secured()) return false;
    if (filter_->sealed_.capacity() < 64) filter_->sealed_ = loop_.core().take_buffer();
    while (output_size_ > 0 && filter_->sealed_.size() < sealed_bytes_max) {
        constexpr std::size_t record_bytes_max = 16 * 1024;
        const std::string& front = queue_at_ < queue_.size() ? queue_[queue_at_] : output_;
        const std::string_view part = std::string_view(front).substr(front_sent_, record_bytes_max);
        if (!filter_->seal(part)) {
            filter_failed(filter_->reason());
            return false;
        }
        sent(part.size());
    }
    return true;
}

void Stream::sent(std::size_t count) {
    output_size_ -= count;
    output_progress_ns_ = loop_.now_ns();
    while (queue_at_ < queue_.size()) {
        const std::size_t rest = queue_[queue_at_].size() - front_sent_;
        if (count < rest) {
            front_sent_ += count;
            return;
        }
        count -= rest;
        front_sent_ = 0;
        queue_[queue_at_++] = {};
    }
    queue_.clear();
    queue_at_ = 0;
    front_sent_ += count;
    if (front_sent_ == output_.size()) {
        output_.clear();
        front_sent_ = 0;
    }
}

void Stream::output_empty() {
    // An idle connection keeps no memory for output.
    if (output_.capacity() >= 64) loop_.core().give_buffer(std::exchange(output_, {}));
    if (queue_.capacity() != 0) queue_ = {};
    if (closing_ && !ended_output_) {
        ended_output_ = true;
        if (input_ended_ || !linger_) return close();
        ::shutdown(fd_, SHUT_WR);
    }
}

void Stream::set_interest() {
    loop_.core().modify(
        fd_, (reading_ ? std::uint32_t{EPOLLIN} : 0U) | (waiting_for_output_ ? std::uint32_t{EPOLLOUT} : 0U), *this);
}

void Stream::pause_reading() {
    if (fd_ < 0 || !reading_) return;
    reading_ = false;
    set_interest();
}

void Stream::resume_reading() {
    if (fd_ < 0 || reading_) return;
    reading_ = true;
    set_interest();
    if (filter_ != nullptr) mark_dirty();
}

void Stream::close_after_output(std::int64_t linger_ns) {
    if (fd_ < 0 || closing_) return;
    closing_ = true;
    if (linger_ns > 0) {
        linger_ = std::make_unique<Timer>(loop_, [this] { close(); });
        linger_->set(loop_.now_ns() + linger_ns);
    }
    if (!input_ended_) resume_reading();
    mark_dirty();
}

void Stream::close() {
    if (fd_ < 0) return;
    const auto self = weak_from_this().lock();
    loop_.core().remove(fd_, *this);
    ::close(std::exchange(fd_, -1));
    output_size_ = 0;
    output_ = {};
    queue_ = {};
    // Not freed here: it may be its callback that closes.
    if (linger_) linger_->cancel();
    if (self) loop_.core().bury(self);
    on_closed();
}

void Stream::filter_failed(const std::string& reason) {
    if (fd_ < 0 || closing_) return;
    (void)take_output();  // it can't be sent any more
    on_failed(reason);
    if (fd_ < 0) return;
    // What the filter says to the peer about it still leaves.
    constexpr std::int64_t linger_ns = 500 * ns_per_ms;
    output_size() > 0 ? close_after_output(linger_ns) : close();
}

std::string Stream::take_output() {
    std::string out;
    for (std::size_t i = queue_at_; i < queue_.size(); ++i)
        out.append(std::string_view(queue_[i]).substr(i == queue_at_ ? front_sent_ : 0));
    out.append(std::string_view(output_).substr(queue_at_ == queue_.size() ? front_sent_ : 0));
    output_size_ = front_sent_ = queue_at_ = 0;
    queue_.clear();
    output_.clear();
    return out;
}

Socket Stream::release() {
    loop_.core().remove(fd_, *this);
    if (const auto self = weak_from_this().lock()) loop_.core().bury(self);
    if (filter_ != nullptr) filter_->keep();
    return {std::exchange(fd_, -1), std::move(filter_)};
}

void Stream::on_ready(std::uint32_t events) {
    if ((events & EPOLLOUT) != 0 && waiting_for_output_) {
        waiting_for_output_ = false;
        set_interest();
        if (send_all()) {
            output_empty();
            if (fd_ >= 0) on_drained();
        }
        if (fd_ < 0) return;
    }
    if (reading_) {
        if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) receive();
    } else if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
        close();  // the peer is gone, so that nothing we might write can arrive
    }
}

void Stream::receive() {
    const auto buffer = loop_.core().read_buffer();
    const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (got > 0) {
        const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
        if (closing_) return;
        if (filter_ == nullptr) return on_input(bytes);
        filter_->arrived(bytes);
        return read_filtered();
    }
    if (got == 0) {
        const bool known = std::exchange(input_ended_, true);
        if (closing_) return output_size() == 0 ? close() : pause_reading();
        if (filter_ == nullptr) return on_input_end();
        // An end that the filter has not told of may be anybody's who sits in between: what came is not whole.
        if (known) return pause_reading();
        return filter_->secured() ? close() : filter_failed("the peer closed during the handshake");
    }
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) close();
}

void Stream::read_filtered() {
    std::string_view plain;
    // Whoever is called may close, pause, or release the socket with its filter.
    while (fd_ >= 0 && !closing_) {
        if (!reading_) return filter_->keep();
        switch (filter_->next(plain)) {
            case Filter::Event::none:
                if (filter_->sealed_size() > sealed_answers_max) return filter_failed("the peer does not read");
                if (filter_->sealed_size() > 0) mark_dirty();
                return;
            case Filter::Event::secured:
                mark_dirty();
                on_secured();
                break;
            case Filter::Event::plain: on_input(plain); break;
            case Filter::Event::ended: input_ended_ = true; return on_input_end();
            case Filter::Event::failed: return filter_failed(filter_->reason());
        }
    }
}

void run_on_all(LoopGroup& loops, const std::function<void(Loop&, std::size_t)>& function) {
    if (!loops.running()) {
        for (std::size_t i = 0; i < loops.size(); ++i) function(loops.loop(i), i);
        return;
    }
    WEFT_ASSERT(loops.here() == nullptr);
    std::latch done(static_cast<std::ptrdiff_t>(loops.size()));
    for (std::size_t i = 0; i < loops.size(); ++i) {
        loops.loop(i).post([&, i] {
            function(loops.loop(i), i);
            done.count_down();
        });
    }
    done.wait();
}

}  // namespace weft::net
