# SPDX-License-Identifier: Apache-2.0
"""tools/summarize_tests.py counts what ctest, GoogleTest and drivers leave behind, and never counts a broken run as passed."""

import contextlib
import io
import json
import os
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import summarize_tests  # noqa: E402

JUNIT = '<testsuite>{}</testsuite>'
PASSED = '<testcase name="{}" status="run"><system-out>{}</system-out></testcase>'
FAILED = '<testcase name="{}" status="fail"><failure message=""/><system-out/></testcase>'


def googletest(**results):
    cases = [{"name": name, "status": "RUN", "result": "SKIPPED" if result == "skipped" else "COMPLETED",
              **({"failures": [{}]} if result == "failed" else {})} for name, result in results.items()]
    return json.dumps({"testsuites": [{"name": "Suite", "testsuite": cases}]})


class SummarizeTests(unittest.TestCase):
    def closing(self, files, data=None):
        """The closing line and the exit code."""
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            output = io.StringIO()
            environment = {"DELTAHOP_DATA": data} if data else {}
            with mock.patch.dict(os.environ, environment), mock.patch.object(sys, "argv", ["x", folder]), \
                    contextlib.redirect_stdout(output):
                if not data:
                    os.environ.pop("DELTAHOP_DATA", None)
                code = summarize_tests.main()
            return output.getvalue().splitlines()[-1], code

    def test_a_plain_test_counts_as_one(self):
        self.assertEqual(("1 passed, 0 failed, 0 skipped", 0), self.closing({"release.xml": JUNIT.format(PASSED.format("a", ""))}))

    def test_googletest_counts_single_tests(self):
        files = {"release.xml": JUNIT.format(PASSED.format("base_tests", "")),
                 "release/base_tests.json": googletest(one="passed", two="passed", three="skipped")}
        self.assertEqual(("2 passed, 0 failed, 1 skipped", 0), self.closing(files))

    def test_a_skipped_test_is_a_failure_where_there_are_data(self):
        files = {"release.xml": JUNIT.format(PASSED.format("base_tests", "")),
                 "release/base_tests.json": googletest(one="passed", three="skipped")}
        self.assertEqual(("1 passed, 1 failed, 0 skipped", 1), self.closing(files, data="/tmp"))

    def test_a_driver_counts_by_its_closing_line(self):
        text = "ok\n7 passed, 0 failed, 2 skipped\n"
        self.assertEqual(("7 passed, 0 failed, 2 skipped", 0), self.closing({"release.xml": JUNIT.format(PASSED.format("cli", text))}))

    def test_a_program_that_crashes_after_its_report_is_a_failure(self):
        files = {"release.xml": JUNIT.format(FAILED.format("base_tests")), "release/base_tests.json": googletest(one="passed")}
        self.assertEqual(("1 passed, 1 failed, 0 skipped", 1), self.closing(files))

    def test_a_program_that_crashes_without_a_report_is_a_failure(self):
        self.assertEqual(("0 passed, 1 failed, 0 skipped", 1), self.closing({"release.xml": JUNIT.format(FAILED.format("a"))}))

    def test_a_test_that_could_not_start_is_a_failure(self):
        case = '<testcase name="a" status="notrun"><skipped message="Unable to find executable"/></testcase>'
        self.assertEqual(("0 passed, 1 failed, 0 skipped", 1), self.closing({"release.xml": JUNIT.format(case)}))

    def test_a_skip_by_return_code_is_a_skip(self):
        case = '<testcase name="a" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase>'
        files = {"release.xml": JUNIT.format(case + PASSED.format("b", ""))}
        self.assertEqual(("1 passed, 0 failed, 1 skipped", 0), self.closing(files))

    def test_checks_count_one_each(self):
        self.assertEqual(("1 passed, 1 failed, 0 skipped", 1), self.closing({"checks.txt": "passed Formatting\nfailed clang-tidy\n"}))

    def test_no_test_at_all_is_no_success(self):
        self.assertEqual(("0 passed, 0 failed, 0 skipped", 1), self.closing({}))


if __name__ == "__main__":
    unittest.main()
