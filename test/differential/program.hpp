#pragma once
// Random contract code that mostly makes sense: the stack is as high as the next instruction needs it, jumps arrive,
// calls go to contracts that are there. What it computes ends in memory, storage, logs or output, where a difference
// shows.

#include <vector>

#include "base/bytes.hpp"
#include "evm/revision.hpp"
#include "random.hpp"

namespace weft::differential {

/// What a program may name.
struct Surroundings {
    evm::Revision revision = evm::Revision::osaka;
    std::vector<Address> contracts;  // have code
    std::vector<Address> accounts;   // anything else: with or without ether, delegating, precompiled, not there
};

/// Code for an account.
[[nodiscard]] Bytes make_program(Random& random, const Surroundings& around);
/// Code that runs once and returns such a program, or breaks one of the rules of creation.
[[nodiscard]] Bytes make_init_code(Random& random, const Surroundings& around);
/// Code that calls or creates itself as deep as gas and depth allow.
[[nodiscard]] Bytes make_recursion(Random& random, const Surroundings& around);

}  // namespace weft::differential
