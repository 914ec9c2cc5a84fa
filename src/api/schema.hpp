#pragma once
// The operations that cross processes, by service, as .proto files.

#include <string>
#include <vector>

#include "base/wire_schema.hpp"

namespace weft::api {

struct SchemaFile {
    std::string name;  // "storage.proto"
    std::string text;
};
/// One file a service.
[[nodiscard]] std::vector<SchemaFile> schema_files();
/// Of weft.chain.v1, for reflection.
[[nodiscard]] wire::FileDescriptor chain_descriptor();

}  // namespace weft::api
