#include "store/kv.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <atomic>
#include <filesystem>

namespace weft::store {

namespace {

rocksdb::Slice slice(BytesView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
BytesView view(const rocksdb::Slice& bytes) { return as_bytes({bytes.data(), bytes.size()}); }

std::unexpected<Error> failure(const std::string& path, const rocksdb::Status& status) {
    ErrorCode code = ErrorCode::internal;
    if (status.IsCorruption()) code = ErrorCode::data_loss;
    if (status.IsNoSpace()) code = ErrorCode::resource_exhausted;
    std::string text = status.ToString();
    if (text.find("lock") != std::string::npos && status.IsIOError()) {
        code = ErrorCode::failed_precondition;
        text = "in use by another process";
    } else if (text.find("ermission denied") != std::string::npos) {
        code = ErrorCode::permission_denied;
    }
    return fail(code, path + ": " + text);
}

}  // namespace

namespace {

constexpr std::size_t version_size = 8;

/// A versioned key without its version: what filters are made of.
class WithoutVersion final : public rocksdb::SliceTransform {
  public:
    [[nodiscard]] const char* Name() const override { return "weft.WithoutVersion"; }
    [[nodiscard]] rocksdb::Slice Transform(const rocksdb::Slice& key) const override {
        return {key.data(), key.size() - version_size};
    }
    [[nodiscard]] bool InDomain(const rocksdb::Slice& key) const override { return key.size() >= version_size; }
};

/// Without versions in the filter of a table in memory, each read would search it for what is most often not there.
rocksdb::ColumnFamilyOptions versioned(rocksdb::ColumnFamilyOptions family) {
    family.prefix_extractor = std::make_shared<WithoutVersion>();
    family.memtable_prefix_bloom_size_ratio = 0.1;
    return family;
}

}  // namespace

struct Kv::State {
    std::string path;
    std::unique_ptr<rocksdb::DB> db;
    std::vector<rocksdb::ColumnFamilyHandle*> tables;
    std::vector<rocksdb::ColumnFamilyOptions> families;  // of each table
    rocksdb::WriteOptions write;
    std::atomic<std::uint64_t> files_made{0};

    ~State() {
        for (auto* table : tables) db->DestroyColumnFamilyHandle(table);
    }
};

struct Kv::Batch::State {
    // The tables' handles are known when the batch is written; until then an operation is kept as it came.
    struct Operation {
        Table table;
        bool erase;
        std::string key;
        std::string value;
    };
    std::vector<Operation> operations;
};

Kv::Batch::Batch() : state_(std::make_unique<State>()) {}
Kv::Batch::~Batch() = default;
Kv::Batch::Batch(Batch&&) noexcept = default;
Kv::Batch& Kv::Batch::operator=(Batch&&) noexcept = default;

void Kv::Batch::put(Table table, BytesView key, BytesView value) {
    state_->operations.push_back({table, false, std::string(as_text(key)), std::string(as_text(value))});
}
void Kv::Batch::erase(Table table, BytesView key) {
    state_->operations.push_back({table, true, std::string(as_text(key)), {}});
}
std::size_t Kv::Batch::size() const { return state_->operations.size(); }

struct Kv::Cursor::State {
    std::unique_ptr<rocksdb::Iterator> iterator;
};

Kv::Cursor::Cursor(std::unique_ptr<State> state) : state_(std::move(state)) {}
Kv::Cursor::~Cursor() = default;
Kv::Cursor::Cursor(Cursor&&) noexcept = default;
void Kv::Cursor::seek(BytesView key) { state_->iterator->Seek(slice(key)); }
void Kv::Cursor::seek_back(BytesView key) { state_->iterator->SeekForPrev(slice(key)); }
void Kv::Cursor::next() { state_->iterator->Next(); }
bool Kv::Cursor::valid() const { return state_->iterator->Valid(); }
BytesView Kv::Cursor::key() const { return view(state_->iterator->key()); }
BytesView Kv::Cursor::value() const { return view(state_->iterator->value()); }

Kv::Kv(std::unique_ptr<State> state) : state_(std::move(state)) {}
Kv::~Kv() = default;
Kv::Kv(Kv&&) noexcept = default;

Result<void> check_disk_space(const std::string& path) {
    std::error_code error;
    const auto space = std::filesystem::space(path, error);
    if (error) return fail(ErrorCode::internal, path + ": " + error.message());
    if (space.available >= disk_free_min) return {};
    return fail(ErrorCode::resource_exhausted,
                path + ": no space left on device (" + std::to_string(space.available >> 20) + " MiB free, " +
                    std::to_string(disk_free_min >> 20) + " MiB needed)");
}

Result<Kv> Kv::open(const std::string& path, std::span<const std::string_view> tables, const KvOptions& options) {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) return fail(ErrorCode::permission_denied, path + ": " + error.message());
    WEFT_CHECK(check_disk_space(path));

    rocksdb::DBOptions db_options;
    db_options.create_if_missing = true;
    db_options.create_missing_column_families = true;
    db_options.paranoid_checks = true;
    db_options.keep_log_file_num = 2;
    db_options.max_open_files = 512;
    db_options.max_background_jobs = 2;
    db_options.db_write_buffer_size = options.write_buffers_size;
    // A table that is seldom written to would keep the log of all of them for long.
    db_options.max_total_wal_size = 4 * options.write_buffers_size;
    db_options.info_log_level = rocksdb::WARN_LEVEL;
    // A torn last record of the log is a write that was never acknowledged: it is dropped. Damage before it is refused.
    db_options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;

