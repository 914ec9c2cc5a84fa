#include "net/grpc_reflection.hpp"

#include <algorithm>

namespace weft::net {

// The messages of reflection.proto. A oneof is optional members here, of which one is there: the same on the wire.
namespace reflection_messages {

struct ExtensionRequest {
    std::string containing_type;
    std::int32_t extension_number = 0;
};
struct ServerReflectionRequest {
    std::string host;
    wire::Reserved unused;
    std::optional<std::string> file_by_filename;
    std::optional<std::string> file_containing_symbol;
    std::optional<ExtensionRequest> file_containing_extension;
    std::optional<std::string> all_extension_numbers_of_type;
    std::optional<std::string> list_services;
};
struct FileDescriptorResponse {
    std::vector<Bytes> file_descriptor_proto;
};
struct ExtensionNumberResponse {
    std::string base_type_name;
    std::vector<std::int32_t> extension_number;
};
struct ServiceResponse {
    std::string name;
};
struct ListServiceResponse {
    std::vector<ServiceResponse> service;
};
struct ErrorResponse {
    std::int32_t error_code = 0;
    std::string error_message;
};
struct ServerReflectionResponse {
    std::string valid_host;
    ServerReflectionRequest original_request;
    wire::Reserved unused;
    std::optional<FileDescriptorResponse> file_descriptor_response;
    std::optional<ExtensionNumberResponse> all_extension_numbers_response;
    std::optional<ListServiceResponse> list_services_response;
    std::optional<ErrorResponse> error_response;
};

}  // namespace reflection_messages

namespace {

using namespace reflection_messages;

wire::FileDescriptor reflection_descriptor(const std::string& version) {
    wire::Schema schema("grpc.reflection." + version, "ServerReflection", "");
    schema.add<ServerReflectionRequest, ServerReflectionResponse>("ServerReflectionInfo", true, true);
    return schema.descriptor("grpc/reflection/" + version + "/reflection.proto");
}

class Reflection {
  public:
    explicit Reflection(std::vector<wire::FileDescriptor> files) : files_(std::move(files)) {}

    [[nodiscard]] ServerReflectionResponse answer(ServerReflectionRequest request) const {
        ServerReflectionResponse out;
        out.valid_host = request.host;
        if (request.list_services) {
            auto& list = out.list_services_response.emplace();
            for (const auto& file : files_) list.service.push_back({file.service});
        } else if (request.file_by_filename) {
            give(out, *request.file_by_filename, by_name(*request.file_by_filename));
        } else if (request.file_containing_symbol) {
            give(out, *request.file_containing_symbol, by_symbol(*request.file_containing_symbol));
        } else if (request.all_extension_numbers_of_type) {
            // Nothing here is extended: proto3 has no extensions.
            const std::string& type = *request.all_extension_numbers_of_type;
            if (by_symbol(type) != nullptr) {
                out.all_extension_numbers_response = {type, {}};
            } else {
                give(out, type, nullptr);
            }
        } else if (request.file_containing_extension) {
            give(out, "an extension of " + request.file_containing_extension->containing_type, nullptr);
        } else {
            out.error_response = {static_cast<std::int32_t>(ErrorCode::invalid_argument), "what is asked?"};
        }
        out.original_request = std::move(request);
        return out;
    }

  private:
    [[nodiscard]] const wire::FileDescriptor* by_name(const std::string& name) const {
        const auto found = std::ranges::find(files_, name, &wire::FileDescriptor::name);
        return found == files_.end() ? nullptr : &*found;
    }
    [[nodiscard]] const wire::FileDescriptor* by_symbol(const std::string& symbol) const {
        const auto found = std::ranges::find_if(files_, [&](const wire::FileDescriptor& file) {
            return std::ranges::find(file.symbols, symbol) != file.symbols.end();
        });
        return found == files_.end() ? nullptr : &*found;
    }
    /// No file uses another: one is all that is needed.
    static void give(ServerReflectionResponse& out, const std::string& what, const wire::FileDescriptor* file) {
        if (file != nullptr) {
            out.file_descriptor_response = {{file->bytes}};
        } else {
            out.error_response = {static_cast<std::int32_t>(ErrorCode::not_found), "not found: " + what};
        }
    }

    std::vector<wire::FileDescriptor> files_;
};

Task<void> serve(std::shared_ptr<const Reflection> reflection, GrpcStreamPtr stream) {
    while (const auto message = co_await stream->read()) {
        auto request = co_await wire::decode<ServerReflectionRequest>(*message);
        co_await stream->write(wire::encode(reflection->answer(std::move(request))));
    }
}

}  // namespace

void add_reflection(GrpcService& service, std::vector<wire::FileDescriptor> files) {
    files.push_back(health_descriptor());
    for (const std::string version : {"v1", "v1alpha"}) files.push_back(reflection_descriptor(version));
    const auto reflection = std::make_shared<const Reflection>(std::move(files));
    for (const std::string version : {"v1", "v1alpha"}) {
        service.handle_stream("grpc.reflection." + version + ".ServerReflection/ServerReflectionInfo",
                              [reflection](const mesh::Context&, GrpcStreamPtr stream) {
                                  return serve(reflection, std::move(stream));
                              });
    }
}

}  // namespace weft::net
