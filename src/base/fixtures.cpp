#include "base/fixtures.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace weft {

namespace {

namespace fs = std::filesystem;

/// In single quotes, for the shell.
std::string quoted(const std::string& text) {
    std::string out = "'";
    for (const char character : text) out += character == '\'' ? std::string("'\\''") : std::string(1, character);
    return out + "'";
}

/// Runs the archive folder's own script, one test program at a time: ctest starts several that want the same archive.
bool unpack(std::string_view name, const fs::path& packed, const fs::path& to) {
    const fs::path script = packed / "unpack";
    std::error_code error;
    if (!fs::exists(script, error) || !fs::exists(packed / (std::string(name) + ".tar.zst"), error)) return false;
    fs::create_directories(to, error);
    const std::string command = "flock " + quoted(to.string() + "/.lock") + " " + quoted(script.string()) + " " +
                                quoted(to.string()) + " " + quoted(std::string(name));
    return std::system(command.c_str()) == 0;
}

}  // namespace

std::optional<fs::path> find_fixture(std::string_view name, const fs::path& source_dir, const fs::path& build_dir) {
    const char* const chosen = std::getenv("WEFT_FIXTURES");
    const fs::path packed = chosen != nullptr ? fs::path(chosen) : source_dir / ".." / "shared" / "fixtures";
    const fs::path to = build_dir / "fixtures";
    if (unpack(name, packed, to)) return to / name;

    const std::string text(name);
    std::fprintf(stderr,
                 "*** NOT RUN: the conformance data %s could not be unpacked from %s.\n"
                 "*** Set WEFT_FIXTURES to the folder that holds %s.tar.zst and its unpack script (needs zstd).\n",
                 text.c_str(), packed.c_str(), text.c_str());
    const char* const ci = std::getenv("CI");
    if (ci != nullptr && *ci != '\0') std::abort();
    return std::nullopt;
}

std::string read_fixture(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in) {
        std::fprintf(stderr, "*** can't read %s\n", file.c_str());
        std::abort();
    }
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace weft
