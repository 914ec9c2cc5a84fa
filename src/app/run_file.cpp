#include "app/run_file.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include <sys/stat.h>
#include <unistd.h>

#include "app/config.hpp"

namespace weft::app {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view name_in_data = "/weft.run.json";

/// A folder that only this user can write to.
std::string user_folder() {
    if (const char* runtime = std::getenv("XDG_RUNTIME_DIR"); runtime != nullptr && *runtime != '\0') {
        return std::string(runtime) + "/weft";
    }
    std::error_code none;
    const auto temporary = fs::temp_directory_path(none);
    return (none ? fs::path("/tmp") : temporary).string() + "/weft-" + std::to_string(::getuid());
}

/// Whether the folder is there, or could be made, and is nobody else's: /tmp is everybody's.
bool claim(const std::string& folder) {
    ::mkdir(folder.c_str(), 0700);
    struct stat info{};
    return ::lstat(folder.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == ::getuid();
}

bool is_alive(int pid) { return pid > 0 && (::kill(pid, 0) == 0 || errno == EPERM); }

Result<void> replace(const std::string& path, std::string_view text) {
    const std::string fresh = path + ".new";
    std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
    out << text << std::flush;
    out.close();
    if (!out || std::rename(fresh.c_str(), path.c_str()) != 0) {
        const int number = errno;
        std::error_code none;
        fs::remove(fresh, none);
        const auto code = number == ENOSPC ? ErrorCode::resource_exhausted : ErrorCode::internal;
        return fail(code, path + ": " + std::strerror(number));
    }
    return {};
}

template <class Number>
Number number_in(const json::Value& value) {
    Number out = 0;
    std::from_chars(value.text().data(), value.text().data() + value.text().size(), out);
    return out;
}

Result<SystemStatus> read_running(const std::string& path) {
    WEFT_TRY(const std::string text, read_file(path));
    auto status = status_from_json(text);
    if (!status) return fail(ErrorCode::data_loss, path + ": " + status.error().message);
    if (!is_alive(status->supervisor_pid)) return fail(ErrorCode::not_found, path + ": its weft has ended");
    return status;
}

}  // namespace

void write_members(json::Writer& writer, const SystemStatus& status) {
    writer.key("supervisor_pid").integer(status.supervisor_pid);
    writer.string("layout", status.layout)
        .string("http", status.http)
        .string("ws", status.ws)
        .string("data", status.data);
    writer.key("processes").begin_array();
    for (const auto& process : status.processes) {
        writer.begin_object().string("name", process.name).string("service", process.service);
        writer.key("pid").integer(process.pid);
        writer.string("address", process.address).string("health", process.health);
        writer.key("restarts").unsigned_integer(process.restarts);
        writer.string("labels", process.labels);
        writer.end_object();
    }
    writer.end_array();
}

Result<SystemStatus> status_from_json(std::string_view text) {
    WEFT_TRY(const json::Value root, json::parse(text));
    if (!root["processes"].is_array()) return fail(ErrorCode::invalid_argument, "no processes in it");
    SystemStatus status;
    status.supervisor_pid = number_in<int>(root["supervisor_pid"]);
    status.layout = root["layout"].text();
    status.http = root["http"].text();
    status.ws = root["ws"].text();
    status.data = root["data"].text();
    for (const auto& item : root["processes"].items()) {
        status.processes.push_back({item["name"].text(), item["service"].text(), number_in<int>(item["pid"]),
                                    item["address"].text(), item["health"].text(),
                                    number_in<std::uint32_t>(item["restarts"]), item["labels"].text()});
    }
    return status;
}

RunFile::RunFile(const std::string& data) : paths_{data + std::string(name_in_data)} {
    const auto folder = user_folder();
    if (claim(folder)) paths_.push_back(folder + "/" + std::to_string(::getpid()) + ".json");
}

RunFile::~RunFile() {
    std::error_code none;
    for (const auto& path : paths_) fs::remove(path, none);
}

Result<void> RunFile::write(const SystemStatus& status) {
    if (status == written_) return {};
    json::Writer writer;
    writer.begin_object();
    write_members(writer, status);
    writer.end_object();
    for (const auto& path : paths_) WEFT_CHECK(replace(path, writer.text() + "\n"));
    written_ = status;
    return {};
}

Result<SystemStatus> find_running(const std::string& data) {
    if (!data.empty()) {
        auto status = read_running(data + std::string(name_in_data));
        if (!status && status.error().code == ErrorCode::not_found) {
            return fail(ErrorCode::not_found, "no weft runs with its data in " + data);
        }
        return status;
    }
    const auto folder = user_folder();
    std::optional<SystemStatus> newest;
    fs::file_time_type newest_time{};
    if (claim(folder)) {
        std::error_code none;
        for (const auto& entry : fs::directory_iterator(folder, none)) {
            if (entry.path().extension() != ".json") continue;
            auto status = read_running(entry.path().string());
            const auto time = entry.last_write_time(none);
            if (!status || (newest && time <= newest_time)) continue;
            newest = *std::move(status);
            newest_time = time;
        }
    }
    if (!newest) return fail(ErrorCode::not_found, "no weft runs; start one with `weft up --dev`");
    return *std::move(newest);
}

}  // namespace weft::app
