#include "service/monitor/monitor.hpp"

#include <unistd.h>

#include <cstdio>

#include "base/time.hpp"

namespace weft::service::monitor {

namespace {

/// Resident memory of this process in bytes; 0 if the system doesn't tell.
std::uint64_t resident_size() {
    std::FILE* file = std::fopen("/proc/self/statm", "r");
    if (file == nullptr) return 0;
    unsigned long long total = 0;
    unsigned long long resident = 0;
    const int read = std::fscanf(file, "%llu %llu", &total, &resident);
    std::fclose(file);
    return read == 2 ? resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
}

template <class Reply>
api::monitor::ServiceHealth health(std::string service, const Result<Reply>& reply) {
    if (reply) return {std::move(service), true, true, ""};
    return {std::move(service), false, false, reply.error().message};
}

}  // namespace

Task<api::monitor::ReportReply> Monitor::report(mesh::Context context, api::monitor::Report) {
    api::monitor::ReportReply out;
    const auto head = co_await settled(ports_.head(context, {}));
    out.services.push_back(health("storage", head));
    if (head) {
        out.head_number = head->number;
        out.head_hash = head->hash;
        const std::uint64_t now = unix_seconds();
        out.head_age_s = now > head->timestamp ? now - head->timestamp : 0;
    }
    const auto pool = co_await settled(ports_.pool_status(context, {}));
    out.services.push_back(health("validation", pool));
    if (pool) {
        out.pool_pending = pool->pending;
        out.pool_queued = pool->queued;
    }
    const auto consensus = co_await settled(ports_.consensus_status(context, {}));
    out.services.push_back(health("consensus", consensus));
    const auto network = co_await settled(ports_.network_status(context, {}));
    out.services.push_back(health("network", network));
    if (network) out.peers = network->peers.size();
    out.services.push_back({"monitor", true, true, ""});
    out.disk_size = ports_.disk_size ? ports_.disk_size() : 0;
    out.memory_size = resident_size();
    co_return out;
}

}  // namespace weft::service::monitor
