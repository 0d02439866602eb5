// SPDX-License-Identifier: Apache-2.0
// docs/operators.md says which operators there are, and how each runs in integers: held against the catalog
// of layers, the list of refused cases, and what the layers of the conformance cases answer themselves.
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/files.h"
#include "deltahop/io/load.h"
#include "deltahop/network/integer_rule.h"

namespace deltahop {
namespace {

std::string source(const std::string& path) {
  return read_file(std::string(DELTAHOP_SOURCE_DIR) + "/" + path);
}

std::vector<std::string> cells(const std::string& line) {
  std::vector<std::string> result;
  std::istringstream stream(line);
  std::string cell;
  while (std::getline(stream, cell, '|')) {
    const size_t begin = cell.find_first_not_of(' '), end = cell.find_last_not_of(' ');
    result.push_back(begin == std::string::npos ? "" : cell.substr(begin, end - begin + 1));
  }
  return result;
}

// operator -> how it runs in integers, from the first table: | operator | what | opsets | in integers | notes
// |
std::map<std::string, std::string> documented() {
  std::map<std::string, std::string> rows;
  std::istringstream text(source("docs/operators.md"));
  std::string line;
  while (std::getline(text, line) && line.rfind("## Out of scope", 0) != 0) {
    const std::vector<std::string> row = cells(line);
    if (row.size() >= 6 && row[1] != "operator" && row[1].rfind("---", 0) != 0) rows[row[1]] = row[4];
  }
  return rows;
}

std::vector<std::string> words(std::string_view cell) {
  std::vector<std::string> result;
  for (const char* const word : {"keeps codes", "exact sums", "host float", "at load"}) {
    if (cell.find(word) != std::string_view::npos) result.push_back(word);
  }
  return result;
}

TEST(OperatorsTable, NamesEveryLayerAndNoOther) {
  std::set<std::string> in_catalog, in_table;
  for (const LayerKind& kind : layer_kinds()) in_catalog.insert(kind.operator_name);
  for (const auto& [name, rule] : documented()) {
    in_table.insert(name);
    EXPECT_FALSE(words(rule).empty()) << name << ": " << rule;
  }
  EXPECT_EQ(in_table, in_catalog);
}

TEST(OperatorsTable, NamesEveryCaseThatIsOutOfScope) {
  const std::string document = source("docs/operators.md");
  std::istringstream list(source("tests/conformance/out_of_scope.csv"));
  std::string line;
  std::getline(list, line);
  while (std::getline(list, line))
    EXPECT_THAT(document, ::testing::HasSubstr("`" + line.substr(0, line.find(',')) + "`"));
}

// How the nodes of a network with computed float inputs run in integers.
void observe(const Network& network, std::map<std::string, std::set<std::string>>& rules) {
  for (const Node& node : network.nodes()) {
    if (network.is_constant(node)) continue;
    bool computed_float = false;
    for (const ValueId id : node.inputs) {
      computed_float = computed_float || (id != kNoValue && network.value(id).constant == nullptr &&
                                          network.value(id).type == DataType::float32);
    }
    if (!computed_float) continue;
    const bool in_integers = host_reason(network, node).empty();
    rules[std::string(node.layer->operator_name())].insert(!in_integers                ? "host float"
                                                           : node.layer->keeps_codes() ? "keeps codes"
                                                                                       : "exact sums");
  }
}

TEST(OperatorsTable, SaysHowTheLayersOfTheConformanceCasesRunInIntegers) {
  const char* const data = std::getenv("DELTAHOP_DATA");
  if (data == nullptr) GTEST_SKIP() << "DELTAHOP_DATA is not set";
  std::map<std::string, std::set<std::string>> observed;
  std::ifstream index(std::string(data) + "/onnx_node/index.csv");
  std::string line;
  std::getline(index, line);
  while (std::getline(index, line)) {
    try {
      const Network network =
          load_network(std::string(data) + "/onnx_node/" + line.substr(0, line.find(',')) + "/model.onnx");
      observe(network.bound(input_shapes(network)), observed);
    } catch (const Error&) {
      continue;  // out of scope
    }
  }
  EXPECT_GT(observed.size(), 50u);
  const auto table = documented();
  for (const auto& [name, rules] : observed) {
    ASSERT_EQ(table.count(name), 1u) << name;
    EXPECT_THAT(words(table.at(name)), ::testing::IsSupersetOf(rules)) << name;
  }
}

}  // namespace
}  // namespace deltahop
