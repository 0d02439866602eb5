// SPDX-License-Identifier: Apache-2.0
// Values of a GraphDef that depend on no input: weights behind Identity nodes, and the shape arithmetic that
// TensorFlow leaves in frozen graphs. For the files of io/graph_def only.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "deltahop/io/graph_def_file.h"

namespace deltahop::graph_def {

class Constants {
 public:
  Constants(const File& file, size_t file_bytes) : file_(file), allowance_(file_bytes) {}

  // What passes a value on unchanged is walked through: Identity, StopGradient, and Enter, which hands a
  // value into a loop. Throws Error on a circle of them.
  Ref source(Ref ref) const;
  // The value, or null where it depends on an input or on an operator that is not known here: Const, Fill,
  // Range, ConcatV2, Pack and StridedSlice of one dimension are. Throws Error naming the node.
  std::shared_ptr<const Tensor> find(Ref ref);
  // The same where nothing but a constant will do. `what` says which input, "the axis".
  std::shared_ptr<const Tensor> want(Ref reader, Ref ref, std::string_view what);
  // Whole numbers of a constant with at most one dimension.
  std::vector<int64_t> integers(Ref reader, Ref ref, std::string_view what);
  int64_t integer(Ref reader, Ref ref, std::string_view what);
  // True where `ref` is a constant whose numbers are all `value`.
  bool all_equal(Ref ref, double value);
  // For what is made of constants: throws Error (no place) where it is more than the file is worth.
  void spend(DataType type, const Shape& shape) { allowance_.take(type, shape); }

 private:
  std::optional<Tensor> computed(Ref ref, int depth);
  std::shared_ptr<const Tensor> find(Ref ref, int depth);
  std::optional<Tensor> fill(Ref ref, int depth);
  std::optional<Tensor> list(Ref ref, int depth);
  std::optional<std::vector<int64_t>> known_integers(Ref ref, size_t input, int depth);

  const File& file_;
  Allowance allowance_;
  std::map<Ref, std::shared_ptr<const Tensor>> known_;
};

}  // namespace deltahop::graph_def
