#include "observe/log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cmath>
#include <ctime>

#include "base/time.hpp"

namespace weft::observe {

namespace detail {
std::atomic<Level> log_level{Level::info};
}

namespace {

std::atomic<int> log_descriptor{STDERR_FILENO};

bool plain(std::string_view text) {
    if (text.empty()) return false;
    for (const char c : text) {
        if (static_cast<unsigned char>(c) <= 0x20 || c == '"' || c == '=' || c == '\\' || c == 0x7f) return false;
    }
    return true;
}

/// Nothing an attacker writes into a field can begin a line of its own.
void append_escaped(std::string& out, std::string_view text) {
    static constexpr char digits[] = "0123456789abcdef";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        switch (c) {
            case '\n': out += "\\n"; break;
            case '\r': out += "\\r"; break;
            case '\t': out += "\\t"; break;
            case '"':
            case '\\':
                out.push_back('\\');
                out.push_back(c);
                break;
            default:
                if (byte < 0x20 || byte == 0x7f) {
                    out += "\\x";
                    out.push_back(digits[byte >> 4]);
                    out.push_back(digits[byte & 15]);
                } else {
                    out.push_back(c);
                }
        }
    }
}

template <class Number>
void append_number(std::string& out, Number number) {
    char text[40];
    out.append(text, std::to_chars(text, text + sizeof text, number).ptr);
}

void append_field(std::string& out, const Field& field) {
    out.push_back(' ');
    out += field.key;
    out.push_back('=');
    switch (field.kind) {
        case Field::Kind::text:
            if (plain(field.text)) {
                out += field.text;
            } else {
                out.push_back('"');
                append_escaped(out, field.text);
                out.push_back('"');
            }
            break;
        case Field::Kind::signed_integer: append_number(out, static_cast<std::int64_t>(field.number)); break;
        case Field::Kind::unsigned_integer: append_number(out, field.number); break;
        case Field::Kind::real: append_number(out, field.real); break;
        case Field::Kind::boolean: out += field.number != 0 ? "true" : "false"; break;
    }
}

}  // namespace

std::string_view to_string(Level level) {
    switch (level) {
        case Level::debug: return "debug";
        case Level::info: return "info";
        case Level::warn: return "warn";
        case Level::error: return "error";
        case Level::off: return "off";
    }
    return "off";
}

Result<Level> level_from(std::string_view text) {
    for (const Level level : {Level::debug, Level::info, Level::warn, Level::error, Level::off}) {
        if (to_string(level) == text) return level;
    }
    return fail(ErrorCode::invalid_argument,
                "log level '" + std::string(text) + "': want debug, info, warn, error or off");
}

void set_log_level(Level level) { detail::log_level.store(level, std::memory_order_relaxed); }

Result<void> set_log_file(const std::string& path) {
    int descriptor = STDERR_FILENO;
    if (!path.empty()) descriptor = open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor < 0) return fail(ErrorCode::unavailable, "log file " + path + ": can't be opened");
    // A thread may be writing to the old one, so it stays open; this happens once or twice in a process.
    log_descriptor.store(descriptor);
    return {};
}

std::string format_line(std::int64_t time_ms, Level level, std::string_view service, std::string_view message,
                        std::initializer_list<Field> fields) {
    std::string out;
    out.reserve(160);
    const std::time_t seconds = static_cast<std::time_t>(time_ms / 1'000);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char stamp[40];
    out.append(stamp, std::strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &parts));
    const auto ms = static_cast<int>(time_ms % 1'000);
    out.push_back('.');
    for (const int unit : {100, 10, 1}) out.push_back(static_cast<char>('0' + ms / unit % 10));
    out += "Z ";
    out += to_string(level);
    out.push_back(' ');
    out += service;
    out.push_back(' ');
    append_escaped(out, message);
    for (const auto& field : fields) append_field(out, field);
    return out;
}

void Log::write_line(Level level, std::string_view message, std::initializer_list<Field> fields) const {
    std::string line = format_line(unix_ms(), level, service_, message, fields);
    line.push_back('\n');
    // One write a line: lines of several threads and processes don't mix.
    [[maybe_unused]] const auto written =
        ::write(log_descriptor.load(std::memory_order_relaxed), line.data(), line.size());
}

}  // namespace weft::observe
