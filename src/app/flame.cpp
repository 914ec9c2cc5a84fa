#include "app/flame.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <memory>

namespace weft::app {

namespace {

constexpr double page_width = 1200;
constexpr double margin = 10;
constexpr double row_height = 18;
constexpr double head_height = 56;
constexpr double foot_height = 30;
/// Narrower boxes can't be seen; they come to sight when one below them is clicked.
constexpr double width_min = 0.05;
constexpr double character_width = 6.6;
constexpr std::size_t boxes_max = 200'000;

/// What is drawn: a frame with all that is on top of it.
struct Box {
    std::uint64_t weight = 0;
    std::map<std::string, std::unique_ptr<Box>, std::less<>> inner;
};

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            default: out += c;
        }
    }
    return out;
}

std::string with_separators(std::uint64_t value) {
    std::string out = std::to_string(value);
    for (auto at = static_cast<std::ptrdiff_t>(out.size()) - 3; at > 0; at -= 3) {
        out.insert(static_cast<std::size_t>(at), 1, ',');
    }
    return out;
}

/// Contracts in warm colours, instructions in cool ones; the same name always in the same.
std::string color_of(const std::string& name) {
    std::uint32_t sum = 2'166'136'261U;
    for (const char c : name) sum = (sum ^ static_cast<std::uint8_t>(c)) * 16'777'619U;
    const bool is_contract = name.starts_with("0x");
    const auto hue = is_contract ? 10 + sum % 40 : 175 + sum % 60;
    return fmt::format("hsl({},{}%,{}%)", hue, is_contract ? 80 : 45, 62 + sum / 64 % 12);
}

/// "0x5fbdb2315678afecb367f032d93f642f64180aa3:a9059cbb" as "0x5fbd..0aa3:a9059cbb".
std::string short_name(const std::string& name) {
    constexpr std::size_t address_length = 42;
    if (!name.starts_with("0x") || name.size() < address_length) return name;
    return name.substr(0, 6) + ".." + name.substr(address_length - 4);
}

Result<void> add(Box& root, const std::string& line, std::size_t& boxes) {
    const auto space = line.rfind(' ');
    std::uint64_t weight = 0;
    const char* const end = line.data() + line.size();
    if (space == std::string::npos || space == 0 ||
        std::from_chars(line.data() + space + 1, end, weight).ptr != end || weight == 0) {
        return fail(ErrorCode::invalid_argument, "not a folded stack: \"" + line + "\"");
    }
    Box* at = &root;
    at->weight += weight;
    for (std::size_t begin = 0; begin <= space;) {
        const auto stop = std::min(line.find(';', begin), space);
        auto& next = at->inner[line.substr(begin, stop - begin)];
        if (!next) {
            if (++boxes > boxes_max) return fail(ErrorCode::resource_exhausted, "too many boxes for one picture");
            next = std::make_unique<Box>();
        }
        next->weight += weight;
        at = next.get();
        begin = stop + 1;
    }
    return {};
}

std::size_t depth_of(const Box& box) {
    std::size_t out = 0;
    for (const auto& [name, inner] : box.inner) out = std::max(out, 1 + depth_of(*inner));
    return out;
}

class Drawing {
  public:
    Drawing(const Box& root, const FlameOptions& options)
        : root_(root), options_(options), rows_(depth_of(root) + 1),
          height_(head_height + static_cast<double>(rows_) * row_height + foot_height) {}

