// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "deltahop/base/error.h"
#include "deltahop/base/random.h"
#include "deltahop/io/yaml_network.h"
#include "deltahop/run/executor.h"
#include "deltahop/train/convert.h"

namespace deltahop {
namespace {

using ::testing::HasSubstr;

Tensor random_tensor(Shape shape, Random& random, double scale = 1.0, double shift = 0.0) {
  Tensor tensor(DataType::float64, std::move(shape));
  for (double& value : tensor.values<double>()) value = shift + scale * random.normal();
  return tensor;
}

// Random layers over [batch, channels, rows, columns], in double.
class RandomCnn {
 public:
  explicit RandomCnn(uint64_t seed) : random_(seed), builder_("random") {
    value_ = builder_.input("x", DataType::float64, {kSymbolic, channels_, rows_, columns_},
                            {"batch", "", "", ""});
    const int64_t layers = random_.integer(2, 6);
    for (int64_t i = 0; i < layers; ++i) add(i);
    end();
  }
  Network network() { return builder_.build(); }
  Random& random() { return random_; }
  static Shape input(int64_t batch) { return {batch, 4, 9, 8}; }

 private:
  ValueId node(const std::string& op, std::vector<ValueId> inputs, Attributes attributes = {}) {
    return builder_.node(op, fmt::format("{}{}", op, count_++), std::move(inputs), std::move(attributes))[0];
  }
  ValueId constant(Tensor tensor) {
    return builder_.constant(fmt::format("c{}", count_++), std::move(tensor));
  }

  void conv() {
    const int64_t groups = channels_ % 2 == 0 && random_.chance(0.5) ? 2 : 1,
                  out = groups * random_.integer(1, 4);
    const int64_t k = random_.integer(1, 3), stride = random_.integer(1, 2),
                  dilation = k > 1 && rows_ > 6 ? random_.integer(1, 2) : 1;
    std::vector<int64_t> pads;
    for (int i = 0; i < 4; ++i) pads.push_back(random_.integer(1, 2));
    std::vector<ValueId> inputs = {value_, constant(random_tensor({out, channels_ / groups, k, k}, random_))};
    if (random_.chance(0.5)) inputs.push_back(constant(random_tensor({out}, random_)));
    value_ = node("Conv", inputs,
                  {{"pads", pads},
                   {"strides", std::vector<int64_t>{stride, stride}},
                   {"group", groups},
                   {"dilations", std::vector<int64_t>{dilation, dilation}}});
    channels_ = out;
    resize(pads, (k - 1) * dilation + 1, stride, false);
  }
  void pool(const std::string& op) {
    const std::vector<int64_t> pads = {random_.integer(0, 1), random_.integer(0, 1), random_.integer(0, 1),
                                       random_.integer(0, 1)};
    const int64_t stride = random_.integer(1, 2), ceil = random_.integer(0, 1);
    Attributes attributes{{"kernel_shape", std::vector<int64_t>{2, 2}},
                          {"strides", std::vector<int64_t>{stride, stride}},
                          {"pads", pads},
                          {"ceil_mode", ceil}};
    if (op == "AveragePool") attributes.set("count_include_pad", random_.integer(0, 1));
    value_ = node(op, {value_}, attributes);
    resize(pads, 2, stride, ceil != 0);
  }
  void resize(const std::vector<int64_t>& pads, int64_t extent, int64_t stride, bool ceil) {
    const auto out = [&](int64_t in, int64_t begin, int64_t end) {
      const int64_t room = in + begin + end - extent;
      int64_t count = (ceil ? (room + stride - 1) / stride : room / stride) + 1;
      if (ceil && (count - 1) * stride >= in + begin) --count;
      return count;
    };
    rows_ = out(rows_, pads[0], pads[2]);
    columns_ = out(columns_, pads[1], pads[3]);
  }
  void norm() {
    Tensor variance = random_tensor({channels_}, random_);
    for (double& v : variance.values<double>()) v = 0.5 + v * v;
    value_ = node(
        "BatchNormalization",
        {value_, constant(random_tensor({channels_}, random_)), constant(random_tensor({channels_}, random_)),
         constant(random_tensor({channels_}, random_)), constant(std::move(variance))});
  }
  void branch() {
    const ValueId other = node("Tanh", {value_});
    if (random_.chance(0.5)) {
      value_ = node("Add", {value_, other});
    } else {
      value_ = node("Concat", {value_, other}, {{"axis", int64_t{1}}});
      channels_ *= 2;
    }
  }
  void add(int64_t index) {
    const char* const kElements[] = {"Relu", "Sigmoid",  "Tanh",     "LeakyRelu",
                                     "Elu",  "Softplus", "Identity", "Neg"};
    if (index == 0 || random_.chance(0.3)) return conv();
    switch (random_.integer(0, 6)) {
      case 0:
        return norm();
      case 1:
        return branch();
      case 2:
        return rows_ > 2 && columns_ > 2 ? pool("MaxPool") : norm();
      case 3:
        return rows_ > 2 && columns_ > 2 ? pool("AveragePool") : norm();
      case 4:
        value_ = node("Mul", {value_, constant(random_tensor({channels_, 1, 1}, random_))});
        return;
      case 5:
        value_ = node("LRN", {value_}, {{"size", int64_t{3}}, {"alpha", 0.3f}});
        return;
      default:
        value_ = node(kElements[random_.integer(0, 7)], {value_});
        return;
    }
  }
  void end() {
    int64_t features = channels_ * rows_ * columns_;
    switch (random_.integer(0, 3)) {
      case 0:
        value_ = node("GlobalAveragePool", {value_});
        features = channels_;
        value_ = node("Flatten", {value_});
        break;
      case 1:
        value_ = node("Flatten", {value_});
        break;
      case 2:
        value_ = node("Reshape", {value_, constant(Tensor::of<int64_t>({2}, {-1, features}))});
        break;
      default:
        value_ = node("Transpose", {value_}, {{"perm", std::vector<int64_t>{0, 2, 3, 1}}});
        value_ = node("Reshape", {value_, constant(Tensor::of<int64_t>({2}, {0, -1}))});
    }
    if (random_.chance(0.5)) {
      value_ = node(
          "Gemm",
          {value_, constant(random_tensor({5, features}, random_)), constant(random_tensor({5}, random_))},
          {{"transB", int64_t{1}}});
    } else {
      value_ = node("MatMul", {value_, constant(random_tensor({features, 5}, random_))});
      value_ = node("Add", {value_, constant(random_tensor({5}, random_))});
    }
    builder_.output(node("Softmax", {value_}));
  }

