#pragma once
// An ordered key-value store of named tables, on RocksDB. Writes of one Batch become visible, and survive a crash of
// the process, together or not at all.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace weft::store {

/// A table's number: its place in the list given to Kv::open.
using Table = std::uint32_t;

/// Free bytes of disk below which no store is opened: its log and tables must fit, for it can't end well without.
inline constexpr std::uint64_t disk_free_min = 64ULL << 20;

/// @errors resource_exhausted  "PATH: no space left on device (3 MiB free, 64 MiB needed)".
[[nodiscard]] Result<void> check_disk_space(const std::string& path);

struct KvOptions {
    /// Bytes of memory for caching blocks of tables.
    std::size_t cache_size = 64ULL << 20;
    /// Bytes of memory for what has been written and is in the log only, of all tables together; above it the largest
    /// of them goes to disk.
    std::size_t write_buffers_size = 64ULL << 20;
    /// Whether each write waits for the disk. Without, a crash of the process loses nothing, a loss of power may lose
    /// the last writes, but never part of one.
    bool sync = false;
    /// Tables (bit n: number n) whose keys end in 8 bytes that tell versions of one thing apart. What comes before must
    /// be no beginning of another key's.
    std::uint64_t versioned_tables = 0;
};

class Kv {
  public:
    class Batch {
      public:
        Batch();
        ~Batch();
        Batch(Batch&&) noexcept;
        Batch& operator=(Batch&&) noexcept;
        void put(Table table, BytesView key, BytesView value);
        void erase(Table table, BytesView key);
        [[nodiscard]] std::size_t size() const;

      private:
        friend class Kv;
        struct State;
        std::unique_ptr<State> state_;
    };

    /// Walks a table in order of keys, over the content of the moment it was made.
    class Cursor {
      public:
        ~Cursor();
        Cursor(Cursor&&) noexcept;
        /// To the first key that is not below @p key.
        void seek(BytesView key);
        /// To the last key that is not above @p key.
        void seek_back(BytesView key);
        void next();
        [[nodiscard]] bool valid() const;
        [[nodiscard]] BytesView key() const;
        [[nodiscard]] BytesView value() const;

      private:
        friend class Kv;
        struct State;
        explicit Cursor(std::unique_ptr<State> state);
        std::unique_ptr<State> state_;
    };

    /// Fills a table in bulk: entries in order of their keys, written to a file beside the table. Whatever is not added
    /// in the end goes with the writer.
    class SortedWriter {
      public:
        ~SortedWriter();
        SortedWriter(SortedWriter&&) noexcept;
        /// @pre  the key is above all before it. @errors internal  the file system.
        [[nodiscard]] Result<void> put(BytesView key, BytesView value);

      private:
        friend class Kv;
        struct State;
        explicit SortedWriter(std::unique_ptr<State> state);
        std::unique_ptr<State> state_;
    };

    /// Opens or creates the store in folder @p path.
    ///
    /// @errors failed_precondition  in use by another process; data_loss  damaged; resource_exhausted  disk (almost)
    /// full;
    ///         permission_denied, internal  as the file system says. Each message begins with the path.
    [[nodiscard]] static Result<Kv> open(const std::string& path, std::span<const std::string_view> tables,
                                         const KvOptions& options = {});
    ~Kv();
    Kv(Kv&&) noexcept;

    /// Thread-safe, as all that follows.
    /// @errors data_loss  damaged; internal  the file system.
    [[nodiscard]] Result<std::optional<Bytes>> get(Table table, BytesView key) const;
    /// The value of the first key that is not below @p key and differs from it in its version at most.
    /// @param table  a versioned one.
    [[nodiscard]] Result<std::optional<Bytes>> get_version(Table table, BytesView key) const;
    [[nodiscard]] Result<void> write(Batch batch);
    [[nodiscard]] Cursor cursor(Table table) const;
    /// @errors internal  the file system.
    [[nodiscard]] Result<SortedWriter> sorted_writer(Table table) const;
    /// Makes what was written part of the table. @param writer  of this table; may have written nothing.
    [[nodiscard]] Result<void> add_sorted(SortedWriter writer);
    /// Bytes on disk, about.
    [[nodiscard]] std::uint64_t disk_size() const;
    /// Bytes of memory of what is written and not on its way to a table on disk yet.
    [[nodiscard]] std::uint64_t buffered_size() const;

  private:
    struct State;
    explicit Kv(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace weft::store
