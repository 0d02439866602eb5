// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/samples.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "deltahop/base/files.h"
#include "deltahop/io/npz.h"
#include "deltahop/io/picture_test_util.h"
#include "deltahop/io/resize.h"

namespace deltahop {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::ThrowsMessage;

class Samples : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              ("deltahop_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path write(const std::string& name, std::string_view content) const {
    write_file(folder_ / name, content);
    return folder_ / name;
  }
  static Tensor grey(uint8_t value) { return Tensor::of<uint8_t>({1, 2, 1}, {value, value}); }
  fs::path folder_;
};

// Two 2x2 pictures.
std::string idx_pictures() {
  return std::string("\0\0\x08\x03\0\0\0\2\0\0\0\2\0\0\0\2", 16) + "\1\2\3\4\5\6\7\x08";
}
std::string idx_labels() { return std::string("\0\0\x08\x01\0\0\0\2\x09\3", 10); }

std::string gzip(const std::string& content) {
  std::string out(1000, '\0');
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST_F(Samples, FolderIsSortedByNameAndDecidedByContent) {
  write("b.png", png_of(grey(2)));
  write("a.data", png_of(grey(1)));
  write("notes.txt", "not a picture");
  const auto samples = open_samples(folder_);
  ASSERT_EQ(samples->size(), 2);
  EXPECT_EQ(samples->load(0).values, grey(1));
  EXPECT_EQ(samples->load(1).values, grey(2));
  EXPECT_TRUE(samples->load(0).is_picture);
  EXPECT_EQ(samples->load(1).name, "b.png");
  EXPECT_FALSE(samples->load(0).label);
  EXPECT_EQ(samples->description(), "folder of 2 samples, without labels");
}

TEST_F(Samples, FolderTakesLabelsFromATableByFileName) {
  write("a.png", png_of(grey(1)));
  write("b.png", png_of(grey(2)));
  const fs::path table =
      write("labels.csv", "file,class_index,note\n\"pictures/b.png\",7,\"x, y\"\npictures/a.png,3,\n");
  const auto samples = open_samples(folder_, {.labels = table.string()});
  EXPECT_EQ(samples->load(0).label, 3);
  EXPECT_EQ(samples->load(1).label, 7);
  EXPECT_THAT(
      [&] { open_samples(folder_, {.labels = write("short.csv", "file,label\na.png,3\n").string()}); },
      ThrowsMessage<Error>(HasSubstr("no label for 'b.png'")));
}

TEST_F(Samples, DamagedPictureOfAFolderIsNamedWhenLoaded) {
  write("a.png", "");
  const auto samples = open_samples(folder_);
  EXPECT_THAT([&] { samples->load(0); }, ThrowsMessage<Error>(HasSubstr("a.png: is empty")));
}

TEST_F(Samples, ListsMayBeTablesOrLinesOfPathAndLabel) {
  write("p/a b.png", png_of(grey(1)));
  write("p/c.png", png_of(grey(2)));
  const auto table = open_samples(write("t.csv", "class_index,file\n5,p/a b.png\n6,p/c.png\n"));
  const auto lines = open_samples(write("t.txt", "# comment\np/a b.png 5\r\np/c.png 6\r\n"));
  for (const auto* samples : {&table, &lines}) {
    ASSERT_EQ((*samples)->size(), 2);
    EXPECT_EQ((*samples)->load(0).values, grey(1));
    EXPECT_EQ((*samples)->load(0).label, 5);
    EXPECT_EQ((*samples)->load(1).label, 6);
  }
  EXPECT_FALSE(open_samples(write("u.txt", "p/a b.png\n"))->load(0).label);
  EXPECT_THAT([&] { open_samples(write("v.txt", "p/c.png\nmissing.png\n")); },
              ThrowsMessage<Error>(HasSubstr("v.txt:2: names 'missing.png'")));
}

TEST_F(Samples, IdxIsReadPlainAndPackedWithLabelsOnlyWhenTold) {
  const fs::path labels = write("labels", idx_labels());
  for (const fs::path& path : {write("plain", idx_pictures()), write("packed", gzip(idx_pictures()))}) {
    EXPECT_FALSE(open_samples(path)->load(0).label);
    const auto samples = open_samples(path, {.labels = labels.string()});
    ASSERT_EQ(samples->size(), 2);
    EXPECT_EQ(samples->load(1).values, Tensor::of<uint8_t>({2, 2, 1}, {5, 6, 7, 8}));
    EXPECT_EQ(samples->load(1).label, 3);
  }
}

TEST_F(Samples, CifarRecordsBecomePicturesWithTheirLabels) {
  std::string file;
  for (int picture = 0; picture < 2; ++picture) {
    file.push_back(static_cast<char>(4 + picture));
    for (int i = 0; i < 3072; ++i) file.push_back(static_cast<char>(i / 1024 * 100 + i % 7));
  }
  const auto samples = open_samples(write("data_batch.bin", file));
  ASSERT_EQ(samples->size(), 2);
  const Sample sample = samples->load(1);
  EXPECT_EQ(sample.label, 5);
  EXPECT_EQ(sample.values.shape(), (Shape{32, 32, 3}));
  EXPECT_EQ(sample.values.values<uint8_t>()[3 * 33 + 2], 200 + (2048 + 33) % 7);
}

TEST_F(Samples, ContainerIsOpenedByEitherOfItsFiles) {
  const std::string first = jpeg_of(grey(50)), second = jpeg_of(grey(90));
  const fs::path container = write("c.jpegs", first + second);
  const fs::path table =
      write("c.csv", "offset,length,label\n0," + std::to_string(first.size()) + ",1\n" +
                         std::to_string(first.size()) + "," + std::to_string(second.size()) + ",2\n");
  for (const fs::path& path : {container, table}) {
    const auto samples = open_samples(path);
    ASSERT_EQ(samples->size(), 2);
    EXPECT_NEAR(samples->load(1).values.values<uint8_t>()[0], 90, 2);
    EXPECT_EQ(samples->load(1).label, 2);
  }
  write("c.csv", "offset,length\n0,100000\n");
  EXPECT_THAT([&] { open_samples(container); }, ThrowsMessage<Error>(HasSubstr("beyond the end")));
}

TEST_F(Samples, ArraysAreCutAlongTheirFirstDimension) {
  const Tensor inputs = Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto npy = open_samples(write("a.npy", npy_text(inputs)));
  write_npz({{"x_test", inputs}, {"y_test", Tensor::of<float>({2, 2}, {0, 1, 1, 0})}}, folder_ / "a.npz");
  const auto npz = open_samples(folder_ / "a.npz");
  for (const auto* samples : {&npy, &npz}) {
    ASSERT_EQ((*samples)->size(), 2);
    EXPECT_EQ((*samples)->load(1).values, Tensor::of<float>({3}, {4, 5, 6}));
    EXPECT_FALSE((*samples)->load(1).is_picture);
  }
  EXPECT_EQ(npz->load(0).label, 1);
  EXPECT_EQ(npz->load(1).label, 0);
}

TEST_F(Samples, LimitShortensEverySource) {
  EXPECT_EQ(open_samples(write("plain", idx_pictures()), {.labels = "", .limit = 1})->size(), 1);
  EXPECT_EQ(open_samples(folder_ / "plain", {.labels = "", .limit = 9})->size(), 2);
}

TEST_F(Samples, RefusesWhatItCannotReadInOneLine) {
  const auto opened = [&](std::string_view content) {
    return [this, content] { open_samples(write("f", content)); };
  };
  EXPECT_THAT(opened(""), ThrowsMessage<Error>(HasSubstr("is empty")));
  EXPECT_THAT(opened(std::string_view("\x01\x02\x00\x7f", 4)),
              ThrowsMessage<Error>(HasSubstr("no samples in a known form")));
  const std::string pictures = idx_pictures();
  EXPECT_THAT(opened(std::string_view(pictures).substr(0, 20)), ThrowsMessage<Error>(HasSubstr("cut off")));
  EXPECT_THAT(opened(std::string_view(pictures).substr(0, 9)), ThrowsMessage<Error>(HasSubstr("cut off")));
  const std::string text = gzip("hello");
  EXPECT_THAT(opened(text), ThrowsMessage<Error>(HasSubstr("not of an IDX file")));
  EXPECT_THAT(opened(std::string_view(text).substr(0, 15)), ThrowsMessage<Error>(HasSubstr("cut off")));
  EXPECT_THAT([&] { open_samples(folder_ / "missing"); }, ThrowsMessage<Error>(HasSubstr("no such file")));
  EXPECT_THAT([&] { open_samples(write("g", idx_pictures()), {.labels = write("l", "1\n2\n3\n").string()}); },
              ThrowsMessage<Error>(HasSubstr("3 labels for 2 samples")));
}

TEST_F(Samples, AreLoadedByManyThreadsAtOnce) {
  const auto samples = open_samples(write("plain", idx_pictures()));
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i)
        wrong += samples->load(i % 2).values.values<uint8_t>()[0] == 1 + 4 * (i % 2) ? 0 : 1;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(RealSamples, AreReadWithTheirLabels) {
  const char* data = std::getenv("DELTAHOP_DATA");
  if (data == nullptr) GTEST_SKIP() << "DELTAHOP_DATA is not set";
  const fs::path root = data;
  const auto mnist = open_samples(root / "mnist/t10k-images-idx3-ubyte.gz",
                                  {.labels = (root / "mnist/t10k-labels-idx1-ubyte.gz").string()});
  EXPECT_EQ(mnist->size(), 10000);
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < 10; ++i) labels.push_back(mnist->load(i).label.value());
  EXPECT_EQ(labels,
            (std::vector<int64_t>{7, 2, 1, 0, 4, 1, 4, 9, 5, 9}));  // the first ten digits, known to everyone
  const auto cifar = open_samples(root / "cifar10/test_lossless.bin");
  EXPECT_EQ(cifar->size(), 500);
  EXPECT_EQ(cifar->load(0).label, 3);  // a cat
  const auto container = open_samples(root / "cifar10/test_jpeg.jpegs");
  EXPECT_EQ(container->size(), 2000);
  EXPECT_EQ(container->load(1999).values.shape(), (Shape{32, 32, 3}));
  const auto pictures = open_samples(root / "imagenet_samples/samples.csv");
  ASSERT_EQ(pictures->size(), 100);
  int grey = 0;
  for (int64_t i = 0; i < 100; ++i) {
    const Sample sample = pictures->load(i);
    EXPECT_EQ(sample.label, 10 * i);
    grey += sample.values.dim(2) == 1 ? 1 : 0;
  }
  EXPECT_EQ(grey, 1);
  // Decoded, and shrunk to a short side of 256, as Pillow 9.4 does both.
  const auto checksum = [](const Tensor& picture) {
    return crc32(0, reinterpret_cast<const Bytef*>(picture.bytes().data()),
                 static_cast<uInt>(picture.bytes().size()));
  };
  const Tensor tench = pictures->load(0).values;
  EXPECT_EQ(checksum(tench), 1164034910u);
  EXPECT_EQ(checksum(resized(tench, 256, 341)), 3674271499u);
}

}  // namespace
}  // namespace deltahop
