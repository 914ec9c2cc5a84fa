#include "app/bench_gateway.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <thread>

#include "app/bench_load.hpp"
#include "app/bench_origin.hpp"
#include "app/process.hpp"
#include "base/time.hpp"
#include "net/http.hpp"
#include "net/loop.hpp"
#include "net/reserved_address.hpp"
#include "net/websocket.hpp"

namespace weft::app {

namespace {

constexpr std::int64_t start_timeout_ns = 10 * ns_per_s;
constexpr const char* call_body =
    R"({"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":)"
    R"(["0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266","latest"]})";
constexpr const char* kept_body = R"({"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]})";

/// This process, and all that it starts from now on, runs there.
void use_processor(int number) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(number, &one);
    static_cast<void>(::sched_setaffinity(0, sizeof one, &one));
}

/// The origin in a process of its own, whose time is then not ours.
class ForkedOrigin {
  public:
    static Result<std::unique_ptr<ForkedOrigin>> start() {
        int ends[2];
        if (::pipe(ends) != 0) return fail(ErrorCode::resource_exhausted, "no pipe");
        const pid_t child = ::fork();
        if (child == 0) {
            ::close(ends[0]);
            serve(ends[1]);
        }
        ::close(ends[1]);
        char text[64] = {};
        const auto size = ::read(ends[0], text, sizeof text - 1);
        ::close(ends[0]);
        auto out = std::make_unique<ForkedOrigin>();
        out->pid_ = child;
        if (size <= 0) return fail(ErrorCode::unavailable, "the benchmark's origin does not start");
        WEFT_TRY(out->address_, net::Endpoint::parse(text));
        return out;
    }
    ~ForkedOrigin() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    [[nodiscard]] const net::Endpoint& address() const { return address_; }

  private:
    [[noreturn]] static void serve(int result) {
        auto origin = BenchOrigin::start();
        if (!origin) ::_exit(1);
        const std::string address = (*origin)->address().to_string();
        if (::write(result, address.data(), address.size()) < 0) ::_exit(1);
        ::close(result);
        // Ends with its parent, too.
        const pid_t parent = ::getppid();
        while (::getppid() == parent) ::sleep(1);
        ::_exit(0);
    }
    pid_t pid_ = 0;
    net::Endpoint address_;
};

struct Proxy {
    std::string name;
    std::vector<std::string> command;
    std::string body = call_body;
    net::Endpoint server = {};
    std::unique_ptr<Process> process = {};
};

class GatewayBench {
  public:
    explicit GatewayBench(const BenchGatewayOptions& options) : options_(options) {
        folder_ = std::filesystem::temp_directory_path() / fmt::format("weft-bench-gateway-{}", ::getpid());
        std::filesystem::create_directories(folder_);
    }
    ~GatewayBench() { std::filesystem::remove_all(folder_); }

    Result<void> run() {
        use_processor(0);
        WEFT_TRY(origin_, ForkedOrigin::start());
        fmt::print("{}, keep-alive, request {} bytes; CPU of the proxy alone\n\n",
                   options_.apart ? "a processor for the proxy, one for clients and origin" : "one processor for all",
                   std::string_view(call_body).size());
        fmt::print("{:<34} {:>5} {:>12} {:>10} {:>9} {:>9}\n", "", "conns", "CPU us/call", "calls/s", "p50 ms",
                   "p99 ms");
        WEFT_CHECK(measure_peer("nginx", options_.nginx, &GatewayBench::nginx_command));
        WEFT_CHECK(measure_peer("HAProxy", options_.haproxy, &GatewayBench::haproxy_command));
        const std::string address = origin_->address().to_string();
        WEFT_CHECK(measure(weft("weft, plain (http upstream)", "http://" + address)));
        WEFT_CHECK(measure(weft("weft, multiplexed (ws upstream)", "ws://" + address)));
        auto kept = weft("weft, from the cache", "http://" + address);
        kept.body = kept_body;
        return measure(std::move(kept));
    }

  private:
    Proxy weft(const std::string& name, const std::string& upstream) {
        return {name,
                {"/proc/self/exe", "gateway", "--http", "ADDRESS", "--log-level", "error", "--upstream", upstream}};
    }

