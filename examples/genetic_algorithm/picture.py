"""The picture of a tour. Only the master imports this, so it never travels."""

INK, PAPER, ROAD, CITY = "#2b2622", "#fffdf8", "#f0a202", "#c8351f"
SCALE, MARGIN = 4, 60  # kilometres to a pixel; pixels


def draw(path, tour, cities, kilometres):
    """Write an SVG of the tour through cities, each (name, east, north), and its length."""
    west, east = min(city[1] for city in cities), max(city[1] for city in cities)
    south, north = min(city[2] for city in cities), max(city[2] for city in cities)
    width, height = (east - west) // SCALE + 2 * MARGIN, (north - south) // SCALE + 2 * MARGIN
    spots = [(cities[i][0], (cities[i][1] - west) // SCALE + MARGIN, (north - cities[i][2]) // SCALE + MARGIN) for i in tour]
    road = " ".join(f"{x},{y}" for _, x, y in spots)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" fill="{INK}">',
        f'<rect width="{width}" height="{height}" fill="{PAPER}"/>',
        f'<text x="{MARGIN // 2}" y="{MARGIN}" font-size="20" font-weight="bold">{len(tour)} capitals, {kilometres:,} km</text>',
        f'<polygon points="{road}" fill="none" stroke="{ROAD}" stroke-width="3" stroke-linejoin="round"/>',
        *(f'<circle cx="{x}" cy="{y}" r="4" fill="{CITY}"/>' for _, x, y in spots),
        *(label(name, x, y, any(0 < far - x < 60 and abs(high - y) < 12 for _, far, high in spots)) for name, x, y in spots),
        "</svg>",
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def label(name, x, y, crowded):
    """Return the name of a city beside its spot, on the left if there is a neighbour on the right."""
    side = f'x="{x - 7}" text-anchor="end"' if crowded else f'x="{x + 7}"'
    return f'<text {side} y="{y - 5}" font-size="11">{name}</text>'
