#include "api/schema.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "api/storage.hpp"
#include "base/wire.hpp"

namespace weft::api {
namespace {

const std::filesystem::path folder = std::filesystem::path(WEFT_SOURCE_DIR) / "proto/weft";

std::string content(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::stringstream out;
    out << file.rdbuf();
    return out.str();
}

/// With WEFT_WRITE_PROTO set it writes the files instead of comparing them.
TEST(schema, proto_files_say_what_the_structs_say) {
    for (const auto& file : schema_files()) {
        SCOPED_TRACE(file.name);
        if (std::getenv("WEFT_WRITE_PROTO") != nullptr) {
            std::filesystem::create_directories((folder / file.name).parent_path());
            std::ofstream(folder / file.name) << file.text;
        }
        EXPECT_EQ(content(folder / file.name), file.text);
    }
}

bool has_protoc() {
    if (std::system("command -v protoc >/dev/null 2>&1") == 0) return true;
    EXPECT_EQ(std::getenv("CI"), nullptr) << "protobuf-compiler is missing";
    std::puts("NOT RUN: protoc is missing; install protobuf-compiler");
    return false;
}

/// protoc makes of the file what we make of the structs, to the byte.
TEST(schema, descriptor_is_protocs) {
    if (!has_protoc()) return;
    const auto descriptor = chain_descriptor();
    const auto path = std::filesystem::path(WEFT_BUILD_DIR) / "schema_test.descriptor";
    const std::string command = "protoc --descriptor_set_out=" + path.string() + " -I " +
                                folder.parent_path().string() + " " + descriptor.name;
    ASSERT_EQ(std::system(command.c_str()), 0);
    struct FileSet {
        std::vector<Bytes> files;
    };
    const std::string written = content(path);
    const auto set = wire::decode<FileSet>(as_bytes(written));
    ASSERT_TRUE(set) << set.error().message;
    ASSERT_EQ(set->files.size(), 1);
    EXPECT_EQ(set->files[0], descriptor.bytes);
    EXPECT_EQ(descriptor.service, "weft.chain.v1.Chain");
    EXPECT_EQ(std::ranges::count(descriptor.symbols, "weft.chain.v1.Chain.GetBlock"), 1);
}

/// protoc reads what we write, by the file's names.
TEST(schema, protoc_decodes_our_bytes) {
    if (!has_protoc()) return;
    storage::TransactionReply reply;
    auto transaction = std::make_shared<chain::SignedTransaction>();
    transaction->transaction.nonce = 77;
    transaction->transaction.to = Address{};
    reply.transaction = transaction;
    reply.block_number = 12;
    reply.base_fee = U256(0x0a0b);
    const auto path = std::filesystem::path(WEFT_BUILD_DIR) / "schema_test.bin";
    const Bytes bytes = wire::encode(reply);
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    const std::string out = path.string() + ".txt";
    const std::string command = "protoc --decode=weft.StorageTransactionReply -I " + folder.string() +
                                " storage.proto < " + path.string() + " > " + out;
    ASSERT_EQ(std::system(command.c_str()), 0);
    const std::string text = content(out);
    EXPECT_NE(text.find("nonce: 77"), std::string::npos) << text;
    EXPECT_NE(text.find("block_number: 12"), std::string::npos) << text;
    EXPECT_NE(text.find("base_fee: \"\\n\\013\""), std::string::npos) << text;
}

}  // namespace
}  // namespace weft::api
