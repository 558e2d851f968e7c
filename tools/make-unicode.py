#!/usr/bin/env python3
"""Prints src/text/unicode_ranges.h: which code points are letters, numbers and capitals, from the
Unicode tables of this Python."""
import unicodedata

LAST = 0x10FFFF


def ranges(has):
    """[first, last] of each run of code points that have a property."""
    runs = []
    for code in filter(has, range(LAST + 1)):
        if runs and runs[-1][1] == code - 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return runs


def lowercase():
    """(first, last, step, distance): every step-th code point's small letter is that far away."""
    distance = {c: ord(chr(c).lower()) - c for c in range(LAST + 1) if len(chr(c).lower()) == 1}
    capitals = [c for c, d in distance.items() if d]
    runs = []
    while capitals:
        first, best = capitals[0], [capitals[0]]
        for step in (1, 2):
            run = [first]
            while distance.get(run[-1] + step) == distance[first]:
                run.append(run[-1] + step)
            best = max(best, run, key=len)
        runs.append((first, best[-1], best[1] - first if len(best) > 1 else 1, distance[first]))
        capitals = [c for c in capitals if c not in best]
    return runs


def table(name, kind, rows):
    text = "static const %s %s[] = {" % (kind, name)
    line = ""
    for row in rows:
        cell = "{%s}," % ", ".join("0x%x" % v if i < 2 else str(v) for i, v in enumerate(row))
        if len(line) + len(cell) > 95:
            text += "\n    " + line.rstrip()
            line = ""
        line += cell + " "
    print(text + "\n    " + line.rstrip() + "\n};\n")


def category(first):
    return lambda code: unicodedata.category(chr(code))[0] == first


print("/* Made by tools/make-unicode.py from Unicode %s. */" % unicodedata.unidata_version)
print("/* clang-format off */")
table("letters", "range", ranges(category("L")))
table("numbers", "range", ranges(category("N")))
table("capitals", "capital_range", lowercase())
