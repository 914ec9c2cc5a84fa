#include "net/acceptor.hpp"

#include <unistd.h>

namespace weft::net {

void ServerStream::leave_set() {
    if (set_ != nullptr) set_->remove(*this);
}

void ConnectionSet::add(std::shared_ptr<ServerStream> stream) {
    open_.fetch_add(1, std::memory_order_relaxed);
    stream->set_ = this;
    stream->index_ = streams_.size();
    streams_.push_back(std::move(stream));
    if (winding_down_) streams_.back()->wind_down();
}

void ConnectionSet::remove(ServerStream& stream) {
    WEFT_ASSERT(stream.set_ == this && streams_[stream.index_].get() == &stream);
    const std::size_t index = stream.index_;
    stream.set_ = nullptr;
    stream.loop().core().bury(std::move(streams_[index]));
    if (index + 1 < streams_.size()) {
        streams_[index] = std::move(streams_.back());
        streams_[index]->index_ = index;
    }
    streams_.pop_back();
    open_.fetch_sub(1, std::memory_order_relaxed);
}

void ConnectionSet::wind_down() {
    winding_down_ = true;
    const auto streams = streams_;
    for (const auto& stream : streams) stream->wind_down();
}

void ConnectionSet::close_all() {
    winding_down_ = true;
    const auto streams = streams_;
    for (const auto& stream : streams) stream->close();
}

Acceptor::Acceptor(LoopGroup& loops, std::size_t connections_max, Make make)
    : loops_(loops), connections_max_(connections_max), make_(std::make_shared<const Make>(std::move(make))) {
    for (std::size_t i = 0; i < loops_.size(); ++i) sets_.push_back(std::make_unique<ConnectionSet>(open_));
    stop_hooks_.resize(loops_.size());
    run_on_all(loops_, [this](Loop& loop, std::size_t index) {
        stop_hooks_[index] = loop.add_stop_hook([this, index] {
            if (index == 0) close_listeners();
            sets_[index]->close_all();
        });
    });
}

Acceptor::~Acceptor() { close_all(); }

void Acceptor::close_listeners() {
    listeners_.clear();
    for (const auto& file : socket_files_) unlink(file.c_str());
    socket_files_.clear();
}

void Acceptor::close_all() {
    if (closed_) return;
    closed_ = true;
    run_on_all(loops_, [this](Loop& loop, std::size_t index) {
        loop.remove_stop_hook(stop_hooks_[index]);
        if (index == 0) close_listeners();
    });
    // A connection may be on its way from the first loop to its own.
    run_on_all(loops_, [this](Loop&, std::size_t index) { sets_[index]->close_all(); });
}

Result<void> Acceptor::listen(std::string_view address) {
    WEFT_TRY(Bound bound, bind_and_listen(address));
    if (local_.host.empty()) local_ = bound.endpoint;
    run_on_all(loops_, [&](Loop& loop, std::size_t index) {
        if (index != 0) return;
        if (bound.endpoint.is_unix) socket_files_.push_back(bound.endpoint.host);
        listeners_.push_back(std::make_unique<Listener>(
            loop, bound.fd, [this](int fd, std::string peer) { accepted(fd, std::move(peer)); }));
    });
    return {};
}

void Acceptor::accepted(int fd, std::string peer) {
    accepted_.fetch_add(1, std::memory_order_relaxed);
    if (open() >= connections_max_) {
        refused_.fetch_add(1, std::memory_order_relaxed);
        ::close(fd);
        return;
    }
    const std::size_t index = turn_++ % loops_.size();
    Loop& loop = loops_.loop(index);
    if (loop.inside()) return open_on(index, fd, std::move(peer));
    struct Handed {
        int fd;
        explicit Handed(int given) : fd(given) {}
        Handed(Handed&& other) noexcept : fd(std::exchange(other.fd, -1)) {}
        ~Handed() {
            if (fd >= 0) ::close(fd);
        }
    };
    loop.post([this, &loop, index, handed = Handed(fd), peer = std::move(peer)]() mutable {
        if (loop.core().stopped) return;
        open_on(index, std::exchange(handed.fd, -1), std::move(peer));
    });
}

void Acceptor::open_on(std::size_t index, int fd, std::string peer) {
    if (auto stream = (*make_)(loops_.loop(index), index, fd, std::move(peer))) {
        sets_[index]->add(std::move(stream));
    } else {
        refused_.fetch_add(1, std::memory_order_relaxed);
    }
}

Task<void> Acceptor::stop(std::int64_t grace_ns) {
    Executor* home = Executor::current();
    const std::int64_t deadline = monotonic_ns() + grace_ns;
    co_await switch_to(loops_.loop(0));
    close_listeners();
    for (std::size_t i = 0; i < loops_.size(); ++i) {
        co_await switch_to(loops_.loop(i));
        sets_[i]->wind_down();
    }
    co_await switch_to(loops_.loop(0));
    constexpr std::int64_t look_again_ns = 2 * ns_per_ms;
    while (open() > 0 && monotonic_ns() < deadline) {
        const auto slept = co_await settled(loops_.loop(0).sleep_for(look_again_ns));
        if (!slept) break;
    }
    for (std::size_t i = 0; i < loops_.size(); ++i) {
        co_await switch_to(loops_.loop(i));
        sets_[i]->close_all();
    }
    if (home != nullptr) co_await switch_to(*home);
}

}  // namespace weft::net
