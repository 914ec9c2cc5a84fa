#include "service/consensus/record_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "base/big_endian.hpp"
#include "crypto/keccak.hpp"

namespace weft::service::consensus {

namespace {

constexpr std::string_view magic = "weftrec1";
constexpr std::size_t head_size = 8 + 8 + 8 + 32;

Hash checksum(std::uint64_t sequence, BytesView record) {
    Bytes all;
    all.reserve(record.size() + 16);
    append_big_endian(all, sequence);
    append_big_endian(all, record.size());
    append(all, record);
    return crypto::keccak256(all);
}

std::unexpected<Error> io_error(const std::string& path) {
    const int number = errno;
    const auto code = number == ENOSPC || number == EDQUOT ? ErrorCode::resource_exhausted
                      : number == EACCES                   ? ErrorCode::permission_denied
                                                           : ErrorCode::internal;
    return fail(code, path + ": " + std::strerror(number));
}

class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int get() const { return fd_; }

  private:
    int fd_;
};

/// Nothing if there is no such file.
Result<std::optional<Bytes>> read_whole(const std::string& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) {
        if (errno == ENOENT) return std::optional<Bytes>();
        return io_error(path);
    }
    Bytes out;
    std::array<std::uint8_t, 65'536> part;
    while (out.size() <= record_size_max + head_size) {
        const auto count = ::read(file.get(), part.data(), part.size());
        if (count < 0) return io_error(path);
        if (count == 0) break;
        append(out, BytesView(part.data(), static_cast<std::size_t>(count)));
    }
    return std::optional(std::move(out));
}

Result<void> sync_folder(const std::string& path) {
    const auto folder = std::filesystem::path(path).parent_path().string();
    const Descriptor file(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (file.get() < 0 || ::fsync(file.get()) != 0) return io_error(folder);
    return {};
}

}  // namespace

Bytes make_record(std::uint64_t sequence, BytesView record) {
    Bytes out(magic.begin(), magic.end());
    out.reserve(head_size + record.size());
    append_big_endian(out, sequence);
    append_big_endian(out, record.size());
    append(out, checksum(sequence, record).view());
    append(out, record);
    return out;
}

Result<RecordContent> read_record(BytesView file) {
    const auto damaged = [] { return fail(ErrorCode::data_loss, "the record is damaged"); };
    if (file.size() < head_size || !std::ranges::equal(file.first(magic.size()), magic)) return damaged();
    RecordContent out;
    out.sequence = from_big_endian(file.subspan(8, 8));
    const std::uint64_t size = from_big_endian(file.subspan(16, 8));
    // What lies behind the record is of a longer one that was there before.
    if (size > record_size_max || size > file.size() - head_size) return damaged();
    const BytesView record = file.subspan(head_size, size);
    if (Hash::from(file.subspan(24, 32)) != checksum(out.sequence, record)) return damaged();
    out.record = to_bytes(record);
    return out;
}

Result<RecordFile> RecordFile::open(std::string path) {
    RecordFile out(std::move(path));
    bool is_there = false;
    for (const std::uint64_t parity : {0U, 1U}) {
        WEFT_TRY(const auto bytes, read_whole(out.file(parity)));
        if (!bytes) continue;
        is_there = true;
        auto content = read_record(*bytes);
        if (!content || content->sequence % 2 != parity) continue;
        if (out.record_ && content->sequence < out.sequence_) continue;
        out.sequence_ = content->sequence;
        out.record_ = std::move(content->record);
    }
    out.is_damaged_ = is_there && !out.record_;
    return out;
}

Result<void> RecordFile::write(Bytes record) {
    WEFT_ASSERT(record.size() <= record_size_max);
    const std::uint64_t sequence = record_ ? sequence_ + 1 : 0;
    const std::string path = file(sequence);
    const bool is_new = !std::filesystem::exists(path);
    const Descriptor out(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (out.get() < 0) return io_error(path);
    const Bytes bytes = make_record(sequence, record);
    for (std::size_t at = 0; at < bytes.size();) {
        const auto count = ::pwrite(out.get(), bytes.data() + at, bytes.size() - at, static_cast<off_t>(at));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return io_error(path);
        at += static_cast<std::size_t>(count);
    }
    if (::fdatasync(out.get()) != 0) return io_error(path);
    if (is_new) WEFT_CHECK(sync_folder(path));
    sequence_ = sequence;
    record_ = std::move(record);
    is_damaged_ = false;
    return {};
}

}  // namespace weft::service::consensus
