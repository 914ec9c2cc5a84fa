#pragma once
// monitor: how a node is.

#include "api/types.hpp"

namespace weft::api::monitor {

struct ServiceHealth {
    std::string service;
    bool live = false;
    bool ready = false;
    std::string detail;
};
struct ReportReply {
    std::vector<ServiceHealth> services;
    std::uint64_t head_number = 0;
    Hash head_hash;
    std::uint64_t head_age_s = 0;
    std::uint64_t pool_pending = 0;
    std::uint64_t pool_queued = 0;
    std::uint64_t peers = 0;
    std::uint64_t disk_size = 0;
    std::uint64_t memory_size = 0;
    std::uint64_t blocks_sealed = 0;
    std::uint64_t transactions_sealed = 0;
};
struct Report {
    using Reply = ReportReply;
    static constexpr std::string_view method = "weft.Monitor/Report";
    bool reserved = false;
};

}  // namespace weft::api::monitor
