// SPDX-License-Identifier: Apache-2.0
#include "deltahop/report/number_text.h"

#include <cmath>

#include <fmt/format.h>

#include "deltahop/report/utf8.h"

namespace deltahop {
namespace {

// Three digits and an SI prefix, for rates whose unit base/units.h does not know.
std::string prefixed(double value, std::string_view unit) {
  static constexpr std::string_view kPrefixes[] = {"", "k", "M", "G", "T", "P"};
  size_t prefix = 0;
  while (std::abs(value) >= 999.5 && prefix + 1 < std::size(kPrefixes)) {
    value /= 1000;
    ++prefix;
  }
  const double size = std::abs(value);
  const int digits = size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
  return fmt::format("{:.{}f} {}{}", value, digits, kPrefixes[prefix], unit);
}

std::string share_line(double part, double whole, std::string_view of_what) {
  return fmt::format("{} of {} MACs ({}) {}", count_text(part), count_text(whole), percent_text(part / whole),
                     of_what);
}

void add_accuracy(std::vector<std::pair<std::string, std::string>>& figures, const Accuracy& accuracy) {
  // Two decimals: a test set of ten thousand has that many.
  const auto exact = [](double fraction) { return fmt::format("{:.2f} %", 100 * fraction); };
  const auto line = [&](const std::optional<double>& top1, const std::optional<double>& top5) {
    std::string text = exact(*top1);
    if (top5) text += fmt::format(" top-1, {} top-5", exact(*top5));
    return text;
  };
  if (accuracy.float_top1_fraction) {
    figures.emplace_back("accuracy, float", line(accuracy.float_top1_fraction, accuracy.float_top5_fraction));
  }
  if (accuracy.integer_top1_fraction) {
    figures.emplace_back("accuracy, integer",
                         line(accuracy.integer_top1_fraction, accuracy.integer_top5_fraction));
  }
  if (accuracy.agreement_fraction) figures.emplace_back("same class", exact(*accuracy.agreement_fraction));
}

void add_network(std::vector<std::pair<std::string, std::string>>& figures, const Report& report,
                 const Totals& totals) {
  const NetworkSummary& network = report.network;
  const auto beside = [&](const std::optional<double>& published) {
    if (!published) return std::string();
    return fmt::format(" (published: {}, {})", count_text(*published), network.published_source);
  };
  if (network.macs > 0)
    figures.emplace_back("MACs", count_text(double(network.macs)) + beside(network.published_macs));
  if (network.weights > 0) {
    figures.emplace_back("weights", count_text(double(network.weights)) + beside(network.published_weights));
  }
  if (totals.nonzero_macs && totals.macs > 0) {
    const double share =
        static_cast<double>(*totals.nonzero_macs) /
        (static_cast<double>(totals.macs) * static_cast<double>(std::max<int64_t>(1, report.inputs)));
    figures.emplace_back("non-zero MACs",
                         fmt::format("{} ({} of dense)",
                                     count_text(static_cast<double>(*totals.nonzero_macs) /
                                                static_cast<double>(std::max<int64_t>(1, report.inputs))),
                                     percent_text(share)));
  }
  if (report.chip && totals.macs > 0) {
    const double macs = static_cast<double>(totals.macs);
    if (totals.macs_on_extension > 0) {
      figures.emplace_back("declared extension",
                           share_line(double(totals.macs_on_extension), macs, "beyond the published chip"));
    }
    if (totals.macs_on_host > 0)
      figures.emplace_back("off the chip", share_line(double(totals.macs_on_host), macs, "on the host"));
  }
}

}  // namespace

std::string percent_text(double fraction) {
  const double percent = 100.0 * fraction;
  if (std::abs(percent) >= 1000) return fmt::format("{:.0f} %", percent);
  // Close to the whole, the distance to it is what counts.
  if (percent < 100 && percent > 99.9) return fmt::format("{:.2f} %", std::floor(percent * 100) / 100);
  return fmt::format("{:.1f} %", percent);
}

std::string bits_text(double bits) { return to_text(Bits(static_cast<int64_t>(std::llround(bits)))); }
std::string energy_text(double picojoules) { return to_text(Picojoules(picojoules)); }
std::string decibel_text(double decibels) { return fmt::format("{:.1f}", decibels); }
std::string plain_text(double number) { return fmt::format("{:.6g}", number); }

std::string with_unit(double number, std::string_view unit) {
  if (unit.empty() || unit == "1") return std::abs(number) >= 1e5 ? count_text(number) : plain_text(number);
  return fmt::format("{:.4g} {}", number, unit);
}

std::string value_text(double value, std::string_view unit, std::string_view key) {
  if (key.size() > 9 && key.substr(key.size() - 9) == "_fraction") return percent_text(value);
  if (unit == "pJ") return energy_text(value);
  if (unit == "bit") return bits_text(value);
  if (unit == "s") return to_text(Seconds(value));
  if (unit == "W") return to_text(Watts(value));
  if (unit == "cycles") return count_text(value) + " cycles";
  if (unit == "1") return count_text(value);
  return prefixed(value, unit);
}

std::string title_of(std::string_view name) {
  if (name == "dram") return "DRAM";
  if (name == "arithmetic") return "arithmetic";
  std::string title(name);
  for (char& letter : title) letter = letter == '_' ? ' ' : letter;
  return title;
}

std::vector<std::pair<std::string, std::string>> headline_figures(const Report& report) {
  std::vector<std::pair<std::string, std::string>> figures;
  const Totals totals = totals_of(report);
  add_network(figures, report, totals);
  if (totals.latency) {
    figures.emplace_back("latency", fmt::format("{} ({} inputs/s)", to_text(*totals.latency),
                                                count_text(*totals.inputs_per_second)));
    figures.emplace_back("throughput", fmt::format("{}, skipped operations counted as done",
                                                   prefixed(*totals.effective_ops_per_second, "Op/s")));
    figures.emplace_back("MACs busy",
                         fmt::format("{}; efficiency {}", percent_text(*totals.utilisation_fraction),
                                     percent_text(*totals.efficiency_fraction)));
  }
  if (totals.energy && report.inputs > 0) {
    const double inputs = static_cast<double>(report.inputs);
    const std::string all = energy_text(totals.energy->total_pJ() / inputs);
    figures.emplace_back(
        "energy per input",
        totals.energy->has_core
            ? fmt::format("{} core, {} with DRAM", energy_text(totals.energy->core_pJ() / inputs), all)
            : fmt::format("{} of DRAM; that of the chip is not known", all));
  }
  if (totals.core_ops_per_joule && totals.ops_per_joule_with_dram) {
    figures.emplace_back("efficiency",
                         fmt::format("{} core, {} with DRAM", prefixed(*totals.core_ops_per_joule, "Op/s/W"),
                                     prefixed(*totals.ops_per_joule_with_dram, "Op/s/W")));
  }
  if (report.accuracy) add_accuracy(figures, *report.accuracy);
  if (totals.mismatches && totals.compared) {
    figures.emplace_back("verified",
                         fmt::format("{} of {} values differ from the integer executor", *totals.mismatches,
                                     count_text(static_cast<double>(*totals.compared))));
  }
  return figures;
}

std::string wrapped(std::string_view text, int width, std::string_view bullet) {
  const int indent = display_width(bullet);
  std::string result(bullet), line;
  int used = 0;
  while (!text.empty()) {
    const size_t space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    text = space == std::string_view::npos ? std::string_view() : text.substr(space + 1);
    const int length = display_width(word);
    if (used > 0 && width > 0 && indent + used + 1 + length > width) {
      result.append(1, '\n').append(static_cast<size_t>(indent), ' ');
      used = 0;
    } else if (used > 0) {
      result += ' ';
      ++used;
    }
    result += word;
    used += length;
  }
  return result + "\n";
}

}  // namespace deltahop
