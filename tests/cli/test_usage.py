"""Help, wrong usage, and the listings that need no files."""
import json
import os
import re
import unittest

from support import COMMANDS, DOCS, CliTest, graft

# What scripts and documents rely on.
OPTIONS = {
    "devices": ["json"],
    "selftest": ["all", "device", "json", "report"],
    "train": ["backbone", "data", "method", "set", "device", "epochs", "batch-size", "optimizer",
              "lr", "weight-decay", "schedule", "seed", "out", "init-adapter", "max-steps",
              "no-shuffle", "checkpoint-every", "resume", "memory-budget", "config",
              "warmup-epochs", "warmup-lr", "min-lr", "drop-path", "flip", "crop",
              "resize-to", "mixup", "cutmix", "label-smoothing", "ema",
              "rand-augment", "color-jitter", "random-erasing", "crop-scale", "crop-ratio", "image-size",
              "interpolation", "resize", "normalization", "threads", "json", "profile", "model",
              "train-split", "test-split", "no-decay", "momentum", "drop-last", "eval-every"],
    "search": ["backbone", "data", "out", "limit", "widths", "depths", "generations", "population",
               "supernet-epochs", "supernet-lr", "epochs", "lr", "seed", "device", "resume",
               "json"],
    "eval": ["report", "backbone", "adapter", "data", "split", "device", "json"],
    "predict": ["backbone", "adapter", "top", "device", "json"],
    "embed": ["backbone", "adapter", "pool", "data", "split", "out", "knn", "neighbours", "device", "json"],
    "merge": ["backbone", "adapter", "out", "names"],
    "export": ["backbone", "adapter", "onnx", "peft", "weights"],
    "analyze": ["out", "json", "backbone", "data", "split", "images", "device"],
    "inspect": ["json"],
    "methods": ["json", "count", "markdown"],
    "recipes": ["json", "markdown"],
    "sweep": ["out", "method", "data", "lr", "seed", "shots", "device", "report", "json"],
}

COUNTS = {"linear": 0, "full": 85798656, "bitfit": 102912, "lora": 294912, "convpass": 327552,
          "convpass_attn": 163776, "rlrr": 288768, "freqfit": 2256384, "ssf": 205824,
          "noah": 12 * ((32 + 16 + 8 + 1) * 768 + 8)}
ON_SWIN = {"rlrr": 358144, "convpass": 437504, "ssf": 278016, "vpt_deep": None, "freqfit": None}


def options_of(command):
    return set(re.findall(r"^.{6}--([a-z-]+)", graft(command, "--help").stdout, re.M))


def help_of(command):
    """{"-o, --out DIR": "folder for ..."}: the text begins in column 30 or on a line of its own."""
    found = {}
    for line in re.sub(r"\n {30}", "\n\0", graft(command, "--help").stdout).splitlines():
        if line.startswith("\0"):
            found[option] = line[1:]
        elif re.match(r"  (-\w,|   ) --", line):
            option, found_text = line[:30].strip(), line[30:]
            if found_text and line[29] != " ":
                option, found_text = line.strip(), ""
            found[option] = found_text
    return found


class Help(CliTest):
    def test_overview_names_every_command(self):
        text = self.works("--help")
        for command in COMMANDS:
            self.assertRegex(text, r"(?m)^  %s " % command)
        self.assertEqual(text, self.works("help"))

    def test_help_names_every_option(self):
        for command, options in OPTIONS.items():
            with self.subTest(command):
                self.assertLessEqual(set(options), options_of(command))
                self.assertEqual(self.works("help", command), self.works(command, "-h"))

    def test_man_page_says_what_help_says(self):
        """Options, values, words and defaults; only the first letter and the stop differ."""
        with open(os.path.join(DOCS, "graft.1")) as file:
            page = file.read().replace("\\-", "-")
        for command in COMMANDS:
            section = re.search(r"^\.SS graft %s(.*?)^\.S[SH]" % command, page, re.M | re.S).group(1)
            described = dict(re.findall(r"^\.TP\n\.B (.*)\n(.*)\.$", section, re.M))
            shown = {option: text[0].upper() + text[1:]
                     for option, text in help_of(command).items()
                     if not option.endswith(("--help", "--verbose"))}
            self.assertEqual(described, shown, command)

    def test_version(self):
        self.assertRegex(self.works("--version"), r"^graft \d+\.\d+\.\d+\n$")


