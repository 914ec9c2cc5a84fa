// State test files, as anybody writes them.

#include <cstdio>

#include "app/fixture_file.hpp"
#include "app/statetest.hpp"

using namespace weft;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto content = json::parse(as_text({data, size}));
    if (!content) return 0;
    static std::FILE* const nowhere = std::fopen("/dev/null", "w");
    app::Score score(nowhere);
    for (const auto& [name, test] : content->members()) app::run_state_test(name, test, score);
    return 0;
}
