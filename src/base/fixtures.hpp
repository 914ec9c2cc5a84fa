#pragma once
// Finds public conformance data for tests; nothing else uses it.
//
// The data stays out of the project, packed, in the folder that the environment variable WEFT_FIXTURES names (default:
// ../shared/fixtures beside the source folder). The first test that asks for an archive unpacks it to
// <build folder>/fixtures.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace weft {

/// The folder with the unpacked content of the archive @p name.
///
/// @return  nullopt if there is no such data, after saying loudly on stderr that the test was not run and how to get
///          the data. With the environment variable CI set the program ends instead: there, no data is a failure.
[[nodiscard]] std::optional<std::filesystem::path> find_fixture(std::string_view name,
                                                                const std::filesystem::path& source_dir,
                                                                const std::filesystem::path& build_dir);

/// Why a test without its data is skipped. Under CI it can't be: find_fixture() ends the program there.
inline constexpr std::string_view no_fixtures = "no official test data; stderr says how to get it";

/// A file's bytes; a file that can't be read ends the program, because find_fixture() has said that it is there.
[[nodiscard]] std::string read_fixture(const std::filesystem::path& file);

#if defined(WEFT_SOURCE_DIR) && defined(WEFT_BUILD_DIR)
/// As find_fixture, with the folders that the build gives to every test program.
[[nodiscard]] inline std::optional<std::filesystem::path> fixture(std::string_view name) {
    return find_fixture(name, WEFT_SOURCE_DIR, WEFT_BUILD_DIR);
}
#endif

}  // namespace weft