class WrongUsage(CliTest):
    def test_no_command(self):
        self.fails(2, telling=["a command is missing"])

    def test_unknown_command(self):
        self.fails(2, "trian", telling=["trian", "did you mean train?"])
        self.fails(2, "paint", telling=["paint", "--help"])

    def test_unknown_option_of_every_command(self):
        for command in COMMANDS:
            self.fails(2, command, "--bakbone", "x", telling=["--bakbone", "unknown option"])
            self.fails(2, command, "-Z", telling=["-Z", "unknown option"])
        self.fails(2, "train", "--epoch", "3", telling=["did you mean --epochs?"])
        self.fails(2, "train", "--batch_size=3", telling=["did you mean --batch-size?"])

    def test_unknown_value(self):
        self.fails(2, "train", "--optimizer", "adam",
                   telling=["--optimizer", "adam", "adamw|sgd", "did you mean adamw?"])
        self.fails(2, "train", "--schedule=step", telling=["--schedule", "step", "constant|cosine"])
        self.fails(2, "train", "--flip=perhaps", telling=["--flip", "perhaps", "yes or no"])

    def test_missing_value(self):
        self.fails(2, "train", "--epochs", telling=["--epochs", "a value is missing"])
        self.fails(2, "train", "--data", "--epochs", "2", telling=["--data", "a value is missing"])
        self.fails(2, "train", "-b", telling=["--backbone", "a value is missing"])

    def test_bad_numbers(self):
        bad = [("epochs", "ten"), ("epochs", "0"), ("epochs", "-1"), ("epochs", "3.5"),
               ("epochs", "99999999999999999999"), ("epochs", ""), ("batch-size", "8x"),
               ("lr", "nan"), ("lr", "inf"), ("lr", "fast"), ("lr", "-0.1"), ("drop-path", "1.5"),
               ("seed", "-1"), ("memory-budget", "512Q"), ("memory-budget", "-1M"),
               ("memory-budget", "512 "), ("memory-budget", "1e30G"), ("checkpoint-every", "x")]
        for option, value in bad:
            with self.subTest(option + " " + value):
                self.fails(2, "train", "--" + option, value,
                           telling=["--%s %s: expected" % (option, value)])

    def test_required_options(self):
        self.fails(2, "train", telling=["--backbone", "missing"])
        self.fails(2, "train", "--backbone", "b", telling=["--data", "missing"])
        self.fails(2, "train", "--backbone", "b", "--data", "d", telling=["--out", "missing"])
        self.fails(2, "eval", telling=["--data", "missing"])
        self.fails(2, "predict", telling=["IMAGE", "missing"])
        self.fails(2, "merge", "--backbone", "b", telling=["--adapter", "missing"])
        self.fails(2, "inspect", telling=["FILE", "missing"])
        self.fails(2, "analyze", "--out", "o", telling=["RUN", "missing"])
        self.fails(2, "analyze", "run", telling=["--out", "missing"])

    def test_unexpected_operand(self):
        self.fails(2, "devices", "opencl:0", telling=["opencl:0", "unexpected"])
        self.fails(2, "inspect", "a", "b", telling=["b", "unexpected"])

    def test_hostile_text_stays_in_one_line(self):
        self.fails(2, "a\nb\033[2J", telling=["a?b?[2J"])
        self.fails(2, "train", "--x\ny", telling=["--x?y"])


class Methods(CliTest):
    def test_counts(self):
        text = self.works("methods", "--count", "vit_base_patch16_224")
        for method, count in COUNTS.items():
            self.assertRegex(text, r"(?m)^%s +%s$" % (method, format(count, ",")))
        listed = json.loads(self.works("methods", "--count", "vit_base_patch16_224", "--json"))
        self.assertLessEqual(COUNTS.items(),
                             {m["name"]: m["trainable_without_head"] for m in listed}.items())

    def test_counts_where_methods_do_not_fit(self):
        swin = "swin_base_patch4_window7_224"
        text = self.works("methods", "--count", swin)
        self.assertRegex(text, r"(?m)^vpt_deep +-$")
        listed = json.loads(self.works("methods", "--count", swin, "--json"))
        self.assertLessEqual(ON_SWIN.items(),
                             {m["name"]: m["trainable_without_head"] for m in listed}.items())
        self.fails(1, "methods", "--count", swin, "--method", "vpt_deep", telling=["Swin", "choose"])

    def test_count_of_a_combination(self):
        text = self.works("methods", "--count", "vit_base_patch16_224", "--method", "freqfit+lora",
                          "--set", "lora.r=4")
        self.assertRegex(text, r"(?m)^freqfit\+lora +2,403,840$")

    def test_unknown_names(self):
        self.fails(1, "methods", "--count", "vit_base", telling=["vit_base", "vit_base_patch16_224"])
        count = ["methods", "--count", "vit_tiny_patch16_224", "--method"]
        self.fails(2, *count, "lara", telling=["lara", "lora"])
        self.fails(2, *count, "lora", "--set", "lora.rank=4", telling=["lora.rank", "r, alpha"])
        self.fails(2, *count, "lora", "--set", "lora.r=0", telling=["lora.r=0", "from 1"])
        self.fails(2, *count, "lora", "--set", "lora.r", telling=["lora.r"])
        self.fails(2, *count, "lora", "--set", "convpass.h=4", telling=["convpass.h"])

    def test_list_and_page(self):
        text = self.works("methods")
        for method in COUNTS:
            self.assertRegex(text, r"(?m)^%s " % method)
        self.assertIn("lora.r=8", text)
        with open(os.path.join(DOCS, "methods.md")) as file:
            self.assertEqual(self.works("methods", "--markdown"), file.read(),
                             "docs/methods.md is old: graft methods --markdown > docs/methods.md")


