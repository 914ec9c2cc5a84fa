#pragma once
// Reads the public test vectors of the EVM's precompiles, for this room's tests.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"

namespace weft::crypto {

struct PrecompileVector {
    std::string name;
    Bytes input;
    Bytes expected;  // empty if the call must fail
    bool must_fail = false;
};

/// The cases of one file, @p archive / "geth-precompiles" / @p file. What can't be read ends the program.
[[nodiscard]] std::vector<PrecompileVector> read_precompile_vectors(const std::filesystem::path& archive,
                                                                    std::string_view file);

}  // namespace weft::crypto