  Random random_;
  NetworkBuilder builder_;
  int64_t channels_ = 4, rows_ = 9, columns_ = 8, count_ = 0;
  ValueId value_ = kNoValue;
};

void expect_close(const torch::Tensor& got, const Tensor& wanted, const std::string& what) {
  const torch::Tensor expected = to_torch(wanted, torch::kFloat64);
  ASSERT_EQ(got.sizes().vec(), expected.sizes().vec()) << what;
  const double error = (got - expected).abs().max().item<double>(),
               size = expected.abs().max().item<double>();
  EXPECT_LE(error, 1e-9 * (1.0 + size)) << what;
}

TEST(TrainableGraph, GivesWhatTheExecutorGivesOnRandomConvolutionalNetworks) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    RandomCnn made(seed);
    const Network network = made.network();
    const Tensor input = random_tensor(RandomCnn::input(3), made.random());
    TrainableGraph graph(network, {.type = torch::kFloat64, .before_last_softmax = false});
    ForwardHooks none;
    const torch::Tensor got = graph.forward(to_torch(input, torch::kFloat64), {}, none);
    std::vector<Tensor> inputs;
    inputs.push_back(input);
    expect_close(got, execute(network.bound({RandomCnn::input(3)}), inputs, {})[0],
                 fmt::format("seed {}", seed));
  }
}

struct RandomRecurrent {
  Network network;
  int64_t features = 0;
  bool batch_first = false;
};

