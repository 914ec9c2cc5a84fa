#include "app/source.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <sys/stat.h>
#include <yaml-cpp/yaml.h>

#include "app/config.hpp"
#include "net/endpoint.hpp"
#include "observe/log.hpp"

namespace weft::app {

namespace {

using api::registry::Instance;

struct View {
    std::vector<Instance> instances = {};
    /// For so long it needs no look.
    std::int64_t fresh_ns = 0;
};
/// Blocks. Nothing: it is what it was.
using Read = std::function<Result<std::optional<View>>()>;

bool is_same(const Instance& a, const Instance& b) {
    const auto same_labels = std::ranges::equal(a.labels, b.labels, [](const auto& left, const auto& right) {
        return left.name == right.name && left.value == right.value;
    });
    return same_labels && std::tie(a.id, a.service, a.address, a.weight, a.healthy) ==
                              std::tie(b.id, b.service, b.address, b.weight, b.healthy);
}

class Source {
  public:
    Source(net::LoopGroup& loops, Read read, std::int64_t interval_ns)
        : loops_(loops), read_(std::move(read)), interval_ns_(interval_ns) {}

    static Task<api::registry::ListReply> list(std::shared_ptr<Source> self, mesh::Context context,
                                               api::registry::List request) {
        const std::int64_t began_ns = monotonic_ns();
        const std::int64_t left_ns = context.deadline_ns - began_ns;
        const auto wanted_ns = static_cast<std::int64_t>(std::min(request.wait_ms, wait_ms_max)) * ns_per_ms;
        const std::int64_t until_ns = began_ns + std::min(wanted_ns, left_ns - left_ns / 8);
        while (true) {
            co_await self->look();
            if (auto reply = self->answer(request, monotonic_ns() >= until_ns)) co_return *std::move(reply);
            const std::int64_t next_ns = std::min(until_ns, self->due());
            net::Loop* here = self->loops_.here();
            co_await (here != nullptr ? *here : self->loops_.next()).sleep_until(next_ns);
        }
    }

  private:
    static constexpr std::uint64_t wait_ms_max = 60'000;

    std::int64_t due() const {
        const std::scoped_lock lock(mutex_);
        return due_ns_;
    }

    /// Reads, if it is time, on a thread that may wait. One at a time; the others have the last view meanwhile.
    Task<void> look() {
        if (!co_await begin_reading()) co_return;
        auto view = co_await settled(net::run_on(thread_, [this]() -> Result<std::optional<View>> { return read_(); }));
        co_await keep(std::move(view));
    }

    /// @errors unavailable  it is not time to read again, and nothing could be read yet.
    Result<bool> begin_reading() {
        const std::scoped_lock lock(mutex_);
        const std::int64_t now_ns = monotonic_ns();
        if (now_ns >= due_ns_ && !reading_) {
            reading_ = true;
            due_ns_ = now_ns + interval_ns_;
            return true;
        }
        if (!known_) return fail(ErrorCode::unavailable, complaint_.empty() ? "not read yet" : complaint_);
        return false;
    }

    /// @errors of the view, while there is no earlier one.
    Result<void> keep(Result<std::optional<View>> view) {
        const std::scoped_lock lock(mutex_);
        reading_ = false;
        if (!view) {
            if (std::exchange(complaint_, view.error().message) != view.error().message) {
                log_.warn("can't be read", {{"why", complaint_}});
            }
            if (!known_) return std::unexpected(std::move(view).error());
            return {};
        }
        complaint_.clear();
        if (!*view) return {};
        due_ns_ = monotonic_ns() + std::max((*view)->fresh_ns, interval_ns_);
        auto& fresh = (*view)->instances;
        std::ranges::sort(fresh, {}, &Instance::id);
        if (known_ && std::ranges::equal(fresh, instances_, is_same)) return {};
        known_ = true;
        ++index_;
        instances_ = std::move(fresh);
        return {};
    }

    std::optional<api::registry::ListReply> answer(const api::registry::List& request, bool is_late) const {
        const std::scoped_lock lock(mutex_);
        if (!is_late && request.epoch == epoch_ && request.index == index_) return std::nullopt;
        api::registry::ListReply reply;
        reply.index = index_;
        reply.epoch = epoch_;
        std::ranges::copy_if(instances_, std::back_inserter(reply.instances), [&](const Instance& it) {
            return request.service.empty() || request.service == it.service;
        });
        return reply;
    }

