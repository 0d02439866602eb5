// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/npz.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/files.h"
#include "deltahop/base/random.h"
#include "deltahop/io/deflate.h"
#include "deltahop/io/npy_header.h"
#include "deltahop/io/zip.h"

namespace deltahop {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

std::string npy(std::string header, const std::string& data, int major = 1) {
  header.push_back('\n');
  std::string text = "\x93NUMPY";
  text += {static_cast<char>(major), '\0', static_cast<char>(header.size() & 0xff),
           static_cast<char>(header.size() >> 8)};
  if (major > 1) text += {'\0', '\0'};
  return text + header + data;
}

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text.push_back(static_cast<char>(value));
  return text;
}

Tensor random_tensor(DataType type, const Shape& shape, uint64_t seed) {
  Random random(seed);
  Tensor tensor(DataType::float64, shape);
  for (double& value : tensor.values<double>()) value = random.uniform(0, 100);
  return tensor.converted(type);
}

TEST(Npy, WritesAndReadsEveryTypeThatNumPyHas) {
  for (const DataType type : {DataType::float32, DataType::float64, DataType::float16, DataType::int8,
                              DataType::int16, DataType::int32, DataType::int64, DataType::uint8,
                              DataType::uint16, DataType::uint32, DataType::uint64, DataType::boolean}) {
    for (const Shape& shape : {Shape{}, Shape{0}, Shape{7}, Shape{2, 3, 4}}) {
      const Tensor tensor = random_tensor(type, shape, 1);
      EXPECT_EQ(parse_npy(npy_text(tensor), "a.npy"), tensor) << name_of(type) << " " << to_text(shape);
    }
  }
}

TEST(Npy, WritesTheBytesThatNumPyWrites) {
  // numpy.save of numpy.array([1, -2], dtype='<i2'): format 1.0, header padded to 64 bytes.
  const std::string header = "{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }";
  const std::string expected =
      npy(header + std::string(128 - 10 - header.size() - 1, ' '), bytes({1, 0, 0xfe, 0xff}));
  EXPECT_EQ(npy_text(Tensor::of<int16_t>({2}, {1, -2})), expected);
}

TEST(Npy, TurnsBigEndianNumbersAround) {
  const Tensor tensor = parse_npy(npy("{'descr': '>i4', 'fortran_order': False, 'shape': (2,), }",
                                      bytes({0, 0, 1, 2, 255, 255, 255, 254})),
                                  "a");
  EXPECT_EQ(tensor, Tensor::of<int32_t>({2}, {258, -2}));
}

TEST(Npy, TurnsFortranOrderAround) {
  const Tensor tensor = parse_npy(
      npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }", bytes({1, 4, 2, 5, 3, 6})), "a");
  EXPECT_EQ(tensor, Tensor::of<uint8_t>({2, 3}, {1, 2, 3, 4, 5, 6}));
}

TEST(Npy, ReadsFormatTwoAndKeysInAnyOrder) {
  const Tensor tensor =
      parse_npy(npy("{\"shape\": (1,), 'fortran_order': False, 'descr': '|b1'}", bytes({7}), 2), "a");
  EXPECT_EQ(tensor, Tensor::of<bool>({1}, {true}));
}

TEST(Npy, RefusesBrokenFilesInOneLine) {
  const std::string good = "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "a.npy: is empty"},
      {"RIFF", "is not a NumPy array"},
      {npy(good, bytes({1, 2})), "holds 2 bytes of elements, its shape 3 needs 3"},
      {npy(good, bytes({1, 2, 3, 4})), "something follows"},
      {npy("{'descr': '|O', 'fortran_order': False, 'shape': (3,), }", ""), "type '|O'"},
      {npy("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (3,), }", ""), "structured"},
      {npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776, 1099511627776), }", ""),
       "too large"},
      {npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776,), }", ""),
       "needs 8796093022208"},
      {npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }", ""), "damaged shape"},
      {npy("{'descr': '<f8', 'fortran_order': False}", ""), "incomplete"},
      {npy(good, "", 9), "version 9"},
      {npy(good, "").substr(0, 30), "cut off"}};
  for (const auto& [content, message] : cases) {
    const auto parse = [&text = content] { parse_npy(text, "a.npy"); };
    EXPECT_THAT(parse, ThrowsMessage<Error>(HasSubstr(message)));
  }
}

