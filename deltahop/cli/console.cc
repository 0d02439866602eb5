// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/console.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

constexpr std::chrono::milliseconds kSilentStart(1000);
constexpr std::chrono::milliseconds kRedraw(100);
constexpr std::chrono::milliseconds kPlainLine(10000);
constexpr int kBarWidth = 24;

int terminal_width() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 100;
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<int64_t>(seconds + 0.5);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{}:{:02} min", whole / 60, whole % 60);
  return fmt::format("{}:{:02} h", whole / 3600, whole / 60 % 60);
}

}  // namespace

Console::Console() {
  const char* const no_colour = std::getenv("NO_COLOR");
  const char* const terminal = std::getenv("TERM");
  const bool dumb = terminal != nullptr && std::string_view(terminal) == "dumb";
  terminal_ = ::isatty(STDOUT_FILENO) == 1;
  colour_ = terminal_ && !dumb && (no_colour == nullptr || *no_colour == '\0');
  error_terminal_ = ::isatty(STDERR_FILENO) == 1 && !dumb;
  width_ = terminal_width();
}

void Console::print(std::string_view text) const {
  const bool written =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!written && errno == EPIPE) throw ReaderGone();
  if (!written) throw Error("standard output", "cannot be written", "the disk may be full");
}

void Console::note(std::string_view text) const {
  if (!quiet) fmt::print(stderr, "{}\n", text);
}

Progress Console::progress() {
  return [this](std::string_view task, int64_t done, int64_t total) { show_progress(task, done, total, {}); };
}

void Console::show_progress(std::string_view task, int64_t done, int64_t total, std::string_view detail) {
  if (quiet || total <= 0) return;
  const auto now = Clock::now();
  if (task != task_) {
    clear_progress();
    task_ = task;
    started_ = now;
    drawn_ = now;
  }
  if (done >= total) return clear_progress();
  const auto elapsed = now - started_;
  if (elapsed < kSilentStart || now - drawn_ < (error_terminal_ ? kRedraw : kPlainLine)) return;
  drawn_ = now;
  const double share = static_cast<double>(done) / static_cast<double>(total);
  const double seconds = std::chrono::duration<double>(elapsed).count();
  std::string left = done > 0 ? fmt::format("{} left", duration_text(seconds / share - seconds)) : "";
  if (!detail.empty()) left += fmt::format("{}{}", left.empty() ? "" : "  ", detail);
  if (!error_terminal_) {
    fmt::print(stderr, "{}: {}/{} ({:.0f} %) {}\n", task_, done, total, 100 * share, left);
    return;
  }
  const int filled = static_cast<int>(share * kBarWidth);
  std::string bar;
  for (int i = 0; i < kBarWidth; ++i) bar += i < filled ? "█" : "░";
  fmt::print(stderr, "\r\033[K{} {} {}/{}  {}", task_, bar, done, total, left);
  std::fflush(stderr);
  line_open_ = true;
}

void Console::note_above_progress(std::string_view text) {
  if (line_open_) fmt::print(stderr, "\r\033[K");
  line_open_ = false;
  note(text);
}

void Console::clear_progress() {
  if (line_open_) fmt::print(stderr, "\r\033[K");
  line_open_ = false;
  task_.clear();
}

}  // namespace deltahop
