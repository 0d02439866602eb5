// SPDX-License-Identifier: Apache-2.0
// PNG by libpng. Its errors arrive by longjmp: every frame between setjmp and libpng holds only plain data,
// and memory belongs to objects outside those frames.
#include <png.h>

#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <vector>

#include <fmt/format.h>

#include "deltahop/io/picture.h"

namespace deltahop {
namespace {

// Deflate's largest ratio: a picture with more bytes than this cannot come out of its file.
constexpr uint64_t kLargestRatio = 1032;

struct PngSource {
  const char* data = nullptr;
  size_t size = 0;
  size_t position = 0;
  char message[128] = {};
};

void note_error(png_structp png, png_const_charp message) {
  auto* source = static_cast<PngSource*>(png_get_error_ptr(png));
  if (source->message[0] == '\0') std::snprintf(source->message, sizeof source->message, "%s", message);
  png_longjmp(png, 1);
}

void ignore_warning(png_structp, png_const_charp) {}

void read_bytes(png_structp png, png_bytep target, size_t count) {
  auto* source = static_cast<PngSource*>(png_get_io_ptr(png));
  if (count > source->size - source->position) png_error(png, "it is cut off");
  std::memcpy(target, source->data + source->position, count);
  source->position += count;
}

struct PngHeader {
  png_uint_32 width = 0, height = 0;
  size_t row_bytes = 0;
  int channels = 0;
};

class PngReader {
 public:
  explicit PngReader(std::string_view content) {
    source_.data = content.data();
    source_.size = content.size();
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source_, note_error, ignore_warning);
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
  }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }

  bool ready() const { return png_ != nullptr && info_ != nullptr; }
  const char* message() const { return source_.message; }

  bool read_header(PngHeader* header) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_read_fn(png_, &source_, read_bytes);
    png_set_user_limits(png_, 1u << 20, 1u << 20);
    png_read_info(png_, info_);
    png_set_expand(png_);
    png_set_strip_16(png_);
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    header->width = png_get_image_width(png_, info_);
    header->height = png_get_image_height(png_, info_);
    header->row_bytes = png_get_rowbytes(png_, info_);
    header->channels = png_get_channels(png_, info_);
    return true;
  }
  bool read_rows(png_bytep* rows) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_read_image(png_, rows);
    png_read_end(png_, nullptr);
    return true;
  }

 private:
  PngSource source_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

// Lays the alpha channel over black: what is transparent becomes dark, as no background is known.
Tensor without_alpha(const std::vector<uint8_t>& pixels, const PngHeader& header) {
  const int64_t channels = header.channels <= 2 ? 1 : 3;
  const bool alpha = header.channels == 2 || header.channels == 4;
  Tensor picture(DataType::uint8, {header.height, header.width, channels});
  const auto target = picture.values<uint8_t>();
  const size_t step = static_cast<size_t>(header.channels), kept = static_cast<size_t>(channels);
  for (size_t pixel = 0; pixel * kept < target.size(); ++pixel) {
    const uint8_t* source = &pixels[pixel * step];
    const unsigned opacity = alpha ? source[step - 1] : 255u;
    for (size_t c = 0; c < kept; ++c)
      target[pixel * kept + c] = static_cast<uint8_t>((source[c] * opacity + 127) / 255);
  }
  return picture;
}

}  // namespace

Tensor decode_png(std::string_view content, std::string_view name) {
  PngReader reader(content);
  if (!reader.ready()) throw Error(name, "cannot be read: no memory for the PNG reader");
  PngHeader header;
  const auto damaged = [&] {
    return Error(name, fmt::format("is not a whole PNG picture: {}", reader.message()), "save it again");
  };
  if (!reader.read_header(&header)) throw damaged();
  const uint64_t bytes = uint64_t{header.height} * header.row_bytes;
  const std::string size = fmt::format("{}x{}", header.width, header.height);
  if (uint64_t{header.width} * header.height > kMostPixels)
    throw Error(name, fmt::format("is too large a picture: {}", size));
  // Two-bit and one-bit pixels grow by 8 when they are expanded, a palette by 3 or 4 times that.
  if (bytes / (kLargestRatio * 32) > content.size()) {
    throw Error(name, fmt::format("says that it is {}, but has only {} bytes", size, content.size()),
                "the file is damaged");
  }
  std::vector<uint8_t> pixels(bytes);
  std::vector<png_bytep> rows(header.height);
  for (size_t row = 0; row < rows.size(); ++row) rows[row] = pixels.data() + row * header.row_bytes;
  if (!reader.read_rows(rows.data())) throw damaged();
  return without_alpha(pixels, header);
}

}  // namespace deltahop
