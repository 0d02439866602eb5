// SPDX-License-Identifier: Apache-2.0
#include "deltahop/simulate/dram_trace.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

constexpr int64_t kLatestClock = int64_t{1} << 50;  // 10 days of the fastest part

class LineReader {
 public:
  LineReader(std::string_view name, uint64_t bytes) : name_(name), bytes_(bytes) {}

  void read(std::string_view line, std::vector<DramRequest>& requests) {
    ++number_;
    const size_t count = split(line.substr(0, line.find('#')));
    if (count == 0) return;
    if (count > words_.size()) refuse("more than three words");
    DramRequest request;
    const std::string first = lower(words_[0]);
    if (first == "ld" || first == "st") {
      if (count != 2) refuse(fmt::format("'{}' wants an address and nothing else", words_[0]));
      request.write = first == "st";
      request.address = address(words_[1]);
    } else {
      if (count < 2) refuse("wants an address and READ or WRITE");
      request.address = address(words_[0]);
      request.write = is_write(words_[1]);
      if (count == 3) request.arrival = clock(words_[2]);
    }
    requests.push_back(request);
  }

 private:
  size_t split(std::string_view line) {
    size_t count = 0, begin = 0;
    constexpr std::string_view kBlanks = " \t\r\f\v";
    while ((begin = line.find_first_not_of(kBlanks, begin)) != std::string_view::npos) {
      const size_t end = std::min(line.find_first_of(kBlanks, begin), line.size());
      if (count < words_.size()) words_[count] = line.substr(begin, end - begin);
      ++count;
      begin = end;
    }
    return count;
  }
  static std::string lower(std::string_view word) {
    std::string text(word);
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    return text;
  }
  [[noreturn]] void refuse(const std::string& what, std::string_view hint = {}) const {
    throw Error(fmt::format("{}:{}", name_, number_), what, hint);
  }
  uint64_t address(std::string_view word) const {
    const bool hex = word.starts_with("0x") || word.starts_with("0X");
    const std::string_view digits = word.substr(hex ? 2 : 0);
    uint64_t value = 0;
    const auto [end, fault] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, hex ? 16 : 10);
    if (fault != std::errc() || end != digits.data() + digits.size())
      refuse(fmt::format("'{}' is no address", word), "write 0x4a0 or 1184");
    if (value >= bytes_) refuse(fmt::format("address {} lies beyond the memory's {} bytes", word, bytes_));
    return value;
  }
  bool is_write(std::string_view word) const {
    const std::string kind = lower(word);
    if (kind == "read" || kind == "r") return false;
    if (kind == "write" || kind == "w") return true;
    refuse(fmt::format("'{}' is neither READ nor WRITE", word));
  }
  int64_t clock(std::string_view word) {
    int64_t value = 0;
    const auto [end, fault] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (fault != std::errc() || end != word.data() + word.size() || value < 0 || value > kLatestClock)
      refuse(fmt::format("'{}' is no clock", word));
    if (value < latest_) refuse(fmt::format("clock {} comes after clock {}", value, latest_));
    latest_ = value;
    return value;
  }

  std::string_view name_;
  uint64_t bytes_ = 0;
  int64_t number_ = 0, latest_ = 0;
  std::array<std::string_view, 3> words_;
};

}  // namespace

std::vector<DramRequest> parse_dram_trace(std::string_view text, std::string_view name, uint64_t bytes) {
  std::vector<DramRequest> requests;
  LineReader reader(name, bytes);
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    reader.read(text.substr(0, end), requests);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (requests.empty()) throw Error(name, "holds no requests", "a line is '0x4a0 READ 120' or 'LD 0x4a0'");
  return requests;
}

std::vector<std::string> dram_trace_formats() { return {"dramsim3", "ramulator2"}; }

DramTraceFormat parse_dram_trace_format(std::string_view name) {
  const std::vector<std::string> names = dram_trace_formats();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end())
    throw Error("trace format", fmt::format("'{}' is not known", name), suggest(name, names));
  return static_cast<DramTraceFormat>(found - names.begin());
}

std::string trace_line(const DramRequest& request, DramTraceFormat format) {
  if (format == DramTraceFormat::ramulator2)
    return fmt::format("{} {:#x}\n", request.write ? "ST" : "LD", request.address);
  return fmt::format("{:#x} {} {}\n", request.address, request.write ? "WRITE" : "READ", request.arrival);
}

std::string trace_line(const DramCommand& command) {
  return fmt::format("{},{},{},{},{}\n", command.clock, name_of(command.kind), command.place.bank,
                     command.place.row, command.place.column);
}

std::string_view command_trace_header() { return "clock,command,bank,row,column\n"; }

}  // namespace deltahop
