// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/exported.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/io/load.h"
#include "deltahop/io/yaml_network.h"
#include "deltahop/run/executor.h"
#include "deltahop/train/convert.h"
#include "deltahop/train/graph.h"

namespace deltahop {
namespace {

TEST(Exported, FileComputesWhatWasTrainedWithNormalisationInItsWeights) {
  TrainableGraph graph(zoo_network("resnet20"), {.fresh_weights = true, .seed = 3});
  ForwardHooks none;
  graph.set_training(true);
  for (int i = 0; i < 5; ++i) graph.forward(torch::randn({8, 3, 32, 32}), {}, none);  // running statistics
  graph.set_training(false);

  Recipe recipe;
  recipe.name = "test";
  recipe.seed = 3;
  Dataset data;
  data.class_names = {"cat", "dog"};
  data.provenance = "nothing at all";
  const std::string file = testing::TempDir() + "exported_test.onnx";
  save_onnx(exported(recipe, data, graph.to_network()), file);

  const Network read = load_network(file);
  for (const Node& node : read.nodes()) EXPECT_NE(node.layer->operator_name(), "BatchNormalization");
  EXPECT_EQ(read.metadata().at("classes"), "cat\ndog");
  EXPECT_EQ(read.metadata().at("weights"), "trained by the recipe test, seed 3");
  EXPECT_EQ(read.metadata().at("training_data"), "nothing at all");

  const torch::Tensor x = torch::randn({1, 3, 32, 32});
  std::vector<Tensor> inputs;
  inputs.push_back(from_torch(x, DataType::float32));
  const torch::Tensor got = to_torch(execute(read, inputs, {})[0], torch::kFloat32);
  const torch::Tensor wanted = graph.forward(x, {}, none).detach();
  EXPECT_LE((got - wanted).abs().max().item<double>(), 1e-3 * wanted.abs().max().item<double>());
}

}  // namespace
}  // namespace deltahop
