#include "service/storage/replace_folder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace weft::service::storage {

namespace {

std::string aside(const std::string& path) { return path + ".old"; }

std::unexpected<Error> wrong(const std::string& path) {
    return fail(ErrorCode::internal, path + ": " + std::strerror(errno));
}

Result<void> move(const std::string& from, const std::string& to) {
    if (std::rename(from.c_str(), to.c_str()) != 0) return wrong(from);
    return {};
}

/// Makes renames in the folder that holds @p path durable.
Result<void> sync_parent(const std::string& path) {
    const std::filesystem::path parent = std::filesystem::path(path).parent_path();
    const int fd = open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return wrong(parent.string());
    const bool synced = fsync(fd) == 0;
    close(fd);
    if (!synced) return wrong(parent.string());
    return {};
}

Result<void> remove(const std::string& path) {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) return fail(ErrorCode::internal, path + ": " + error.message());
    return {};
}

bool exists(const std::string& path) {
    std::error_code none;
    return std::filesystem::exists(path, none);
}

}  // namespace

Result<void> replace_folder(const std::string& path, const std::string& by) {
    WEFT_CHECK(remove(aside(path)));
    if (exists(path)) WEFT_CHECK(move(path, aside(path)));
    WEFT_CHECK(move(by, path));
    WEFT_CHECK(sync_parent(path));
    return remove(aside(path));
}

Result<void> settle_folder(const std::string& path, const std::string& by) {
    if (!exists(aside(path))) return {};
    if (!exists(path)) {
        // It ended between the two renames, the second of which is made up for.
        WEFT_CHECK(move(exists(by) ? by : aside(path), path));
        WEFT_CHECK(sync_parent(path));
    }
    return remove(aside(path));
}

}  // namespace weft::service::storage