RandomRecurrent random_recurrent(uint64_t seed) {
  Random random(seed);
  const char* const kinds[] = {"RNN", "GRU", "LSTM"};
  const int64_t kind = random.integer(0, 2), gates = kind == 0 ? 1 : kind == 1 ? 3 : 4;
  const int64_t features = random.integer(1, 5), hidden = random.integer(1, 6),
                directions = random.integer(1, 2);
  const bool batch_first = random.chance(0.3);
  NetworkBuilder builder("recurrent");
  const ValueId x =
      batch_first
          ? builder.input("x", DataType::float64, {kSymbolic, kSymbolic, features}, {"batch", "time", ""})
          : builder.input("x", DataType::float64, {kSymbolic, kSymbolic, features}, {"time", "batch", ""});
  std::vector<ValueId> inputs = {
      x, builder.constant("w", random_tensor({directions, gates * hidden, features}, random)),
      builder.constant("r", random_tensor({directions, gates * hidden, hidden}, random, 0.5))};
  inputs.push_back(random.chance(0.7)
                       ? builder.constant("b", random_tensor({directions, 2 * gates * hidden}, random))
                       : kNoValue);
  Attributes attributes{{"hidden_size", hidden},
                        {"layout", int64_t{batch_first}},
                        {"direction", std::string(directions == 2      ? "bidirectional"
                                                  : random.chance(0.5) ? "forward"
                                                                       : "reverse")}};
  if (random.chance(0.2)) attributes.set("clip", 0.7f);
  if (kind == 1) attributes.set("linear_before_reset", random.integer(0, 1));
  if (kind == 2) attributes.set("input_forget", random.integer(0, 1));
  if (kind == 2 && random.chance(0.5)) {
    inputs.insert(inputs.end(), {kNoValue, kNoValue, kNoValue,
                                 builder.constant("p", random_tensor({directions, 3 * hidden}, random))});
  }
  const auto outputs = builder.node(kinds[kind], "cell", inputs, attributes, 2);
  if (random.chance(0.5)) {
    builder.output(builder.node("Identity", "all", {outputs[0]})[0]);
  } else if (batch_first) {
    builder.output(builder.node("Reshape", "last",
                                {outputs[1], builder.constant("s", Tensor::of<int64_t>({2}, {0, -1}))})[0]);
  } else {
    const ValueId turned =
        builder.node("Transpose", "turn", {outputs[1]}, {{"perm", std::vector<int64_t>{1, 0, 2}}})[0];
    builder.output(builder.node("Flatten", "last", {turned})[0]);
  }
  return {builder.build(), features, batch_first};
}

// The executor's way round: [time, batch, ...] where the network has it so; the graph's is batch first.
TEST(TrainableGraph, GivesWhatTheExecutorGivesOnRandomRecurrentNetworks) {
  for (uint64_t seed = 1; seed <= 80; ++seed) {
    const RandomRecurrent made = random_recurrent(seed);
    Random random(seed + 1000);
    const int64_t batch = 3, time = 7;
    const Tensor input = random_tensor(
        made.batch_first ? Shape{batch, time, made.features} : Shape{time, batch, made.features}, random);
    TrainableGraph graph(made.network, {.type = torch::kFloat64});
    ForwardHooks none;
    torch::Tensor x = to_torch(input, torch::kFloat64);
    const torch::Tensor got = graph.forward(made.batch_first ? x : x.transpose(0, 1), {}, none);
    std::vector<Tensor> inputs;
    inputs.push_back(input);
    torch::Tensor wanted =
        to_torch(execute(made.network.bound({input.shape()}), inputs, {})[0], torch::kFloat64);
    if (wanted.dim() == 4 && !made.batch_first) wanted = wanted.movedim(2, 0);
    EXPECT_LE((got - wanted).abs().max().item<double>(), 1e-10) << "seed " << seed;
  }
}

TEST(TrainableGraph, GivesPaddedSequencesTheStateAfterTheirOwnLastFrame) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    const RandomRecurrent made = random_recurrent(seed);
    TrainableGraph graph(made.network, {.type = torch::kFloat64});
    ForwardHooks none;
    const torch::Tensor x = torch::randn({2, 9, made.features}, torch::kFloat64);
    const torch::Tensor both = graph.forward(x, torch::tensor({5, 9}), none);
    const torch::Tensor alone = graph.forward(x.narrow(0, 0, 1).narrow(1, 0, 5), {}, none);
    if (both.dim() == 4) continue;  // all states: no longer than asked for
    EXPECT_LE((both[0] - alone[0]).abs().max().item<double>(), 1e-12) << "seed " << seed;
  }
}

