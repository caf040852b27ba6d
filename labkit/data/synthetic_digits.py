"""Synthetic digits: a stand-in for MNIST where there is neither a copy of it nor a network.

The digits of the fonts that matplotlib ships, each drawn with its own rotation, shear, size, place, elastic
distortion, stroke width, contrast and noise, in the shapes of MNIST: 60,000 images to train and validate
on, 10,000 to test.

How one is drawn. Each glyph is kept as a signed distance field: for each point of a fine grid, how far
inside the outline it lies. A pixel of the image looks up the distance at the point of the glyph which the
distortion moved under it; adding to the distance thickens the stroke; a ramp over the outline turns
distance into grey.

Equal seeds give equal bytes on every platform: the random stream is RandomState's, which NumPy has frozen,
and the arithmetic after it is on integers (the matrix products hold them as float32, where sums below 2**24
are exact). What may differ is the fonts themselves, between releases of matplotlib.
"""

import hashlib
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from labkit.data.idx_files import (
    CLASSES,
    FILES,
    SIDE,
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    IdxFile,
    data_file,
    payload_of,
    read_idx,
    write_gzip,
)
from labkit.errors import DataError

VERSION = 1  # of the drawing: raise it with any change to the pixels, and caches are drawn anew
SEED = 20170215  # of the digits that `load_digits` gives; fixed, so that all students have the same data
TRAIN_SIZE, TEST_SIZE = 60_000, 10_000  # images
CHUNK = 1_000  # images drawn at a time, each chunk from its own random stream
THREADS = 2

# In every matplotlib from 3.10 on.
FONTS = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-Oblique",
    "DejaVuSans-BoldOblique",
    "DejaVuSansMono",
    "DejaVuSansMono-Bold",
    "DejaVuSansMono-Oblique",
    "DejaVuSansMono-BoldOblique",
    "DejaVuSerif",
    "DejaVuSerif-Bold",
    "DejaVuSerif-Italic",
    "DejaVuSerif-BoldItalic",
    "STIXGeneral",
    "STIXGeneralBol",
    "STIXGeneralItalic",
    "STIXGeneralBolIta",
    "cmr10",
    "cmb10",
    "cmss10",
    "cmtt10",
)

# The glyph's grid spans the 28 x 28 pixels of an image. Distances are measured every half pixel, then
# interpolated.
GLYPH_HEIGHT = 20  # pixels, as in MNIST
PER_PIXEL = 8  # points of the interpolated grid per pixel
GRID = SIDE * PER_PIXEL + 1  # points along each side
DISTANCE_UNIT = 64  # distances are in 1/64 of a pixel, positive inside

# How strongly digits are distorted; set so that the softmax regression scores about 0.90 and the deep
# network above 0.985.
ROTATION = 200  # milliradians, at most
SHEAR = 200  # thousandths, at most
SCALE = (850, 1150)  # thousandths
SHIFT = 14  # points of the grid (1/8 pixel), at most
ELASTIC = 24  # points of the grid, at most, at each control point
STROKE = (-24, 60)  # distance units added to the outline
SOFTNESS = (48, 110)  # distance units from black to white
INK = (120, 255)  # grey level of the digit
NOISE = 90  # grey levels, at most

FRACTION = 256  # fixed-point one: coordinates are held in 1/256 of a grid point


def load_digits(directory: str | Path) -> dict[str, IdxFile]:
    """Read the synthetic digits from the cache in `directory`/synthetic, or draw and cache them there.

    Returns:
        {file name of MNIST: IdxFile}, arrays as MNIST's: uint8 (n, 28, 28, 1) and (n,), n 60,000 and 10,000.
    """
    cache = Path(directory) / "synthetic"
    files = _read_cache(cache)
    if files is None:
        files = draw_all(SEED)
        try:
            _write_cache(cache, files)
        except DataError as error:
            print(f"The synthetic digits are not kept for the next run: {error}", file=sys.stderr)
    return files


