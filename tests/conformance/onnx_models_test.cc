// SPDX-License-Identifier: Apache-2.0
// Whole graphs: real exporters' files load, run and give what they should, and are the same network after a
// round trip through our own writer.
#include <cstdlib>

#include <gtest/gtest.h>
#include <unistd.h>

#include "deltahop/base/files.h"
#include "deltahop/base/random.h"
#include "deltahop/io/load.h"
#include "deltahop/io/onnx.h"
#include "deltahop/run/executor.h"
#include "tests/conformance/compare.h"

namespace deltahop {
namespace {

struct Model {
  const char* file;
  Shape input;
  std::vector<Shape> outputs;
};

std::ostream& operator<<(std::ostream& stream, const Model& model) { return stream << model.file; }

class OnnxModel : public ::testing::TestWithParam<Model> {
 protected:
  void SetUp() override {
    const char* const data = std::getenv("DELTAHOP_DATA");
    if (data == nullptr) GTEST_SKIP() << "DELTAHOP_DATA is not set";
    folder_ = std::string(data) + "/onnx_models/";
  }
  // Element k of n is k / n, as ONNX's test runner feeds the light models.
  static Tensor ramp(const Shape& shape) {
    Tensor tensor = Tensor::zeros(DataType::float32, shape);
    float k = 0;
    for (float& value : tensor.values<float>()) value = k++ / static_cast<float>(tensor.size());
    return tensor;
  }
  std::vector<Tensor> run(const Network& network) const {
    std::vector<Tensor> inputs;
    inputs.push_back(ramp(GetParam().input));
    return execute(network.bound({GetParam().input}), inputs, {});
  }
  std::string folder_;
};

TEST_P(OnnxModel, LoadsAndGivesOutputsOfTheRightShapes) {
  const std::vector<Tensor> outputs = run(load_network(folder_ + GetParam().file));
  ASSERT_EQ(outputs.size(), GetParam().outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    EXPECT_EQ(outputs[i].shape(), GetParam().outputs[i]);
    EXPECT_GT(count_nonzero(outputs[i]), 0);
    EXPECT_TRUE(std::isfinite(largest_magnitude(outputs[i])));
  }
}

TEST_P(OnnxModel, GivesTheSameAfterARoundTrip) {
  const std::filesystem::path path = std::filesystem::path(::testing::TempDir()) /
                                     ("deltahop_round_trip_" + std::to_string(::getpid()) + ".onnx");
  const Network original = load_network(folder_ + GetParam().file);
  save_onnx(original, path);
  const std::string first = read_file(path);
  const Network again = load_network(path.string());
  save_onnx(again, path);
  EXPECT_TRUE(read_file(path) == first) << "the writer is not a fixed point of the reader";
  std::filesystem::remove(path);
  const std::vector<Tensor> wanted = run(original), found = run(again);
  ASSERT_EQ(wanted.size(), found.size());
  for (size_t i = 0; i < wanted.size(); ++i) EXPECT_TRUE(wanted[i] == found[i]) << "output " << i;
}

TEST_P(OnnxModel, GivesTheExpectedOutputsWhereTheyAreKnown) {
  std::string expected = folder_ + GetParam().file;
  expected.replace(expected.rfind(".onnx"), std::string::npos, "_output_0.pb");
  if (!std::filesystem::exists(expected)) return;
  EXPECT_TRUE(is_close(run(load_network(folder_ + GetParam().file)).at(0),
                       parse_tensor_proto(read_file(expected), expected)));
}

std::string model_name(const ::testing::TestParamInfo<Model>& model) {
  return std::filesystem::path(model.param.file).stem().string();
}

INSTANTIATE_TEST_SUITE_P(
    Conformance, OnnxModel,
    ::testing::Values(Model{"mnist_cntk_opset8.onnx", {1, 1, 28, 28}, {{1, 10}}},
                      Model{"face_slim_320.onnx", {1, 3, 240, 320}, {{1, 4420, 2}, {1, 4420, 4}}},
                      Model{"super_resolution_224.onnx", {1, 1, 224, 224}, {{1, 1, 672, 672}}},
                      Model{"light/light_squeezenet.onnx", {1, 3, 224, 224}, {{1, 1000, 1, 1}}},
                      Model{"light/light_resnet50.onnx", {1, 3, 224, 224}, {{1, 1000}}},
                      Model{"light/light_inception_v1.onnx", {1, 3, 224, 224}, {{1, 1000}}}),
    model_name);

}  // namespace
}  // namespace deltahop