    net::LoopGroup& loops_;
    const Read read_;
    const std::int64_t interval_ns_;
    const std::uint64_t epoch_ = static_cast<std::uint64_t>(unix_ms()) | 1;
    const observe::Log log_{"source"};
    mutable std::mutex mutex_;  // over what follows
    std::vector<Instance> instances_;
    std::uint64_t index_ = 0;
    std::int64_t due_ns_ = 0;
    bool known_ = false;
    bool reading_ = false;
    std::string complaint_;
    net::WorkerPool thread_{1, 64};
};

mesh::Port<api::registry::List> port_of(net::LoopGroup& loops, Read read, std::int64_t interval_ns) {
    return {[source = std::make_shared<Source>(loops, std::move(read), interval_ns)](
                mesh::Context context, api::registry::List request) {
        return Source::list(source, std::move(context), std::move(request));
    }};
}

/// Of a file: what tells it from another that had its name.
using Stamp = std::tuple<ino_t, off_t, time_t, long>;

Read file_reader(std::string path, std::size_t instances_max) {
    return [path = std::move(path), instances_max, last = std::optional<Stamp>()]() mutable
           -> Result<std::optional<View>> {
        struct stat info{};
        if (::stat(path.c_str(), &info) != 0) return fail(ErrorCode::not_found, path + ": " + std::strerror(errno));
        const Stamp stamp{info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
        if (last == stamp) return std::nullopt;
        WEFT_TRY(const auto text, read_file(path));
        WEFT_TRY(auto instances, read_instances(text, path));
        if (instances.size() > instances_max) return fail(ErrorCode::resource_exhausted, path + ": too many instances");
        last = stamp;
        return View{std::move(instances)};
    };
}

/// "127.0.0.1:9000", "[::1]:9000": in the order of the bytes, so that a resolver's turns are no change.
Result<std::vector<std::string>> resolve(const std::string& host, std::uint16_t port) {
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int wrong = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found);
    if (wrong != 0) return fail(ErrorCode::unavailable, host + ": " + ::gai_strerror(wrong));
    std::vector<std::string> out;
    for (const auto* one = found; one != nullptr; one = one->ai_next) {
        std::array<char, NI_MAXHOST> name{};
        if (::getnameinfo(one->ai_addr, one->ai_addrlen, name.data(), name.size(), nullptr, 0, NI_NUMERICHOST) != 0) {
            continue;
        }
        const bool is_bracketed = one->ai_family == AF_INET6;
        out.push_back(fmt::format("{}{}{}:{}", is_bracketed ? "[" : "", name.data(), is_bracketed ? "]" : "", port));
    }
    ::freeaddrinfo(found);
    std::ranges::sort(out);
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

Instance named(const std::string& service, std::string address) {
    Instance out;
    out.id = service + "@" + address;
    out.service = service;
    out.address = std::move(address);
    out.healthy = true;  // nobody says otherwise; how the calls go does
    return out;
}

Read address_reader(std::string service, net::Endpoint at) {
    return [service = std::move(service), at = std::move(at)]() -> Result<std::optional<View>> {
        WEFT_TRY(auto addresses, resolve(at.host, at.port));
        View view;
        for (auto& address : addresses) view.instances.push_back(named(service, std::move(address)));
        return view;
    };
}

Result<std::vector<SrvRecord>> ask_srv(const std::string& name, const std::optional<net::Endpoint>& server) {
    struct __res_state state{};
    if (::res_ninit(&state) != 0) return fail(ErrorCode::unavailable, "the resolver can't be set up");
    if (server) {
        auto& to = state.nsaddr_list[0];
        to.sin_family = AF_INET;
        to.sin_port = htons(server->port);
        ::inet_pton(AF_INET, server->host.c_str(), &to.sin_addr);
        state.nscount = 1;
    }
    Bytes reply(64 * 1024);
    const int size =
        ::res_nquery(&state, name.c_str(), ns_c_in, ns_t_srv, reply.data(), static_cast<int>(reply.size()));
    ::res_nclose(&state);
    if (size < 0) return fail(ErrorCode::unavailable, name + ": no SRV record");
    return parse_srv(BytesView(reply).first(static_cast<std::size_t>(size)));
}

Read srv_reader(std::string service, std::string name, std::optional<net::Endpoint> server,
                const SourceOptions& options) {
    return [service = std::move(service), name = std::move(name), server = std::move(server),
            options]() -> Result<std::optional<View>> {
        WEFT_TRY(const auto records, ask_srv(name, server));
        if (records.empty()) return fail(ErrorCode::unavailable, name + ": no SRV record");
        View view{.fresh_ns = options.ttl_ns_max};
        const auto best = std::ranges::min(records, {}, &SrvRecord::priority).priority;
        for (const auto& record : records) {
            view.fresh_ns = std::min(view.fresh_ns, std::int64_t{record.ttl_s} * ns_per_s);
            WEFT_TRY(auto addresses, resolve(record.target, record.port));
            for (auto& address : addresses) {
                auto instance = named(service, std::move(address));
                // A weight of 0 is a small one here, and none with us.
                instance.weight = std::max<std::uint32_t>(1, record.weight);
                instance.healthy = record.priority == best;
                view.instances.push_back(std::move(instance));
            }
        }
        view.fresh_ns = std::max(view.fresh_ns, options.ttl_ns_min);
        return view;
    };
}

}  // namespace

Result<mesh::Port<api::registry::List>> make_source(net::LoopGroup& loops, std::string_view text,
                                                    SourceOptions options) {
    if (text.starts_with("file:") && text.size() > 5) {
        return port_of(loops, file_reader(std::string(text.substr(5)), options.instances_max),
                       options.file_interval_ns);
    }
    const auto equals = text.find('=');
    const bool is_named = equals != std::string_view::npos && equals > 4 && equals + 1 < text.size();
    const std::string service(is_named ? text.substr(4, equals - 4) : "");
    const std::string_view rest = is_named ? text.substr(equals + 1) : "";
    if (is_named && text.starts_with("dns:")) {
        WEFT_TRY(auto endpoint, net::Endpoint::parse(rest));
        return port_of(loops, address_reader(service, std::move(endpoint)), options.dns_interval_ns);
    }
    if (is_named && text.starts_with("srv:")) {
        const auto at = rest.find('@');
        std::optional<net::Endpoint> server;
        if (at != std::string_view::npos) {
            WEFT_TRY(server, net::Endpoint::parse(rest.substr(at + 1)));
        }
        return port_of(loops, srv_reader(service, std::string(rest.substr(0, at)), std::move(server), options),
                       options.ttl_ns_min);
    }
    return fail(ErrorCode::invalid_argument,
                fmt::format("no source: \"{}\"; file:PATH, dns:SERVICE=HOST:PORT or srv:SERVICE=NAME[@SERVER]", text));
}

namespace {

using Wrong = std::function<std::unexpected<Error>(std::string)>;

Result<Instance> read_instance(const YAML::Node& item, const Wrong& wrong) {
    if (!item.IsMap()) return wrong("wants `id:`, `service:` and `address:`");
    Instance out;
    out.healthy = true;
    for (const auto& member : item) {
        const auto name = member.first.as<std::string>("");
        const auto& value = member.second;
        if (name == "labels" && value.IsMap()) {
            for (const auto& label : value) {
                out.labels.push_back({label.first.as<std::string>(""), label.second.as<std::string>("")});
            }
            continue;
        }
        if (!value.IsScalar()) return wrong(name + ": wants one value");
        if (name == "id") {
            out.id = value.Scalar();
        } else if (name == "service") {
            out.service = value.Scalar();
        } else if (name == "address") {
            out.address = value.Scalar();
        } else if (name == "weight") {
            try {
                out.weight = value.as<std::uint32_t>();
            } catch (const YAML::Exception&) {
                return wrong("weight: wants a whole number, not \"" + value.Scalar() + "\"");
            }
        } else {
            return wrong("unknown key \"" + name + "\"");
        }
    }
    if (out.id.empty() || out.service.empty() || out.address.empty()) {
        return wrong("wants `id:`, `service:` and `address:`");
    }
    return out;
}

}  // namespace

Result<std::vector<Instance>> read_instances(std::string_view text, std::string_view file) {
    const auto at = [&](const YAML::Mark& mark, std::string_view what) {
        return fail(ErrorCode::invalid_argument, fmt::format("{}:{}: {}", file, mark.line + 1, what));
    };
    YAML::Node root;
    try {
        root = YAML::Load(std::string(text));
    } catch (const YAML::Exception& wrong) {
        return at(wrong.mark, wrong.msg);
    }
    std::vector<Instance> out;
    if (root.IsNull()) return out;
    if (!root.IsSequence()) return at(root.Mark(), "wants a list of instances");
    for (const auto& item : root) {
        WEFT_TRY(auto instance, read_instance(item, [&](const std::string& what) { return at(item.Mark(), what); }));
        if (std::ranges::find(out, instance.id, &Instance::id) != out.end()) {
            return at(item.Mark(), instance.id + " stands here twice");
        }
        out.push_back(std::move(instance));
    }
    return out;
}

Result<std::vector<SrvRecord>> parse_srv(BytesView reply) {
    const auto broken = [] { return fail(ErrorCode::data_loss, "no reply of a name server"); };
    const auto* const end = reply.data() + reply.size();
    const auto* at = reply.data();
    const auto number = [](const std::uint8_t* bytes) { return static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]); };
    /// Behind a name and so many bytes; false if the reply ends before.
    const auto skip = [&](std::ptrdiff_t size) {
        const int name = ::dn_skipname(at, end);
        if (name < 0 || end - at - name < size) return false;
        at += name + size;
        return true;
    };
    constexpr std::ptrdiff_t header_size = 12;
    if (end - at < header_size) return broken();
    const auto questions = number(at + 4);
    const auto answers = number(at + 6);
    at += header_size;
    for (int i = 0; i < questions; ++i) {
        if (!skip(4)) return broken();
    }
    std::vector<SrvRecord> out;
    for (int i = 0; i < answers; ++i) {
        if (!skip(10)) return broken();
        const auto* const fixed = at - 10;  // type, class, time to live, size
        const auto size = number(fixed + 8);
        if (end - at < size) return broken();
        const auto* const data = at;
        at += size;
        if (number(fixed) != ns_t_srv) continue;
        std::array<char, NS_MAXDNAME> target{};
        if (size < 7 || ::dn_expand(reply.data(), end, data + 6, target.data(), target.size()) < 0) return broken();
        // A target of "." says that there is no such service.
        if (target[0] == '\0') continue;
        const auto ttl_s = static_cast<std::uint32_t>(number(fixed + 4)) << 16 | number(fixed + 6);
        out.push_back({target.data(), number(data + 4), number(data), number(data + 2), ttl_s});
    }
    return out;
}

}  // namespace weft::app
