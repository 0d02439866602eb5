// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/break_even_table.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <optional>

#include <fmt/format.h>

#include "deltahop/base/files.h"

namespace deltahop {
namespace {

constexpr std::string_view kHeader =
    "deltahop break-even 5";  // the number: of the kernels that were measured
constexpr std::string_view kAnyHeader = "deltahop break-even ";
constexpr std::string_view kProcessor = "processor ";
constexpr uint64_t kLargestFile = uint64_t{1} << 24;
constexpr size_t kMostPoints = 256;
constexpr size_t kLongestKey = 256;
constexpr double kLongest_s = 1e4;

bool is_plain(std::string_view text) {
  if (text.empty() || text.size() > kLongestKey) return false;
  for (const char c : text) {
    if (c < ' ' || c > '~' || c == '|') return false;
  }
  return true;
}

// A non-negative decimal number at the front of `text`, taken off it.
std::optional<double> take_number(std::string_view& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || !std::isfinite(value) || value < 0 || std::signbit(value)) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return value;
}

bool take(std::string_view& text, std::string_view front) {
  if (!text.starts_with(front)) return false;
  text.remove_prefix(front.size());
  return true;
}

// "dense 1.5e-4 | 0.5 2e-4 | 0.9 1e-4"
std::optional<BreakEvenCurve> parse_curve(std::string_view text) {
  BreakEvenCurve curve;
  if (!take(text, "dense ")) return std::nullopt;
  const auto dense = take_number(text);
  if (!dense || *dense <= 0 || *dense > kLongest_s) return std::nullopt;
  curve.dense_s = *dense;
  while (!text.empty()) {
    if (curve.points.size() == kMostPoints || !take(text, " | ")) return std::nullopt;
    const auto share = take_number(text);
    if (!share || *share > 1 || !take(text, " ")) return std::nullopt;
    const auto seconds = take_number(text);
    if (!seconds || *seconds <= 0 || *seconds > kLongest_s) return std::nullopt;
    if (!curve.points.empty() && curve.points.back().zero_share >= *share) return std::nullopt;
    curve.points.push_back({*share, *seconds});
  }
  return curve;
}

std::string curve_text(const BreakEvenCurve& curve) {
  std::string text = fmt::format("dense {}", curve.dense_s);
  for (const BreakEvenCurve::Point& point : curve.points)
    text += fmt::format(" | {} {}", point.zero_share, point.sparse_s);
  return text;
}

// FNV-1a: tells sets of instructions apart.
uint32_t digest(std::string_view text) {
  uint32_t hash = 2166136261u;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619u;
  return hash;
}

}  // namespace

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  std::map<std::string, std::string> fields;  // of the first processor
  for (std::string line; std::getline(file, line) && !line.empty();) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::string key = line.substr(0, colon);
    key.erase(key.find_last_not_of(" \t") + 1);
    const size_t start = line.find_first_not_of(' ', colon + 1);
    fields[key] = start == std::string::npos ? "" : line.substr(start);
  }
  if (fields["model name"].empty()) return "unknown";
  std::string name = fmt::format("{} ({}/{}/{}), {:08x}", fields["model name"], fields["cpu family"],
                                 fields["model"], fields["stepping"], digest(fields["flags"]));
  return is_plain(name) ? name : "unknown";
}

std::filesystem::path break_even_file() {
  const auto folder = [](const char* variable) -> std::filesystem::path {
    const char* const value = std::getenv(variable);
    return value == nullptr ? "" : value;
  };
  const std::filesystem::path cache = folder("XDG_CACHE_HOME"), home = folder("HOME");
  // The specification wants relative paths in XDG_CACHE_HOME ignored.
  if (cache.is_absolute()) return cache / "deltahop" / "break_even.txt";
  if (home.is_absolute()) return home / ".cache" / "deltahop" / "break_even.txt";
  throw Error("cache", "neither XDG_CACHE_HOME nor HOME names a folder", "give --cache FILE");
}

std::string break_even_key(const SparseLayer& layer, int threads) {
  const ConvolutionShape& s = layer.shape;
  return fmt::format("{} t{} {}x{}/{}x{} d{}x{} g{} {}->{} {}x{}->{}x{} p{}x{}",
                     layer.is_integer ? "u8" : "f32", threads, s.kernel_rows, s.kernel_columns, s.stride_rows,
                     s.stride_columns, s.dilation_rows, s.dilation_columns, s.groups, s.in_channels,
                     s.out_channels, s.in_rows, s.in_columns, s.out_rows, s.out_columns, s.pad_top,
                     s.pad_left);
}

BreakEvenTable BreakEvenTable::parse(std::string_view text, std::string_view name) {
  BreakEvenTable table;
  std::map<std::string, BreakEvenCurve>* curves = nullptr;
  for (int64_t number = 1; !text.empty(); ++number) {
    const auto fault = [&](std::string_view what) {
      return Error(fmt::format("{}:{}", name, number), what,
                   "delete the file: 'deltahop calibrate' makes it anew");
    };
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (number == 1) {
      if (line == kHeader) continue;
      if (line.starts_with(kAnyHeader)) return table;
      throw fault("is no table of break-evens");
    }
    if (take(line, kProcessor)) {
      if (!is_plain(line)) throw fault("has no name of a processor");
      curves = &table.curves_[std::string(line)];
      continue;
    }
    const size_t colon = line.find(": ");
    if (curves == nullptr || colon == std::string_view::npos || !is_plain(line.substr(0, colon)))
      throw fault("is no measurement");
    const auto curve = parse_curve(line.substr(colon + 2));
    if (!curve) throw fault("has no shares of zeros with their seconds");
    if (!curves->emplace(line.substr(0, colon), *curve).second) throw fault("comes twice");
  }
  return table;
}

BreakEvenTable BreakEvenTable::read(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return {};
  return parse(read_file(path, kLargestFile), path.string());
}

std::string BreakEvenTable::text() const {
  std::string text = fmt::format("{}\n", kHeader);
  for (const auto& [processor, curves] : curves_) {
    text += fmt::format("{}{}\n", kProcessor, processor);
    for (const auto& [key, curve] : curves) text += fmt::format("{}: {}\n", key, curve_text(curve));
  }
  return text;
}

namespace {

// It does not change while the program runs.
const std::string& this_processor() {
  static const std::string name = processor_name();
  return name;
}

}  // namespace

const BreakEvenCurve* BreakEvenTable::find(const std::string& key) const {
  const auto own = curves_.find(this_processor());
  if (own == curves_.end()) return nullptr;
  const auto curve = own->second.find(key);
  return curve == own->second.end() ? nullptr : &curve->second;
}

void BreakEvenTable::set(const std::string& key, BreakEvenCurve curve) {
  DELTAHOP_CHECK(is_plain(key) && key.find(':') == std::string::npos);
  curves_[this_processor()][key] = std::move(curve);
}

size_t BreakEvenTable::size() const {
  size_t count = 0;
  for (const auto& [processor, curves] : curves_) count += curves.size();
  return count;
}

std::vector<size_t> BreakEvenTable::apply(SparseNetwork& network, int threads) const {
  std::vector<size_t> unknown;
  for (size_t i = 0; i < network.layers().size(); ++i) {
    const BreakEvenCurve* const curve = find(break_even_key(network.layers()[i], threads));
    if (curve == nullptr)
      unknown.push_back(i);
    else
      network.set_break_even(i, curve->break_even());
  }
  return unknown;
}

}  // namespace deltahop
