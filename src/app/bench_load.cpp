#include "app/bench_load.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "app/bench_client.hpp"
#include "base/hex.hpp"
#include "base/time.hpp"

namespace weft::app {

namespace {

constexpr std::int64_t call_timeout_ns = 30 * ns_per_s;
constexpr std::int64_t stalled_ns = 3 * ns_per_s;

std::string body_of(std::string_view method, std::string_view params) {
    return fmt::format(R"({{"jsonrpc":"2.0","id":1,"method":"{}","params":{}}})", method, params);
}

struct ProcessTimes {
    pid_t parent = 0;
    double seconds = 0;
};

std::optional<ProcessTimes> read_times(const std::filesystem::path& folder) {
    std::ifstream file(folder / "stat");
    std::string text;
    if (!std::getline(file, text)) return std::nullopt;
    const auto after_name = text.rfind(')');
    if (after_name == std::string::npos) return std::nullopt;
    char state = 0;
    long parent = 0;
    unsigned long long user = 0;
    unsigned long long system = 0;
    // state ppid pgrp session tty tpgid flags minflt cminflt majflt cmajflt utime stime
    if (std::sscanf(text.c_str() + after_name + 1, " %c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &state,
                    &parent, &user, &system) != 4) {
        return std::nullopt;
    }
    return ProcessTimes{static_cast<pid_t>(parent),
                        static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK))};
}

}  // namespace

double cpu_seconds(pid_t root) {
    std::map<pid_t, ProcessTimes> processes;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string name = entry.path().filename();
        pid_t pid = 0;
        if (std::from_chars(name.data(), name.data() + name.size(), pid).ptr != name.data() + name.size()) continue;
        if (const auto times = read_times(entry.path())) processes[pid] = *times;
    }
    double sum = 0;
    for (const auto& [pid, times] : processes) {
        pid_t at = pid;
        while (at != root && at > 1 && processes.contains(at)) at = processes[at].parent;
        if (at == root) sum += times.seconds;
    }
    return sum;
}

Result<json::Value> call_once(const net::Endpoint& server, std::string_view method, std::string_view params) {
    BenchClient client;
    WEFT_TRY(const auto reply, run(client.http.fetch(mesh::Context::with_timeout(call_timeout_ns),
                                                     post_to(server, body_of(method, params)))));
    WEFT_TRY(auto value, json::parse(reply.body));
    if (const auto* error = value.find("error"))
        return fail(ErrorCode::failed_precondition, (*error)["message"].text());
    return value["result"];
}

Result<void> wait_until_ready(const net::Endpoint& server, std::int64_t timeout_ns) {
    const std::int64_t end = monotonic_ns() + timeout_ns;
    while (monotonic_ns() < end) {
        if (call_once(server, "eth_chainId", "[]")) return {};
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return fail(ErrorCode::deadline_exceeded, "the server did not answer in time");
}

namespace {
/// wrk's "     99%    1.68ms"; us, ms or s. @return 0 if it is not there.
double wrk_latency_ms(const std::string& output, const char* line) {
    const auto at = output.find(line);
    if (at == std::string::npos) return 0;
    char* unit = nullptr;
    const double value = std::strtod(output.c_str() + at + std::strlen(line), &unit);
    return unit[0] == 'u' ? value / 1'000 : unit[0] == 'm' ? value : value * 1'000;
}
}  // namespace

Result<ReadRun> run_reads(const net::Endpoint& server, pid_t root, std::string_view body, int connections,
                          int seconds) {
    const auto script = std::filesystem::temp_directory_path() / fmt::format("weft-bench-{}.lua", getpid());
    std::ofstream(script) << "wrk.method = 'POST'\nwrk.headers['content-type'] = 'application/json'\nwrk.body = [["
                          << body << "]]\n";
    const std::string command = fmt::format("wrk -t1 -c{} -d{}s --latency -s {} http://{}/ 2>&1", connections, seconds,
                                            script.string(), server.to_string());
    const double before = cpu_seconds(root);
    std::FILE* pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) return fail(ErrorCode::unavailable, "wrk can't be started");
    std::string output;
    char buffer[512];
    while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) output += buffer;
    pclose(pipe);
    const double cpu = cpu_seconds(root) - before;
    std::filesystem::remove(script);
    const auto at = output.find("Requests/sec:");
    if (at == std::string::npos) {
        return fail(ErrorCode::unavailable,
                    "wrk gave no figure (is it installed? apt-get install wrk): " + output.substr(0, 120));
    }
    if (output.find("Non-2xx") != std::string::npos) return fail(ErrorCode::internal, "wrk: the server gave errors");
    ReadRun out;
    out.per_second = std::strtod(output.c_str() + at + 13, nullptr);
    unsigned long long requests = 0;
    if (const auto line = output.find(" requests in"); line != std::string::npos) {
        const auto start = output.rfind('\n', line) + 1;
        requests = std::strtoull(output.c_str() + start, nullptr, 10);
    }
    out.p50_ms = wrk_latency_ms(output, "     50%");
    out.p99_ms = wrk_latency_ms(output, "     99%");
    if (requests != 0) out.cpu_us = cpu * 1e6 / static_cast<double>(requests);
    return out;
}

