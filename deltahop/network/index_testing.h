// SPDX-License-Identifier: Apache-2.0
// For tests: every index of a shape one by one, and elements by index, as the plain meaning that layers are
// held against.
#pragma once

#include <functional>

#include "deltahop/network/layer_testing.h"

namespace deltahop {

using Index = std::vector<int64_t>;

inline void for_each_index(const Shape& shape, const std::function<void(const Index&)>& body) {
  if (element_count(shape) == 0) return;
  Index index(shape.size(), 0);
  while (true) {
    body(index);
    size_t axis = shape.size();
    while (axis-- > 0) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
    if (axis == static_cast<size_t>(-1)) return;
  }
}

inline int64_t position_of(const Shape& shape, const Index& index) {
  int64_t position = 0;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    DELTAHOP_CHECK(index[axis] >= 0 && index[axis] < shape[axis]);
    position = position * shape[axis] + index[axis];
  }
  return position;
}

template <class T>
T at(const Tensor& tensor, const Index& index) {
  return tensor.values<T>()[static_cast<size_t>(position_of(tensor.shape(), index))];
}

// The element that numpy's broadcasting shows at `index` of the stretched shape.
template <class T>
T stretched_at(const Tensor& tensor, const Index& index) {
  Index own(index.end() - static_cast<ptrdiff_t>(tensor.rank()), index.end());
  for (size_t axis = 0; axis < own.size(); ++axis) own[axis] = tensor.dim(axis) == 1 ? 0 : own[axis];
  return at<T>(tensor, own);
}

// 0, 1, 2, ...: every element tells where it came from.
template <class T = float>
Tensor counting_tensor(Shape shape) {
  Tensor tensor(data_type_of<T>(), std::move(shape));
  for (size_t i = 0; i < tensor.values<T>().size(); ++i) tensor.values<T>()[i] = static_cast<T>(i);
  return tensor;
}

inline Shape random_shape(Random& random, size_t rank, int64_t largest) {
  Shape shape;
  for (size_t axis = 0; axis < rank; ++axis) shape.push_back(random.integer(1, largest));
  return shape;
}

// A shape that broadcasts to `shape`: some axes are 1, some leading ones are left out.
inline Shape random_part(Random& random, const Shape& shape) {
  Shape part(shape.begin() + random.integer(0, static_cast<int64_t>(shape.size())), shape.end());
  for (int64_t& dimension : part) dimension = random.chance(0.4) ? 1 : dimension;
  return part;
}

inline Tensor integers(const Integers& values) {
  return Tensor::of<int64_t>({static_cast<int64_t>(values.size())}, values);
}

}  // namespace deltahop
