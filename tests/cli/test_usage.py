"""Help, manual pages, completions, and the program called in wrong ways."""

import re
import shutil
import subprocess
import unittest

from support import BUILT_WITH, FullyConnected, ProgramTest, compressed, jpeg, pgm, png, run

COMMANDS = ["read", "predict", "eval", "inspect", "graph", "bench", "train", "quantize", "convert", "data", "serve",
            "help"]
SHELLS = ["bash", "zsh", "fish"]


def options_of(text):
    return set(re.findall(r"^ +(?:-\w, )?(--[a-z0-9-]+)", text, re.M))


class Usage(ProgramTest):
    def test_overview(self):
        text = self.done("--help").out
        for command in COMMANDS:
            self.assertRegex(text, r"(?m)^  %s +\w" % command)
        for other in (["-h"], ["help"]):
            self.assertEqual(self.done(*other).out, text)

    def test_command_help(self):
        for command in COMMANDS:
            text = self.done(command, "--help").out
            self.assertTrue(text.startswith("usage: inkling %s [OPTION]..." % command))
            self.assertIn("\nexamples:\n", text)
            self.assertEqual(self.done(command, "-h").out, text)
            self.assertEqual(self.done("help", command).out, text)
            for line in text.split("\n"):
                self.assertEqual(line, line.rstrip())
                if "inkling" not in line:                # examples may be long
                    self.assertLessEqual(len(line), 80)

    def test_help_wins(self):
        """--help beside arguments that are missing."""
        self.assertIn("usage:", self.done("predict", "x", "--help").out)

    def test_promised_options(self):
        for command, options in (
                ("read", "model one polarity threshold annotate steps threads cpu json"),
                ("predict", "index random count seed top prepare threads cpu input-scale dot no-picture "
                            "json"),
                ("eval", "prepare threads batch cpu input-scale json"),
                ("inspect", "kernels json"),
                ("graph", "output plan cpu"),
                ("bench", "images threads batch cpu nodes seconds json"),
                ("quantize", "calibrate labels keep threads cpu json"),
                ("convert", "layout json"),
                ("data", "dir mirror sums timeout force json"),
                ("serve", "port host web threads connections max-body timeout cpu verbose quiet")):
            found = options_of(self.done(command, "--help").out)
            self.assertEqual({"--" + name for name in options.split()} - found, set())

    def test_version(self):
        for option in ("--version", "-V"):
            self.assertRegex(self.done(option).out, r"\Ainkling \d+\.\d+\.\d+\nkernels: \w+, ")

    def test_manual(self):
        whole = self.done("help", "--man").out
        for command in COMMANDS:
            page = self.done("help", "--man", command).out
            self.assertTrue(page.startswith('.TH "INKLING-%s" "1"' % command.upper()))
            for option in options_of(self.done(command, "--help").out):
                self.assertIn("\\-\\-" + option[2:].replace("-", "\\-"), page)
                self.assertIn("\\-\\-" + option[2:].replace("-", "\\-"), whole)
            for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES",
                            "EXIT STATUS"):
                self.assertIn(".SH %s\n" % section, page)

    @unittest.skipUnless(shutil.which("groff"), "groff is not installed")
    def test_manual_in_groff(self):
        for command in [None] + COMMANDS:
            page = self.done("help", "--man", *([command] if command else [])).raw
            done = subprocess.run(["groff", "-man", "-Tascii", "-ww"], input=page,
                                  capture_output=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, b""), command)

    def test_completions(self):
        for shell in SHELLS:
            script = self.done("help", "--completion", shell).out
            for command in COMMANDS:
                self.assertIn(command, script)
                for option in options_of(self.done(command, "--help").out):
                    name = option if shell != "fish" else "-l " + option[2:]
                    self.assertIn(name, script, (shell, command))
            for choice in ("scalar", "ggml-2023", "fish"):
                self.assertIn(choice, script)

    def syntax(self, shell, *arguments):
        path = shutil.which(shell)
        if not path:
            self.skipTest(shell + " is not installed")
        script = self.file("completion", self.done("help", "--completion", shell).raw)
        done = subprocess.run([path, *arguments, script], capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return path, script

    def test_zsh_syntax(self):
        self.syntax("zsh", "-n")

    def test_fish_syntax(self):
        self.syntax("fish", "--no-execute")

    def test_bash_completes(self):
        path, script = self.syntax("bash", "-n")

        def complete(*words):
            line = ("compopt() { :; }; source '%s'; COMP_WORDS=(inkling %s); COMP_CWORD=%d; "
                    "_inkling; printf '%%s\\n' \"${COMPREPLY[@]}\"" %
                    (script, " ".join("'%s'" % word for word in words), len(words)))
            done = subprocess.run([path, "-c", line], capture_output=True, text=True, check=True)
            self.assertEqual(done.stderr, "")
            return done.stdout.split()

        self.assertEqual(complete("pre"), ["predict"])
        self.assertEqual(complete(""), COMMANDS)
        self.assertEqual(complete("--v"), ["--version"])
        self.assertEqual(complete("predict", "--inp"), ["--input-scale"])
        self.assertEqual(complete("predict", "--cpu", "sc"), ["scalar"])
        self.assertEqual(complete("convert", "a", "b", "-l", "le"), ["legacy"])
        self.assertEqual(complete("predict", "--threads", ""), [])
        self.assertEqual(complete("predict", "model"), [])
        self.assertEqual(complete("help", "ev"), ["eval"])
        self.assertEqual(complete("data", "fe"), ["fetch"])
        self.assertEqual(complete("data", "fetch", "mn"), ["mnist"])
        self.assertEqual(complete("data", "fetch", "mnist", "--mirror", ""), [])

    def test_wrong_calls(self):
        for arguments, says in (
                ([], "no command"),
                ([""], "unknown command"),
                (["predct"], "did you mean 'predict'"),
                (["evla"], "did you mean 'eval'"),
                (["conv"], "did you mean 'convert'"),
                (["zzzzzz"], "unknown command 'zzzzzz'"),
                (["--verson"], "did you mean '--version'"),
                (["--json"], "unknown option"),
                (["-x"], "unknown option"),
                (["a\nb\033"], "'a?b?'"),
                (["help", "predct"], "did you mean 'predict'"),
                (["help", "a", "b"], "unexpected argument 'b'"),
                (["help", "--completion"], "wants a value"),
                (["help", "--completion", "csh"], "none of bash, zsh, fish"),
                (["help", "--completion", "bash", "predict"], "no other argument")):
            self.failed(*arguments, code=2, says=says)

    def test_long_word(self):
        result = run("x" * 10000)
        self.assertEqual((result.code, result.out, result.err.count("\n")), (2, "", 1))

    def test_built_without(self):
        """What an optional library does is refused by its name, before anything else."""
        model = self.file("model.gguf", FullyConnected().gguf())
        for library, arguments, content in (
                ("jansson", ["predict", model, "-", "--json"], pgm(bytes(784))),
                ("jansson", ["inspect", model, "--json"], b""),
                ("libpng", ["predict", model, "-"], png(bytes(784))),
                ("libjpeg", ["predict", model, "-"], jpeg()),
                ("zlib", ["predict", model, "-"], compressed(pgm(bytes(784))))):
            result = run(*arguments, stdin=content)
            if "no " + library not in BUILT_WITH:
                self.assertEqual((result.code, result.err), (0, ""))
                continue
            self.assertEqual((result.code, result.out, result.err.count("\n")), (1, "", 1))
            self.assertIn("built without " + library, result.err)

    def test_disk_full(self):
        for arguments in (["--help"], ["--version"], ["predict", "--help"], ["help", "--man"],
                          ["convert", "--help"], ["help", "--completion", "bash"]):
            self.disk_full(*arguments)


if __name__ == "__main__":
    unittest.main()
