#pragma once
// Files of blocks: their RLP encodings one after the other, as geth and hive write and read them.

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace weft::app {

/// Largest encoding of a block that is read; EIP-7934 allows an eighth of it, and no block before was near it.
inline constexpr std::size_t file_block_size_max = 64 << 20;

/// Reads block after block, whatever the size of the file.
class ChainFileReader {
  public:
    /// @errors not_found, permission_denied, internal  names the file.
    [[nodiscard]] static Result<ChainFileReader> open(const std::string& path);

    /// The next encoding, which holds until the next call; nothing at the end of the file.
    /// @errors invalid_argument  no list is here, it is too large, or the file ends within it: names file and byte.
    [[nodiscard]] Result<std::optional<BytesView>> next();

    [[nodiscard]] const std::string& path() const { return path_; }
    /// Bytes read, and of the whole file.
    [[nodiscard]] std::uint64_t position() const { return position_; }
    [[nodiscard]] std::uint64_t size() const { return size_; }

  private:
    ChainFileReader(std::string path, std::ifstream in, std::uint64_t size)
        : path_(std::move(path)), in_(std::move(in)), size_(size) {}
    [[nodiscard]] std::unexpected<Error> wrong(std::string_view what) const;
    /// Reads until the buffer has @p size bytes; false if the file has not.
    [[nodiscard]] bool fill(std::size_t size);

    std::string path_;
    std::ifstream in_;
    std::uint64_t size_ = 0;
    std::uint64_t position_ = 0;
    Bytes buffer_;
};

/// Writes a file of blocks. It has its name once all is written: what was there before stays until then.
class ChainFileWriter {
  public:
    /// @errors permission_denied, internal  names the file.
    [[nodiscard]] static Result<ChainFileWriter> create(const std::string& path);
    ChainFileWriter(ChainFileWriter&&) noexcept = default;
    ChainFileWriter& operator=(ChainFileWriter&&) = delete;
    ~ChainFileWriter();

    void put(BytesView block);
    /// @errors internal, resource_exhausted  something could not be written.
    [[nodiscard]] Result<void> finish();

  private:
    ChainFileWriter(std::string path, std::ofstream out) : path_(std::move(path)), out_(std::move(out)) {}
    [[nodiscard]] std::string unfinished() const { return path_ + ".part"; }

    std::string path_;
    std::ofstream out_;
};

}  // namespace weft::app
