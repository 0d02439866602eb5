# SPDX-License-Identifier: Apache-2.0
"""tools/check_sources.py finds missing licence lines and unknown paper keys."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import check_sources  # noqa: E402

LICENCE = "// SPDX-License-Identifier: Apache-2.0\n"


class CheckSources(unittest.TestCase):
    def faults(self, files):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for name, text in {"docs/references.bib": "@article{Known2019,\n}\n", **files}.items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return check_sources.check(root)

    def test_a_licensed_source_with_a_known_key_passes(self):
        self.assertEqual([], self.faults({"a/b.cc": LICENCE + "// [Known" + "2019] table 2\n"}))

    def test_a_source_without_its_licence_line_is_a_fault(self):
        self.assertEqual(["a/b.cc:1: want 'SPDX-License-Identifier: Apache-2.0' here"], self.faults({"a/b.cc": "int x;\n"}))

    def test_an_unknown_key_in_a_document_is_a_fault(self):
        self.assertEqual(["README.md:2: docs/references.bib has no Nobody2020"],
                         self.faults({"README.md": "\nSee " + "[Nobody" + "2020].\n"}))

    def test_an_unknown_citation_in_yaml_is_a_fault(self):
        faults = self.faults({"a/chip.yaml": "# SPDX-License-Identifier: Apache-2.0\ncitation: Nobody2020\n"})
        self.assertEqual(["a/chip.yaml:2: docs/references.bib has no Nobody2020"], faults)

    def test_build_output_is_left_out(self):
        self.assertEqual([], self.faults({"build/x/y.cc": "int x;\n"}))


if __name__ == "__main__":
    unittest.main()
