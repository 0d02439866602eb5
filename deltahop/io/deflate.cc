// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/deflate.h"

#include <algorithm>
#include <limits>

#include <zlib.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

constexpr uint64_t kLargestRatio = 1032;
constexpr size_t kPiece = size_t{1} << 16;  // small, so that many tiny gzip members stay cheap
constexpr int kRawWindow = -15;
constexpr int kGzipWindow = 15 + 16;

class InflateStream {
 public:
  InflateStream(int window, std::string_view name) : name_(name) {
    if (inflateInit2(&stream_, window) != Z_OK) throw Error(name_, "cannot be inflated: no memory");
  }
  InflateStream(const InflateStream&) = delete;
  InflateStream& operator=(const InflateStream&) = delete;
  ~InflateStream() { inflateEnd(&stream_); }

  // Appends one stream's bytes to `out`, at most up to `limit` in all; returns the bytes of input used.
  uint64_t run(std::string_view input, std::string& out, uint64_t limit) {
    size_t consumed = 0;
    int state = Z_OK;
    while (state != Z_STREAM_END) {
      const size_t offered = std::min(input.size() - consumed, kPiece);
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data() + consumed));
      stream_.avail_in = static_cast<uInt>(offered);
      const size_t before = out.size();
      // One byte beyond the limit tells a stream that is too long from one that just fits.
      out.resize(static_cast<size_t>(std::min<uint64_t>(limit + 1, before + kPiece)));
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + before);
      stream_.avail_out = static_cast<uInt>(out.size() - before);
      state = inflate(&stream_, Z_NO_FLUSH);
      consumed += offered - stream_.avail_in;
      out.resize(out.size() - stream_.avail_out);
      if (out.size() > limit) throw Error(name_, "holds more compressed bytes than it declares");
      const bool stuck = out.size() == before && stream_.avail_in == offered;
      if (state != Z_STREAM_END && (state != Z_OK || stuck)) {
        throw Error(name_, consumed == input.size() ? "is cut off in its compressed bytes"
                                                    : "has damaged compressed bytes");
      }
    }
    return consumed;
  }
  void restart() { inflateReset(&stream_); }

 private:
  z_stream stream_{};
  std::string name_;
};

}  // namespace

std::string inflated(std::string_view stream, uint64_t size, std::string_view name) {
  if (size / kLargestRatio > stream.size())
    throw Error(name, "declares more bytes than its compressed ones can hold");
  std::string out;
  InflateStream(kRawWindow, name).run(stream, out, size);
  if (out.size() != size) throw Error(name, "holds fewer compressed bytes than it declares");
  return out;
}

std::string deflated(std::string_view bytes) {
  z_stream stream{};
  DELTAHOP_CHECK(
      deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kRawWindow, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out;
  size_t consumed = 0;
  int state = Z_OK;
  while (state != Z_STREAM_END) {
    const size_t offered = std::min(bytes.size() - consumed, kPiece);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data() + consumed));
    stream.avail_in = static_cast<uInt>(offered);
    const size_t before = out.size();
    out.resize(before + kPiece);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream.avail_out = static_cast<uInt>(kPiece);
    state = deflate(&stream, consumed + offered == bytes.size() ? Z_FINISH : Z_NO_FLUSH);
    consumed += offered - stream.avail_in;
    out.resize(out.size() - stream.avail_out);
  }
  deflateEnd(&stream);
  return out;
}

uint32_t crc32_of(std::string_view bytes) {
  return static_cast<uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

bool is_gzip(std::string_view content) { return content.substr(0, 2) == "\x1f\x8b"; }

std::string gunzipped(std::string_view content, std::string_view name) {
  std::string out;
  InflateStream stream(kGzipWindow, name);
  const uint64_t limit = content.size() * kLargestRatio;
  while (!content.empty()) {
    if (!is_gzip(content)) throw Error(name, "has something other than gzip after its gzip part");
    content.remove_prefix(stream.run(content, out, limit));
    stream.restart();
  }
  return out;
}

}  // namespace deltahop
