#!/usr/bin/env python3
"""Optional (pictures): Draws docs/pictures/*.svg. Run from the project's root: python3 dev/pictures/draw.py"""
import pathlib

import kv_blocks
import layer
import micro_batch
import ownership
import ranks
import step

for picture in (step, kv_blocks, micro_batch, layer, ranks, ownership):
    picture.draw().save(pathlib.Path("docs/pictures") / f"{picture.__name__}.svg")