    std::string write_file(const std::string& name, const std::string& text) {
        const auto path = folder_ / name;
        std::ofstream(path) << text;
        return path;
    }

    std::vector<std::string> nginx_command(const std::string& address) {
        const auto file = write_file(
            "nginx.conf",
            fmt::format(
                "worker_processes 1; daemon off; pid {0}/nginx.pid; error_log /dev/null;\n"
                "events {{ worker_connections 4096; }}\n"
                "http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {0}/body;\n"
                "proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/f; uwsgi_temp_path {0}/u; scgi_temp_path {0}/s;\n"
                "upstream o {{ server {1}; keepalive 512; keepalive_requests 1000000000; }}\n"
                "server {{ listen {2}; location / {{ proxy_pass http://o; proxy_http_version 1.1;\n"
                "proxy_set_header Connection \"\"; }} }} }}\n",
                folder_.string(), origin_->address().to_string(), address));
        return {options_.nginx, "-c", file, "-p", folder_.string(), "-e", "/dev/null"};
    }

    std::vector<std::string> haproxy_command(const std::string& address) {
        const auto file =
            write_file("haproxy.cfg", fmt::format("global\n  nbthread 1\n  maxconn 8192\n"
                                                  "defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n"
                                                  "  timeout server 60s\n  http-reuse always\n"
                                                  "frontend f\n  bind {}\n  default_backend b\n"
                                                  "backend b\n  server s {}\n",
                                                  address, origin_->address().to_string()));
        return {options_.haproxy, "-db", "-f", file};
    }

    Result<void> measure_peer(const std::string& name, const std::string& program,
                              std::vector<std::string> (GatewayBench::*command)(const std::string&)) {
        if (!std::filesystem::exists(program)) {
            fmt::print("{:<34} not there: {}\n", name, program);
            return {};
        }
        WEFT_TRY(const auto address, net::ReservedAddress::make("127.0.0.1:0"));
        Proxy proxy{name, (this->*command)(address.text())};
        WEFT_TRY(proxy.server, net::Endpoint::parse(address.text()));
        return measure(std::move(proxy));
    }

    Result<void> measure(Proxy proxy) {
        std::optional<net::ReservedAddress> address;
        if (proxy.server.host.empty()) {
            WEFT_TRY(address, net::ReservedAddress::make("127.0.0.1:0"));
            WEFT_TRY(proxy.server, net::Endpoint::parse(address->text()));
            std::ranges::replace(proxy.command, std::string("ADDRESS"), address->text());
        }
        if (options_.apart) use_processor(1);
        auto started = Process::start(proxy.command);
        use_processor(0);
        WEFT_TRY(auto process, std::move(started));
        proxy.process = std::make_unique<Process>(std::move(process));
        WEFT_CHECK(wait_until_ready(proxy.server, start_timeout_ns));
        for (const int connections : options_.connections) {
            WEFT_TRY(const auto run,
                     run_reads(proxy.server, proxy.process->pid(), proxy.body, connections, options_.seconds));
            fmt::print("{:<34} {:>5} {:>12.2f} {:>10.0f} {:>9.2f} {:>9.2f}\n", proxy.name, connections, run.cpu_us,
                       run.per_second, run.p50_ms, run.p99_ms);
            std::fflush(stdout);
        }
        return {};
    }

    const BenchGatewayOptions& options_;
    std::filesystem::path folder_;
    std::unique_ptr<ForkedOrigin> origin_;
};

