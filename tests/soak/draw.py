"""draw.py CSV SVG: what each process of the soak held, over its calls."""

import csv
import sys

WIDTH, HEIGHT, MARGIN = 640, 140, 40
COLOURS = ("#1b6ca8", "#c44536", "#3a7d44")
MEASURES = (("kib", "memory, KiB"), ("threads", "threads"), ("descriptors", "descriptors"))


def line(rows: list[dict[str, str]], measure: str, highest: int, top: int) -> str:
    last = int(rows[-1]["calls"])
    points = (
        f"{MARGIN + WIDTH * int(row['calls']) / last:.0f},{top + HEIGHT - HEIGHT * int(row[measure]) / highest:.0f}"
        for row in rows
    )
    return " ".join(points)


def main() -> None:
    with open(sys.argv[1], newline="") as file:
        rows = list(csv.DictReader(file))
    drawn = []
    for number, (measure, title) in enumerate(MEASURES):
        top = MARGIN + number * (HEIGHT + MARGIN)
        highest = max(int(row[measure]) for row in rows) or 1
        drawn.append(f'<text x="{MARGIN}" y="{top - 6}">{title}, at most {highest}</text>')
        drawn.append(f'<rect x="{MARGIN}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#bbb"/>')
        for process, colour in enumerate(COLOURS):
            points = line([row for row in rows if row["process"] == str(process)], measure, highest, top)
            drawn.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
    size = f'width="{WIDTH + 2 * MARGIN}" height="{MARGIN + len(MEASURES) * (HEIGHT + MARGIN)}"'
    with open(sys.argv[2], "w") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">\n')
        file.write("\n".join(drawn) + "\n</svg>\n")


main()
