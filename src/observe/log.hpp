#pragma once
// One line an event: `2026-01-31T12:00:00.123Z info gateway listening address=127.0.0.1:8545 loops=2`.
//
// A line below the level costs one load and a branch.

#include <atomic>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"

namespace weft::observe {

enum class Level : std::uint8_t { debug, info, warn, error, off };

[[nodiscard]] std::string_view to_string(Level level);
/// @errors invalid_argument  no such level.
[[nodiscard]] Result<Level> level_from(std::string_view text);

/// `key=value`; a text with spaces, quotes or control characters is quoted and escaped.
struct Field {
    enum class Kind : std::uint8_t { text, signed_integer, unsigned_integer, real, boolean };

    Field(std::string_view field_key, std::string_view value) : key(field_key), text(value) {}
    Field(std::string_view field_key, const char* value) : Field(field_key, std::string_view(value)) {}
    Field(std::string_view field_key, const std::string& value) : Field(field_key, std::string_view(value)) {}
    Field(std::string_view field_key, bool value) : key(field_key), kind(Kind::boolean), number(value ? 1 : 0) {}
    Field(std::string_view field_key, double value) : key(field_key), kind(Kind::real), real(value) {}
    template <std::integral Number>
    Field(std::string_view field_key, Number value)
        : key(field_key),
          kind(std::signed_integral<Number> ? Kind::signed_integer : Kind::unsigned_integer),
          number(static_cast<std::uint64_t>(value)) {}

    std::string_view key;
    Kind kind = Kind::text;
    std::string_view text = {};
    std::uint64_t number = 0;
    double real = 0;
};

/// Lines below it are dropped; `info` at the start. From any thread.
void set_log_level(Level level);
/// Writes to a file (appended) instead of stderr; "" goes back to stderr.
/// @errors unavailable  the file can't be opened.
[[nodiscard]] Result<void> set_log_file(const std::string& path);

namespace detail {
extern std::atomic<Level> log_level;
}
[[nodiscard]] inline bool log_enabled(Level level) {
    return level >= detail::log_level.load(std::memory_order_relaxed);
}

/// A service's voice. Copies are cheap; every function may be called from any thread.
class Log {
  public:
    explicit Log(std::string service) : service_(std::move(service)) {}

    void debug(std::string_view message, std::initializer_list<Field> fields = {}) const {
        write(Level::debug, message, fields);
    }
    void info(std::string_view message, std::initializer_list<Field> fields = {}) const {
        write(Level::info, message, fields);
    }
    void warn(std::string_view message, std::initializer_list<Field> fields = {}) const {
        write(Level::warn, message, fields);
    }
    void error(std::string_view message, std::initializer_list<Field> fields = {}) const {
        write(Level::error, message, fields);
    }
    void write(Level level, std::string_view message, std::initializer_list<Field> fields) const {
        if (log_enabled(level)) write_line(level, message, fields);
    }
    [[nodiscard]] const std::string& service() const { return service_; }

  private:
    void write_line(Level level, std::string_view message, std::initializer_list<Field> fields) const;
    std::string service_;
};

/// The line without its end, for tests and other sinks.
[[nodiscard]] std::string format_line(std::int64_t time_ms, Level level, std::string_view service,
                                      std::string_view message, std::initializer_list<Field> fields);

}  // namespace weft::observe
