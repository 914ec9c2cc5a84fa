#pragma once
// weft bench registry: many instances, who looks them up and who watches them, beside etcd; and how long the system
// takes to know that an instance is gone, or there.

#include <cstddef>
#include <string>

#include "base/result.hpp"

namespace weft::app {

struct BenchRegistryOptions {
    std::size_t instances = 10'000;
    std::size_t watchers = 100;
    /// Changes whose way to the last watcher is measured.
    std::size_t changes = 200;
    /// Calls at once that register.
    std::size_t concurrency = 32;
    /// Instances that are killed, and started, one after the other.
    std::size_t rounds = 5;
    /// etcd's program; found as a shell does.
    std::string etcd = "etcd";
};

/// Prints a table. Says so if etcd can't be started.
/// @errors what the registry's processes did not start for.
[[nodiscard]] Result<void> bench_registry(const BenchRegistryOptions& options);

}  // namespace weft::app
