#include "rules.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <functional>
#include <optional>
#include <regex>

namespace weft::tidy {

namespace {

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const auto end = text.find('\n');
        lines.emplace_back(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    }
    return lines;
}

/// Calls f(line number, line) for each line.
void each_line(const File& file, const std::function<void(std::size_t, const std::string&)>& f) {
    std::size_t number = 0;
    for (const auto& line : lines_of(file.text)) f(++number, line);
}

struct Include {
    std::size_t line = 0;
    bool quoted = false;
    std::string path;
};

std::vector<Include> includes_of(const File& file) {
    static const std::regex pattern(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
    std::vector<Include> out;
    each_line(file, [&](std::size_t number, const std::string& line) {
        std::smatch match;
        if (line.find('#') != std::string::npos && std::regex_search(line, match, pattern)) {
            out.push_back({number, match[1] == "\"", match[2]});
        }
    });
    return out;
}

std::vector<std::string> parts_of(std::string_view path) {
    std::vector<std::string> parts;
    while (true) {
        const auto slash = path.find('/');
        parts.emplace_back(path.substr(0, slash));
        if (slash == std::string_view::npos) return parts;
        path = path.substr(slash + 1);
    }
}

/// Whether nothing but spaces stands before @p at on its line.
bool begins_line(std::string_view text, std::size_t at) {
    while (at > 0 && text[at - 1] == ' ') --at;
    return at == 0 || text[at - 1] == '\n';
}

/// Comments, strings, characters and the preprocessor's lines become spaces, so that what is left is code. Lines stay.
std::string code_of(std::string_view text) {
    std::string out(text);
    const auto blank = [&](std::size_t from, std::size_t to) {
        for (std::size_t i = from; i < to && i < out.size(); ++i) {
            if (out[i] != '\n') out[i] = ' ';
        }
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto rest = text.substr(i);
        std::size_t end = i;
        if (text[i] == '#' && begins_line(text, i)) {
            do {
                end = std::min(text.find('\n', end + 1), text.size());
            } while (end < text.size() && text[end - 1] == '\\');
        } else if (rest.starts_with("//")) {
            end = std::min(text.find('\n', i), text.size());
        } else if (rest.starts_with("/*")) {
            end = std::min(text.find("*/", i), text.size() - 2) + 2;
        } else if (rest.starts_with("R\"")) {
            const auto open = text.find('(', i);
            const std::string close = ")" + std::string(text.substr(i + 2, open - i - 2)) + "\"";
            end = std::min(text.find(close, open), text.size() - close.size()) + close.size();
        } else if (text[i] == '"' ||
                   (text[i] == '\'' && (i == 0 || !std::isalnum(static_cast<unsigned char>(text[i - 1]))))) {
            end = i + 1;
            while (end < text.size() && text[end] != text[i] && text[end] != '\n') end += text[end] == '\\' ? 2 : 1;
            ++end;
        }
        if (end == i) continue;
        blank(i, end);
        i = end - 1;
    }
    return out;
}

enum class Brace { scope, function, inside };

/// What a '{' opens, by the code between it and the statement before.
Brace brace_after(const std::string& head) {
    static const std::regex scope(R"((^|\W)(namespace|struct|class|union|enum|extern)\W)");
    if (head.find('(') == std::string::npos) return Brace::scope;
    // `template <class T> void f()` has the word in its template parameters, `struct S` has no parameter list.
    static const std::regex parameters(R"(template\s*<[^{;]*>)");
    const std::string without = std::regex_replace(head, parameters, " ");
    if (std::regex_search(without.substr(0, without.find('(')), scope)) return Brace::scope;
    return Brace::function;
}

struct Function {
    std::size_t first_line = 0;
    std::size_t lines = 0;
};

std::vector<Function> functions_of(const File& file) {
    std::vector<Function> out;
    std::vector<Brace> open;
    std::string head;
    std::size_t line = 1;
    std::size_t began = 0;
    for (const char c : code_of(file.text)) {
        if (c == '\n') ++line;
        const bool in_function = std::ranges::find(open, Brace::function) != open.end();
        if (c == '{') {
            open.push_back(in_function ? Brace::inside : brace_after(head));
            if (open.back() == Brace::function) began = line;
            head.clear();
        } else if (c == '}') {
            if (!open.empty()) {
                if (open.back() == Brace::function) out.push_back({began, line - began + 1});
                open.pop_back();
            }
            head.clear();
        } else if (c == ';') {
            head.clear();
        } else {
            head += c;
        }
    }
    return out;
}

constexpr auto pure_rooms = std::to_array<std::string_view>({"crypto", "verify", "evm", "chain", "consensus", "model"});
constexpr auto pure_machines =
    std::to_array<std::string_view>({"src/mesh/lease_table", "src/mesh/balance", "src/mesh/backoff", "src/mesh/retry",
                                     "src/mesh/discovery", "src/mesh/window", "src/mesh/breaker", "src/mesh/outlier",
                                     "src/mesh/quantile", "src/mesh/hedge", "src/mesh/limit", "src/mesh/adaptive",
                                     "src/mesh/bulkhead", "src/mesh/shed", "src/app/restart"});

bool is_pure(const File& file) {
    const auto parts = parts_of(file.path);
    if (parts.size() >= 3 && parts[0] == "src" && std::ranges::find(pure_rooms, parts[1]) != pure_rooms.end())
        return true;
    return std::ranges::any_of(pure_machines, [&](std::string_view machine) { return file.path.starts_with(machine); });
}

}  // namespace

bool is_header(const File& file) { return file.path.ends_with(".hpp"); }
bool is_cpp(const File& file) { return is_header(file) || file.path.ends_with(".cpp"); }

bool is_test(const File& file) {
    // Readers of official vectors and fixtures are for tests, though they are linked with their room.
    constexpr auto helpers = std::to_array<std::string_view>({"src/base/fixtures.", "src/crypto/vectors."});
    return file.path.ends_with("_test.cpp") || file.path.starts_with("test/") ||
           file.path.find("/test_") != std::string::npos ||
           std::ranges::any_of(helpers, [&](std::string_view helper) { return file.path.starts_with(helper); });
}

std::vector<std::string> module_order(std::string_view cmake_lists) {
    const auto at = cmake_lists.find("set(MODULE_ORDER ");
    if (at == std::string_view::npos) return {};
    const auto from = cmake_lists.find(' ', at) + 1;
    std::vector<std::string> out;
    std::string word;
    for (const char c : cmake_lists.substr(from, cmake_lists.find(')', from) - from + 1)) {
        if (std::isalnum(static_cast<unsigned char>(c)) || c == '_') {
            word += c;
        } else if (!word.empty()) {
            out.push_back(std::move(word));
            word.clear();
        }
    }
    return out;
}

Findings check_order(const File& file, const std::vector<std::string>& order) {
    const auto own = parts_of(file.path);
    if (own.size() < 3 || own[0] != "src" || !is_cpp(file)) return {};
    const auto place = [&](const std::string& room) { return std::ranges::find(order, room) - order.begin(); };
    Findings out;
    for (const auto& include : includes_of(file)) {
        if (!include.quoted) continue;
        const auto other = parts_of(include.path);
        if (other.size() < 2 || place(other[0]) == std::ssize(order)) {
            out.push_back({file.path, include.line, "\"" + include.path + "\" does not begin with a room"});
        } else if (place(other[0]) > place(own[1])) {
            out.push_back({file.path, include.line, own[1] + " may not use " + other[0]});
        } else if (own[1] == "service" && other[0] == "service" && own[2] != other[1]) {
            out.push_back({file.path, include.line, "service " + own[2] + " may not use service " + other[1]});
        }
    }
    return out;
}

namespace {
bool is_private(const File& header, const std::vector<File>& tree) {
    const auto folder = header.path.substr(0, header.path.rfind('/') + 1);
    return std::ranges::none_of(tree, [&](const File& file) {
        const bool allowed = !is_header(file) && file.path.starts_with(folder);
        return !allowed && std::ranges::any_of(includes_of(file), [&](const Include& include) {
            return include.quoted && "src/" + include.path == header.path;
        });
    });
}
}  // namespace

Findings check_headers(const File& file, const std::vector<File>& tree) {
    if (!is_header(file) || is_test(file) || is_private(file, tree)) return {};
    // The compiler's and the kernel's are cheap; a name without a point is the standard library's.
    static const std::regex allowed(
        R"(^[a-z_0-9]+$|^(sys|linux|netinet|arpa)/\w+\.h$|^(x86|imm)intrin\.h$|^unistd\.h$)");
    constexpr auto heavy = std::to_array<std::string_view>({"regex", "iostream", "iomanip", "sstream", "fstream"});
    Findings out;
    for (const auto& include : includes_of(file)) {
        if (include.quoted) continue;
        if (!std::regex_match(include.path, allowed)) {
            out.push_back({file.path, include.line, "<" + include.path + "> belongs in a .cpp file"});
        } else if (std::ranges::find(heavy, include.path) != heavy.end()) {
            out.push_back({file.path, include.line, "<" + include.path + "> is heavy and belongs in a .cpp file"});
        }
    }
    return out;
}

Findings check_purity(const File& file) {
    if (!is_cpp(file) || is_test(file) || !is_pure(file)) return {};
    constexpr auto impure =
        std::to_array<std::string_view>({"thread", "mutex", "shared_mutex", "condition_variable", "chrono", "ctime",
                                         "random", "fstream", "filesystem", "iostream"});
    static const std::regex calls(R"(\b(monotonic_ns|unix_seconds|unix_ms|getenv)\s*\()");
    Findings out;
    for (const auto& include : includes_of(file)) {
        if (std::ranges::find(impure, include.path) != impure.end()) {
            out.push_back({file.path, include.line, "<" + include.path + "> in a room or machine that is pure"});
        }
    }
    each_line({file.path, code_of(file.text)}, [&](std::size_t number, const std::string& line) {
        std::smatch match;
        if (std::regex_search(line, match, calls)) {
            out.push_back({file.path, number, match[1].str() + "() in a room or machine that is pure"});
        }
    });
    return out;
}

Findings check_sleeps(const File& file) {
    if (!is_cpp(file) || !is_test(file)) return {};
    static const std::regex sleeps(R"(this_thread::sleep_|\bu?sleep\s*\(|\bnanosleep\s*\()");
    Findings out;
    each_line({file.path, code_of(file.text)}, [&](std::size_t number, const std::string& line) {
        if (std::regex_search(line, sleeps))
            out.push_back({file.path, number, "a test sleeps instead of waiting for something"});
    });
    return out;
}

Findings check_line_length(const File& file) {
    if (!is_cpp(file) && !file.path.ends_with(".cmake") && !file.path.ends_with("CMakeLists.txt")) return {};
    Findings out;
    each_line(file, [&](std::size_t number, const std::string& line) {
        const auto length = static_cast<std::size_t>(
            std::ranges::count_if(line, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
        // A word that can't be broken, such as an URL or a test vector, may be longer.
        if (length <= line_length_max || line.find(' ', line.find_first_not_of(' ')) == std::string::npos) return;
        out.push_back({file.path, number, "line of " + std::to_string(length) + " characters"});
    });
    return out;
}

Findings check_file_length(const File& file, std::size_t lines_max) {
    if (!is_cpp(file)) return {};
    const std::size_t count = lines_of(file.text).size();
    if (count <= lines_max) return {};
    return {{file.path, count, "file of " + std::to_string(count) + " lines"}};
}

Findings check_function_length(const File& file, std::size_t lines_max) {
    if (!is_cpp(file)) return {};
    Findings out;
    for (const auto& function : functions_of(file)) {
        if (function.lines <= lines_max) continue;
        out.push_back({file.path, function.first_line, "function of " + std::to_string(function.lines) + " lines"});
    }
    return out;
}

Findings check_paths(const File& file, bool (*exists)(const std::string& path)) {
    if (!file.path.ends_with(".md")) return {};
    // `src/base/hex.hpp` in code spans, and relative links.
    static const std::regex spans(R"(`((?:src|test|docs|cmake|proto|web|bench|\.ci)/[\w./-]*\w/?)`|\]\(([\w./-]+)\))");
    const auto slash = file.path.rfind('/');
    const std::string folder = slash == std::string::npos ? "" : file.path.substr(0, slash + 1);
    Findings out;
    each_line(file, [&](std::size_t number, const std::string& line) {
        for (auto at = std::sregex_iterator(line.begin(), line.end(), spans); at != std::sregex_iterator(); ++at) {
            const std::string path = (*at)[1].matched ? (*at)[1].str() : folder + (*at)[2].str();
            if (!exists(path)) out.push_back({file.path, number, path + " does not exist"});
        }
    });
    return out;
}

Findings check_words(const File& file) {
    // Written so that this file does not hold what it looks for.
    static const std::regex machine("(^|[^\\w.}])/(wor" "k|roo" "t)/");
    static const std::regex marker("\\b(TO" "DO|FIX" "ME|XX" "X|HA" "CK)\\b");
    Findings out;
    each_line(file, [&](std::size_t number, const std::string& line) {
        if (std::regex_search(line, machine)) out.push_back({file.path, number, "a path of somebody's machine"});
        if (std::regex_search(line, marker)) out.push_back({file.path, number, "a left-over marker"});
    });
    return out;
}

}  // namespace weft::tidy