# Drivers leak on their own account when graft runs under a leak checker.
DRIVERS = {"ASAN_OPTIONS": "detect_leaks=0"}


class Devices(CliTest):
    def test_json(self):
        done = graft("devices", "--json", env=DRIVERS)
        devices = json.loads(done.stdout)
        self.assertEqual(done.returncode, 0 if devices else 1)
        for device in devices:
            self.assertRegex(device["id"], r"^[a-z]+:\d+$")
            self.assertIn(device["type"], ["cpu", "integrated", "discrete", "virtual"])
            for key in ("name", "driver"):
                self.assertIsInstance(device[key], str)
            self.assertIn(device["id"], self.works("devices", env=DRIVERS))

    def test_no_device(self):
        """Loaders that are told of no driver."""
        nothing = {**DRIVERS, "OCL_ICD_VENDORS": self.path("none"), "OPENCL_VENDOR_PATH": self.path("none"),
                   "VK_DRIVER_FILES": self.path("none.json"),
                   "VK_ICD_FILENAMES": self.path("none.json"), "VK_ADD_DRIVER_FILES": ""}
        done = self.fails(1, "devices", env=nothing,
                          telling=["no OpenCL or Vulkan device", "mesa-vulkan-drivers",
                                   "pocl-opencl-icd"])
        self.assertEqual(done.stdout, "")
        self.assertEqual(json.loads(graft("devices", "--json", env=nothing).stdout), [])

    def test_one_api_without_a_driver(self):
        """The table has what is there, and a line says what is not, and why."""
        devices = json.loads(graft("devices", "--json", env=DRIVERS).stdout)
        nothing = {"opencl": {"OCL_ICD_VENDORS": self.path("none"),
                              "OPENCL_VENDOR_PATH": self.path("none")},
                   "vulkan": {"VK_DRIVER_FILES": self.path("none.json"),
                              "VK_ICD_FILENAMES": self.path("none.json"), "VK_ADD_DRIVER_FILES": ""}}
        if len({device["id"].split(":")[0] for device in devices}) < 2:
            self.skipTest("needs a device of each API")
        for api, env in nothing.items():
            done = graft("devices", env={**DRIVERS, **env, "GRAFT_LOG": "info"})
            self.assertEqual(done.returncode, 0)
            self.assertNotIn(api + ":", done.stdout)
            self.assertRegex(done.stderr, "^graft: %s: .* finds no driver: install one" % api)
            self.assertEqual(len(done.stderr.splitlines()), 1)
            self.fails(1, "train", "--backbone", "b", "--data", "d", "--out", self.path("run"),
                       "--device", api + ":0", env={**DRIVERS, **env}, telling=["finds no driver"])

    def test_pocl_without_a_folder_to_write(self):
        """PoCL's own words go nowhere: the reason comes from graft."""
        if "Portable" not in self.works("devices", env=DRIVERS):
            self.skipTest("PoCL is not here")
        lost = {**DRIVERS, "POCL_CACHE_DIR": "/proc/nowhere", "GRAFT_LOG": "info",
                "RUSTICL_ENABLE": ""}
        done = graft("devices", env=lost)
        self.assertNotIn("opencl:", done.stdout)
        self.assertIn("opencl: PoCL is here", done.stderr)
        self.assertIn("POCL_CACHE_DIR", done.stderr)

    def test_unknown_device(self):
        train = ["train", "--backbone", "b", "--data", "d", "--out", self.path("run"), "--device"]
        self.fails(2, *train, "gpu", telling=['"gpu"', "opencl:0"], env=DRIVERS)
        self.fails(1, *train, "cuda:0", telling=["cuda:0"], env=DRIVERS)
        self.fails(1, *train, "opencl:99", telling=["opencl:99"], env=DRIVERS)


if __name__ == "__main__":
    unittest.main()
