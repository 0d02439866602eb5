// SPDX-License-Identifier: Apache-2.0
// ONNX's own backend tests, one test a case: the model is loaded, its inputs bound, run and compared. Cases
// that are out of scope stand in out_of_scope.csv and must be refused with the words given there; one that
// begins to pass fails here until it is taken off the list.
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "deltahop/base/files.h"
#include "deltahop/io/load.h"
#include "deltahop/io/onnx.h"
#include "deltahop/run/executor.h"
#include "tests/conformance/compare.h"

namespace deltahop {
namespace {

std::string data_folder() {
  const char* const folder = std::getenv("DELTAHOP_DATA");
  return folder == nullptr ? "" : std::string(folder) + "/onnx_node";
}

// The first column of index.csv.
std::vector<std::string> case_names() {
  std::vector<std::string> names;
  if (data_folder().empty()) return names;
  std::ifstream file(data_folder() + "/index.csv");
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) names.push_back(line.substr(0, line.find(',')));
  return names;
}

// case -> part of the message with which it must be refused.
std::map<std::string, std::string> refusals() {
  std::map<std::string, std::string> result;
  std::istringstream file(
      read_file(std::string(DELTAHOP_SOURCE_DIR) + "/tests/conformance/out_of_scope.csv"));
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    const size_t first = line.find(','), second = line.find(',', first + 1);
    result[line.substr(0, first)] = line.substr(first + 1, second - first - 1);
  }
  return result;
}

std::vector<Tensor> tensors(const std::string& folder, const std::string& kind) {
  std::vector<Tensor> result;
  for (int i = 0;; ++i) {
    const std::string path = fmt::format("{}/test_data_set_0/{}_{}.pb", folder, kind, i);
    if (!std::filesystem::exists(path)) return result;
    result.push_back(parse_tensor_proto(read_file(path), path));
  }
}

struct Outcome {
  std::vector<Tensor> actual, expected;
};

Outcome run_case(const Network& network, const std::string& folder) {
  Outcome outcome;
  const std::vector<Tensor> inputs = tensors(folder, "input");
  outcome.expected = tensors(folder, "output");
  std::vector<Shape> shapes;
  for (const Tensor& input : inputs) shapes.push_back(input.shape());
  if (shapes.size() != network.inputs().size())
    throw Error(folder, "another number of inputs than the network");
  outcome.actual = execute(network.bound(shapes), inputs, {});
  return outcome;
}

class OnnxNode : public ::testing::TestWithParam<std::string> {};

TEST_P(OnnxNode, GivesTheExpectedOutputs) {
  static const std::map<std::string, std::string> kRefusals = refusals();
  const std::string folder = data_folder() + "/" + GetParam();
  const auto refused = kRefusals.find(GetParam());
  try {
    const Outcome outcome = run_case(load_network(folder + "/model.onnx"), folder);
    if (refused != kRefusals.end()) FAIL() << "runs now: take it off out_of_scope.csv";
    ASSERT_EQ(outcome.actual.size(), outcome.expected.size());
    for (size_t i = 0; i < outcome.expected.size(); ++i)
      EXPECT_TRUE(is_close(outcome.actual[i], outcome.expected[i])) << "output " << i;
  } catch (const Error& error) {
    if (refused == kRefusals.end()) FAIL() << error.what();
    EXPECT_THAT(error.what(), ::testing::HasSubstr(refused->second));
  }
}

// What is written in opset 17 and read again gives the same bits; only what has no form there may be refused.
TEST_P(OnnxNode, GivesTheSameAfterARoundTrip) {
  const std::string folder = data_folder() + "/" + GetParam();
  const auto path =
      std::filesystem::path(::testing::TempDir()) / fmt::format("deltahop_node_{}.onnx", ::getpid());
  std::optional<Network> original;
  try {
    original = load_network(folder + "/model.onnx");
  } catch (const Error&) {
    return;  // the other test's business
  }
  try {
    save_onnx(*original, path);
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("no form"));
    return;
  }
  if (const char* const kept = std::getenv("DELTAHOP_KEEP_ROUND_TRIPS")) {
    std::filesystem::copy_file(
        path, std::filesystem::path(kept) / (std::filesystem::path(folder).filename().string() + ".onnx"),
        std::filesystem::copy_options::overwrite_existing);
  }
  try {
    const Outcome wanted = run_case(*original, folder), found = run_case(load_network(path.string()), folder);
    ASSERT_EQ(found.actual.size(), wanted.actual.size());
    for (size_t i = 0; i < wanted.actual.size(); ++i)
      EXPECT_TRUE(found.actual[i] == wanted.actual[i]) << "output " << i;
  } catch (const Error& error) {
    ADD_FAILURE() << error.what();
  }
  std::filesystem::remove(path);
}

std::string test_name(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(OnnxNode);
INSTANTIATE_TEST_SUITE_P(Conformance, OnnxNode, ::testing::ValuesIn(case_names()), test_name);

TEST(OnnxNodeData, HoldsEveryCaseThatIsOutOfScope) {
  if (data_folder().empty()) GTEST_SKIP() << "DELTAHOP_DATA is not set";
  const std::vector<std::string> names = case_names();
  EXPECT_EQ(names.size(), 313u);
  for (const auto& [name, words] : refusals()) EXPECT_THAT(names, ::testing::Contains(name)) << words;
}

}  // namespace
}  // namespace deltahop