/// Resident memory of a process, in bytes.
std::uint64_t memory_of(pid_t pid) {
    std::ifstream file(fmt::format("/proc/{}/statm", pid));
    std::uint64_t pages = 0;
    std::uint64_t resident = 0;
    file >> pages >> resident;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

void raise_file_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// Connects, subscribes to new heads, and counts what comes.
struct Subscribers {
    net::LoopGroup loops{1};
    std::vector<net::SessionPtr> sessions;
    std::atomic<std::size_t> answered{0};
    std::atomic<std::size_t> told{0};
    std::atomic<std::int64_t> last_ns{0};

    Subscribers() { loops.start(); }
    ~Subscribers() {
        for (const auto& session : sessions) session->close(net::close_code::normal, "");
        sessions.clear();
        loops.stop();
    }

    Result<void> add(const net::Endpoint& server) {
        net::WebSocketHandler handler;
        handler.on_message = [this](net::SessionPtr, std::string text) -> Task<void> {
            if (text.find("eth_subscription") == std::string::npos) {
                answered.fetch_add(1);
            } else {
                last_ns.store(monotonic_ns());
                told.fetch_add(1);
            }
            co_return;
        };
        WEFT_TRY(auto session, run(net::connect_websocket(loops.loop(0), mesh::Context::with_timeout(10 * ns_per_s),
                                                          "ws://" + server.to_string() + "/", std::move(handler))));
        session->send(R"({"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]})");
        sessions.push_back(std::move(session));
        return {};
    }

    /// @errors deadline_exceeded  @p counter did not reach @p count.
    static Result<void> wait_for(const std::atomic<std::size_t>& counter, std::size_t count) {
        const std::int64_t until = monotonic_ns() + 30 * ns_per_s;
        while (counter.load() < count) {
            if (monotonic_ns() > until) return fail(ErrorCode::deadline_exceeded, "not all subscribers were answered");
            std::this_thread::sleep_for(std::chrono::microseconds(200));
        }
        return {};
    }
};

Result<void> bench_subscribers(std::size_t count) {
    raise_file_limit();
    WEFT_TRY(const auto origin, BenchOrigin::start());
    WEFT_TRY(const auto address, net::ReservedAddress::make("127.0.0.1:0"));
    WEFT_TRY(const auto server, net::Endpoint::parse(address.text()));
    WEFT_TRY(const auto gateway,
             Process::start({"/proc/self/exe", "gateway", "--http", address.text(), "--log-level", "error",
                             "--upstream", "ws://" + origin->address().to_string()}));
    WEFT_CHECK(wait_until_ready(server, start_timeout_ns));
    const std::uint64_t before = memory_of(gateway.pid());
    Subscribers subscribers;
    for (std::size_t i = 0; i < count; ++i) WEFT_CHECK(subscribers.add(server));
    WEFT_CHECK(Subscribers::wait_for(subscribers.answered, count));
    const std::uint64_t after = memory_of(gateway.pid());
    std::vector<double> last_ms;
    constexpr int heads = 10;
    const double cpu_before = cpu_seconds(gateway.pid());
    for (int i = 0; i < heads; ++i) {
        subscribers.told.store(0);
        const std::int64_t begun = monotonic_ns();
        origin->make_head();
        WEFT_CHECK(Subscribers::wait_for(subscribers.told, count));
        last_ms.push_back(static_cast<double>(subscribers.last_ns.load() - begun) / 1e6);
        std::this_thread::sleep_for(std::chrono::milliseconds(1'000));
    }
    const double cpu = cpu_seconds(gateway.pid()) - cpu_before;
    std::ranges::sort(last_ms);
    fmt::print(
        "\n{} WebSocket subscribers, a new head a second: {:.1f} KiB of the gateway's memory each; from the head to "
        "the last client median {:.1f} ms, worst of {} {:.1f} ms; CPU {:.2f} us a notice\n",
        count, static_cast<double>(after - before) / 1024.0 / static_cast<double>(count), last_ms[last_ms.size() / 2],
        heads, last_ms.back(), cpu * 1e6 / heads / static_cast<double>(count));
    return {};
}

}  // namespace

Result<void> bench_gateway(const BenchGatewayOptions& options) {
    // Before the part that stays on one processor, and before any thread: it forks.
    const pid_t child = ::fork();
    if (child == 0) {
        GatewayBench bench(options);
        const auto done = bench.run();
        if (!done) fmt::print(stderr, "weft: {}\n", done.error().message);
        std::fflush(stdout);
        std::exit(done ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (status != 0) return fail(ErrorCode::unavailable, "the calls could not be measured");
    if (options.subscribers == 0) return {};
    return bench_subscribers(options.subscribers);
}

}  // namespace weft::app