def draw_all(seed: int, train_size: int = TRAIN_SIZE, test_size: int = TEST_SIZE) -> dict[str, IdxFile]:
    """Draw a training and a test set under a progress bar; return them as `load_digits` does."""
    distances = distance_fields()
    chunks = [
        (split, start, min(CHUNK, size - start))
        for split, size in enumerate((train_size, test_size))
        for start in range(0, size, CHUNK)
    ]

    def draw(chunk: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
        split, start, count = chunk
        return draw_digits(count, np.random.RandomState([seed, split, start]), distances)

    with (
        ThreadPoolExecutor(THREADS) as pool,
        tqdm(total=train_size + test_size, desc="drawing synthetic digits", unit="digit", disable=None) as bar,
    ):
        drawn = []
        for images, labels in pool.map(draw, chunks):
            drawn.append((images, labels))
            bar.update(len(labels))
    files = {}
    names = ((TRAIN_IMAGES, TRAIN_LABELS), (TEST_IMAGES, TEST_LABELS))
    for split, (images_name, labels_name) in enumerate(names):
        parts = [part for part, chunk in zip(drawn, chunks, strict=True) if chunk[0] == split]
        files[images_name] = _idx_file(np.concatenate([images for images, _ in parts]))
        files[labels_name] = _idx_file(np.concatenate([labels for _, labels in parts]))
    return files


def draw_digits(count: int, rng: np.random.RandomState, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Draw `count` digits.

    Args:
        count: how many.
        rng: gives every random choice.
        distances: the fonts, from `distance_fields`.

    Returns:
        images, uint8 (count, 28, 28, 1), and labels, uint8 (count,).
    """
    labels = _amounts(rng, 0, CLASSES - 1, size=count)
    fonts = _amounts(rng, 0, len(distances) - 1, size=count)
    rows, columns = _distorted_grid(count, rng)
    lookup = (((fonts * CLASSES + labels)[:, np.newaxis] * GRID) + rows) * GRID + columns
    distance = distances.reshape(-1)[lookup].astype(np.int32)  # (count, 784)

    stroke, softness, ink, noise = (
        _amounts(rng, *limits, size=(count, 1)) for limits in (STROKE, SOFTNESS, INK, (0, NOISE))
    )
    grey = np.clip(distance + stroke + softness // 2, 0, softness) * ink // softness
    grain = np.frombuffer(rng.bytes(count * SIDE * SIDE), np.int8).reshape(count, -1)
    grey += grain * noise // 128
    images = np.clip(grey, 0, 255).astype(np.uint8)
    return images.reshape(count, SIDE, SIDE, 1), labels.astype(np.uint8)


def _distorted_grid(count: int, rng: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    """Return the point of the glyph's grid that each pixel shows: its row and its column, both int64 (count, 784)."""
    angle = _amounts(rng, -ROTATION, ROTATION, size=count) / 1000
    shear = _amounts(rng, -SHEAR, SHEAR, size=count) / 1000
    width, height = 1000 / _amounts(rng, *SCALE, size=(2, count))
    right, down = FRACTION * _amounts(rng, -SHIFT, SHIFT, size=(2, count))
    unit = FRACTION * PER_PIXEL / 2  # `_basis` counts half pixels
    cos, sin = np.cos(angle) * unit, np.sin(angle) * unit
    # Rows of the affine map from image to glyph, for x and for y; rounding hides the last bit of sine and
    # cosine.
    to_column = np.rint([width * (cos + shear * sin), width * (shear * cos - sin), right])
    to_row = np.rint([height * sin, height * cos, down])

    basis = _basis()
    controls = len(basis) - 3
    points = []
    for affine in (to_row, to_column):
        wobble = _amounts(rng, -ELASTIC, ELASTIC, size=(count, controls))
        coefficients = np.concatenate([affine.T, wobble], axis=1).astype(np.float32)
        fixed = (coefficients @ basis).astype(np.int64)  # (count, 784), whole numbers
        points.append(np.clip(fixed // FRACTION + GRID // 2, 0, GRID - 1))
    return points[0], points[1]


def _amounts(rng: np.random.RandomState, low: int, high: int, size: int | tuple[int, ...]) -> np.ndarray:
    """Draw random whole numbers from `low` to `high`, both included."""
    # int64 by name: the default type, and the stream with it, differ between platforms.
    return rng.randint(low, high + 1, size=size, dtype=np.int64)


def _basis() -> np.ndarray:
    """Return the basis of a pixel's displacement: x, y, 1, and elastic bumps; whole numbers, float32 (3 + 36, 784).

    The bumps are cubic B-splines on 6 x 6 control points, 9 pixels apart, which reach just over the edges
    of the image.
    """
    offsets = 2 * np.arange(SIDE) - (SIDE - 1)  # half pixels from the centre
    y, x = np.meshgrid(offsets, offsets, indexing="ij")
    distance = np.abs(np.arange(SIDE) / 9 - np.arange(-1, 5)[:, np.newaxis])  # (6, 28), in control points
    near, far = 2 / 3 - distance**2 + distance**3 / 2, np.clip(2 - distance, 0, 2) ** 3 / 6
    spline = np.where(distance < 1, near, far)
    bumps = np.rint(FRACTION * np.einsum("ai,bj->abij", spline, spline)).reshape(-1, SIDE * SIDE)
    return np.concatenate([[x.ravel(), y.ravel(), np.ones(SIDE * SIDE)], bumps]).astype(np.float32)


def distance_fields() -> np.ndarray:
    """Return the digits of each font as signed distances: int16 (fonts, 10, GRID, GRID), in 1/64 pixel."""
    with ThreadPoolExecutor(THREADS) as pool:
        outlines = [_outline(font, digit) for font in FONTS for digit in range(CLASSES)]
        coarse = np.stack(list(pool.map(_signed_distance, outlines)))
    fine = _refine(_refine(coarse.astype(np.int32), axis=1), axis=2)
    return fine.astype(np.int16).reshape(len(FONTS), CLASSES, GRID, GRID)


def _outline(font: str, digit: int) -> np.ndarray:
    """Return a digit's outline as line segments in pixels, centred on 0, y downwards: float64 (segments, 2, 2)."""
    # Imported here, because drawing is rare and importing matplotlib takes longer than loading MNIST.
    import matplotlib as mpl
    from matplotlib.ft2font import FT2Font, LoadFlags
    from matplotlib.path import Path as Outline

    file = Path(mpl.get_data_path(), "fonts", "ttf", f"{font}.ttf")
    if not file.exists():
        raise DataError(f"{file} is missing, a font of matplotlib's. Install matplotlib anew, with pip.")
    face = FT2Font(str(file))
    # In the font's own units, which no release of FreeType scales, rounds or hints in its own way.
    face.load_char(ord(str(digit)), flags=LoadFlags.NO_SCALE | LoadFlags.IGNORE_TRANSFORM)
    vertices, codes = face.get_path()
    # Curves become line segments of about one unit: enlarged, they do so finely enough.
    rings: Any = Outline(vertices * 8, codes).to_polygons(closed_only=True)
    segments = np.concatenate([np.stack([ring[:-1], ring[1:]], axis=1) for ring in rings])
    corners = segments.reshape(-1, 2)
    low, high = corners.min(axis=0), corners.max(axis=0)
    return (segments - (low + high) / 2) * [1, -1] * (GLYPH_HEIGHT / (high[1] - low[1]))


def _signed_distance(segments: np.ndarray) -> np.ndarray:
    """Return how far inside an outline each half pixel of an image lies: int16 (57, 57), in 1/64 pixel."""
    axis = np.arange(-SIDE, SIDE + 1) / 2  # pixels from the centre
    y, x = (grid[..., np.newaxis] for grid in np.meshgrid(axis, axis, indexing="ij"))
    (x0, y0), (x1, y1) = segments[:, 0].T, segments[:, 1].T
    along_x, along_y = x1 - x0, y1 - y0
    length = np.maximum(along_x**2 + along_y**2, 1e-12)
    nearest = np.clip(((x - x0) * along_x + (y - y0) * along_y) / length, 0, 1)
    squared = (x - x0 - nearest * along_x) ** 2 + (y - y0 - nearest * along_y) ** 2
    # A point is inside when a ray to the right crosses the outline an odd number of times.
    straddles = (y0 > y) != (y1 > y)
    slope = along_x / np.where(along_y == 0, 1, along_y)  # where it is 0, no ray straddles the segment
    crossings = np.sum(straddles & (x < x0 + (y - y0) * slope), axis=-1)
    distance = np.sqrt(squared.min(axis=-1)) * np.where(crossings % 2 == 1, 1, -1)
    return np.rint(distance * DISTANCE_UNIT).astype(np.int16)


def _refine(field: np.ndarray, axis: int) -> np.ndarray:
    """Interpolate a field of half pixels along one axis, in whole numbers, to PER_PIXEL points a pixel."""
    factor = PER_PIXEL // 2
    field = np.moveaxis(field, axis, -1)
    left, right = field[..., :-1, np.newaxis], field[..., 1:, np.newaxis]
    steps = np.arange(factor)
    between = (left * (factor - steps) + right * steps) // factor
    fine = np.concatenate([between.reshape(*field.shape[:-1], -1), field[..., -1:]], axis=-1)
    return np.moveaxis(fine, -1, axis)


def _idx_file(array: np.ndarray) -> IdxFile:
    return IdxFile(array, hashlib.sha256(payload_of(array)).hexdigest())


def _cached(cache: Path, name: str) -> Path:
    return cache / f"synthetic-{name}.gz"  # a name that nobody takes for MNIST's


def _read_cache(cache: Path) -> dict[str, IdxFile] | None:
    """Read the cached digits; return None if they are absent, damaged, or drawn by another version of this module."""
    try:
        record = json.loads((cache / "synthetic.json").read_bytes())
        if record["version"] != VERSION or record["seed"] != SEED:
            return None
        with ThreadPoolExecutor(len(FILES)) as pool:
            loaded = pool.map(lambda name: read_idx(_cached(cache, name), name), FILES)
            files: dict[str, IdxFile] = dict(zip(FILES, loaded, strict=True))
        return files if all(files[name].sha256 == record["sha256"][name] for name in FILES) else None
    except (OSError, ValueError, KeyError, TypeError, DataError):
        return None


def _write_cache(cache: Path, files: dict[str, IdxFile]) -> None:
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{cache} cannot be made: {error.strerror}.") from error
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda name: write_gzip(_cached(cache, name), payload_of(files[name].array)), FILES))
    # Last, so that a record never vouches for files which are not there yet.
    record = {"version": VERSION, "seed": SEED, "sha256": {name: file.sha256 for name, file in files.items()}}
    with data_file(cache / "synthetic.json") as file:
        file.write(json.dumps(record, indent=1).encode())
