# SPDX-License-Identifier: Apache-2.0
"""tools/check_ladder.py finds each kind of fault in a small tree made for it."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import check_ladder  # noqa: E402

LADDER = """# comment
base   |      | yaml-cpp
tensor | base |
"""


class CheckLadder(unittest.TestCase):
    def faults(self, files, ladder=LADDER):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "ladder.txt").write_text(ladder)
            for name, text in {"base/a.h": "", "tensor/t.h": "", **files}.items():
                path = root / "deltahop" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return check_ladder.check(root)[1]

    def test_downward_includes_std_fmt_and_own_libraries_pass(self):
        self.assertEqual([], self.faults({
            "base/a.cc": '#include "deltahop/base/a.h"\n#include <vector>\n#include <fmt/format.h>\n#include <yaml-cpp/yaml.h>\n',
            "tensor/t.cc": '#include "deltahop/base/a.h"\n#include <unistd.h>\n'}))

    def test_an_upward_include_is_a_fault_with_file_and_line(self):
        faults = self.faults({"base/a.cc": '\n#include "deltahop/tensor/t.h"\n'})
        self.assertEqual(1, len(faults))
        self.assertIn("deltahop/base/a.cc:2: base may not include tensor", faults[0])

    def test_a_test_may_reach_further(self):
        self.assertEqual([], self.faults({"base/a_test.cc": '#include "deltahop/tensor/t.h"\n#include <gtest/gtest.h>\n'}))

    def test_a_fenced_library_is_a_fault_elsewhere(self):
        faults = self.faults({"tensor/t.cc": "#include <yaml-cpp/yaml.h>\n"})
        self.assertIn("yaml-cpp is fenced off from tensor", faults[0])

    def test_an_unknown_library_is_a_fault(self):
        self.assertIn("belongs to no library", self.faults({"tensor/t.cc": "#include <boost/any.hpp>\n"})[0])

    def test_gtest_in_product_code_is_a_fault(self):
        self.assertEqual(1, len(self.faults({"tensor/t.cc": "#include <gtest/gtest.h>\n"})))

    def test_a_relative_include_is_a_fault(self):
        self.assertEqual(1, len(self.faults({"tensor/t.cc": '#include "t.h"\n'})))

    def test_an_include_of_a_missing_header_is_a_fault(self):
        self.assertIn("there is no", self.faults({"tensor/t.cc": '#include "deltahop/base/gone.h"\n'})[0])

    def test_a_folder_that_the_ladder_does_not_list_is_a_fault(self):
        self.assertIn("deltahop/extra", self.faults({"extra/e.cc": ""})[0])

    def test_a_listed_folder_that_is_not_there_is_a_fault(self):
        self.assertIn("no folder deltahop/run", self.faults({}, LADDER + "run | base |\n")[0])

    def test_a_ladder_that_climbs_is_a_fault(self):
        faults = self.faults({}, "base | tensor |\ntensor | base |\n")
        self.assertIn("may only use folders above it", faults[0])


if __name__ == "__main__":
    unittest.main()
