#!/usr/bin/env python3
"""Optional (study): Prints what the instruments measured as lines `name value [low high]`, and draws the figures.

    python3 dev/study/analyse.py [ROWS.jsonl ...] [--pictures FOLDER]

Without files it reads dev/study/rows/*.jsonl. A name is `instrument label ...`; low and high are a 95 % bootstrap
interval. Pages that quote a number give its name (README.md).
"""
import argparse
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "pictures"))  # the canvas

import figures  # noqa: E402
import mechanisms  # noqa: E402


def shown(x):
    return f"{x:.3g}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rows", nargs="*", type=pathlib.Path)
    parser.add_argument("--pictures", type=pathlib.Path, metavar="FOLDER")
    args = parser.parse_args()
    measurements = [mechanisms.Measurement(path) for path in args.rows or sorted((HERE / "rows").glob("*.jsonl"))]
    for m in measurements:
        for name, value in mechanisms.values(m).items():
            print(m.instrument, m.label, name, *map(shown, value), sep="\t")
    if args.pictures:
        figures.draw_all(measurements, args.pictures)


if __name__ == "__main__":
    main()
