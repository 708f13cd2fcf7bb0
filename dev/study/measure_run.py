#!/usr/bin/env python3
"""Optional (study): measures the policies of a training run: at its start, a quarter, half and the end of RL. Python 3
standard library only. Run from the project's root, after `make study-instruments`:

    python3 dev/study/measure_run.py RUN LABEL [--out FOLDER] [--jobs 1] [-- flags of measure]

RUN is a folder of ./train that kept checkpoints at these steps (--checkpoint-every, --keep). The flags are those in its
run.json. Results are FOLDER/LABEL-POLICY.INSTRUMENT.jsonl (FOLDER: dev/study/rows), POLICY being start, quarter,
half or end; those that exist are kept.
"""
import argparse
import concurrent.futures
import json
import pathlib
import subprocess
import sys

MEASURE = "build/cpu/dev/study/measure"
INSTRUMENTS = ("variance", "attenuation", "entropy")
OTHER = {"model", "out", "config", "resume", "overwrite", "plan", "threads"}  # flags of the run, not of a measurement


def flags_of(config):
    flags = []
    for name, value in config.items():
        if name not in OTHER and value is not False and value != "":
            flags += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    return flags


def policies(run, config):
    """{policy: its folder}. A run that began from a model has its start there, any other in the last checkpoint of the
    warm-up."""
    steps, first = config["steps"], config["sft-steps"]
    at = lambda step: run / "checkpoints" / f"step-{step:07d}"
    start = at(first) if first or config["model"] == "tiny" else pathlib.Path(config["model"])
    return {"start": start, "quarter": at(first + steps // 4), "half": at(first + steps // 2), "end": at(first + steps)}


def main():
    own, _, extra = " ".join(sys.argv[1:]).partition(" -- ")
    parser = argparse.ArgumentParser(description="measures the policies of a training run")
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("label")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("dev/study/rows"))
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args(own.split())
    with open(args.run / "run.json") as file:
        config = json.load(file)["flags"]
    args.out.mkdir(parents=True, exist_ok=True)

    def measure(job):
        policy, folder, instrument = job
        label = f"{args.label}-{policy}"
        command = [MEASURE, instrument, str(args.out / f"{label}.{instrument}.jsonl"), str(folder), "--label", label,
                   *extra.split(), "--", *flags_of(config), "--threads", "1"]
        return subprocess.run(command, check=False).returncode

    jobs = [(p, folder, i) for i in INSTRUMENTS for p, folder in policies(args.run, config).items()]
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        sys.exit(max(pool.map(measure, jobs)))


if __name__ == "__main__":
    main()
