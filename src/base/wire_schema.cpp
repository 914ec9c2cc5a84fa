#include "base/wire_schema.hpp"

#include <algorithm>

namespace weft::wire {

namespace {

// The messages of descriptor.proto, of which descriptors are made: a number that is not used here is Reserved.
// What proto2 writes though it is zero is optional.

struct EnumValue {
    std::string name;
    std::optional<std::uint32_t> number;
};
struct EnumMessage {
    std::string name;
    std::vector<EnumValue> values;
};
struct MethodMessage {
    std::string name;
    std::string input_type;
    std::string output_type;
    Reserved options;
    bool client_streaming = false;
    bool server_streaming = false;
};
struct ServiceMessage {
    std::string name;
    std::vector<MethodMessage> methods;
};
struct FieldMessage {
    std::string name;
    Reserved extendee;
    std::uint32_t number = 0;
    std::uint32_t label = 0;
    std::uint32_t type = 0;
    std::string type_name;
    Reserved default_value;
    Reserved options;
    std::optional<std::uint32_t> oneof_index;
    std::string json_name;
    Reserved unused_11;
    Reserved unused_12;
    Reserved unused_13;
    Reserved unused_14;
    Reserved unused_15;
    Reserved unused_16;
    bool proto3_optional = false;
};
struct OneofMessage {
    std::string name;
};
struct TypeMessage {
    std::string name;
    std::vector<FieldMessage> fields;
    Reserved nested_types;
    Reserved enum_types;
    Reserved extension_ranges;
    Reserved extensions;
    Reserved options;
    std::vector<OneofMessage> oneofs;
};
struct FileMessage {
    std::string name;
    std::string package;
    Reserved dependencies;
    std::vector<TypeMessage> types;
    std::vector<EnumMessage> enums;
    std::vector<ServiceMessage> services;
    Reserved extensions;
    Reserved options;
    Reserved source_code_info;
    Reserved public_dependencies;
    Reserved weak_dependencies;
    std::string syntax;
};

std::string_view word_of(FieldKind kind) {
    switch (kind) {
        case FieldKind::int64: return "int64";
        case FieldKind::uint64: return "uint64";
        case FieldKind::int32: return "int32";
        case FieldKind::boolean: return "bool";
        case FieldKind::string: return "string";
        case FieldKind::bytes: return "bytes";
        case FieldKind::uint32: return "uint32";
        case FieldKind::message:
        case FieldKind::enumeration: break;
    }
    return {};
}

std::string comment(std::string_view about, std::string_view indent) {
    std::string out;
    while (!about.empty()) {
        const auto end = std::min(about.find('\n'), about.size());
        const std::string_view line = about.substr(0, end);
        out.append(indent).append(line.empty() ? "//" : "// ").append(line).append("\n");
        about.remove_prefix(std::min(end + 1, about.size()));
    }
    return out;
}

std::string field_text(const SchemaField& field) {
    const auto& type = field.type;
    std::string out = "  ";
    if (type.is_repeated) out += "repeated ";
    if (type.is_optional && !type.is_repeated) out += "optional ";
    out.append(type.name.empty() ? word_of(type.kind) : std::string_view(type.name));
    return out + " " + field.name + " = " + std::to_string(field.number) + ";\n";
}

TypeMessage describe(const SchemaMessage& message, const std::string& scope) {
    TypeMessage out;
    out.name = message.name;
    for (const auto& field : message.fields) {
        const auto& type = field.type;
        FieldMessage& one = out.fields.emplace_back();
        constexpr std::uint32_t label_optional = 1;
        constexpr std::uint32_t label_repeated = 3;
        one.name = field.name;
        one.number = field.number;
        one.label = type.is_repeated ? label_repeated : label_optional;
        one.type = static_cast<std::uint32_t>(type.kind);
        if (!type.name.empty()) one.type_name = scope + type.name;
        one.json_name = json_name(field.name);
        if (type.is_optional && !type.is_repeated) {
            // A oneof of its own, which readers of proto2 know how to tell absent from zero by.
            one.oneof_index = static_cast<std::uint32_t>(out.oneofs.size());
            one.proto3_optional = true;
            out.oneofs.push_back({"_" + field.name});
        }
    }
    return out;
}

}  // namespace

std::string json_name(std::string_view name) {
    std::string out;
    bool up = false;
    for (const char c : name) {
        if (c != '_') out.push_back(up ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c);
        up = c == '_';
    }
    return out;
}

std::string Schema::text() const {
    std::string out =
        "// Written from the structs of src/api by schema_test, which also keeps it equal to them.\nsyntax = "
        "\"proto3\";\n\npackage " +
        package_ + ";\n\n" + comment(about_, "") + "service " + service_ + " {\n";
    const auto side = [](bool streams, const std::string& name) {
        return "(" + ((streams ? "stream " : "") + name) + ")";
    };
    for (const auto& one : methods_) {
        out += comment(one.about, "  ") + "  rpc " + one.name + side(one.takes_stream, one.request) + " returns " +
               side(one.gives_stream, one.reply) + ";\n";
    }
    out += "}\n";
    for (const auto& one : enums_) {
        out += "\nenum " + one.name + " {\n";
        for (std::size_t i = 0; i < one.values.size(); ++i) {
            out += "  " + std::string(one.values[i]) + " = " + std::to_string(i) + ";\n";
        }
        out += "}\n";
    }
    for (const auto& one : messages_) {
        // An operation's comment stands at its method.
        const bool is_request =
            std::ranges::any_of(methods_, [&](const SchemaMethod& method) { return method.request == one.name; });
        out += "\n" + (is_request ? std::string() : comment(one.about, "")) + "message " + one.name + " {\n";
        for (const auto& field : one.fields) out += field_text(field);
        out += "}\n";
    }
    return out;
}

FileDescriptor Schema::descriptor(std::string file_name) const {
    FileMessage file;
    file.name = file_name;
    file.package = package_;
    file.syntax = "proto3";
    const std::string scope = "." + package_ + ".";
    FileDescriptor out{std::move(file_name), package_ + "." + service_, {package_ + "." + service_}, {}};
    const auto add_symbol = [&](const std::string& name) { out.symbols.push_back(package_ + "." + name); };
    for (const auto& one : messages_) {
        file.types.push_back(describe(one, scope));
        add_symbol(one.name);
    }
    for (const auto& one : enums_) {
        EnumMessage& message = file.enums.emplace_back();
        message.name = one.name;
        for (std::size_t i = 0; i < one.values.size(); ++i) {
            message.values.push_back({std::string(one.values[i]), static_cast<std::uint32_t>(i)});
        }
        add_symbol(one.name);
    }
    ServiceMessage& service = file.services.emplace_back();
    service.name = service_;
    for (const auto& one : methods_) {
        service.methods.push_back(
            {one.name, scope + one.request, scope + one.reply, {}, one.takes_stream, one.gives_stream});
        add_symbol(service_ + "." + one.name);
    }
    out.bytes = encode(file);
    return out;
}

}  // namespace weft::wire
