// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/dataset.h"

#include <set>

#include "deltahop/train/array_data.h"
#include "deltahop/train/dataset_testing.h"

namespace deltahop {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::ThrowsMessage;

class Datasets : public DataFolder {};

std::set<float> numbers_of(const Examples& examples) {
  const std::vector<float> values = floats(examples.inputs.select(1, 0));
  return {values.begin(), values.end()};
}

TEST_F(Datasets, TheHoldOutTakesItsShareAndNothingTwice) {
  write_examples("a.npz", 100, {2});
  const DataSection data = section("{set: files, train: a.npz, validation_fraction: 0.2}");
  const Dataset first = load_dataset(data, {.seed = 5});
  EXPECT_EQ(first.train.size(), 80);
  EXPECT_EQ(first.validation.size(), 20);
  std::set<float> all = numbers_of(first.train);
  all.merge(numbers_of(first.validation));
  EXPECT_EQ(all.size(), 100);
}

TEST_F(Datasets, TheSplitBelongsToTheSeed) {
  write_examples("a.npz", 100, {2});
  const DataSection data = section("{set: files, train: a.npz, validation_fraction: 0.2}");
  EXPECT_EQ(numbers_of(load_dataset(data, {.seed = 5}).validation),
            numbers_of(load_dataset(data, {.seed = 5}).validation));
  EXPECT_NE(numbers_of(load_dataset(data, {.seed = 5}).validation),
            numbers_of(load_dataset(data, {.seed = 6}).validation));
}

TEST_F(Datasets, LabelsStayWithTheirExamples) {
  write_examples("a.npz", 60, {2});
  const Dataset data =
      load_dataset(section("{set: files, train: a.npz, validation_fraction: 0.5}"), {.seed = 5});
  for (const Examples* examples : {&data.train, &data.validation}) {
    for (int64_t i = 0; i < examples->size(); ++i)
      EXPECT_EQ(examples->labels[i].item<int64_t>(), examples->inputs[i][0].item<int64_t>() % 3);
  }
}

TEST_F(Datasets, LimitsDrawASubsetOfTheSameSplit) {
  write_examples("a.npz", 100, {2});
  const std::string text = "{set: files, train: a.npz, test: a.npz, validation_fraction: 0.2";
  const Dataset whole = load_dataset(section(text + "}"), {.seed = 5});
  const Dataset some = load_dataset(section(text + ", train_limit: 7, test_limit: 9}"), {.seed = 5});
  EXPECT_EQ(some.train.size(), 7);
  EXPECT_EQ(some.test.size(), 9);
  EXPECT_THAT(numbers_of(whole.train), IsSupersetOf(numbers_of(some.train)));
}

TEST_F(Datasets, SeveralFilesAreOneSetInOrder) {
  write_examples("a.npz", 3, {2});
  write_examples("b.npz", 2, {2});
  const Dataset data =
      load_dataset(section("{set: files, train: [a.npz, b.npz], validation_fraction: 0}"), {});
  EXPECT_THAT(floats(data.train.inputs.select(1, 0)), ElementsAre(0, 1, 2, 0, 1));
  EXPECT_EQ(data.provenance, "a.npz (3), b.npz (2); test:");
}

TEST_F(Datasets, OneNpzMayHoldTrainingAndTest) {
  const Tensor two = Tensor::of<float>({2, 1}, {1, 2}), one = Tensor::of<float>({1, 1}, {3});
  write_npz({{"x_train", two},
             {"y_train", Tensor::of<int64_t>({2}, {0, 1})},
             {"x_test", one},
             {"y_test", Tensor::of<int64_t>({1}, {1})}},
            folder_ / "a.npz");
  const Dataset data =
      load_dataset(section("{set: files, train: a.npz, test: a.npz, validation_fraction: 0}"), {});
  EXPECT_THAT(floats(data.train.inputs), ElementsAre(1, 2));
  EXPECT_THAT(floats(data.test.inputs), ElementsAre(3));
  EXPECT_THAT(data.class_names, ElementsAre("0", "1"));
}

TEST_F(Datasets, SequencesKeepTheirLengths) {
  write_npz({{"inputs", Tensor::zeros(DataType::float32, {2, 5, 3})},
             {"labels", Tensor::of<int64_t>({2}, {0, 1})},
             {"lengths", Tensor::of<int64_t>({2}, {5, 2})}},
            folder_ / "a.npz");
  const Dataset data = load_dataset(section("{set: files, train: a.npz, validation_fraction: 0}"), {});
  EXPECT_THAT(integers(data.train.lengths), ElementsAre(5, 2));
}

TEST_F(Datasets, ArraysThatCannotBeExamplesAreRefused) {
  const auto refused = [&](const std::map<std::string, Tensor>& arrays, const std::string& extra = "") {
    write_npz(arrays, folder_ / "a.npz");
    try {
      load_dataset(section("{set: files, train: a.npz" + extra + "}"), {.input_shape = {1, 2}});
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const Tensor good = Tensor::zeros(DataType::float32, {2, 2}), labels = Tensor::of<int64_t>({2}, {0, 1});
  EXPECT_THAT(refused({{"x", good}, {"y", labels}}), HasSubstr("has neither 'x_train'"));
  EXPECT_THAT(refused({{"inputs", good}, {"labels", Tensor::of<int64_t>({1}, {0})}}), HasSubstr("1 labels"));
  EXPECT_THAT(refused({{"inputs", good}, {"labels", Tensor::of<int64_t>({2}, {0, -1})}}), HasSubstr("a.npz"));
  EXPECT_THAT(refused({{"inputs", good}, {"labels", labels}}, ", classes: [one]"), HasSubstr("the label 1"));
  EXPECT_THAT(refused({{"inputs", Tensor::zeros(DataType::float32, {2, 3})}, {"labels", labels}}),
              HasSubstr("the network takes"));
  EXPECT_THAT(refused({{"inputs", Tensor::of<float>({2, 2}, {1, NAN, 1, 1})}, {"labels", labels}}),
              HasSubstr("no numbers"));
  EXPECT_THAT(refused({{"inputs", Tensor::zeros(DataType::float32, {0, 2})},
                       {"labels", Tensor(DataType::int64, {0})}}),
              HasSubstr("a.npz"));
  const Tensor sequences = Tensor::zeros(DataType::float32, {2, 4, 3});
  for (const int64_t length : {int64_t{0}, int64_t{5}, int64_t{-1}}) {
    EXPECT_THAT(
        refused(
            {{"inputs", sequences}, {"labels", labels}, {"lengths", Tensor::of<int64_t>({2}, {4, length})}}),
        HasSubstr("frames in 4"));
  }
}

TEST_F(Datasets, AFileThatIsCutOffIsToldByItsName) {
  write_file(folder_ / "a.npz", "PK\3\4 and nothing more");
  EXPECT_THAT([&] { load_dataset(section("{set: files, train: a.npz}"), {}); },
              ThrowsMessage<Error>(HasSubstr("a.npz")));
}

TEST_F(Datasets, BlackIsWhatThePreprocessingMakesOfZero) {
  const auto black = [](std::vector<double> mean, std::vector<double> scale) {
    Preprocessing preprocessing;
    preprocessing.mean = std::move(mean);
    preprocessing.scale = std::move(scale);
    return black_of(preprocessing, 3);
  };
  EXPECT_THAT(black({51}, {1.0 / 51}), ElementsAre(-1, -1, -1));
  EXPECT_THAT(black({1, 2, 3}, {1, 0.5, 1}), ElementsAre(-1, -1, -3));
  EXPECT_THAT(black_of({}, 1), ElementsAre(0));
}

TEST(RealDatasets, MnistAndCifarAreReadAsTheNetworkWantsThem) {
  if (std::getenv("DELTAHOP_DATA") == nullptr) GTEST_SKIP() << "DELTAHOP_DATA is not set";
  const auto section = [](const std::string& text) {
    const Config config = Config::from_text(text, "r.yaml");
    return read_data_section(config);
  };
  Preprocessing grey;
  grey.channels = "gray";
  grey.scale = {1.0 / 255};
  const Dataset mnist = load_dataset(section("{set: mnist, validation_fraction: 0}"),
                                     {.input_shape = {1, 1, 28, 28}, .preprocessing = grey});
  EXPECT_EQ(mnist.train.size(), 55000);
  EXPECT_EQ(mnist.test.size(), 10000);
  EXPECT_EQ(mnist.test.inputs.sizes(), (std::vector<int64_t>{10000, 1, 28, 28}));
  EXPECT_EQ(mnist.test.inputs.max().item<float>(), 1.0F);
  EXPECT_NEAR(mnist.train.inputs.mean().item<double>(), 0.1307,
              0.0005);  // the figure that every tutorial has
  EXPECT_THAT(integers(mnist.test.labels.narrow(0, 0, 5)), ElementsAre(7, 2, 1, 0, 4));
  const Dataset cifar = load_dataset(
      section("{set: cifar10, train: [train_lossless.bin, train_jpeg.jpegs], test: [test_lossless.bin, "
              "test_jpeg.jpegs], validation_fraction: 0}"),
      {.input_shape = {1, 3, 32, 32}});
  EXPECT_EQ(cifar.train.size(), 11000);
  EXPECT_EQ(cifar.test.size(), 2500);
  EXPECT_THAT(integers(cifar.train.labels.narrow(0, 0, 10)), ElementsAre(6, 9, 9, 4, 1, 1, 2, 7, 8, 3));
  EXPECT_EQ(integers(cifar.train.labels.narrow(0, 3000, 8000).bincount()), std::vector<int64_t>(10, 800));
}

}  // namespace
}  // namespace deltahop
