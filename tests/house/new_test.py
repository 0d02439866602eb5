# SPDX-License-Identifier: Apache-2.0
"""tools/new.py makes skeletons that compile, keep the rules of the house, and overwrite nothing."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import check_ladder  # noqa: E402
import check_sources  # noqa: E402
import new  # noqa: E402

COMPILER = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")


class New(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)

    def tearDown(self):
        self.folder.cleanup()

    def create(self, kind, word):
        return {str(path.relative_to(self.root)): path.read_text() for path in new.create(kind, word, self.root)}

    def test_a_layer_is_a_source_and_its_test_side_by_side(self):
        files = self.create("layer", "hard_toy")
        self.assertEqual(["deltahop/network/layers/hard_toy.cc", "deltahop/network/layers/hard_toy_test.cc"], sorted(files))
        self.assertIn("std::vector<LayerKind> describe_hard_toy()", files["deltahop/network/layers/hard_toy.cc"])
        self.assertIn('"HardToy"', files["deltahop/network/layers/hard_toy.cc"])

    def test_the_name_of_an_operator_may_be_given(self):
        self.assertIn("class PToy final", self.create("layer", "ptoy=PToy")["deltahop/network/layers/ptoy.cc"])

    def test_a_chip_has_all_that_contributing_asks_for(self):
        files = self.create("chip", "toy_chip")
        folder = "deltahop/accelerators/toy_chip/"
        names = ["README.md", "published.yaml", "toy_chip.cc", "toy_chip.h", "toy_chip.yaml", "toy_chip_test.cc"]
        self.assertEqual([folder + name for name in names], sorted(files))
        self.assertIn("describe_toy_chip()", files[folder + "toy_chip.cc"])

    def test_a_technology_is_one_file(self):
        self.assertEqual(["deltahop/hardware/technology/7nm_toy.yaml"], list(self.create("technology", "7nm_toy")))

    def test_tests_fail_until_they_are_filled_in(self):
        for kind in ("layer", "chip"):
            tests = [text for name, text in self.create(kind, "toy").items() if name.endswith("_test.cc")]
            self.assertEqual(1, len(tests))
            self.assertIn("ADD_FAILURE()", tests[0])
        self.assertIn('citation: ""\n', self.create("technology", "toy")["deltahop/hardware/technology/toy.yaml"])

    def test_no_mark_is_left_and_nothing_is_overwritten(self):
        for kind in new.KINDS:
            for name, text in self.create(kind, "toy").items():
                self.assertNotRegex(name + text, r"@\w+@")
                (self.root / name).write_text("mine")
            with self.assertRaisesRegex(new.Fault, "is there already"):
                new.create(kind, "toy", self.root)
        self.assertEqual({"mine"}, {path.read_text() for path in self.root.rglob("*") if path.is_file()})

    def test_names_that_cannot_be_are_refused(self):
        for kind, word in [("layer", "Toy"), ("layer", "../toy"), ("chip", "double"), ("chip", "7up"), ("layer", "toy=toy"), ("zoo", "toy")]:
            with self.assertRaises(new.Fault, msg=word):
                new.create(kind, word, self.root)
        self.assertEqual([], list(self.root.rglob("*")))

    def test_skeletons_keep_the_rules_of_the_house(self):
        headers = lambda folder, names: [name for name in names if "." in name and not name.endswith(".h")]
        shutil.copytree(ROOT / "deltahop", self.root / "deltahop", ignore=headers)
        shutil.copytree(ROOT / "docs", self.root / "docs")
        shutil.copy(ROOT / "ladder.txt", self.root)
        before = check_ladder.check(self.root)[1], check_sources.check(self.root)
        for kind in new.KINDS:
            self.create(kind, "toy")
        self.assertEqual(before, (check_ladder.check(self.root)[1], check_sources.check(self.root)))

    @unittest.skipUnless(COMPILER, "no C++ compiler")
    def test_skeletons_compile_without_a_warning(self):
        for kind in ("layer", "chip"):
            self.create(kind, "some_toy")
        sources = sorted(str(path) for path in self.root.rglob("*.cc"))
        command = [COMPILER, "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wshadow", "-Werror", "-I", str(ROOT), "-I", str(self.root)]
        jobs = [subprocess.Popen(command + [source], stderr=subprocess.PIPE, text=True) for source in sources]
        self.assertEqual(4, len(jobs))
        self.assertEqual([""] * 4, [job.communicate()[1] for job in jobs])


if __name__ == "__main__":
    unittest.main()
