// grpc.health.v1.Health, which every server has.
//
// @source  github.com/grpc/grpc, doc/health-checking.md

#include <array>
#include <map>
#include <mutex>

#include "base/wire_schema.hpp"
#include "net/grpc_reflection.hpp"

namespace weft::net {

namespace {

/// How often a watched service is looked at.
constexpr std::int64_t watch_interval_ns = ns_per_s;

enum class ServingStatus : std::uint8_t { unknown, serving, not_serving, service_unknown };
constexpr auto enumerators(ServingStatus) {
    return std::to_array<std::string_view>({"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"});
}

struct HealthCheckRequest {
    std::string service;
};
struct HealthCheckResponse {
    ServingStatus status = ServingStatus::unknown;
};

}  // namespace

/// What the handlers share with the service that holds them.
struct GrpcService::Health {
    std::mutex mutex;
    std::map<std::string, bool, std::less<>> serving{{"", true}};
    std::function<Task<bool>()> ready;

    Task<ServingStatus> status_of(std::string service) {
        {
            const std::lock_guard lock(mutex);
            const auto found = serving.find(service);
            if (found == serving.end()) co_return ServingStatus::service_unknown;
            if (!found->second) co_return ServingStatus::not_serving;
        }
        const bool good = !ready || co_await ready();
        co_return good ? ServingStatus::serving : ServingStatus::not_serving;
    }

    static Task<Bytes> check(std::shared_ptr<Health> health, BytesView bytes) {
        const auto request = co_await wire::decode<HealthCheckRequest>(bytes);
        const ServingStatus status = co_await health->status_of(request.service);
        if (status == ServingStatus::service_unknown) {
            co_return fail(ErrorCode::not_found, "unknown service " + request.service);
        }
        co_return wire::encode(HealthCheckResponse{status});
    }

    static Task<void> watch(std::shared_ptr<Health> health, GrpcStreamPtr stream) {
        const auto bytes = co_await stream->read();
        if (!bytes) co_await Result<void>(fail(ErrorCode::invalid_argument, "which service?"));
        const auto request = co_await wire::decode<HealthCheckRequest>(*bytes);
        std::optional<ServingStatus> told;
        while (!stream->closed()) {
            const ServingStatus status = co_await health->status_of(request.service);
            if (status != told) co_await stream->write(wire::encode(HealthCheckResponse{status}));
            told = status;
            co_await Loop::current()->sleep_for(watch_interval_ns);
        }
    }
};

GrpcService::GrpcService(GrpcServerOptions options)
    : options_(std::move(options)), health_(std::make_shared<Health>()) {
    handle("grpc.health.v1.Health/Check",
           [health = health_](const mesh::Context&, BytesView request) { return Health::check(health, request); });
    handle_stream("grpc.health.v1.Health/Watch", [health = health_](const mesh::Context&, GrpcStreamPtr stream) {
        return Health::watch(health, std::move(stream));
    });
}

void GrpcService::set_health(std::string_view service, bool serving) const {
    const std::lock_guard lock(health_->mutex);
    health_->serving[std::string(service)] = serving;
}

wire::FileDescriptor health_descriptor() {
    wire::Schema schema("grpc.health.v1", "Health", "");
    schema.add<HealthCheckRequest, HealthCheckResponse>("Check", false, false);
    schema.add<HealthCheckRequest, HealthCheckResponse>("Watch", false, true);
    return schema.descriptor("grpc/health/v1/health.proto");
}

void GrpcService::set_ready(std::function<Task<bool>()> ready) { health_->ready = std::move(ready); }

}  // namespace weft::net
