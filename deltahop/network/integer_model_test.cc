// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/integer_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace deltahop {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kArithmetic = "arithmetic activations 16 weights 12 rounding floor overflow wrap\n";

Network network() {
  NetworkBuilder builder("net");
  const ValueId x = builder.input("my input", DataType::float32, {1, 1, 2, 2});
  const ValueId conv = builder.node("Conv", "conv",
                                    {x, builder.constant("w\n1", Tensor(DataType::float32, {1, 1, 1, 1})),
                                     builder.constant("b", Tensor(DataType::float32, {1}))})[0];
  builder.output(builder.node("Softmax", "soft", {builder.node("Relu", "relu", {conv})[0]})[0]);
  return builder.build();
}

std::string body(const std::string& relu = "Q8.8") {
  return "my input Q4.12\nw\\n1 Q2.10\nconv:0 Q8.8\nrelu:0 " + relu + "\nsoft:0 Q1.15\n";
}

std::string message_of(const std::string& text) {
  try {
    model_from_formats(network(), text, "f.txt");
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(IntegerModel, IsReadFromTextAndWrittenAgain) {
  const IntegerModel model = model_from_formats(network(), kArithmetic + body(), "f.txt");
  EXPECT_EQ(model.arithmetic, (Arithmetic{16, 12, Rounding::floor, Overflow::wrap}));
  EXPECT_EQ(model.formats.size(), 5u);
  EXPECT_EQ(model.formats.at(model.network.find_value("my input")), (FixedFormat{16, 12, true}));
  EXPECT_EQ(model.formats.at(model.network.find_value("w\n1")), (FixedFormat{12, 10, true}));
  ASSERT_EQ(model.host_reasons.size(), 1u);
  EXPECT_EQ(model.host_reasons.begin()->second, "Softmax has no integer rule");
  EXPECT_EQ(formats_text(model_from_formats(network(), formats_text(model), "again")), formats_text(model));
}

TEST(IntegerModel, FaultsAreNamedWithTheirLine) {
  EXPECT_THAT(message_of(""), HasSubstr("there are no formats"));
  EXPECT_THAT(message_of("conv:0 Q8.8\n"), StartsWith("f.txt:1: the first line must state the arithmetic"));
  EXPECT_THAT(message_of("arithmetic activations 16 weights 17 rounding floor overflow wrap\n"),
              HasSubstr("'17' is no width"));
  EXPECT_THAT(message_of("arithmetic activations 16 weights 16 rounding down overflow wrap\n"),
              HasSubstr("'down' is no rounding"));
  EXPECT_THAT(message_of(kArithmetic + body() + "relou:0 Q8.8\n"),
              StartsWith("f.txt:7: the network has no value 'relou:0'"));
  EXPECT_THAT(message_of(kArithmetic + body() + "b Q8.8\n"), HasSubstr("no value 'b' that takes a format"));
  EXPECT_THAT(message_of(kArithmetic + body() + "relu:0 Q8.8\n"), HasSubstr("'relu:0' has two formats"));
  EXPECT_THAT(message_of(std::string(kArithmetic) + "my input Q8\n"),
              StartsWith("f.txt:2: 'Q8' is no number format"));
  EXPECT_THAT(message_of(std::string(kArithmetic) + "my input UQ0.8\n"), HasSubstr("unsigned"));
  EXPECT_THAT(message_of(std::string(kArithmetic) + "nothing\n"), HasSubstr("cannot read 'nothing'"));
  EXPECT_THAT(message_of(std::string(kArithmetic) + "my input Q4.12\n"), HasSubstr("has no format"));
}

TEST(IntegerModel, ValuesOfOneStageMustShareTheirFormat) {
  EXPECT_THAT(message_of(kArithmetic + body("Q7.9")),
              HasSubstr("'conv:0' and 'relu:0' have different formats"));
}

}  // namespace
}  // namespace deltahop
