// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/accelerator.h"

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

// "nullhop_zynq.yaml" -> "nullhop_zynq"
std::string_view stem_of(std::string_view file) { return file.substr(0, file.rfind('.')); }

struct Found {
  AcceleratorKind kind;
  Config config;
};

Found find_embedded(std::string_view name, const std::vector<AcceleratorKind>& kinds) {
  std::vector<std::string> known;
  for (const AcceleratorKind& kind : kinds) {
    known.push_back(kind.name);
    for (const std::string& variant : kind.variants) {
      const bool is_default = &variant == &kind.variants.front() && kind.name == name;
      if (is_default || stem_of(variant) == name) {
        return {kind, Config::from_text(embedded_accelerator_file(fmt::format("{}/{}", kind.name, variant)),
                                        variant)};
      }
      if (stem_of(variant) != kind.name) known.emplace_back(stem_of(variant));
    }
  }
  throw Error("", fmt::format("there is no chip '{}'", name), suggest(name, known));
}

Found find_in_file(const std::filesystem::path& path, const std::vector<AcceleratorKind>& kinds) {
  Config config = Config::from_file(path);
  const std::string name = config.text("chip");
  std::vector<std::string> known;
  for (const AcceleratorKind& kind : kinds) {
    if (kind.name == name) return {kind, std::move(config)};
    known.push_back(kind.name);
  }
  if (config.has("chip"))
    throw Error(config.place("chip"), fmt::format("there is no chip '{}'", name), suggest(name, known));
  throw Error(config.place(), "does not say which chip it configures",
              fmt::format("begin with 'chip: {}'", kinds.front().name));
}

}  // namespace

std::string_view name_of(Placement placement) {
  switch (placement) {
    case Placement::chip:
      return "chip";
    case Placement::extension:
      return "extension";
    case Placement::host:
      return "host";
  }
  return "";
}

RecurrentCounts Accelerator::simulate_steps(std::span<const LayerTrace>, std::vector<DramRequest>*) const {
  throw Error(architecture().name, "has no recurrent layers");
}

std::vector<std::pair<std::string, std::string>> Accelerator::board_files(RecurrentLayers,
                                                                          std::string_view) const {
  throw Error(architecture().name, "has no files to load a board with");
}

std::string embedded_accelerator_file(std::string_view path) {
  for (const EmbeddedFile& file : embedded_accelerators()) {
    if (file.path == path) return std::string(file.content);
  }
  throw Error("", fmt::format("there is no file '{}' in accelerators", path));
}

std::unique_ptr<Accelerator> make_accelerator(std::string_view name,
                                              const std::vector<std::string>& settings) {
  const std::vector<AcceleratorKind> kinds = accelerator_kinds();
  const bool is_path =
      name.find('/') != std::string_view::npos || name.ends_with(".yaml") || name.ends_with(".yml");
  Found found = is_path ? find_in_file(std::filesystem::path(name), kinds) : find_embedded(name, kinds);
  for (const std::string& setting : settings) found.config.set(setting);
  return found.kind.make(std::move(found.config));
}

}  // namespace deltahop
