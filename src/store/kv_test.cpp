#include "store/kv.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/time.hpp"

namespace weft::store {
namespace {

constexpr std::string_view tables[] = {"first", "second"};

struct Folder {
    std::filesystem::path path = std::filesystem::path(WEFT_BUILD_DIR) / "kv_test" /
                                 testing::UnitTest::GetInstance()->current_test_info()->name();
    Folder() { std::filesystem::remove_all(path); }
    ~Folder() { std::filesystem::remove_all(path); }
};

Bytes bytes(std::string_view text) { return to_bytes(as_bytes(text)); }

TEST(kv, a_batch_is_there_after_reopening) {
    Folder folder;
    {
        auto kv = Kv::open(folder.path, tables);
        ASSERT_TRUE(kv) << kv.error().message;
        Kv::Batch batch;
        batch.put(0, bytes("a"), bytes("one"));
        batch.put(1, bytes("a"), bytes("two"));
        ASSERT_TRUE(kv->write(std::move(batch)));
    }
    auto kv = Kv::open(folder.path, tables);
    ASSERT_TRUE(kv);
    EXPECT_EQ(*kv->get(0, bytes("a")), std::optional(bytes("one")));
    EXPECT_EQ(*kv->get(1, bytes("a")), std::optional(bytes("two")));
    EXPECT_EQ(*kv->get(0, bytes("b")), std::optional<Bytes>());
}

TEST(kv, a_cursor_walks_in_order_from_where_it_is_put) {
    Folder folder;
    auto kv = Kv::open(folder.path, tables);
    ASSERT_TRUE(kv);
    Kv::Batch batch;
    for (const auto* key : {"c", "a", "e"}) batch.put(0, bytes(key), bytes(key));
    ASSERT_TRUE(kv->write(std::move(batch)));
    auto cursor = kv->cursor(0);
    cursor.seek(bytes("b"));
    ASSERT_TRUE(cursor.valid());
    EXPECT_EQ(as_text(cursor.key()), "c");
    cursor.next();
    EXPECT_EQ(as_text(cursor.value()), "e");
    cursor.next();
    EXPECT_FALSE(cursor.valid());
    cursor.seek_back(bytes("b"));
    ASSERT_TRUE(cursor.valid());
    EXPECT_EQ(as_text(cursor.key()), "a");
}

TEST(kv, sorted_entries_are_in_the_table_once_they_are_added) {
    Folder folder;
    auto kv = Kv::open(folder.path, tables);
    ASSERT_TRUE(kv);
    auto low = kv->sorted_writer(1);
    auto high = kv->sorted_writer(1);
    ASSERT_TRUE(low && high);
    for (const auto* key : {"a", "b", "c"}) ASSERT_TRUE(low->put(bytes(key), bytes("low")));
    for (const auto* key : {"b", "d"}) ASSERT_TRUE(high->put(bytes(key), bytes("high")));
    EXPECT_FALSE(high->put(bytes("c"), bytes("not in order")));
    EXPECT_EQ(*kv->get(1, bytes("a")), std::nullopt);
    ASSERT_TRUE(kv->add_sorted(*std::move(low)));
    ASSERT_TRUE(kv->add_sorted(*std::move(high)));
    EXPECT_EQ(*kv->get(1, bytes("a")), std::optional(bytes("low")));
    EXPECT_EQ(*kv->get(1, bytes("b")), std::optional(bytes("high"))) << "what was added last counts";
    EXPECT_EQ(*kv->get(0, bytes("a")), std::nullopt);
    auto empty = kv->sorted_writer(0);
    ASSERT_TRUE(empty);
    EXPECT_TRUE(kv->add_sorted(*std::move(empty)));
    for (const auto& file : std::filesystem::directory_iterator(folder.path)) {
        EXPECT_EQ(file.path().filename().string().find("sorted-"), std::string::npos);
    }
}

TEST(kv, the_version_at_or_before_is_found_wherever_it_is) {
    Folder folder;
    constexpr std::uint64_t second_is_versioned = 2;
    const KvOptions options{.versioned_tables = second_is_versioned};
    const auto key = [](std::string_view name, char version) {
        return bytes(std::string(name) + "=" + std::string(7, '0') + version);
    };
    {
        auto kv = Kv::open(folder.path, tables, options);
        ASSERT_TRUE(kv) << kv.error().message;
        auto sorted = kv->sorted_writer(1);
        ASSERT_TRUE(sorted && sorted->put(key("a", '5'), bytes("a5")) && sorted->put(key("ab", '5'), bytes("ab5")));
        ASSERT_TRUE(kv->add_sorted(*std::move(sorted)));
        Kv::Batch batch;
        batch.put(1, key("a", '3'), bytes("a3"));
        batch.put(1, key("b", '1'), bytes("b1"));
        ASSERT_TRUE(kv->write(std::move(batch)));
        EXPECT_EQ(*kv->get_version(1, key("a", '1')), std::optional(bytes("a3")));
        EXPECT_EQ(*kv->get_version(1, key("a", '3')), std::optional(bytes("a3")));
        EXPECT_EQ(*kv->get_version(1, key("a", '4')), std::optional(bytes("a5")));
    }
    auto kv = Kv::open(folder.path, tables, options);
    ASSERT_TRUE(kv);
    EXPECT_EQ(*kv->get_version(1, key("a", '4')), std::optional(bytes("a5")));
    EXPECT_EQ(*kv->get_version(1, key("a", '6')), std::nullopt) << "ab and b come next";
    EXPECT_EQ(*kv->get_version(1, key("ab", '0')), std::optional(bytes("ab5")));
    EXPECT_EQ(*kv->get_version(1, key("b", '2')), std::nullopt);
    EXPECT_EQ(*kv->get_version(1, key("c", '0')), std::nullopt);
}

TEST(kv, the_last_of_put_and_erase_counts) {
    Folder folder;
    auto kv = Kv::open(folder.path, tables);
    ASSERT_TRUE(kv);
    Kv::Batch batch;
    batch.put(0, bytes("a"), bytes("one"));
    batch.erase(0, bytes("a"));
    batch.erase(0, bytes("b"));
    batch.put(0, bytes("b"), bytes("two"));
    EXPECT_EQ(batch.size(), 4U);
    ASSERT_TRUE(kv->write(std::move(batch)));
    EXPECT_EQ(*kv->get(0, bytes("a")), std::optional<Bytes>());
    EXPECT_EQ(*kv->get(0, bytes("b")), std::optional(bytes("two")));
}

TEST(kv, what_all_tables_buffer_stays_within_one_bound) {
    Folder folder;
    constexpr std::string_view many[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    constexpr std::uint64_t count = 192;
    const KvOptions options{.write_buffers_size = 4 << 20};
    auto kv = Kv::open(folder.path, many, options);
    ASSERT_TRUE(kv);
    const auto write = [&](std::uint64_t i, std::size_t size) {
        Kv::Batch batch;
        batch.put(static_cast<Table>(i % std::size(many)), bytes(std::to_string(i)), Bytes(size, 0x5a));
        ASSERT_TRUE(kv->write(std::move(batch)));
    };
    // 1.5 MiB a table, less than what one of them may have by itself.
    for (std::uint64_t i = 0; i < count; ++i) write(i, 64 << 10);
    // Writes look after the bound; how fast the disk follows is its own affair.
    const std::int64_t deadline_ns = monotonic_ns() + 30 * ns_per_s;
    for (std::uint64_t i = count; kv->buffered_size() > options.write_buffers_size; ++i) {
        ASSERT_LT(monotonic_ns(), deadline_ns) << kv->buffered_size();
        write(i, 1);
    }
    for (std::uint64_t i = 0; i < count; ++i) {
        const auto found = kv->get(static_cast<Table>(i % std::size(many)), bytes(std::to_string(i)));
        EXPECT_TRUE(found && *found) << i;
    }
}

TEST(kv, one_process_at_a_time_and_the_error_names_the_folder) {
    Folder folder;
    auto first = Kv::open(folder.path, tables);
    ASSERT_TRUE(first);
    const auto second = Kv::open(folder.path, tables);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::failed_precondition);
    EXPECT_TRUE(second.error().message.starts_with(folder.path.string())) << second.error().message;
}

TEST(kv, a_folder_without_room_is_named) {
    const auto checked = check_disk_space("/proc");  // a file system of no size
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, ErrorCode::resource_exhausted);
    EXPECT_EQ(checked.error().message, "/proc: no space left on device (0 MiB free, 64 MiB needed)");
    EXPECT_TRUE(check_disk_space(WEFT_BUILD_DIR));
}

TEST(kv, damage_is_refused) {
    Folder folder;
    { ASSERT_TRUE(Kv::open(folder.path, tables)); }
    for (const auto& entry : std::filesystem::directory_iterator(folder.path)) {
        const std::string name = entry.path().filename();
        if (name.starts_with("MANIFEST"))
            std::ofstream(entry.path(), std::ios::binary | std::ios::trunc) << "not a manifest";
    }
    const auto kv = Kv::open(folder.path, tables);
    ASSERT_FALSE(kv);
    EXPECT_EQ(kv.error().code, ErrorCode::data_loss) << kv.error().message;
}

}  // namespace
}  // namespace weft::store
