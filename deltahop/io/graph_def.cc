// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/graph_def.h"

#include "deltahop/base/error.h"
#include "deltahop/io/graph_def_lower.h"
#include "deltahop/io/mapped_file.h"

namespace deltahop {

bool looks_like_graph_def(std::string_view bytes) { return graph_def::looks_like_graph_def(bytes); }

Network parse_graph_def(std::string_view bytes, const std::string& name) {
  try {
    const graph_def::File file(bytes);
    return graph_def::Lowering(file, bytes.size(), std::filesystem::path(name).stem().string()).network();
  } catch (const Error& error) {
    throw Error(name, error.what());
  }
}

Network read_graph_def(const std::filesystem::path& path) {
  const MappedFile file(path);
  return parse_graph_def(file.bytes(), path.string());
}

}  // namespace deltahop
