#!/usr/bin/env python3
"""Makes KysoSerif-{Regular,Bold}.ttf from Liberation Serif 2 (Debian: fonts-liberation2; needs fonttools).

usage: generate.py FOLDER_WITH_LIBERATION_SERIF

The glyphs kept are Latin with all Vietnamese letters, and the punctuation of official papers. The SIL Open Font License
reserves the name "Liberation" for the unmodified fonts, so the subset has a name of its own in every record.
"""

import sys
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

RANGES = [
    (0x20, 0x7E), (0xA0, 0x17F), (0x192, 0x192), (0x1A0, 0x1A1), (0x1AF, 0x1B0), (0x218, 0x21B), (0x2C6, 0x2DD),
    (0x300, 0x309), (0x323, 0x323), (0x1E80, 0x1E85), (0x1EA0, 0x1EF9), (0x2010, 0x2015), (0x2018, 0x201E),
    (0x2020, 0x2022), (0x2026, 0x2026), (0x2030, 0x2030), (0x2032, 0x2033), (0x2039, 0x203A), (0x20AB, 0x20AC),
    (0x2116, 0x2116), (0x2122, 0x2122), (0x2190, 0x2193), (0x2212, 0x2212), (0x2260, 0x2265),
]
FAMILY = "Kyso Serif"


def subset(source: Path, style: str, target: Path) -> None:
    font = TTFont(source, recalcTimestamp=False)
    options = Options()
    options.hinting = False
    options.layout_features = []
    options.glyph_names = False
    options.notdef_outline = True
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.name_languages = [0x409]
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "kern", "DSIG", "FFTM", "gasp", "prep", "fpgm", "cvt "]
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=[code for low, high in RANGES for code in range(low, high + 1)])
    subsetter.subset(font)
    names = {1: FAMILY, 2: style, 3: f"{FAMILY} {style} 1", 4: f"{FAMILY} {style}", 6: f"KysoSerif-{style}"}
    for record in list(font["name"].names):
        if record.nameID in names:
            record.string = names[record.nameID]
    font.save(target)


def main() -> None:
    folder, here = Path(sys.argv[1]), Path(__file__).parent
    for style in ("Regular", "Bold"):
        subset(folder / f"LiberationSerif-{style}.ttf", style, here / f"KysoSerif-{style}.ttf")


main()
