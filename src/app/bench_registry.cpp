#include "app/bench_registry.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "app/bench_etcd.hpp"
#include "app/cpu_time.hpp"
#include "app/discovered.hpp"
#include "app/process.hpp"
#include "app/registration.hpp"
#include "app/services.hpp"
#include "app/watch.hpp"
#include "base/bytes.hpp"
#include "net/port.hpp"
#include "net/reserved_address.hpp"

namespace weft::app {

namespace {

constexpr std::int64_t step_ns_max = 60 * ns_per_s;

mesh::Context soon() { return mesh::Context::with_timeout(step_ns_max); }

/// A registry as a process. As an instance of a service it serves too: whose List answers is told by the epoch.
struct Server {
    std::string address;
    std::optional<net::ReservedAddress> kept;  // address
    std::unique_ptr<Process> process;

    static Result<Server> start() {
        Server out;
        WEFT_TRY(out.kept, net::ReservedAddress::make("127.0.0.1:0"));
        out.address = out.kept->text();
        const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
        // What it prints goes nowhere: a full pipe would stop it.
        WEFT_TRY(auto process, Process::start({"/bin/sh", "-c", "exec \"$0\" \"$@\" >/dev/null 2>&1", self, "run",
                                               "registry", "--listen", out.address}));
        out.process = std::make_unique<Process>(std::move(process));
        return out;
    }
};

struct Latencies {
    std::vector<double> values_ms;
    void add(std::int64_t ns) { values_ms.push_back(static_cast<double>(ns) / ns_per_ms); }
    [[nodiscard]] double at(double part) {
        std::ranges::sort(values_ms);
        return values_ms[static_cast<std::size_t>(part * static_cast<double>(values_ms.size() - 1))];
    }
};

void row(std::string_view what, const std::string& weft, const std::string& etcd, const std::string& ratio) {
    fmt::print("{:<52}{:>16}{:>16}{:>10}\n", what, weft, etcd, ratio);
    std::fflush(stdout);
}
std::string ratio_of(double better, double than) { return fmt::format("{:.1f} x", better / than); }

/// Calls @p work(i, done) for each i below @p count, so many at once; @return the first failure, or seconds.
template <mesh::Operation R>
Result<double> seconds_of(net::LoopGroup& loops, const mesh::Port<R>& port, std::size_t count, std::size_t at_once,
                          const std::function<R(std::size_t)>& make) {
    std::atomic<std::size_t> next{0};
    const auto worker = [&]() -> Task<void> {
        for (std::size_t i = next++; i < count; i = next++) (void)co_await port(soon(), make(i));
    };
    std::vector<Future<void>> ends;
    const std::int64_t began_ns = monotonic_ns();
    for (std::size_t i = 0; i < at_once; ++i) {
        auto done = std::make_shared<Promise<void>>();
        ends.push_back(done->future());
        loops.next().post([&worker, done] {
            spawn(worker(), [done](Result<void> result) { done->set(std::move(result)); });
        });
    }
    Result<void> result;
    for (auto& end : ends) {
        if (auto one = run(std::move(end).wait()); !one) result = std::move(one);
    }
    WEFT_CHECK(std::move(result));
    return static_cast<double>(monotonic_ns() - began_ns) / ns_per_s;
}

std::string text_of(const Bytes& bytes) { return {bytes.begin(), bytes.end()}; }

api::registry::Instance instance_of(std::size_t number) {
    api::registry::Instance out;
    out.id = fmt::format("service-{}-{}", number / 100, number % 100);
    out.service = fmt::format("service-{}", number / 100);
    out.address = fmt::format("10.0.{}.{}:9000", number / 256 % 256, number % 256);
    out.check = "lease";
    out.labels = {{"version", "0.1.0"}, {"zone", number % 2 == 0 ? "east" : "west"}};
    return out;
}

/// List, whose reply is not looked into, as etcd's is not.
struct RawList {
    struct Reply {
        std::string last_instance;
    };
    static constexpr std::string_view method = api::registry::List::method;
    std::string service;
};

/// Follows all instances, and hears of one that it is told to wait for.
struct Watcher {
    Watcher(net::LoopGroup& loops, const std::string& registry, std::atomic<std::int64_t>& changes)
        : client(loops, registry, registry_channel),
          watch(loops, net::remote_port<api::registry::List>(client), "", [&changes](const auto& all) {
              if (all.empty()) return;
              ++changes;
              changes.notify_all();
          }) {}
    net::GrpcClient client;
    Watch watch;
};

class Bench {
  public:
    explicit Bench(const BenchRegistryOptions& options) : options_(options), loops_(2) { loops_.start(); }
    ~Bench() { loops_.stop(); }

