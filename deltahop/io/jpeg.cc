// SPDX-License-Identifier: Apache-2.0
// JPEG by libjpeg. Its errors arrive by longjmp: every frame between setjmp and libjpeg holds only plain
// data, and memory belongs to objects outside those frames.
#include <cstdio>

#include <jpeglib.h>

#include <csetjmp>
#include <cstring>
#include <vector>

#include <fmt/format.h>

#include "deltahop/io/picture.h"

namespace deltahop {
namespace {

// The code of a block of 64 pixels takes at least a bit; eight times that leaves room for arithmetic coding.
constexpr uint64_t kMostPixelsPerByte = 64 * 8 * 8;
constexpr int kMostScans = 200;  // a progressive picture of thousands of scans exists only to waste time

struct JpegErrors {
  jpeg_error_mgr base;
  std::jmp_buf jump;
  bool cut_off;
  char message[JMSG_LENGTH_MAX];
};

JpegErrors* errors_of(j_common_ptr info) { return reinterpret_cast<JpegErrors*>(info->err); }

void fail(j_common_ptr info) {
  JpegErrors* errors = errors_of(info);
  if (errors->message[0] == '\0') info->err->format_message(info, errors->message);
  std::longjmp(errors->jump, 1);
}

// Warnings: libjpeg would go on and fill what is missing with grey. A picture that ends too early is no
// picture.
void note_warning(j_common_ptr info, int level) {
  if (level >= 0) return;
  JpegErrors* errors = errors_of(info);
  ++info->err->num_warnings;
  char text[JMSG_LENGTH_MAX];
  info->err->format_message(info, text);
  if (std::strstr(text, "Premature end") != nullptr) errors->cut_off = true;
}

void watch_scans(j_common_ptr info) {
  if (!info->is_decompressor) return;
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number > kMostScans) {
    std::snprintf(errors_of(info)->message, JMSG_LENGTH_MAX, "it has too many scans");
    fail(info);
  }
}

class JpegReader {
 public:
  explicit JpegReader(std::string_view content) : content_(content) {}
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;
  ~JpegReader() { jpeg_destroy_decompress(&info_); }

  const char* message() const {
    return errors_.cut_off && errors_.message[0] == '\0' ? "it is cut off" : errors_.message;
  }
  uint64_t width() const { return info_.image_width; }
  uint64_t height() const { return info_.image_height; }
  bool is_cmyk() const { return info_.out_color_space == JCS_CMYK; }
  bool is_inverted() const { return info_.saw_Adobe_marker != 0; }
  size_t channels() const { return static_cast<size_t>(info_.output_components); }

  bool read_header() {
    info_.err = jpeg_std_error(&errors_.base);
    errors_.base.error_exit = fail;
    errors_.base.emit_message = note_warning;
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_create_decompress(&info_);
    progress_.progress_monitor = watch_scans;
    info_.progress = &progress_;
    jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(content_.data()), content_.size());
    jpeg_read_header(&info_, TRUE);
    if (info_.jpeg_color_space == JCS_GRAYSCALE) {
      info_.out_color_space = JCS_GRAYSCALE;
    } else if (info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK) {
      info_.out_color_space = JCS_CMYK;
    } else {
      info_.out_color_space = JCS_RGB;
    }
    info_.dct_method = JDCT_ISLOW;
    jpeg_calc_output_dimensions(&info_);
    return true;
  }
  // rows: `height` rows of width * channels bytes.
  bool read_rows(uint8_t* pixels, size_t row_bytes) {
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_start_decompress(&info_);
    while (info_.output_scanline < info_.output_height) {
      JSAMPROW row = pixels + size_t{info_.output_scanline} * row_bytes;
      jpeg_read_scanlines(&info_, &row, 1);
    }
    jpeg_finish_decompress(&info_);
    return !errors_.cut_off;
  }

 private:
  std::string_view content_;
  JpegErrors errors_{};
  jpeg_progress_mgr progress_{};
  jpeg_decompress_struct info_{};
};

uint8_t product(unsigned a, unsigned b) {
  const unsigned scaled = a * b + 128;
  return static_cast<uint8_t>((scaled + (scaled >> 8)) >> 8);  // a * b / 255, rounded
}

Tensor from_cmyk(const std::vector<uint8_t>& pixels, const Shape& shape, bool inverted) {
  Tensor picture(DataType::uint8, shape);
  const auto target = picture.values<uint8_t>();
  for (size_t pixel = 0; pixel * 3 < target.size(); ++pixel) {
    const uint8_t* inks = &pixels[pixel * 4];
    // Adobe stores 255 - ink: then ink 0 is already the light that is left.
    const unsigned black = inverted ? inks[3] : 255u - inks[3];
    for (size_t c = 0; c < 3; ++c)
      target[pixel * 3 + c] = product(inverted ? inks[c] : 255u - inks[c], black);
  }
  return picture;
}

}  // namespace

Tensor decode_jpeg(std::string_view content, std::string_view name) {
  JpegReader reader(content);
  const auto damaged = [&] {
    return Error(name, fmt::format("is not a whole JPEG picture: {}", reader.message()), "save it again");
  };
  if (!reader.read_header()) throw damaged();
  const uint64_t pixels = reader.width() * reader.height();
  const std::string size = fmt::format("{}x{}", reader.width(), reader.height());
  if (pixels > kMostPixels) throw Error(name, fmt::format("is too large a picture: {}", size));
  if (pixels / kMostPixelsPerByte > content.size()) {
    throw Error(name, fmt::format("says that it is {}, but has only {} bytes", size, content.size()),
                "the file is damaged");
  }
  const size_t channels = reader.channels();
  DELTAHOP_CHECK(channels == 1 || channels == 3 || channels == 4);
  std::vector<uint8_t> bytes(pixels * channels);
  if (!reader.read_rows(bytes.data(), reader.width() * channels)) throw damaged();
  const Shape shape = {static_cast<int64_t>(reader.height()), static_cast<int64_t>(reader.width()),
                       channels == 1 ? 1 : 3};
  return channels == 4 ? from_cmyk(bytes, shape, reader.is_inverted()) : Tensor::of<uint8_t>(shape, bytes);
}

bool is_jpeg(std::string_view content) { return content.substr(0, 3) == "\xff\xd8\xff"; }
bool is_png(std::string_view content) { return content.substr(0, 8) == "\x89PNG\r\n\x1a\n"; }

Tensor decode_picture(std::string_view content, std::string_view name) {
  if (content.empty()) throw Error(name, "is empty");
  if (is_png(content)) return decode_png(content, name);
  if (is_jpeg(content)) return decode_jpeg(content, name);
  throw Error(name, "is neither a PNG nor a JPEG picture", "convert it to PNG");
}

}  // namespace deltahop
