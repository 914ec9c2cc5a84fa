#include "service/proxy/batching_link.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "net/rpc_scan.hpp"

namespace weft::service::proxy {

struct BatchingLink::Core : std::enable_shared_from_this<Core> {
    struct Item {
        std::string method;
        std::string params;
        std::string id;
        std::int64_t deadline_ns = 0;
        Done done;
    };
    using Batch = std::vector<Item>;

    Core(net::Loop& on, std::unique_ptr<HttpLinks> to, std::size_t most, std::int64_t window)
        : loop(on), links(std::move(to)), items_max(most), window_ns(window), timer(on, [this] { send(); }) {}

    net::Loop& loop;
    std::unique_ptr<HttpLinks> links;
    const std::size_t items_max;
    const std::int64_t window_ns;
    Batch gathering;
    net::Timer timer;
    bool posted = false;
    bool ended = false;

    void add(const LinkCall& call, std::int64_t deadline_ns, Done done) {
        gathering.push_back(
            {std::string(call.method), std::string(call.params), std::string(call.id), deadline_ns, std::move(done)});
        if (gathering.size() >= items_max) return send();
        if (gathering.size() > 1 || posted) return;
        if (window_ns > 0) return timer.set(loop.now_ns() + window_ns);
        posted = true;
        loop.post([self = shared_from_this()] {
            self->posted = false;
            if (!self->ended) self->send();
        });
    }

    void send() {
        timer.cancel();
        Batch batch = std::exchange(gathering, {});
        if (batch.empty()) return;
        if (batch.size() == 1) return send_alone(batch.front());
        std::string body = "[";
        std::int64_t deadline = batch.front().deadline_ns;
        for (std::size_t i = 0; i < batch.size(); ++i) {
            if (i > 0) body.push_back(',');
            // The places are the ids: clients' own may be equal.
            HttpLinks::append_call(body, {batch[i].method, std::to_string(i), batch[i].params, true});
            deadline = std::max(deadline, batch[i].deadline_ns);
        }
        body.push_back(']');
        links->send(std::move(body), deadline,
                    [self = shared_from_this(), batch = std::move(batch)](Result<net::Reply> reply) mutable {
                        self->over(std::move(batch), std::move(reply));
                    });
    }

    void send_alone(Item& item) {
        links->call({item.method, item.id, item.params, true}, item.deadline_ns, std::move(item.done));
    }

    void over(Batch batch, Result<net::Reply> reply) {
        if (!reply) {
            for (auto& item : batch) item.done(std::unexpected(Error(reply.error())));
            return;
        }
        // No array: the upstream refuses the batch, not the calls in it.
        if (reply->status != 200 || net::first_character(reply->body) != '[') {
            const bool refused_for_load = reply->status == 429 || reply->status >= 500;
            for (auto& item : batch) {
                if (refused_for_load || ended) {
                    item.done(net::Reply(*reply));
                } else {
                    send_alone(item);
                }
            }
            return;
        }
        net::for_each_item(reply->body, [&](std::string_view text) {
            const std::string_view id = net::member_of(text, "id");
            std::size_t place = batch.size();
            std::from_chars(id.data(), id.data() + id.size(), place);
            if (place >= batch.size() || !batch[place].done) return;
            net::Reply one;
            one.status = 200;
            one.body = text;
            std::exchange(batch[place].done, nullptr)(std::move(one));
        });
        for (auto& item : batch) {
            if (item.done) item.done(fail(ErrorCode::data_loss, "no reply in the batch"));
        }
    }
};

BatchingLink::BatchingLink(net::Loop& loop, std::unique_ptr<HttpLinks> links, std::size_t items_max,
                           std::int64_t window_ns)
    : core_(std::make_shared<Core>(loop, std::move(links), items_max, window_ns)) {}

BatchingLink::~BatchingLink() {
    core_->ended = true;
    core_->timer.cancel();
    for (auto& item : std::exchange(core_->gathering, {})) {
        item.done(fail(ErrorCode::cancelled, "the upstream is no longer used"));
    }
}

void BatchingLink::call(const LinkCall& call, std::int64_t deadline_ns, Done done) {
    if (!call.repeatable) return core_->links->call(call, deadline_ns, std::move(done));
    core_->add(call, deadline_ns, std::move(done));
}

std::size_t BatchingLink::connections() const { return core_->links->connections(); }

}  // namespace weft::service::proxy
