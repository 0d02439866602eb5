// SPDX-License-Identifier: Apache-2.0
// What the literature prints for well-known networks, from the `published` line of the zoo's files: looked up
// by name, so that somebody's own "VGG-16.onnx" is held against the published VGG-16 ("AlexNet" means
// different networks in different tools).
#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>

#include "deltahop/base/config.h"
#include "deltahop/base/embedded.h"
#include "deltahop/cli/reporting.h"

namespace deltahop {

std::vector<EmbeddedFile> embedded_network();  // generated

namespace {

// "VGG-16.onnx" and "vgg_16" are the same name.
std::string plain_name(std::string_view name) {
  std::string plain;
  for (const char c : std::filesystem::path(name).stem().string()) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return plain;
}

// "15.5 G" as the sources print it.
std::optional<double> count_of(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  const std::string prefix(end, text.data() + text.size());
  if (prefix.empty()) return number;
  if (prefix == " k") return number * 1e3;
  if (prefix == " M") return number * 1e6;
  return prefix == " G" ? std::optional(number * 1e9) : std::nullopt;
}

}  // namespace

void add_published_counts(NetworkSummary& summary) {
  for (const EmbeddedFile& file : embedded_network()) {
    const std::string known = plain_name(file.path);
    if (known != plain_name(summary.name) && known != plain_name(summary.source)) continue;
    const Config published = Config::from_text(file.content, file.path).section("published");
    summary.published_macs = count_of(published.text("macs", ""));
    summary.published_weights = count_of(published.text("weights", ""));
    summary.published_source = published.text("source", "");
    return;
  }
}

}  // namespace deltahop
