// SPDX-License-Identifier: Apache-2.0
// Reports read from hostile JSON, and what is read written again in every form.
#include <cstdint>
#include <string_view>

#include "deltahop/base/error.h"
#include "deltahop/report/csv.h"
#include "deltahop/report/html.h"
#include "deltahop/report/json.h"
#include "deltahop/report/text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace deltahop;
  try {
    const Report report = report_from_json({reinterpret_cast<const char*>(data), size}, "fuzz");
    DELTAHOP_CHECK(to_json(report_from_json(to_json(report), "again")) == to_json(report));
    to_csv(report);
    to_text(report, {.width = 80});
    to_html(report);
  } catch (const Error&) {
  }
  return 0;
}
