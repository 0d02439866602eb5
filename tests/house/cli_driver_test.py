# SPDX-License-Identifier: Apache-2.0
"""tests/cli/run.py passes what it should and fails what it should."""

import importlib.util
import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

SPEC = importlib.util.spec_from_file_location("cli_driver", Path(__file__).resolve().parents[1] / "cli" / "run.py")
driver = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(driver)


class CliDriver(unittest.TestCase):
    def outcome(self, text, suffix=".test"):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"case{suffix}"
            path.write_text(text)
            passed, faults, skipped, _ = driver.run_file(path, Path(folder))
            return passed, len(faults), skipped

    def test_what_needs_training_is_left_out_of_a_build_without(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "case.test"
            path.write_text("$ echo one\none\n[needs training]\n$ false\n")
            self.assertEqual((1, [], 0, 1), driver.run_file(path, Path(folder)))
            (Path(folder) / "deltahop-train").touch()
            self.assertEqual(1, len(driver.run_file(path, Path(folder))[1]))

    def test_exact_output_passes(self):
        self.assertEqual((1, 0, 0), self.outcome("$ echo one; echo two >&2\none\n! two\n"))

    def test_other_output_fails(self):
        self.assertEqual((0, 1, 0), self.outcome("$ echo one\ntwo\n"))

    def test_unexpected_output_fails(self):
        self.assertEqual((0, 1, 0), self.outcome("$ echo one\n"))

    def test_unexpected_standard_error_fails(self):
        self.assertEqual((0, 1, 0), self.outcome("$ echo one >&2\n"))

    def test_missing_last_line_fails(self):
        self.assertEqual((0, 1, 0), self.outcome("$ echo one\none\ntwo\n"))

    def test_dots_stand_for_any_number_of_lines(self):
        self.assertEqual((2, 0, 0), self.outcome("$ seq 5\n1\n...\n4\n5\n$ seq 2\n1\n...\n2\n"))

    def test_dots_do_not_swallow_what_must_follow(self):
        self.assertEqual((0, 1, 0), self.outcome("$ seq 5\n...\n7\n"))

    def test_a_regex_must_match_the_whole_line(self):
        self.assertEqual((1, 1, 0), self.outcome("$ echo ab12\n~ ab\\d+\n$ echo ab12c\n~ ab\\d+\n"))

    def test_the_exit_code_counts(self):
        self.assertEqual((1, 1, 0), self.outcome("$ exit 3\n[exit 3]\n$ exit 3\n"))

    def test_a_command_that_hangs_fails(self):
        self.assertEqual((0, 1, 0), self.outcome("$ sleep 30\n[timeout 1]\n"))

    def test_cases_of_a_file_share_a_folder(self):
        self.assertEqual((2, 0, 0), self.outcome("$ echo x > file\n\n$ cat file\nx\n"))

    def test_data_cases_are_skipped_without_data(self):
        with mock.patch.dict(os.environ):
            os.environ.pop("DELTAHOP_DATA", None)
            self.assertEqual((1, 0, 1), self.outcome("$ true\n[needs data]\n$ false\n"))

    def test_console_blocks_of_markdown_run(self):
        self.assertEqual((1, 1, 0), self.outcome("text\n```console\n$ echo a\na\n```\n```console\n$ false\n```\n```\n$ false\n```\n", ".md"))


if __name__ == "__main__":
    unittest.main()
