#pragma once
// One small record on disk, the newest of its kind, replaced whole.
//
// Two files take turns, so that a write that is cut off leaves the record before it:
//
//   file = "weftrec1" sequence (8, big-endian) size (8) keccak256(sequence size record) (32) record
//
// The one that is whole and has the higher sequence counts.

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace weft::service::consensus {

inline constexpr std::size_t record_size_max = 64ULL << 20;

class RecordFile {
  public:
    /// @param path  without its last part, ".0" or ".1".
    /// @errors permission_denied, internal  "PATH: what". A file that is damaged is no error: see is_damaged().
    [[nodiscard]] static Result<RecordFile> open(std::string path);

    /// The newest record that is whole.
    [[nodiscard]] const std::optional<Bytes>& record() const { return record_; }
    /// There are files, and none of them is whole.
    [[nodiscard]] bool is_damaged() const { return is_damaged_; }
    /// Returns once the record would survive a loss of power. After an error the record before is still there.
    /// @errors resource_exhausted  no space left; internal  "PATH: what".
    [[nodiscard]] Result<void> write(Bytes record);

  private:
    explicit RecordFile(std::string path) : path_(std::move(path)) {}
    [[nodiscard]] std::string file(std::uint64_t sequence) const { return path_ + (sequence % 2 == 0 ? ".0" : ".1"); }

    std::string path_;
    std::uint64_t sequence_ = 0;  // of record_
    std::optional<Bytes> record_;
    bool is_damaged_ = false;
};

/// What a file holds. @errors data_loss  cut off or changed. For open() and its fuzz target.
struct RecordContent {
    std::uint64_t sequence = 0;
    Bytes record;
};
[[nodiscard]] Result<RecordContent> read_record(BytesView file);
[[nodiscard]] Bytes make_record(std::uint64_t sequence, BytesView record);

}  // namespace weft::service::consensus
