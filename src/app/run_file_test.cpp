#include "app/run_file.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <unistd.h>

namespace weft::app {
namespace {

struct run_file : testing::Test {
    void SetUp() override {
        std::string pattern = (std::filesystem::temp_directory_path() / "weft-test-XXXXXX").string();
        folder = ::mkdtemp(pattern.data());
        ::setenv("XDG_RUNTIME_DIR", folder.c_str(), 1);
        data = folder + "/data";
        std::filesystem::create_directory(data);
    }
    void TearDown() override { std::filesystem::remove_all(folder); }

    SystemStatus status() const {
        return {::getpid(), "process", "127.0.0.1:8545", "", data,
                {{"registry", "registry", 12, "127.0.0.1:1", "serving", 0, "zone=east"},
                 {"node-0", "node", 0, "", "down", 3}}};
    }
    std::string folder, data;
};

TEST_F(run_file, is_found_with_and_without_the_folders_name) {
    {
        RunFile file(data);
        ASSERT_TRUE(file.write(status()));
        EXPECT_EQ(find_running(data).value(), status());
        EXPECT_EQ(find_running("").value(), status());
    }
    EXPECT_EQ(find_running(data).error().code, ErrorCode::not_found);
    EXPECT_EQ(find_running("").error().code, ErrorCode::not_found);
}

TEST_F(run_file, of_a_system_that_has_ended_is_not_believed) {
    RunFile file(data);
    auto ended = status();
    ended.supervisor_pid = 1 << 30;  // above any pid
    ASSERT_TRUE(file.write(ended));
    EXPECT_EQ(find_running(data).error().message, "no weft runs with its data in " + data);
    EXPECT_EQ(find_running("").error().code, ErrorCode::not_found);
}

TEST_F(run_file, damaged_is_said_so) {
    std::ofstream(data + "/weft.run.json") << "{\"processes\": 1}";
    const auto found = find_running(data);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().message, data + "/weft.run.json: no processes in it");
}

TEST_F(run_file, that_cant_be_written_is_named) {
    RunFile file(folder + "/missing");
    const auto written = file.write(status());
    ASSERT_FALSE(written);
    EXPECT_TRUE(written.error().message.starts_with(folder + "/missing/weft.run.json: ")) << written.error().message;
}

}  // namespace
}  // namespace weft::app
