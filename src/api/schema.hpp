#pragma once
// The operations that cross processes, by service, as .proto files.

#include <string>
#include <vector>

namespace weft::api {

struct SchemaFile {
    std::string name;  // "storage.proto"
    std::string text;
};
/// One file a service.
[[nodiscard]] std::vector<SchemaFile> schema_files();

}  // namespace weft::api
