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
}  // namespace

Stream::Stream(Loop& loop, int fd) : loop_(loop), fd_(fd), output_progress_ns_(loop.now_ns()) {
    loop_.core().add(fd_, EPOLLIN, *this);
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
    on_flush();
    if (fd_ < 0 || waiting_for_output_) return;
    const bool any = output_size_ > 0;
    while (output_size_ > 0) {
        if (!send_some()) return;
    }
    output_empty();
    if (any && fd_ >= 0) on_drained();
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
    if (errno == EINTR) return true;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        waiting_for_output_ = true;
        set_interest();
    } else {
        close();
    }
    return false;
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

int Stream::release() {
    loop_.core().remove(fd_, *this);
    if (const auto self = weak_from_this().lock()) loop_.core().bury(self);
    return std::exchange(fd_, -1);
}

void Stream::on_ready(std::uint32_t events) {
    if ((events & EPOLLOUT) != 0 && waiting_for_output_) {
        waiting_for_output_ = false;
        set_interest();
        while (output_size_ > 0) {
            if (!send_some()) break;
        }
        if (fd_ < 0) return;
        if (output_size_ == 0) {
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
        if (!closing_) on_input({buffer.data(), static_cast<std::size_t>(got)});
        return;
    }
    if (got == 0) {
        input_ended_ = true;
        if (!closing_) return on_input_end();
        if (output_size_ == 0) return close();
        return pause_reading();
    }
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) close();
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
