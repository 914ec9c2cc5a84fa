#pragma once
// A folder that is replaced by another one that was made beside it, so that a process that dies at any moment leaves
// the one or the other, whole.

#include <string>

#include "base/result.hpp"

namespace weft::service::storage {

/// Puts folder @p by in the place of folder @p path, which is removed. Durable when it returns.
/// @pre  nobody has anything open in either. @errors internal  the file system.
[[nodiscard]] Result<void> replace_folder(const std::string& path, const std::string& by);

/// Brings what a process began with replace_folder() and did not end to its end. Before anything is opened there.
/// @errors as replace_folder().
[[nodiscard]] Result<void> settle_folder(const std::string& path, const std::string& by);

}  // namespace weft::service::storage
