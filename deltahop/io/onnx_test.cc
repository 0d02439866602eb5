// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/onnx.h"

#include <fstream>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "deltahop/base/files.h"
#include "deltahop/io/load.h"
#include "deltahop/io/onnx_test_model.h"

namespace deltahop {
namespace {

using namespace test_onnx;
using ::testing::AllOf;
using ::testing::HasSubstr;

Network parsed(const std::string& bytes) { return parse_onnx(bytes, "net.onnx", {}); }

// The message of the Error that this throws; "" where it throws none.
std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}
std::string refusal_of(const std::string& bytes) {
  return refusal([&] { parsed(bytes); });
}

// The one initialiser of a graph that hands it out.
Tensor initializer(const std::string& proto) {
  const Network network =
      parsed(model(in_graph_initializer(proto) + in_graph_output(value_info("w", 1, {})), opset(17)));
  return *network.value(network.find_value("w")).constant;
}

class TemporaryFolder {
 public:
  TemporaryFolder()
      : path_(std::filesystem::path(::testing::TempDir()) / ("deltahop_onnx_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path_ / "model");
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::filesystem::path model() const { return path_ / "model"; }
  const std::filesystem::path& outside() const { return path_; }

 private:
  std::filesystem::path path_;
};

TEST(OnnxReader, ReadsGraphInputsNodesOutputsAndMetadata) {
  const std::string metadata = text(14, text(1, "origin") + text(2, "a test"));
  const Network network = parsed(model(text(2, "tiny") + relu_graph(), opset(17) + metadata));
  EXPECT_EQ(network.name(), "tiny");
  ASSERT_EQ(network.nodes().size(), 1u);
  EXPECT_EQ(network.nodes()[0].name, "r");
  EXPECT_EQ(network.nodes()[0].layer->operator_name(), "Relu");
  ASSERT_EQ(network.outputs().size(), 1u);
  EXPECT_EQ(network.value(network.outputs()[0]).name, "y");
  EXPECT_EQ(network.value(network.outputs()[0]).shape, (Shape{1, 4}));
  EXPECT_EQ(network.metadata().at("origin"), "a test");
}

TEST(OnnxReader, KeepsOpenDimensionsWithTheirNames) {
  const Network network = parsed(model(relu_graph({"batch", "4", ""}), opset(17)));
  EXPECT_EQ(network.inputs()[0].declared, (Shape{kSymbolic, 4, kSymbolic}));
  EXPECT_EQ(network.inputs()[0].dimension_names, (std::vector<std::string>{"batch", "", ""}));
  EXPECT_EQ(network.value(network.bound({{2, 4, 7}}).outputs()[0]).name, "y");
}

TEST(OnnxReader, ReadsRawDataOfEveryElementType) {
  EXPECT_EQ(initializer(tensor("w", 1, {2}) + raw(bytes_of<float>({1.5f, -2}))),
            Tensor::of<float>({2}, {1.5f, -2}));
  EXPECT_EQ(initializer(tensor("w", 11, {1}) + raw(bytes_of<double>({0.1}))), Tensor::of<double>({1}, {0.1}));
  EXPECT_EQ(initializer(tensor("w", 10, {1}) + raw(bytes_of<uint16_t>({0x3e00}))),
            Tensor::of<Float16>({1}, {Float16(1.5f)}));
  EXPECT_EQ(initializer(tensor("w", 16, {1}) + raw(bytes_of<uint16_t>({0x3fc0}))),
            Tensor::of<BFloat16>({1}, {BFloat16(1.5f)}));
  EXPECT_EQ(initializer(tensor("w", 3, {2}) + raw(bytes_of<int8_t>({-128, 127}))),
            Tensor::of<int8_t>({2}, {-128, 127}));
  EXPECT_EQ(initializer(tensor("w", 2, {1}) + raw(bytes_of<uint8_t>({200}))),
            Tensor::of<uint8_t>({1}, {200}));
  EXPECT_EQ(initializer(tensor("w", 5, {1}) + raw(bytes_of<int16_t>({-3}))), Tensor::of<int16_t>({1}, {-3}));
  EXPECT_EQ(initializer(tensor("w", 4, {1}) + raw(bytes_of<uint16_t>({65535}))),
            Tensor::of<uint16_t>({1}, {65535}));
  EXPECT_EQ(initializer(tensor("w", 6, {1}) + raw(bytes_of<int32_t>({-70000}))),
            Tensor::of<int32_t>({1}, {-70000}));
  EXPECT_EQ(initializer(tensor("w", 12, {1}) + raw(bytes_of<uint32_t>({4000000000u}))),
            Tensor::of<uint32_t>({1}, {4000000000u}));
  EXPECT_EQ(initializer(tensor("w", 7, {}) + raw(bytes_of<int64_t>({-1}))), Tensor::scalar<int64_t>(-1));
  EXPECT_EQ(initializer(tensor("w", 13, {1}) + raw(bytes_of<uint64_t>({~uint64_t{0}}))),
            Tensor::of<uint64_t>({1}, {~uint64_t{0}}));
}

TEST(OnnxReader, TakesAnyByteButZeroAsTrue) {
  EXPECT_EQ(initializer(tensor("w", 9, {3}) + raw(std::string("\0\x01\xff", 3))),
            Tensor::of<bool>({3}, {false, true, true}));
}

TEST(OnnxReader, ReadsTypedFieldsPackedOrNot) {
  EXPECT_EQ(initializer(tensor("w", 1, {2}) + text(4, bytes_of<float>({1, 2}))),
            Tensor::of<float>({2}, {1, 2}));
  EXPECT_EQ(initializer(tensor("w", 1, {1}) + varint(4 << 3 | 5) + bytes_of<float>({3})),
            Tensor::of<float>({1}, {3}));
  EXPECT_EQ(initializer(tensor("w", 10, {1}) + number(5, 0x3e00)), Tensor::of<Float16>({1}, {Float16(1.5f)}));
  EXPECT_EQ(initializer(tensor("w", 3, {2}) + number(5, -7) + number(5, 7)),
            Tensor::of<int8_t>({2}, {-7, 7}));
  EXPECT_EQ(initializer(tensor("w", 12, {1}) + number(11, 4000000000)),
            Tensor::of<uint32_t>({1}, {4000000000u}));
  EXPECT_EQ(initializer(tensor("w", 11, {1}) + text(10, bytes_of<double>({0.25}))),
            Tensor::of<double>({1}, {0.25}));
}

TEST(OnnxReader, TakesAnInitialiserThatIsAlsoAnInputAsAConstant) {
  const std::string graph = in_graph_node(node("Relu", "r", {"w"}, {"y"})) +
                            in_graph_input(value_info("w", 1, {"2"})) +
                            in_graph_initializer(tensor("w", 1, {2}) + raw(bytes_of<float>({-1, 1}))) +
                            in_graph_output(value_info("y", 1, {}));
  const Network network = parsed(model(graph, opset(8)));
  EXPECT_TRUE(network.inputs().empty());
  EXPECT_EQ(*network.value(network.outputs()[0]).constant, Tensor::of<float>({2}, {0, 1}));
}

TEST(OnnxReader, ReadsAFileWithoutAnOperatorSetLine) {
  EXPECT_EQ(parsed(number(1, 1) + text(7, relu_graph())).nodes().size(), 1u);
}

TEST(OnnxReader, NamesTheNodeAndTheOperatorThatItDoesNotKnow) {
  const std::string graph = in_graph_node(node("Wobble", "w1", {"x"}, {"y"}, text(7, "com.example"))) +
                            in_graph_input(value_info("x", 1, {"1"})) +
                            in_graph_output(value_info("y", 1, {}));
  EXPECT_THAT(refusal_of(model(graph, opset(17))),
              AllOf(HasSubstr("net.onnx: node 'w1' (Wobble)"), HasSubstr("com.example.Wobble"),
                    HasSubstr("ask for it")));
}

TEST(OnnxReader, SaysThatLoopsAreNotSupported) {
  for (const char* const name : {"Loop", "Scan"}) {
    const std::string graph = in_graph_node(node(name, "n", {"x"}, {"y"})) +
                              in_graph_input(value_info("x", 1, {"1"})) +
                              in_graph_output(value_info("y", 1, {}));
    EXPECT_THAT(refusal_of(model(graph, opset(17))), HasSubstr("of control flow only If is")) << name;
  }
}

TEST(OnnxReader, RefusesAFileThatIsCutOffAnywhere) {
  const std::string graph =
      relu_graph() + in_graph_initializer(tensor("w", 1, {2}) + raw(bytes_of<float>({1, 2})));
  const std::string whole = model(graph, opset(17));
  ASSERT_EQ(refusal_of(whole), "");
  const size_t graph_end = whole.size() - opset(17).size();
  for (size_t length = 0; length < graph_end; ++length)
    EXPECT_THAT(refusal_of(whole.substr(0, length)), HasSubstr("cut off or no ONNX file")) << length;
}

TEST(OnnxReader, RefusesWhatItCannotRepresent) {
  const std::string function = text(25, text(1, "f"));
  EXPECT_THAT(refusal_of(model(relu_graph(), opset(17) + function)),
              HasSubstr("functions are not supported"));
  EXPECT_THAT(refusal_of(model(relu_graph() + text(15, ""), opset(17))),
              HasSubstr("sparse initialisers are not supported"));
  EXPECT_THAT(refusal_of(model(relu_graph(), opset(26))), HasSubstr("operator set 26 is not known"));
  EXPECT_THAT(refusal_of(model(relu_graph(), opset(17) + opset(18))), HasSubstr("two versions"));
  const std::string sequence = text(1, "x") + text(2, text(4, ""));
  EXPECT_THAT(
      refusal_of(model(in_graph_input(sequence) + in_graph_output(value_info("x", 1, {})), opset(17))),
      HasSubstr("is no tensor"));
  for (const int type : {8, 14, 17, 21, 22, 99}) {
    EXPECT_THAT(refusal([&] { parse_tensor_proto(tensor("t", type, {1}) + raw("x"), "t.pb"); }),
                HasSubstr("not supported"))
        << type;
  }
}

TEST(OnnxReader, RefusesTwoMakersOfOneName) {
  const std::string w = in_graph_initializer(tensor("w", 1, {0}) + raw(""));
  EXPECT_THAT(refusal_of(model(relu_graph() + w + w, opset(17))), HasSubstr("two values are called 'w'"));
  const std::string x = in_graph_initializer(tensor("y", 1, {0}) + raw(""));
  EXPECT_THAT(refusal_of(model(relu_graph() + x, opset(17))), HasSubstr("has two makers"));
  EXPECT_THAT(refusal_of(model(relu_graph() + in_graph_node(node("Relu", "s", {"x"}, {"y"})), opset(17))),
              HasSubstr("has two makers"));
  EXPECT_THAT(refusal_of(model(relu_graph() + in_graph_input(value_info("x", 1, {"1", "4"})), opset(17))),
              HasSubstr("two values are called 'x'"));
}

TEST(OnnxReader, RefusesShapesThatTheDataDoesNotFill) {
  EXPECT_THAT(
      refusal([] {
        initializer(tensor("w", 1, {1000000, 1000000}) + raw("1234"));
      }),
      AllOf(HasSubstr("initialiser 'w'"), HasSubstr("asks for 1000000000000 elements, the file has 1")));
  EXPECT_THAT(refusal([] { initializer(tensor("w", 1, {-1}) + raw("1234")); }), HasSubstr("negative"));
  EXPECT_THAT(refusal([] { initializer(tensor("w", 1, {1}) + raw("123")); }), HasSubstr("no whole number"));
  EXPECT_THAT(refusal([] { initializer(tensor("w", 1, {2}) + text(4, bytes_of<float>({1}))); }),
              HasSubstr("the file has 1"));
}

TEST(OnnxReader, RefusesValuesThatNoMemoryHolds) {
  EXPECT_THAT(refusal_of(model(relu_graph({"100000", "100000"}), opset(17))),
              AllOf(HasSubstr("input 'x'"), HasSubstr("memory")));
  EXPECT_THAT(refusal_of(model(relu_graph(std::vector<std::string>(33, "1")), opset(17))),
              HasSubstr("33 dimensions"));
}

TEST(OnnxReader, ReadsExternalDataInItsFolder) {
  const TemporaryFolder folder;
  write_file(folder.model() / "weights.bin", "????" + bytes_of<float>({3, 4}));
  const std::string w = in_graph_initializer(tensor("w", 1, {2}) + external("weights.bin", "4", "8"));
  write_file(folder.model() / "net.onnx", model(w + in_graph_output(value_info("w", 1, {})), opset(17)));
  const Network network = load_network((folder.model() / "net.onnx").string());
  EXPECT_EQ(*network.value(network.outputs()[0]).constant, Tensor::of<float>({2}, {3, 4}));
}

TEST(OnnxReader, RefusesExternalDataOutsideItsFolder) {
  const TemporaryFolder folder;
  write_file(folder.outside() / "secret.bin", "12345678");
  write_file(folder.model() / "short.bin", "1234");
  std::filesystem::create_symlink("../secret.bin", folder.model() / "link.bin");
  const auto refused = [&](const std::string& location, const std::string& offset = "") {
    const std::string w = in_graph_initializer(tensor("w", 1, {2}) + external(location, offset));
    const std::string bytes = model(w + in_graph_output(value_info("w", 1, {})), opset(17));
    return refusal([&] { parse_onnx(bytes, "net.onnx", folder.model()); });
  };
  EXPECT_THAT(refused("../secret.bin"), HasSubstr("leads out of the folder"));
  EXPECT_THAT(refused("sub/../../secret.bin"), HasSubstr("leads out of the folder"));
  EXPECT_THAT(refused("link.bin"), HasSubstr("leads out of the folder"));
  EXPECT_THAT(refused((folder.outside() / "secret.bin").string()), HasSubstr("is an absolute path"));
  EXPECT_THAT(refused("."), HasSubstr("leads out of the folder"));
  EXPECT_THAT(refused("nothing.bin"), HasSubstr("is missing"));
  EXPECT_THAT(refused(""), HasSubstr("is no file name"));
  EXPECT_THAT(refused("short.bin"), HasSubstr("is not within"));
  EXPECT_THAT(refused("short.bin", "18446744073709551615"), HasSubstr("is not within"));
  EXPECT_THAT(refused("short.bin", "two"), HasSubstr("is no number"));
}

TEST(OnnxReader, RefusesANameThatIsNoText) {
  EXPECT_THAT(refusal_of(model(text(2, "bad\xff") + relu_graph(), opset(17))), HasSubstr("not UTF-8"));
  EXPECT_EQ(parsed(model(text(2, "gr\xc3\xbc\xc3\x9f") + relu_graph(), opset(17))).name(),
            "gr\xc3\xbc\xc3\x9f");
}

TEST(OnnxReader, GivesNodesWithoutNamesTheNameOfTheirOutput) {
  const std::string graph =
      in_graph_node(node("Relu", "", {"x"}, {"a"})) + in_graph_node(node("Relu", "a", {"a"}, {"b"})) +
      in_graph_input(value_info("x", 1, {"1"})) + in_graph_output(value_info("b", 1, {}));
  const Network network = parsed(model(graph, opset(17)));
  EXPECT_EQ(network.nodes()[0].name, "a");
  EXPECT_EQ(network.nodes()[1].name, "a#2");
}

TEST(InputShapes, TakeAnOpenBatchAsOneAndAskForOtherDimensions) {
  EXPECT_EQ(input_shapes(parsed(model(relu_graph({"n", "3"}), opset(17)))), (std::vector<Shape>{{1, 3}}));
  const Network open = parsed(model(relu_graph({"n", "rows"}), opset(17)));
  EXPECT_THAT(refusal([&] { input_shapes(open); }), HasSubstr("dimension 1 ('rows')"));
  EXPECT_EQ(input_shapes(open, {{"rows", 5}, {"n", 2}}), (std::vector<Shape>{{2, 5}}));
}

// Two constants of 2 KiB and 4 bytes through a Relu each.
Network with_constants() {
  NetworkBuilder builder("net");
  Tensor large = Tensor::zeros(DataType::float32, {512});
  float k = 0;
  for (float& value : large.values<float>()) value = k++;
  const ValueId x = builder.input("x", DataType::float32, {kSymbolic, 2}, {"batch", ""});
  builder.output(builder.node("Relu", "r", {x})[0]);
  builder.output(builder.constant("large", std::move(large)));
  builder.output(builder.constant("small", Tensor::of<float>({1}, {7})));
  builder.constant("unread", Tensor::of<float>({1}, {8}));
  builder.metadata("key", "value");
  return builder.build();
}

TEST(OnnxWriter, WritesWhatTheReaderReads) {
  const TemporaryFolder folder;
  const auto path = folder.model() / "net.onnx";
  save_onnx(with_constants(), path);
  const Network network = load_network(path.string());
  EXPECT_EQ(network.name(), "net");
  EXPECT_EQ(network.metadata().at("key"), "value");
  EXPECT_EQ(network.inputs()[0].declared, (Shape{kSymbolic, 2}));
  EXPECT_EQ(network.inputs()[0].dimension_names[0], "batch");
  EXPECT_EQ(network.nodes()[0].name, "r");
  EXPECT_EQ(network.value(network.outputs()[1]).constant->values<float>()[511], 511);
  EXPECT_EQ(network.find_value("unread"), kNoValue);
  const std::string first = read_file(path);
  save_onnx(network, path);
  EXPECT_EQ(read_file(path), first);
}

TEST(OnnxWriter, NamesTheOpenDimensionsOfOutputs) {
  const TemporaryFolder folder;
  const auto path = folder.model() / "net.onnx";
  save_onnx(with_constants(), path);
  // The output's ValueInfoProto: its name, float, [batch, 2].
  const std::string output = in_graph_output(value_info("r:0", 1, {"batch", "2"}));
  EXPECT_THAT(read_file(path), HasSubstr(output));
}

TEST(OnnxWriter, PutsTheTensorsOfALargeModelIntoADataFile) {
  const TemporaryFolder folder;
  const auto path = folder.model() / "net.onnx";
  write_onnx(with_constants(), path, {.largest_file = 1500});
  EXPECT_LT(std::filesystem::file_size(path), 1500u);
  EXPECT_EQ(std::filesystem::file_size(folder.model() / "net.onnx.data"), 2048u);
  const Network network = load_network(path.string());
  EXPECT_EQ(network.value(network.outputs()[1]).constant->values<float>()[511], 511);
  EXPECT_EQ(network.value(network.outputs()[2]).constant->values<float>()[0], 7);
}

TEST(OnnxWriter, LeavesNothingBehindWhereItCannotWrite) {
  const TemporaryFolder folder;
  write_file(folder.model() / "file", "");
  EXPECT_THAT(refusal([&] { save_onnx(with_constants(), folder.model() / "file" / "net.onnx"); }),
              HasSubstr("cannot be written"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.model()),
                          std::filesystem::directory_iterator()),
            1);
}

}  // namespace
}  // namespace deltahop