TEST(Npz, WritesAndReadsArraysCompressedOrNot) {
  const std::map<std::string, Tensor> arrays = {{"zeros", Tensor(DataType::float32, {100, 100})},
                                                {"noise", random_tensor(DataType::float64, {33}, 2)},
                                                {"empty", Tensor(DataType::int8, {0})}};
  const auto path = std::filesystem::path(testing::TempDir()) / "deltahop_npz_test.npz";
  write_npz(arrays, path);
  EXPECT_LT(std::filesystem::file_size(path), 2000u);  // the zeros are deflated
  EXPECT_EQ(read_npz(path), arrays);
  std::filesystem::remove(path);
  std::vector<std::pair<std::string, std::string>> entries;
  for (const auto& [name, tensor] : arrays) entries.emplace_back(name + ".npy", npy_text(tensor));
  EXPECT_EQ(parse_npz(zipped(entries, {.compressed = false}), "a"), arrays);
}

TEST(Npz, ReadsTheFormForLargeFiles) {
  const std::vector<std::pair<std::string, std::string>> entries = {{"a", "first entry"},
                                                                    {"b", std::string(5000, 'x')}};
  const std::string archive = zipped(entries, {.compressed = true, .zip64_from = 1});
  const std::vector<ZipEntry> read = unzipped(archive, "z");
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read[0].content, entries[0].second);
  EXPECT_EQ(read[1].content, entries[1].second);
  EXPECT_GT(archive.size(), zipped(entries, {}).size());
}

TEST(Npz, RefusesAChangedByteAnywhereThatMatters) {
  const std::string archive =
      zipped({{"a.npy", npy_text(random_tensor(DataType::float32, {50}, 3))}}, {.compressed = false});
  std::string changed = archive;
  changed[200] = static_cast<char>(changed[200] ^ 1);
  EXPECT_THAT([&] { parse_npz(changed, "z"); },
              ThrowsMessage<Error>(HasSubstr("z/a.npy: has a wrong checksum")));
  for (const size_t kept : {size_t{0}, size_t{10}, archive.size() - 30, archive.size() - 1}) {
    EXPECT_THROW(parse_npz(archive.substr(0, kept), "z"), Error) << kept;
  }
}

TEST(Npz, RefusesEntriesThatShareTheirBytes) {
  std::string archive =
      zipped({{"a.npy", std::string(1000, 'a')}, {"b.npy", std::string(1000, 'b')}}, {.compressed = false});
  // Both directory records name a size that together is more than the file has.
  const size_t record = archive.find("PK\x01\x02");
  const uint32_t size = 1900;
  for (const size_t at : {record + 20, archive.find("PK\x01\x02", record + 4) + 20})
    archive.replace(at, 4, reinterpret_cast<const char*>(&size), 4);
  EXPECT_THROW(parse_npz(archive, "z"), Error);
}

TEST(Deflate, BoundsWhatAStreamMayGrowTo) {
  const std::string million(1000000, '\0');
  const std::string small = deflated(million);
  EXPECT_LT(small.size(), 2000u);
  EXPECT_EQ(inflated(small, million.size(), "s"), million);
  EXPECT_THROW(inflated(small, million.size() - 1, "s"), Error);
  EXPECT_THROW(inflated(small, million.size() + 1, "s"), Error);
  EXPECT_THAT([&] { inflated(small, uint64_t{1} << 40, "s"); }, ThrowsMessage<Error>(HasSubstr("can hold")));
  EXPECT_THROW(inflated(std::string_view(small).substr(0, small.size() / 2), million.size(), "s"), Error);
}

}  // namespace
}  // namespace deltahop
