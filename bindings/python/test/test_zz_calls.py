"""The last of the tests: what all of them together have called."""

from __future__ import annotations

import os
import unittest

import calls


class CallsTest(unittest.TestCase):
    @unittest.skipUnless(os.environ.get("OCIREG_TEST_ALL"), "only some tests run")
    def test_every_function_was_called(self) -> None:
        self.assertEqual(calls.missing(), [])
        self.assertEqual([name for name in calls.C_ONLY if name in calls.SEEN], [])


if __name__ == "__main__":
    unittest.main()
