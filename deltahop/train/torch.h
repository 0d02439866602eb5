// SPDX-License-Identifier: Apache-2.0
// The least of LibTorch that training needs; precompiled (cmake/train.cmake). Torch stays inside train/, and
// train/ is built by g++ only: clang 14 cannot parse LibTorch 1.13 as C++20.
#pragma once

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>
#include <torch/utils.h>