    rocksdb::BlockBasedTableOptions table_options;
    table_options.block_cache = rocksdb::NewLRUCache(options.cache_size);
    table_options.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    rocksdb::ColumnFamilyOptions family;
    family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options));
    family.compression = rocksdb::kLZ4Compression;
    family.write_buffer_size = options.write_buffers_size / 2;
    family.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewCappedPrefixTransform(1));

    std::vector<rocksdb::ColumnFamilyDescriptor> families{{rocksdb::kDefaultColumnFamilyName, family}};
    auto state = std::make_unique<State>();
    for (std::size_t i = 0; i < tables.size(); ++i) {
        state->families.push_back((options.versioned_tables >> i & 1) != 0 ? versioned(family) : family);
        families.emplace_back(std::string(tables[i]), state->families.back());
    }
    state->path = path;
    state->write.sync = options.sync;
    rocksdb::DB* db = nullptr;
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    const auto status = rocksdb::DB::Open(db_options, path, families, &handles, &db);
    if (!status.ok()) return failure(path, status);
    state->db.reset(db);
    state->tables = std::move(handles);
    return Kv(std::move(state));
}

Result<std::optional<Bytes>> Kv::get(Table table, BytesView key) const {
    rocksdb::PinnableSlice value;
    const auto status = state_->db->Get({}, state_->tables[table + 1], slice(key), &value);
    if (status.IsNotFound()) return std::nullopt;
    if (!status.ok()) return failure(state_->path, status);
    return to_bytes(view(value));
}

Result<std::optional<Bytes>> Kv::get_version(Table table, BytesView key) const {
    rocksdb::ReadOptions options;
    options.prefix_same_as_start = true;
    const std::unique_ptr<rocksdb::Iterator> iterator(state_->db->NewIterator(options, state_->tables[table + 1]));
    iterator->Seek(slice(key));
    if (!iterator->Valid()) {
        if (!iterator->status().ok()) return failure(state_->path, iterator->status());
        return std::nullopt;
    }
    const BytesView found = view(iterator->key());
    const auto same = key.size() - version_size;
    if (found.size() != key.size() || !std::ranges::equal(found.first(same), key.first(same))) return std::nullopt;
    return to_bytes(view(iterator->value()));
}

Result<void> Kv::write(Batch batch) {
    rocksdb::WriteBatch out;
    // In order, each entry finds its place in the table in memory beside the one before. Of equal keys the last counts.
    std::vector<const Batch::State::Operation*> ordered;
    for (const auto& operation : batch.state_->operations) ordered.push_back(&operation);
    std::ranges::sort(ordered, [](const auto* a, const auto* b) {
        if (a->table != b->table) return a->table < b->table;
        const int order = a->key.compare(b->key);
        return order != 0 ? order < 0 : a < b;
    });
    for (const auto* operation : ordered) {
        const auto& [table, erase, key, value] = *operation;
        if (erase) {
            out.Delete(state_->tables[table + 1], key);
        } else {
            out.Put(state_->tables[table + 1], key, value);
        }
    }
    const auto status = state_->db->Write(state_->write, &out);
    if (!status.ok()) return failure(state_->path, status);
    return {};
}

Kv::Cursor Kv::cursor(Table table) const {
    auto state = std::make_unique<Cursor::State>();
    state->iterator.reset(state_->db->NewIterator({}, state_->tables[table + 1]));
    return Cursor(std::move(state));
}

struct Kv::SortedWriter::State {
    State(const std::string& store_path, std::string file_path, const rocksdb::Options& options,
          rocksdb::ColumnFamilyHandle* handle, Table number)
        : store(store_path), path(std::move(file_path)), table(number),
          writer(rocksdb::EnvOptions(), options, handle) {}
    ~State() {
        std::error_code ignored;
        std::filesystem::remove(path, ignored);
    }

    std::string store;
    std::string path;
    Table table;
    rocksdb::SstFileWriter writer;
    bool empty = true;
};

Kv::SortedWriter::SortedWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
Kv::SortedWriter::~SortedWriter() = default;
Kv::SortedWriter::SortedWriter(SortedWriter&&) noexcept = default;

Result<void> Kv::SortedWriter::put(BytesView key, BytesView value) {
    const auto status = state_->writer.Put(slice(key), slice(value));
    if (!status.ok()) return failure(state_->store, status);
    state_->empty = false;
    return {};
}

Result<Kv::SortedWriter> Kv::sorted_writer(Table table) const {
    std::string file = state_->path + "/sorted-" + std::to_string(++state_->files_made) + ".sst";
    const rocksdb::Options options(rocksdb::DBOptions(), state_->families[table]);
    auto writer = std::make_unique<SortedWriter::State>(state_->path, std::move(file), options,
                                                        state_->tables[table + 1], table);
    const auto status = writer->writer.Open(writer->path);
    if (!status.ok()) return failure(state_->path, status);
    return SortedWriter(std::move(writer));
}

Result<void> Kv::add_sorted(SortedWriter writer) {
    if (writer.state_->empty) return {};
    auto status = writer.state_->writer.Finish();
    if (!status.ok()) return failure(state_->path, status);
    rocksdb::IngestExternalFileOptions options;
    options.move_files = true;
    status = state_->db->IngestExternalFile(state_->tables[writer.state_->table + 1], {writer.state_->path}, options);
    if (!status.ok()) return failure(state_->path, status);
    return {};
}

std::uint64_t Kv::disk_size() const {
    std::uint64_t size = 0;
    state_->db->GetAggregatedIntProperty("rocksdb.total-sst-files-size", &size);
    return size;
}

std::uint64_t Kv::buffered_size() const {
    std::uint64_t size = 0;
    state_->db->GetAggregatedIntProperty("rocksdb.cur-size-active-mem-table", &size);
    return size;
}

}  // namespace weft::store