    Result<void> run_all() {
        WEFT_TRY(auto registry, Server::start());
        registry_ = std::move(registry);
        client_ = net::GrpcClient(loops_, registry_.address, registry_channel);
        auto etcd = Etcd::start(options_.etcd);
        if (!etcd) fmt::print("etcd: {}: its column is missing\n", etcd.error().message);
        if (etcd) {
            etcd_ = *std::move(etcd);
            etcd_client_ = net::GrpcClient(loops_, etcd_->address());
        }
        row(fmt::format("{} instances", options_.instances), "weft", "etcd", "");
        WEFT_CHECK(registrations());
        WEFT_CHECK(lookups());
        WEFT_CHECK(watches());
        return convergence();
    }

  private:
    Result<void> registrations() {
        WEFT_CHECK(wait_for_answer(client_));
        WEFT_TRY(const double seconds,
                 seconds_of<api::registry::Register>(
                     loops_, net::remote_port<api::registry::Register>(client_), options_.instances,
                     options_.concurrency,
                     [](std::size_t i) { return api::registry::Register{instance_of(i), 600'000}; }));
        const double own = static_cast<double>(options_.instances) / seconds;
        if (!etcd_) {
            row("registrations a second", fmt::format("{:.0f}", own), "-", "");
            return {};
        }
        WEFT_TRY(const auto lease, run(net::remote_port<EtcdGrant>(etcd_client_)(soon(), {600})));
        WEFT_TRY(const double others,
                 seconds_of<EtcdPut>(loops_, net::remote_port<EtcdPut>(etcd_client_), options_.instances,
                                     options_.concurrency, [&](std::size_t i) {
                                         const auto one = instance_of(i);
                                         return EtcdPut{"/" + one.service + "/" + one.id,
                                                        text_of(wire::encode(one)), lease.id};
                                     }));
        const double theirs = static_cast<double>(options_.instances) / others;
        // etcd has each on disk before it answers, the registry none: docs/decisions/registry-in-memory.md.
        row("registrations a second, etcd's to disk", fmt::format("{:.0f}", own), fmt::format("{:.0f}", theirs),
            ratio_of(own, theirs));
        return {};
    }

    /// A local view is what callers have of a service; the registry itself is asked by who has none.
    Result<void> lookups() {
        std::vector<mesh::Instance> view;
        for (std::size_t i = 0; i < options_.instances; ++i) {
            view.push_back(to_mesh(instance_of(i)));
            view.back().healthy = true;
        }
        mesh::Roster roster({});
        (void)roster.update(std::move(view), 0);
        constexpr std::size_t picks = 1'000'000;
        std::int64_t now_ns = ns_per_s;
        const std::int64_t began_ns = thread_cpu_ns();
        for (std::size_t i = 0; i < picks; ++i) {
            const auto pick = roster.pick(mesh::CallKind::even, {}, now_ns += 1'000, mix64(i));
            (void)roster.end(*pick, mesh::CallEnd::answered, now_ns);
        }
        row("ns of a look-up in the local view, with its report",
            fmt::format("{:.0f}", static_cast<double>(thread_cpu_ns() - began_ns) / picks), "-", "");

        const std::size_t services = (options_.instances + 99) / 100;
        constexpr std::size_t asked = 5'000;
        WEFT_TRY(const double seconds,
                 seconds_of<RawList>(loops_, net::remote_port<RawList>(client_), asked, options_.concurrency,
                                     [&](std::size_t i) { return RawList{fmt::format("service-{}", i % services)}; }));
        if (!etcd_) {
            row("remote look-ups of a service of 100, a second", fmt::format("{:.0f}", asked / seconds), "-", "");
            return {};
        }
        WEFT_TRY(const double others,
                 seconds_of<EtcdRange>(loops_, net::remote_port<EtcdRange>(etcd_client_), asked, options_.concurrency,
                                       [&](std::size_t i) {
                                           const auto prefix = fmt::format("/service-{}", i % services);
                                           return EtcdRange{prefix + "/", prefix + "0"};
                                       }));
        row("remote look-ups of a service of 100, a second", fmt::format("{:.0f}", asked / seconds),
            fmt::format("{:.0f}", asked / others), ratio_of(others, seconds));
        return {};
    }

    Result<void> watches() {
        WEFT_TRY(auto own, own_watches());
        const auto what = [&](int percent) {
            return fmt::format("ms from a change to the last of {} watchers, p{}", options_.watchers, percent);
        };
        if (!etcd_) {
            for (const int percent : {50, 99}) {
                row(what(percent), fmt::format("{:.2f}", own.at(percent / 100.)), "-", "");
            }
            return {};
        }
        WEFT_TRY(auto watchers, EtcdWatchers::open(etcd_->address(), options_.watchers));
        Latencies theirs;
        for (std::size_t i = 0; i < options_.changes; ++i) {
            const std::int64_t began_ns = monotonic_ns();
            WEFT_CHECK(run(net::remote_port<EtcdPut>(etcd_client_)(soon(), {"/service-0/service-0-0", "changed"})));
            WEFT_CHECK(watchers.wait_for_all(began_ns + step_ns_max));
            theirs.add(monotonic_ns() - began_ns);
        }
        for (const int percent : {50, 99}) {
            row(what(percent), fmt::format("{:.2f}", own.at(percent / 100.)),
                fmt::format("{:.2f}", theirs.at(percent / 100.)),
                ratio_of(theirs.at(percent / 100.), own.at(percent / 100.)));
        }
        return {};
    }

    Result<Latencies> own_watches() {
        std::atomic<std::int64_t> heard{0};
        std::vector<std::unique_ptr<Watcher>> watchers;
        for (std::size_t i = 0; i < options_.watchers; ++i) {
            watchers.push_back(std::make_unique<Watcher>(loops_, registry_.address, heard));
        }
        const auto wait_for = [&](std::int64_t count) {
            for (auto seen = heard.load(); seen < count; seen = heard.load()) heard.wait(seen);
        };
        auto expected = static_cast<std::int64_t>(options_.watchers);
        wait_for(expected);
        Latencies out;
        for (std::size_t i = 0; i < options_.changes; ++i) {
            const std::int64_t began_ns = monotonic_ns();
            WEFT_CHECK(run(net::remote_port<api::registry::Drain>(client_)(soon(), {"service-0-0", i % 2 == 0})));
            wait_for(expected += static_cast<std::int64_t>(options_.watchers));
            out.add(monotonic_ns() - began_ns);
        }
        return out;
    }

    /// Calls without end, several at once, at a service of which an instance is killed, and comes.
    struct Callers {
        std::shared_ptr<Discovered> service;
        std::atomic<bool> stop{false};
        std::atomic<std::uint64_t> calls{0};
        std::atomic<std::uint64_t> failed{0};
        /// The last time that a call had to be made again.
        std::atomic<std::int64_t> disturbed_ns{0};
        std::mutex mutex;
        std::set<std::uint64_t> answered;  // by whom, as the epoch tells

        Task<void> work() {
            while (!stop) {
                CallReport report;
                const Bytes sent = wire::encode(api::registry::List{.service = "none"});
                const auto reply = co_await settled(
                    Discovered::call(service, soon(), api::registry::List::method, sent, &report));
                ++calls;
                if (!reply) ++failed;
                if (!reply || report.attempts > 1) disturbed_ns = monotonic_ns();
                if (!reply) continue;
                const auto list = wire::decode<api::registry::ListReply>(*reply);
                const std::scoped_lock lock(mutex);
                if (list) answered.insert(list->epoch);
            }
        }
        std::size_t known() {
            const std::scoped_lock lock(mutex);
            return answered.size();
        }
    };

    struct Member {
        Server server;
        std::unique_ptr<Registration> registration;
    };
    Result<Member> join(std::size_t number) {
        Member out;
        WEFT_TRY(out.server, Server::start());
        WEFT_CHECK(wait_for_answer(net::GrpcClient(loops_, out.server.address, registry_channel)));
        api::registry::Instance instance;
        instance.id = fmt::format("member-{}", number);
        instance.service = "member";
        instance.address = out.server.address;
        instance.started_unix_ms = static_cast<std::uint64_t>(unix_ms());
        out.registration = std::make_unique<Registration>(loops_, client_, instance);
        return out;
    }

    /// A process that has just been started does not listen yet.
    static Result<void> wait_for_answer(const net::GrpcClient& client) {
        const auto list = net::remote_port<api::registry::List>(client);
        Result<api::registry::ListReply> reply;
        wait_until([&] {
            reply = run(list(soon(), {.service = "none"}));
            return reply.has_value();
        });
        if (!reply) return std::unexpected(reply.error());
        return {};
    }

    /// @return false if it did not come to that in time.
    static bool wait_until(const std::function<bool()>& condition) {
        const std::int64_t until_ns = monotonic_ns() + step_ns_max;
        while (!condition()) {
            if (monotonic_ns() >= until_ns) return false;
            std::this_thread::sleep_for(std::chrono::microseconds(200));
        }
        return true;
    }

    Result<void> convergence() {
        WEFT_TRY(const auto registry, Server::start());  // the other is full
        client_ = net::GrpcClient(loops_, registry.address, registry_channel);
        WEFT_CHECK(wait_for_answer(client_));
        std::vector<Member> members;
        for (std::size_t i = 0; i < 3; ++i) {
            WEFT_TRY(auto member, join(i));
            members.push_back(std::move(member));
        }
        const auto callers = std::make_shared<Callers>();
        callers->service = Discovered::make(loops_, net::remote_port<api::registry::List>(client_), "member");
        for (std::size_t i = 0; i < 16; ++i) {
            loops_.next().post([callers] {
                spawn([](std::shared_ptr<Callers> all) -> Task<void> { co_await all->work(); }(callers),
                      [](const Result<void>&) {});
            });
        }
        const auto stop = [](Callers* all) { all->stop = true; };
        const std::unique_ptr<Callers, decltype(stop)> stopping(callers.get(), stop);
        Latencies gone;
        Latencies there;
        for (std::size_t i = 0; i < options_.rounds; ++i) {
            if (!wait_until([&] { return callers->known() == 3 + i && callers->service->healthy_count() == 3; })) {
                return fail(ErrorCode::deadline_exceeded, "not every instance gets calls");
            }
            const std::int64_t began_ns = monotonic_ns();
            callers->disturbed_ns = began_ns;
            members.front().server.process->signal(SIGKILL);
            members.front().registration.reset();
            // Undisturbed for longer than an ejection lasts and than a check takes to find out.
            wait_until([&] {
                return monotonic_ns() - callers->disturbed_ns > 4 * ns_per_s && callers->service->healthy_count() == 2;
            });
            gone.add(callers->disturbed_ns - began_ns);
            members.erase(members.begin());
            WEFT_TRY(auto member, join(3 + i));
            const std::int64_t registered_ns = monotonic_ns();
            members.push_back(std::move(member));
            wait_until([&] { return callers->known() == 4 + i; });
            there.add(monotonic_ns() - registered_ns);
        }
        row("ms from kill -9 to the last call that was disturbed", fmt::format("{:.1f}", gone.at(0.5)), "-", "");
        row("ms from registration to the first call", fmt::format("{:.1f}", there.at(0.5)), "-", "");
        row(fmt::format("calls that failed, of {}", callers->calls.load()), fmt::format("{}", callers->failed.load()),
            "-", "");
        return {};
    }

    const BenchRegistryOptions options_;
    net::LoopGroup loops_;
    Server registry_;
    net::GrpcClient client_;
    std::unique_ptr<Etcd> etcd_;
    net::GrpcClient etcd_client_;
};

}  // namespace

Result<void> bench_registry(const BenchRegistryOptions& options) {
    Bench bench(options);
    return bench.run_all();
}

}  // namespace weft::app