namespace {

Task<std::uint64_t> send_in_order(net::HttpClient& http, const net::Endpoint& server,
                                  const std::vector<std::string>& bodies) {
    std::uint64_t acknowledged = 0;
    for (const auto& body : bodies) {
        const auto reply =
            co_await settled(http.fetch(mesh::Context::with_timeout(call_timeout_ns), post_to(server, body)));
        if (reply && reply->body.find("\"result\"") != std::string::npos) ++acknowledged;
    }
    co_return acknowledged;
}

Result<std::uint64_t> count_included(const net::Endpoint& server, const std::vector<Address>& senders,
                                     std::uint64_t before) {
    std::uint64_t sum = 0;
    for (const auto& sender : senders) {
        WEFT_TRY(const auto nonce,
                 call_once(server, "eth_getTransactionCount", fmt::format(R"(["{}","latest"])", to_hex(sender))));
        WEFT_TRY(const auto number, quantity_from_hex(nonce.text()));
        sum += number > before ? number - before : 0;
    }
    return sum;
}

}  // namespace

Result<SendRun> run_sends(const net::Endpoint& server, pid_t root, const std::vector<std::vector<std::string>>& bodies,
                          const std::vector<Address>& senders, std::uint64_t nonce_before) {
    SendRun out;
    const double cpu_before = cpu_seconds(root);
    const std::int64_t start = monotonic_ns();
    std::atomic<std::uint64_t> acknowledged{0};
    std::atomic<std::size_t> left{bodies.size()};
    BenchClient client;
    for (const auto& list : bodies) {
        spawn(send_in_order(client.http, server, list), [&](Result<std::uint64_t> count) {
            acknowledged += count.value_or(0);
            if (--left == 0) left.notify_one();
        });
    }
    for (std::size_t now = left; now != 0; now = left) left.wait(now);
    out.sent = acknowledged;
    std::int64_t moved = monotonic_ns();
    WEFT_TRY(out.included, count_included(server, senders, nonce_before));
    while (out.included < out.sent && monotonic_ns() - moved < stalled_ns) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        WEFT_TRY(const auto now, count_included(server, senders, nonce_before));
        if (now > out.included) moved = monotonic_ns();
        out.included = now;
    }
    const double seconds = static_cast<double>(moved - start) / 1e9;
    out.per_second = static_cast<double>(out.included) / seconds;
    if (out.included != 0) out.cpu_us = (cpu_seconds(root) - cpu_before) * 1e6 / static_cast<double>(out.included);
    return out;
}

}  // namespace weft::app
