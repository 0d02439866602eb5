// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/safetensors.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace deltahop {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

std::string file(const std::string& header, const std::string& data) {
  const uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header + data;
}

TEST(Safetensors, ReadsTensorsByNameAndSkipsTheMetadata) {
  const std::string data("\x00\x00\x80\x3f\x00\x00\x00\xc0\x05\x80\x3f", 11);
  const auto tensors = parse_safetensors(
      file(R"({"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},)"
           R"("flag":{"dtype":"BOOL","shape":[],"data_offsets":[8,9]},)"
           R"("half":{"dtype":"BF16","shape":[1],"data_offsets":[9,11]}})",
           data),
      "a");
  ASSERT_EQ(tensors.size(), 3u);
  EXPECT_EQ(tensors.at("w"), Tensor::of<float>({1, 2}, {1.0f, -2.0f}));
  EXPECT_EQ(tensors.at("flag"), Tensor::scalar<bool>(true));
  EXPECT_EQ(static_cast<float>(tensors.at("half").values<BFloat16>()[0]), 1.0f);
}

TEST(Safetensors, RefusesOffsetsThatLie) {
  const auto tensor = [](const std::string& name, int begin, int end, const std::string& shape) {
    return "\"" + name + R"(":{"dtype":"U8","shape":)" + shape + R"(,"data_offsets":[)" +
           std::to_string(begin) + "," + std::to_string(end) + "]}";
  };
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"{" + tensor("a", 0, 3, "[3]") + "," + tensor("b", 2, 4, "[2]") + "}", "overlaps"},
      {"{" + tensor("a", 0, 1, "[1]") + "," + tensor("b", 2, 4, "[2]") + "}", "hole"},
      {"{" + tensor("a", 0, 9, "[9]") + "}", "beyond the end"},
      {"{" + tensor("a", 0, 3, "[3]") + "}", "belong to no tensor"},
      {"{" + tensor("a", 3, 0, "[3]") + "}", "needs 3"},
      {"{" + tensor("a", 0, 4, "[1099511627776,1099511627776]") + "}", "too large"},
      {"{" + tensor("a", 0, 4, "[-4]") + "}", "damaged"},
      {"{" + tensor("a", 0, 2, "[2]") + "," + tensor("a", 2, 4, "[2]") + "}", "twice"},
      {R"({"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}})", "of type F8_E4M3"},
      {R"({"a":7})", "damaged"},
      {R"([])", "not JSON"},
      {R"({"a":)", "not JSON"}};
  for (const auto& [header, message] : cases) {
    const auto parse = [&text = header] { parse_safetensors(file(text, "data"), "s"); };
    EXPECT_THAT(parse, ThrowsMessage<Error>(HasSubstr(message))) << header;
  }
}

TEST(Safetensors, RefusesAHeaderLengthBeyondTheFile) {
  EXPECT_THROW(parse_safetensors("", "s"), Error);
  EXPECT_THROW(parse_safetensors("\x01", "s"), Error);
  EXPECT_THROW(parse_safetensors(std::string(8, '\xff') + "{}", "s"), Error);
}

TEST(Safetensors, ReadsAPyTorchNetwork) {
  const char* data = std::getenv("DELTAHOP_DATA");
  if (data == nullptr) GTEST_SKIP() << "DELTAHOP_DATA is not set";
  const auto tensors = read_safetensors(std::filesystem::path(data) / "resnet_cifar10/resnet20.safetensors");
  int64_t parameters = 0;
  for (const auto& [name, tensor] : tensors) {
    if (name.find("running") == std::string::npos && name.find("num_batches") == std::string::npos)
      parameters += tensor.size();
  }
  EXPECT_EQ(parameters, 269722);  // as its makers count
}

}  // namespace
}  // namespace deltahop
