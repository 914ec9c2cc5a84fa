#include "app/chain_file.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace weft::app {

namespace {

constexpr std::uint8_t short_list = 0xc0;  // and its size, up to 55
constexpr std::uint8_t long_list = 0xf7;   // and the size of its size

std::unexpected<Error> system_failure(const std::string& path) {
    const int number = errno;
    const ErrorCode code = number == ENOENT   ? ErrorCode::not_found
                           : number == EACCES ? ErrorCode::permission_denied
                           : number == ENOSPC ? ErrorCode::resource_exhausted
                                              : ErrorCode::internal;
    return fail(code, fmt::format("{}: {}", path, std::strerror(number)));
}

}  // namespace

Result<ChainFileReader> ChainFileReader::open(const std::string& path) {
    std::error_code none;
    if (std::filesystem::is_directory(path, none)) return fail(ErrorCode::invalid_argument, path + ": is a folder");
    std::ifstream in(path, std::ios::binary);
    if (!in) return system_failure(path);
    const auto size = std::filesystem::file_size(path, none);
    return ChainFileReader(path, std::move(in), none ? 0 : size);
}

std::unexpected<Error> ChainFileReader::wrong(std::string_view what) const {
    return fail(ErrorCode::invalid_argument, fmt::format("{}: byte {}: {}", path_, position_, what));
}

bool ChainFileReader::fill(std::size_t size) {
    const std::size_t before = buffer_.size();
    if (before >= size) return true;
    buffer_.resize(size);
    in_.read(reinterpret_cast<char*>(buffer_.data() + before), static_cast<std::streamsize>(size - before));
    buffer_.resize(before + static_cast<std::size_t>(in_.gcount()));
    return buffer_.size() == size;
}

Result<std::optional<BytesView>> ChainFileReader::next() {
    position_ += buffer_.size();
    buffer_.clear();
    if (!fill(1)) return std::nullopt;
    const std::uint8_t first = buffer_[0];
    if (first < short_list) return wrong("no block begins here");
    std::uint64_t size = 0;
    if (first <= long_list) {
        size = first - short_list;
    } else {
        const std::size_t digits = first - long_list;
        if (!fill(1 + digits)) return wrong("the file ends within a block");
        for (std::size_t i = 1; i <= digits; ++i) {
            if (size > file_block_size_max) break;
            size = size << 8 | buffer_[i];
        }
    }
    if (size > file_block_size_max) {
        return wrong(fmt::format("a block of more than {} MiB", file_block_size_max >> 20));
    }
    if (!fill(buffer_.size() + static_cast<std::size_t>(size))) return wrong("the file ends within a block");
    return BytesView(buffer_);
}

Result<ChainFileWriter> ChainFileWriter::create(const std::string& path) {
    std::ofstream out(path + ".part", std::ios::binary | std::ios::trunc);
    if (!out) return system_failure(path);
    return ChainFileWriter(path, std::move(out));
}

ChainFileWriter::~ChainFileWriter() {
    std::error_code none;
    if (out_.is_open()) std::filesystem::remove(unfinished(), none);
}

void ChainFileWriter::put(BytesView block) {
    out_.write(reinterpret_cast<const char*>(block.data()), static_cast<std::streamsize>(block.size()));
}

Result<void> ChainFileWriter::finish() {
    out_.flush();
    if (!out_) return system_failure(path_);
    std::error_code wrong;
    std::filesystem::rename(unfinished(), path_, wrong);
    if (wrong) return fail(ErrorCode::internal, path_ + ": " + wrong.message());
    out_.close();
    return {};
}

}  // namespace weft::app
