"""Makes shapes.csv: outlines of all countries, thinned out, from Natural Earth 1:50m (public domain, made with Natural Earth).

  npm install world-atlas@2.0.2           # Natural Earth as TopoJSON
  pip install pycountry==26.2.16          # numeric to two-letter codes
  python3 make-shapes.py node_modules/world-atlas/countries-50m.json > shapes.csv
"""
import json, sys
import pycountry

LEAST_AREA = 0.06           # square degrees: a point whose triangle with its neighbours is smaller goes
LEAST_RING = 0.6            # square degrees: a smaller ring goes, unless it is its country's largest
UNNUMBERED = {"Kosovo": "XK", "Somaliland": "SO", "N. Cyprus": "CY"}
# Parts that ISO 3166 gives a code of their own: (country, west, south, east, north) -> code.
PARTS = {("FR", -56, 1, -50, 7): "GF", ("FR", -62.5, 15.5, -60.9, 16.6): "GP", ("FR", -61.5, 14.2, -60.7, 15): "MQ",
         ("FR", 55, -22, 56.5, -20): "RE", ("FR", 44.5, -13.5, 46, -12): "YT", ("NL", -69, 11.5, -62, 18): "BQ",
         ("NO", 8, 74, 35, 82): "SJ", ("NO", -10, 70, -7, 72): "SJ", ("NO", 2, -56, 5, -53): "BV"}
# Too small to be in the data set: longitude and latitude.
POINTS = {"GI": (-5.3, 36.1), "TV": (179.2, -8.5), "TK": (-171.8, -9.2), "UM": (166.6, 19.3), "BV": (3.4, -54.4),
          "CX": (105.6, -10.5), "CC": (96.9, -12.2)}

topology = json.load(open(sys.argv[1]))
(sx, sy), (tx, ty) = topology["transform"]["scale"], topology["transform"]["translate"]

def decode(arc):
    x = y = 0
    for dx, dy in arc:
        x, y = x + dx, y + dy
        yield (x * sx + tx, y * sy + ty)

arcs = [list(decode(arc)) for arc in topology["arcs"]]

def join(numbers):
    ring = []
    for number in numbers:
        arc = arcs[number] if number >= 0 else arcs[~number][::-1]
        ring += arc[1:] if ring else arc
    return ring[:-1]

def triangle(a, b, c):
    return abs((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])) / 2

def area(ring):
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, ring[1:] + ring[:1]))) / 2

def thin(ring):
    ring = ring[:]
    while len(ring) > 4:
        sizes = [triangle(ring[i - 1], ring[i], ring[(i + 1) % len(ring)]) for i in range(len(ring))]
        least = min(range(len(ring)), key=sizes.__getitem__)
        if sizes[least] > LEAST_AREA:
            break
        # All that are small and no neighbours of each other, at once.
        drop, last = set(), -2
        for i in sorted(i for i, size in enumerate(sizes) if size <= max(sizes[least] * 4, 1e-9) and size <= LEAST_AREA):
            if i > last + 1 and len(ring) - len(drop) > 4 and not (i == len(ring) - 1 and 0 in drop):
                drop.add(i)
                last = i
        ring = [point for i, point in enumerate(ring) if i not in drop]
    return ring

countries = {}
for geometry in topology["objects"]["countries"]["geometries"]:
    found = pycountry.countries.get(numeric=geometry["id"].zfill(3)) if "id" in geometry else None
    code = found.alpha_2 if found else UNNUMBERED.get(geometry["properties"]["name"])
    if code is None or "arcs" not in geometry:
        continue
    polygons = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
    for polygon in polygons:
        ring = join(polygon[0])
        x, y = (sum(point[axis] for point in ring) / len(ring) for axis in (0, 1))
        part = next((c for (of, w, s, e, n), c in PARTS.items() if of == code and w <= x <= e and s <= y <= n), code)
        countries.setdefault(part, []).append(ring)
for code, (x, y) in POINTS.items():
    countries.setdefault(code, []).append([(x, y)])

print("# Outlines of countries: thinned out from Natural Earth 1:50m, public domain (made by make-shapes.py).")
print("# A row a ring: country, then longitude and latitude in tenths of a degree, turn by turn; one point: a place.")
print("country,ring")
for code in sorted(countries):
    rings = sorted(countries[code], key=area, reverse=True)
    for ring in [rings[0]] + [ring for ring in rings[1:] if area(ring) >= LEAST_RING]:
        points = []
        for x, y in thin(ring):
            point = f"{round(x * 10)} {round(y * 10)}"
            if not points or points[-1] != point:
                points.append(point)
        print(f"{code},{' '.join(points)}")
