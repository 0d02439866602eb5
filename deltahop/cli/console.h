// SPDX-License-Identifier: Apache-2.0
// The terminal: results go to standard output, everything else (progress, notes) to standard error. Colour
// and moving progress only where a person looks: a terminal, NO_COLOR unset.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "deltahop/base/progress.h"

namespace deltahop {

// Who read standard output has closed it (`deltahop ... | head`): nobody's fault, and no reason for a word.
struct ReaderGone {};

class Console {
 public:
  Console();
  bool quiet = false;  // --quiet: no progress, no notes
  bool colour() const { return colour_; }
  bool is_terminal() const { return terminal_; }  // standard output
  int width() const { return width_; }            // columns of the terminal; 100 where there is none

  // To standard output. Throws Error when it cannot be written (full disk), ReaderGone at a closed pipe.
  void print(std::string_view text) const;
  void note(std::string_view text) const;  // to standard error, unless quiet

  // A callback that draws one line with a bar, the share done and the time left; nothing for work under one
  // second. On anything but a terminal it writes a plain line every ten seconds.
  Progress progress();
  // The same with the newest numbers behind it.
  void show_progress(std::string_view task, int64_t done, int64_t total, std::string_view detail);
  // A note that stays while the progress goes on below it.
  void note_above_progress(std::string_view text);
  void clear_progress();

 private:
  using Clock = std::chrono::steady_clock;
  bool colour_ = false;
  bool terminal_ = false;
  bool error_terminal_ = false;
  int width_ = 100;
  std::string task_;
  Clock::time_point started_, drawn_;
  bool line_open_ = false;
};

}  // namespace deltahop
