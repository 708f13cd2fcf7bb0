#!/usr/bin/env python3
"""Optional (study): prints what the instruments measured, a value a line: name, value, low and high end of its 95 %
interval, separated by tabs; draws the figures. Python 3 standard library only.

    python3 dev/study/analyse.py [ROWS.jsonl ...] [--pictures FOLDER]

Without files it reads dev/study/rows/*.jsonl.
"""
import argparse
import pathlib

import figures
from mechanisms import Mechanisms


def main():
    parser = argparse.ArgumentParser(description="prints the values of measurements, and draws them")
    parser.add_argument("rows", nargs="*", type=pathlib.Path)
    parser.add_argument("--pictures", type=pathlib.Path, metavar="FOLDER")
    args = parser.parse_args()
    found = Mechanisms(args.rows or None)
    for name in found.names():
        print(name, *(f"{x:.4g}" for x in found.found[name]()), sep="\t")
    if args.pictures:
        for name, picture in figures.draw_all(found).items():
            picture.save(args.pictures / name)


if __name__ == "__main__":
    main()
