"""What Pillow makes of images, for comparison. Exit status 77: Pillow is not installed.

pillow.py table        prints the rows of the table in pillow_table.h
pillow.py resize DIR   writes DIR/W_H_w_h_{0,1}.rgb: the synthetic image of W x H resized to w x h,
                       bilinear (0) and bicubic (1), for sizes drawn at random
pillow.py decode DIR   writes image files of many kinds and, for each X, X.rgb
"""
import os
import random
import sys

try:
    from PIL import Image
except ImportError:
    sys.exit(77)

SIZES = [  # from, to: enlarging, shrinking, both, one side kept, single pixels, far apart
    ((64, 64), (224, 224)), ((105, 105), (224, 224)), ((32, 32), (224, 224)),
    ((171, 128), (96, 96)), ((128, 193), (64, 224)), ((300, 40), (37, 61)),
    ((50, 70), (50, 31)), ((50, 70), (23, 70)), ((1, 1), (5, 3)), ((1, 9), (4, 2)),
    ((257, 131), (1, 1)), ((640, 480), (32, 32)), ((33, 17), (34, 18)),
]
FILTERS = [Image.BILINEAR, Image.BICUBIC]


def synthetic(width, height):
    data = bytearray()
    for y in range(height):
        for x in range(width):
            for c in range(3):
                smooth = x * 3 + y * 5 + c * 40
                noise = ((x * 73 + y * 151 + c * 31) * 2654435761 & 0xFFFFFFFF) >> 24
                if (x // 7 + y // 5) % 3 == 0:
                    value = (c + x // 7) % 2 * 255
                else:
                    value = noise if y % 16 < 8 else smooth
                data.append(value & 255)
    return Image.frombytes("RGB", (width, height), bytes(data))


def fnv(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def table():
    for start, end in SIZES:
        image = synthetic(*start)
        hashes = [fnv(image.resize(end, f).tobytes()) for f in FILTERS]
        print("    {%d, %d, %d, %d, {0x%016xu, 0x%016xu}}," % (*start, *end, *hashes))


def resize(folder):
    random.seed(7)
    for _ in range(40):
        start = random.randint(1, 90), random.randint(1, 90)
        end = random.randint(1, 200), random.randint(1, 200)
        image = synthetic(*start)
        for i, f in enumerate(FILTERS):
            name = "%d_%d_%d_%d_%d.rgb" % (*start, *end, i)
            with open(os.path.join(folder, name), "wb") as file:
                file.write(image.resize(end, f).tobytes())


def noise(mode, size):
    bands = len(Image.new(mode, (1, 1)).getbands())
    return Image.frombytes(mode, size, random.randbytes(size[0] * size[1] * bands))


def decode(folder):
    random.seed(8)
    size = 37, 23
    gray, color = noise("L", size), noise("RGB", size)
    palette = color.quantize(30)
    kinds = {
        "gray.png": (gray, {}), "gray_alpha.png": (noise("LA", size), {}),
        "rgb.png": (color, {}), "rgba.png": (noise("RGBA", size), {}),
        "bilevel.png": (gray.convert("1"), {}), "palette.png": (palette, {}),
        "palette2.png": (color.quantize(4), {"bits": 2}),
        "palette4.png": (color.quantize(16), {"bits": 4}),
        "palette_clear.png": (palette, {"transparency": 3}),
        "gray_clear.png": (gray, {"transparency": 3}),
        "gray.jpg": (gray, {}), "rgb.jpg": (color, {}), "cmyk.jpg": (noise("CMYK", size), {}),
        "full.jpg": (color, {"subsampling": 0}), "half.jpg": (color, {"subsampling": 1}),
        "progressive.jpg": (color, {"progressive": True}),
    }
    for name, (image, options) in kinds.items():
        path = os.path.join(folder, name)
        image.save(path, **options)
        with open(path + ".rgb", "wb") as file:
            file.write(Image.open(path).convert("RGB").tobytes())


if __name__ == "__main__":
    {"table": table, "resize": lambda: resize(sys.argv[2]),
     "decode": lambda: decode(sys.argv[2])}[sys.argv[1]]()
