#include "service/consensus/guard.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/hex.hpp"

namespace weft::service::consensus {
namespace {

class Folder {
  public:
    Folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "weft-guard-XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

  private:
    std::string path_;
};

Bytes content(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return Bytes(std::istreambuf_iterator<char>(in), {});
}
void overwrite(const std::string& path, const Bytes& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

const Bytes first{1, 2, 3};
const Bytes second(100'000, 7);
const Bytes third{9};

TEST(record_file, keeps_the_newest) {
    const Folder folder;
    auto file = *RecordFile::open(folder.file("r"));
    EXPECT_FALSE(file.record());
    EXPECT_FALSE(file.is_damaged());
    for (const auto* record : {&first, &second, &third}) {
        ASSERT_TRUE(file.write(*record));
        EXPECT_EQ(RecordFile::open(folder.file("r"))->record(), *record) << "short after long, too";
    }
}

/// Cut off anywhere, or with any byte changed, the newest record gives way to the one before it.
TEST(record_file, a_torn_or_rotten_record_leaves_the_one_before) {
    const Folder folder;
    auto file = *RecordFile::open(folder.file("r"));
    ASSERT_TRUE(file.write(first));
    ASSERT_TRUE(file.write(third));
    const Bytes whole = content(folder.file("r.1"));
    for (std::size_t size = 0; size < whole.size(); ++size) {
        overwrite(folder.file("r.1"), Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
        EXPECT_EQ(RecordFile::open(folder.file("r"))->record(), first) << "cut to " << size;
        Bytes rotten = whole;
        rotten[size] ^= 0x10;
        overwrite(folder.file("r.1"), rotten);
        EXPECT_EQ(RecordFile::open(folder.file("r"))->record(), first) << "byte " << size;
    }
    overwrite(folder.file("r.1"), whole);
    EXPECT_EQ(RecordFile::open(folder.file("r"))->record(), third);
    overwrite(folder.file("r.0"), {});
    overwrite(folder.file("r.1"), {});
    EXPECT_TRUE(RecordFile::open(folder.file("r"))->is_damaged());
}

TEST(record_file, a_misdirected_record_does_not_count) {
    const Folder folder;
    auto file = *RecordFile::open(folder.file("r"));
    ASSERT_TRUE(file.write(first));
    ASSERT_TRUE(file.write(third));
    // The newer one was written where the older belongs.
    std::filesystem::rename(folder.file("r.1"), folder.file("r.0"));
    const auto read = *RecordFile::open(folder.file("r"));
    EXPECT_FALSE(read.record());
    EXPECT_TRUE(read.is_damaged());
}

TEST(record_file, an_error_names_the_file) {
    const Folder folder;
    std::filesystem::create_directory(folder.file("r.0"));
    const auto opened = RecordFile::open(folder.file("r"));
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().message.find(folder.file("r.0")), std::string::npos);
}

constexpr pbft::Domain domain{31337, Hash{{7}}};
const Hash key = U256(77).to_hash();

pbft::PbftMessage make(pbft::Kind kind, std::uint64_t height, std::uint32_t round, unsigned digest) {
    pbft::PbftMessage out;
    out.kind = kind;
    out.height = height;
    out.round = round;
    out.digest = U256(digest).to_hash();
    out.signer = *crypto::address_of(key);
    return out;
}

TEST(guard, remembers_across_restarts_what_it_signed) {
    const Folder folder;
    auto message = make(pbft::Kind::commit, 5, 1, 1);
    {
        auto guard = *Guard::open(domain, key, folder.file("signed"));
        EXPECT_TRUE(guard.is_new());
        ASSERT_TRUE(guard.sign(message));
        EXPECT_TRUE(pbft::EcdsaVerifier(domain).is_signed(message));
    }
    auto guard = *Guard::open(domain, key, folder.file("signed"));
    EXPECT_FALSE(guard.is_new());
    auto same = make(pbft::Kind::commit, 5, 1, 1);
    EXPECT_TRUE(guard.sign(same)) << "what is repeated is no contradiction";
    EXPECT_EQ(same.signature, message.signature);
    auto other = make(pbft::Kind::commit, 5, 1, 2);
    const auto refused = guard.sign(other);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::permission_denied);
    auto older = make(pbft::Kind::commit, 4, 9, 1);
    EXPECT_FALSE(guard.sign(older));
}

TEST(guard, signs_nothing_that_it_could_not_make_durable) {
    const Folder folder;
    auto guard = *Guard::open(domain, key, folder.file("signed"));
    std::filesystem::create_directory(folder.file("signed.0"));
    auto message = make(pbft::Kind::prepare, 1, 0, 1);
    EXPECT_FALSE(guard.sign(message));
    EXPECT_EQ(message.signature, crypto::Signature{});
    std::filesystem::remove(folder.file("signed.0"));
    auto other = make(pbft::Kind::prepare, 1, 0, 2);
    EXPECT_TRUE(guard.sign(other)) << "nothing was signed before";
}

TEST(guard, a_damaged_record_is_refused_in_words) {
    const Folder folder;
    {
        auto guard = *Guard::open(domain, key, folder.file("signed"));
        auto message = make(pbft::Kind::prepare, 1, 0, 1);
        ASSERT_TRUE(guard.sign(message));
    }
    overwrite(folder.file("signed.0"), {1, 2, 3});
    const auto opened = Guard::open(domain, key, folder.file("signed"));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::data_loss);
    EXPECT_NE(opened.error().message.find("listens before it votes"), std::string::npos);
}

TEST(guard, its_record_moves_to_another_machine) {
    const Folder folder;
    auto guard = *Guard::open(domain, key, folder.file("a"));
    auto commit = make(pbft::Kind::commit, 5, 1, 1);
    auto change = make(pbft::Kind::round_change, 6, 2, 0);
    ASSERT_TRUE(guard.sign(commit));
    ASSERT_TRUE(guard.sign(change));
    const std::string text = guard.interchange();
    auto other = *Guard::open(domain, key, folder.file("b"));
    ASSERT_TRUE(other.import(text));
    EXPECT_EQ(other.interchange(), text);
    auto conflict = make(pbft::Kind::commit, 5, 1, 2);
    EXPECT_FALSE(other.sign(conflict));
    auto late = make(pbft::Kind::prepare, 6, 1, 1);
    EXPECT_FALSE(other.sign(late)) << "it has asked to leave that round";

    auto stranger = *Guard::open(domain, U256(78).to_hash(), folder.file("c"));
    EXPECT_FALSE(stranger.import(text)) << "another key";
    auto elsewhere = *Guard::open({1, domain.genesis}, key, folder.file("d"));
    EXPECT_FALSE(elsewhere.import(text)) << "another chain";
    for (const char* bad : {"", "{}", "[]", R"({"metadata":{}})"}) EXPECT_FALSE(other.import(bad)) << bad;
}

}  // namespace
}  // namespace weft::service::consensus
