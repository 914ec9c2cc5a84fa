#pragma once
// How `weft status` finds a running system: a file that `weft up` keeps up to date, in the data folder and, so that it
// is found without knowing that, in a folder of the user's.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"

namespace weft::app {

struct ProcessStatus {
    std::string name;     // "node-0"
    std::string service;  // "node"
    int pid = 0;          // 0: does not run now
    std::string address;  // of its gRPC server; empty: not known
    /// serving, starting, unhealthy, down.
    std::string health;
    std::uint32_t restarts = 0;
    /// What it says of itself: "version=0.1.0 zone=east"; "drained" first if it is.
    std::string labels = {};

    bool operator==(const ProcessStatus&) const = default;
};

struct SystemStatus {
    int supervisor_pid = 0;
    std::string layout;  // "process" or "thread"
    std::string http;
    std::string ws;
    std::string data;
    std::vector<ProcessStatus> processes;

    bool operator==(const SystemStatus&) const = default;
};

/// Writes the members of an object that is begun.
void write_members(json::Writer& writer, const SystemStatus& status);
/// @errors invalid_argument  not what write_members wrote.
[[nodiscard]] Result<SystemStatus> status_from_json(std::string_view text);

/// The files of one running system; they go with it.
class RunFile {
  public:
    /// @param data  folder that the system keeps its things in.
    explicit RunFile(const std::string& data);
    ~RunFile();
    RunFile(const RunFile&) = delete;
    RunFile& operator=(const RunFile&) = delete;
    /// A reader sees the old content or the new, never part of one.
    /// @errors resource_exhausted, permission_denied, internal  "FILE: what".
    [[nodiscard]] Result<void> write(const SystemStatus& status);

  private:
    std::vector<std::string> paths_;
    SystemStatus written_;
};

/// @param data  the system's folder; empty: the system of this user that was started last.
/// @errors not_found  none runs (any more).
[[nodiscard]] Result<SystemStatus> find_running(const std::string& data);

}  // namespace weft::app
