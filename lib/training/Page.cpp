#include "training/Page.h"

#include "formats/File.h"

namespace fovea::training {
namespace {

constexpr const char *style = R"(
body { font: 16px/1.5 sans-serif; max-width: 1100px; margin: 2em auto; padding: 0 1em; color: #222; }
table { border-collapse: collapse; margin: 1em 0; }
th, td { border: 1px solid #ccc; padding: 0.2em 0.7em; text-align: left; font-variant-numeric: tabular-nums; }
th { background: #f2f2f2; }
figure { margin: 1em 0; }
img { max-width: 100%; border: 1px solid #ddd; }
figcaption { color: #555; }
)";

std::string escaped(const std::string &text) {
  std::string result;
  for (char character : text) {
    if (character == '&')
      result += "&amp;";
    else if (character == '<')
      result += "&lt;";
    else if (character == '>')
      result += "&gt;";
    else if (character == '"')
      result += "&quot;";
    else
      result += character;
  }
  return result;
}

std::string element(const std::string &name, const std::string &text) {
  return "<" + name + ">" + escaped(text) + "</" + name + ">";
}

/// RFC 4648, section 4.
std::string base64(const std::vector<uint8_t> &bytes) {
  constexpr const char *digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j) group = group << 8 | (i + j < bytes.size() ? bytes[i + j] : 0u);
    for (size_t j = 0; j < 4; ++j) result += i + j > bytes.size() ? '=' : digits[group >> (18 - 6 * j) & 63];
  }
  return result;
}

} // namespace

Page::Page(const std::string &title) : title(escaped(title)) {}

void Page::heading(const std::string &text) { body += element("h2", text) + "\n"; }

void Page::note(const std::string &text) { body += element("p", text) + "\n"; }

void Page::table(const std::vector<std::string> &heading, const std::vector<std::vector<std::string>> &rows) {
  auto line = [this](const char *name, const std::vector<std::string> &cells) {
    body += "<tr>";
    for (const std::string &cell : cells) body += element(name, cell);
    body += "</tr>\n";
  };
  body += "<table>\n";
  line("th", heading);
  for (const auto &row : rows) line("td", row);
  body += "</table>\n";
}

void Page::picture(const Picture &picture, const std::string &caption) {
  body += "<figure><img alt=\"" + escaped(caption) + "\" src=\"data:image/png;base64," + base64(picture.png()) + "\">" +
          element("figcaption", caption) + "</figure>\n";
}

std::string Page::html() const {
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>" + title +
         "</title>\n<style>" + style + "</style>\n</head>\n<body>\n<h1>" + title + "</h1>\n" + body +
         "</body>\n</html>\n";
}

void Page::save(const std::filesystem::path &path) const { formats::writeFile(path, html()); }

} // namespace fovea::training
