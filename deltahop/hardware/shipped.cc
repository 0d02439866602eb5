// SPDX-License-Identifier: Apache-2.0
#include "deltahop/hardware/shipped.h"

#include <filesystem>

#include <fmt/format.h>

#include "deltahop/base/embedded.h"
#include "deltahop/base/error.h"

namespace deltahop {

std::vector<EmbeddedFile> embedded_hardware();  // generated

namespace {

constexpr std::string_view kSuffix = ".yaml";

NamedConfig open(std::string_view folder, std::string_view name_or_path, std::string_view what) {
  const std::string shipped = fmt::format("{}/{}{}", folder, name_or_path, kSuffix);
  for (const EmbeddedFile& file : embedded_hardware()) {
    if (file.path == shipped) return {Config::from_text(file.content, file.path), std::string(name_or_path)};
  }
  const std::filesystem::path path{std::string(name_or_path)};
  if (path.extension() != ".yaml" && path.extension() != ".yml")
    throw Error(name_or_path, fmt::format("is no {}", what), suggest(name_or_path, shipped_names(folder)));
  return {Config::from_file(path), path.stem().string()};
}

}  // namespace

std::vector<std::string> shipped_names(std::string_view folder) {
  std::vector<std::string> names;
  const std::string prefix = fmt::format("{}/", folder);
  for (const EmbeddedFile& file : embedded_hardware()) {
    if (!file.path.starts_with(prefix)) continue;
    names.emplace_back(file.path.substr(prefix.size(), file.path.size() - prefix.size() - kSuffix.size()));
  }
  return names;
}

NamedConfig open_shipped(std::string_view folder, std::string_view name_or_path, std::string_view what,
                         const std::vector<std::string>& settings) {
  NamedConfig result = open(folder, name_or_path, what);
  for (const std::string& setting : settings) result.config.set(setting);
  return result;
}

}  // namespace deltahop