    std::string draw() {
        out_ = fmt::format(
            R"(<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}"
  font-family="monospace" font-size="11">
<style>g.box:hover rect{{stroke:#000}} g.box{{cursor:pointer}} text{{pointer-events:none}} .dim{{opacity:.45}}</style>
<rect width="100%" height="100%" fill="#fffdf7"/>
<text x="{2}" y="24" text-anchor="middle" font-size="16">{3}</text>
<text x="{2}" y="42" text-anchor="middle" fill="#555">{4} {5}; a click on a box makes it the whole</text>
<text id="hint" x="{6}" y="{7}">&#160;</text>
)",
            page_width, height_, page_width / 2, escaped(options_.title), with_separators(root_.weight),
            escaped(options_.unit), margin, height_ - 10);
        box("all", root_, 0, 0);
        out_ += script;
        out_ += "</svg>\n";
        return std::move(out_);
    }

  private:
    void box(const std::string& name, const Box& what, std::uint64_t from, std::size_t row) {
        const double scale = (page_width - 2 * margin) / static_cast<double>(root_.weight);
        const double x = margin + static_cast<double>(from) * scale;
        const double width = static_cast<double>(what.weight) * scale;
        const double y = height_ - foot_height - static_cast<double>(row + 1) * row_height;
        const auto label = short_name(name);
        const auto room = static_cast<std::size_t>(std::max(0.0, (width - 4) / character_width));
        const double share = 100 * static_cast<double>(what.weight) / static_cast<double>(root_.weight);
        out_ += fmt::format(
            R"(<g class="box" data-f="{}" data-w="{}" data-n="{}"{}><title>{}: {} {}, {:.2f} %</title>)"
            R"(<rect x="{:.2f}" y="{:.1f}" width="{:.2f}" height="{}" fill="{}" rx="1"/>)"
            R"(<text x="{:.2f}" y="{:.1f}">{}</text></g>)"
            "\n",
            from, what.weight, escaped(label), width < width_min ? R"( style="display:none")" : "", escaped(name),
            with_separators(what.weight), escaped(options_.unit), share, x, y, width, row_height - 1,
            row == 0 ? "#ddd" : color_of(name), x + 3, y + row_height - 6, room < 3 ? "" : escaped(cut(label, room)));
        for (const auto& [inner_name, inner] : what.inner) {
            box(inner_name, *inner, from, row + 1);
            from += inner->weight;
        }
    }
    static std::string cut(const std::string& text, std::size_t room) {
        if (text.size() <= room) return text;
        std::size_t end = room - 2;
        while (end > 0 && (static_cast<std::uint8_t>(text[end]) & 0xc0) == 0x80) --end;  // not inside a character
        return text.substr(0, end) + "..";
    }

    /// Zooms: boxes inside the chosen one are spread over the width, those below it fill it, the others go.
    static constexpr std::string_view script = R"(<script><![CDATA[
const boxes = [...document.querySelectorAll('g.box')], hint = document.getElementById('hint');
const width = )" "1180" R"(, left = 10, letter = 6.6;
function zoom(chosen) {
  const from = +chosen.dataset.f, weight = +chosen.dataset.w, y = +chosen.querySelector('rect').getAttribute('y');
  for (const box of boxes) {
    const f = +box.dataset.f, w = +box.dataset.w, rect = box.querySelector('rect'), text = box.querySelector('text');
    const below = +rect.getAttribute('y') > y && f <= from && f + w >= from + weight;
    const inside = +rect.getAttribute('y') <= y && f >= from && f + w <= from + weight;
    const x = below ? left : left + (f - from) / weight * width, size = below ? width : w / weight * width;
    box.style.display = (below || inside) && size > 0.05 ? '' : 'none';
    box.classList.toggle('dim', below);
    rect.setAttribute('x', x);
    rect.setAttribute('width', size);
    text.setAttribute('x', x + 3);
    const room = Math.floor((size - 4) / letter), name = box.dataset.n;
    text.textContent = room < 3 ? '' : name.length <= room ? name : name.slice(0, room - 2) + '..';
  }
}
for (const box of boxes) {
  box.addEventListener('click', () => zoom(box));
  box.addEventListener('mouseover', () => { hint.textContent = box.querySelector('title').textContent; });
}
]]></script>
)";

    const Box& root_;
    const FlameOptions& options_;
    const std::size_t rows_;
    const double height_;
    std::string out_;
};

}  // namespace

Result<std::string> make_flame_graph(const std::vector<std::string>& folded, const FlameOptions& options) {
    Box root;
    std::size_t boxes = 0;
    for (const auto& line : folded) WEFT_CHECK(add(root, line, boxes));
    if (root.weight == 0) return fail(ErrorCode::invalid_argument, "nothing to draw: no instruction ran");
    return Drawing(root, options).draw();
}

}  // namespace weft::app