TEST(TrainableGraph, TrainsTheNetworksOfTheZooWithAFixedBatchOfOne) {
  for (const char* name : {"lenet5", "resnet20", "squeezenet1_1"}) {
    const Network network = zoo_network(name);
    TrainableGraph graph(network);
    ForwardHooks none;
    Shape shape = network.inputs()[0].declared;
    shape[0] = 2;
    const torch::Tensor y = graph.forward(torch::randn(shape), {}, none);
    EXPECT_EQ(y.size(0), 2) << name;
    y.sum().backward();
    for (const auto& parameter : graph.parameters())
      EXPECT_TRUE(parameter.value.grad().defined()) << parameter.name;
  }
}

TEST(TrainableGraph, PutsTheWeightsBackIntoTheSameNetwork) {
  const Network network = zoo_network("lenet5");
  TrainableGraph graph(network);
  const Network same = graph.to_network();
  ASSERT_EQ(same.values().size(), network.values().size());
  for (size_t i = 0; i < network.values().size(); ++i) {
    EXPECT_EQ(same.values()[i].name, network.values()[i].name);
    const auto& constant = network.values()[i].constant;
    EXPECT_TRUE(constant == nullptr || *same.values()[i].constant == *constant) << network.values()[i].name;
  }
  {
    const torch::NoGradGuard guard;
    graph.parameters()[0].value.fill_(0.25);
  }
  const Network changed = graph.to_network();
  const ValueId id = changed.find_value(graph.parameters()[0].name);
  for (const float value : changed.value(id).constant->values<float>()) EXPECT_EQ(value, 0.25f);
}

TEST(TrainableGraph, BeginsAnewBySeed) {
  const Network network = zoo_network("resnet20");
  TrainableGraph a(network, {.fresh_weights = true, .seed = 1}),
      b(network, {.fresh_weights = true, .seed = 1}), c(network, {.fresh_weights = true, .seed = 2});
  EXPECT_TRUE(torch::equal(a.parameters()[0].value, b.parameters()[0].value));
  EXPECT_FALSE(torch::equal(a.parameters()[0].value, c.parameters()[0].value));
  // He: variance 2 / fan in, of 3x3x16 taps; 2304 numbers give it to within 10 %.
  for (const auto& parameter : a.parameters()) {
    if (parameter.name != "layer1.0.conv1.weight") continue;
    EXPECT_NEAR(parameter.value.var().item<double>(), 2.0 / 144.0, 0.1 * 2.0 / 144.0);
  }
}

TEST(TrainableGraph, BeginsRecurrentWeightsOrthogonal) {
  const RandomRecurrent made = random_recurrent(3);
  TrainableGraph graph(made.network, {.fresh_weights = true, .type = torch::kFloat64});
  for (const auto& parameter : graph.parameters()) {
    if (parameter.role != ForwardHooks::Role::recurrent_weight) continue;
    const int64_t hidden = parameter.value.size(2);
    const torch::Tensor block = parameter.value[0].narrow(0, 0, hidden);
    EXPECT_LE((at::mm(block, block.t()) - torch::eye(hidden, torch::kFloat64)).abs().max().item<double>(),
              1e-12);
  }
}

TEST(TrainableGraph, RefusesByNameWhatCannotBeTrained) {
  NetworkBuilder builder("net");
  const ValueId x = builder.input("x", DataType::float32, {1, 4});
  builder.output(builder.node("ArgMax", "best", {x})[0]);
  try {
    TrainableGraph graph(builder.build());
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(
        error.what(),
        HasSubstr("node 'best' (ArgMax): cannot be trained; train the network without this operator"));
  }
}

TEST(TrainableGraph, LearnsRunningStatisticsWhileTraining) {
  const Network network = zoo_network("resnet20");
  TrainableGraph graph(network, {.fresh_weights = true});
  ForwardHooks none;
  graph.set_training(true);
  graph.forward(torch::randn({8, 3, 32, 32}), {}, none);
  EXPECT_GT(graph.buffers()[0].value.abs().sum().item<double>(), 0.0);  // the mean began at zero
  const torch::Tensor kept = graph.buffers()[0].value.clone();
  graph.set_training(false);
  graph.forward(torch::randn({8, 3, 32, 32}), {}, none);
  EXPECT_TRUE(torch::equal(kept, graph.buffers()[0].value));
}

}  // namespace
}  // namespace deltahop
