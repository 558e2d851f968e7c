"""Completion: what shells offer is what --help has, in each shell that is here."""
import os
import re
import shutil
import subprocess
import unittest

from support import COMMANDS, GRAFT, CliTest, graft


def options_of(command):
    return {"--" + name for name in re.findall(r"^.{6}--([a-z0-9-]+)", graft(command, "--help").stdout, re.M)}


class Completion(CliTest):
    def script(self, shell, name):
        if not shutil.which(shell):
            self.skipTest("needs " + shell)
        return self.write(name, self.works("completion", shell).encode())

    def run_shell(self, *args):
        done = subprocess.run(args, text=True, capture_output=True, timeout=60,
                              env={**os.environ, "HOME": self.folder, "XDG_CONFIG_HOME": self.folder,
                                   "XDG_DATA_HOME": self.folder})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.splitlines()

    def bash(self, *lines):
        """What each line, whose last word is at the cursor, is completed by."""
        code = ["source " + self.script("bash", "graft.bash")]
        for line in lines:
            words = line.split(" ")
            code.append("COMP_WORDS=(%s) COMP_CWORD=%d; _graft; echo \"${COMPREPLY[*]}\"" %
                        (" ".join("'%s'" % word for word in words), len(words) - 1))
        return [set(found.split()) for found in self.run_shell("bash", "-c", "\n".join(code))]

    def test_bash(self):
        commands, choices, methods, short, nothing, *options = self.bash(
            "graft ", "graft train --optimizer ", "graft train --method lo", "graft train -r conv",
            "graft train --data ", *("graft %s --" % command for command in COMMANDS))
        self.assertEqual(commands, {*COMMANDS, "--help", "--version"})
        self.assertEqual(choices, {"adamw", "sgd"})
        self.assertEqual(methods, {"lora"})
        self.assertEqual(short, {"convpass"})
        self.assertEqual(nothing, set())  # files, by default
        for command, found in zip(COMMANDS, options):
            self.assertEqual(found, options_of(command), command)

    def test_fish(self):
        script = self.script("fish", "graft.fish")
        code = ["complete -e -c graft", "source " + script]
        lines = ["graft ", "graft train --optimizer ", *("graft %s --" % c for c in COMMANDS)]
        for line in lines:
            code.append("complete -C '%s' | string split -f1 \\t | string join ' '; or echo" % line)
        commands, choices, *options = [set(found.split()) for found in
                                       self.run_shell("fish", "--no-config", "-c", "\n".join(code))]
        self.assertEqual(commands, set(COMMANDS))
        self.assertEqual(choices, {"adamw", "sgd"})
        for command, found in zip(COMMANDS, options):
            self.assertEqual(found, options_of(command), command)

    def test_zsh(self):
        """_arguments, which only runs in a widget, is replaced by one that shows what it gets."""
        script = self.script("zsh", "_graft")
        code = ["_arguments() { print -rl -- ${(M)@:#(\\*|)--*} }", "_describe() { print -rl -- $commands }",
                "complete() {", "source " + script, "}", "words=(graft '') CURRENT=2; complete"]
        for command in COMMANDS:
            code.append("print; words=(graft %s --) CURRENT=3; complete" % command)
        found = "\n".join(self.run_shell("zsh", "-f", "-c", "\n".join(code))).split("\n\n")
        self.assertEqual({line.split(":")[0] for line in found[0].splitlines()}, set(COMMANDS))
        for command, lines in zip(COMMANDS, found[1:]):
            names = {re.match(r"\*?(--[a-z0-9-]+)\[.*[^\\]\]", line).group(1) for line in lines.splitlines()}
            self.assertEqual(names, options_of(command), command)
        self.assertIn("(adamw sgd)", found[1 + COMMANDS.index("train")].replace("( ", "("))

    def test_other_shells(self):
        self.fails(2, "completion", "tcsh", telling=["tcsh", "bash, zsh or fish"])
        self.fails(2, "completion", telling=["SHELL: missing"])


if __name__ == "__main__":
    unittest.main()
