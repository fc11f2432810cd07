"""The test driver: what it counts, and that nothing broken looks green."""

import contextlib
import importlib.util
import io
import os
import tempfile
import unittest
from unittest import mock

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
spec = importlib.util.spec_from_file_location("run_tests", os.path.join(ROOT, "scripts", "run_tests.py"))
driver = importlib.util.module_from_spec(spec)
spec.loader.exec_module(driver)


def crash():
    """breaks"""
    raise OSError("gone")


def suite(passed, failed):
    def run():
        return passed, failed
    run.__doc__ = "gives numbers"
    return run


class DriverTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for name, value in (("RESULTS", folder.name), ("BUILD", folder.name)):
            patch = mock.patch.object(driver, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def last_line(self, **suites):
        out = io.StringIO()
        with mock.patch.object(driver, "SUITES", suites), mock.patch("sys.argv", ["run_tests.py"]), contextlib.redirect_stdout(out):
            code = driver.main()
        return out.getvalue().splitlines()[-1], code

    def test_totals(self):
        self.assertEqual(self.last_line(a=suite(3, 0), b=suite(4, 0)), ("7 passed, 0 failed", 0))
        self.assertEqual(self.last_line(a=suite(3, 0), b=suite(4, 2)), ("7 passed, 2 failed", 1))

    def test_a_crash_and_an_empty_suite_fail_and_the_others_still_run(self):
        self.assertEqual(self.last_line(a=crash, b=suite(0, 0), c=suite(5, 0)), ("5 passed, 2 failed", 1))

    def counted(self, run, code, output):
        with mock.patch.object(driver, "execute", lambda *a, **k: (code, output)):
            return run()

    def test_parity_counts_lines_and_the_exit_code(self):
        runs = 2  # adapters apart and within; each gives the same output here
        self.assertEqual(self.counted(driver.run_parity, 0, "ok llama-lora 1e-6\nok llama-full 2e-6\n"), (2 * runs, 0))
        self.assertEqual(self.counted(driver.run_parity, 1, "ok llama-lora\nFAILED qwen2: loss\n"), (runs, runs))
        self.assertEqual(self.counted(driver.run_parity, 1, "Traceback\n"), (0, runs))

    def test_python_counts_failures_errors_and_skips(self):
        folders = 4  # each gives the same output here
        output = "Ran 10 tests in 1s\n\nFAILED (failures=1, errors=2, skipped=3)\n"
        self.assertEqual(self.counted(driver.run_python, 1, output), (4 * folders, 3 * folders))
        self.assertEqual(self.counted(driver.run_python, 0, "Ran 10 tests in 1s\n\nOK\n"), (10 * folders, 0))
        self.assertEqual(self.counted(driver.run_python, 5, "Ran 0 tests in 0s\n"), (0, folders))

    def test_suites_without_a_report_fail(self):
        self.assertEqual(self.counted(driver.run_lit, 0, ""), (0, 1))
        self.assertEqual(self.counted(driver.run_runtime, 0, ""), (0, 1))

    def test_lit_and_ctest_reports(self):
        def lit(command, **_):
            with open(command[command.index("--output") + 1], "w") as file:
                file.write('{"tests":[{"code":"PASS"},{"code":"XFAIL"},{"code":"FAIL"},{"code":"UNSUPPORTED"}]}')
            return 1, ""

        def ctest(command, **_):
            with open(command[command.index("--output-junit") + 1], "w") as file:
                file.write('<testsuite><testcase status="run"/><testcase status="fail"/><testcase status="notrun"/></testsuite>')
            return 8, ""

        with mock.patch.object(driver, "execute", lit):
            self.assertEqual(driver.run_lit(), (2, 1))
        with mock.patch.object(driver, "execute", ctest):
            self.assertEqual(driver.run_runtime(), (1, 2))

    def test_fuzzers_are_found_by_name(self):
        os.makedirs(os.path.join(driver.BUILD, "fuzz", "bin"))
        for name, mode in (("json-fuzz", 0o755), ("gguf_fuzzer", 0o755), ("json-fuzz.d", 0o644), ("readers", 0o755)):
            path = os.path.join(driver.BUILD, "fuzz", "bin", name)
            open(path, "w").close()
            os.chmod(path, mode)
        self.assertEqual([name for name, _, _ in driver.fuzzers()], ["gguf_fuzzer", "json-fuzz"])
        self.assertEqual([os.path.basename(corpus) for _, _, corpus in driver.fuzzers() if corpus], ["gguf", "json"])
        with mock.patch.object(driver, "execute", lambda command, **_: (int("json" in command[0]), "")), \
                contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(driver.run_fuzz(), (1, 1))


if __name__ == "__main__":
    unittest.main()
