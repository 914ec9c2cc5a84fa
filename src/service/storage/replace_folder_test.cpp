#include "service/storage/replace_folder.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace weft::service::storage {
namespace {

class ReplaceFolder : public testing::Test {
  protected:
    ReplaceFolder() { std::filesystem::remove_all(root_); }
    ~ReplaceFolder() override { std::filesystem::remove_all(root_); }

    void make(const std::string& folder, const std::string& content) {
        std::filesystem::create_directories(folder);
        std::ofstream(folder + "/file") << content;
    }
    std::string content() {
        std::ifstream file(path_ + "/file");
        std::stringstream out;
        out << file.rdbuf();
        return out.str();
    }
    std::size_t folders() {
        return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(root_), {}));
    }

    std::string root_ = std::string(WEFT_BUILD_DIR) + "/replace_folder_test";
    std::string path_ = root_ + "/it";
    std::string by_ = root_ + "/other";
};

TEST_F(ReplaceFolder, the_other_is_in_its_place_and_nothing_is_left) {
    make(path_, "old");
    make(by_, "new");
    ASSERT_TRUE(replace_folder(path_, by_));
    EXPECT_EQ(content(), "new");
    EXPECT_EQ(folders(), 1U);
    EXPECT_FALSE(replace_folder(path_, by_)) << "there is none";
}

/// The steps of replace_folder() and what is there after each, should the process end then.
TEST_F(ReplaceFolder, whenever_it_ends_one_of_them_is_there_whole) {
    const struct {
        const char* name;
        bool has_path, has_other, has_aside;
        const char* want;
    } cases[] = {
        {"before", true, true, false, "path"},
        {"after the first rename", false, true, true, "other"},
        {"after the second", true, false, true, "path"},
        {"aside half removed, while another is made", true, true, true, "path"},
        {"the other is lost", false, false, true, "aside"},
    };
    for (const auto& [name, has_path, has_other, has_aside, want] : cases) {
        SCOPED_TRACE(name);
        std::filesystem::remove_all(root_);
        if (has_path) make(path_, "path");
        if (has_other) make(by_, "other");
        if (has_aside) make(path_ + ".old", "aside");
        ASSERT_TRUE(settle_folder(path_, by_));
        EXPECT_EQ(content(), want);
        EXPECT_FALSE(std::filesystem::exists(path_ + ".old"));
    }
}

TEST_F(ReplaceFolder, nothing_there_is_nothing_to_do) { EXPECT_TRUE(settle_folder(path_, by_)); }

}  // namespace
}  // namespace weft::service::storage
