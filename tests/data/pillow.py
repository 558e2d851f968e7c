"""What Pillow makes of images, for comparison. Exit status 77: Pillow is not installed.

pillow.py table        prints the rows of the table in pillow_table.h
pillow.py resize DIR   writes DIR/W_H_w_h_{0,1}.rgb: the synthetic image of W x H resized to w x h,
                       bilinear (0) and bicubic (1), for sizes drawn at random
pillow.py augment DIR  writes DIR/OPERATION,PARAMETER,W,H,{0,1},{full,low},.rgb: the synthetic image of
                       W x H, or one of few levels, changed; transforms are bilinear (0) or bicubic (1)
pillow.py boxes        prints means over random-resized crops of 500 x 400, drawn as torchvision does
pillow.py decode DIR   writes image files of many kinds and, for each X, X.rgb
"""
import math
import os
import random
import sys

try:
    from PIL import Image, ImageEnhance, ImageOps
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


def solarize_add(image, add):
    return image.point([min(255, i + add) if i < 128 else i for i in range(256)] * 3)


def hue(image, shift):
    h, s, v = image.convert("HSV").split()
    h = h.point([(i + int(shift)) & 255 for i in range(256)])
    return Image.merge("HSV", (h, s, v)).convert("RGB")


def enhance(kind):
    return lambda image, factor: kind(image).enhance(factor)


def transform(*matrix_of):
    """Takes functions of the parameter and the image's size for each coefficient."""
    def apply(image, x, how):
        matrix = [c(x, *image.size) if callable(c) else c for c in matrix_of]
        return image.transform(image.size, Image.AFFINE, matrix, resample=how,
                               fillcolor=(124, 116, 104))
    return apply


FACTORS = [0.1, 0.37, 0.9, 1.0, 1.19, 1.9]
PIXELWISE = {
    "autocontrast": (lambda i, x: ImageOps.autocontrast(i), [0]),
    "equalize": (lambda i, x: ImageOps.equalize(i), [0]),
    "invert": (lambda i, x: ImageOps.invert(i), [0]),
    "posterize": (lambda i, x: ImageOps.posterize(i, x), [1, 4, 8]),
    "solarize": (lambda i, x: ImageOps.solarize(i, x), [0, 26, 128, 256]),
    "solarize_add": (solarize_add, [0, 99, 110]),
    "brightness": (enhance(ImageEnhance.Brightness), FACTORS),
    "contrast": (enhance(ImageEnhance.Contrast), FACTORS),
    "color": (enhance(ImageEnhance.Color), FACTORS),
    "sharpness": (enhance(ImageEnhance.Sharpness), FACTORS),
    "hue": (hue, [0, 5, 100, 250]),
}
TRANSFORMS = {
    "shear_x": (transform(1, lambda x, w, h: x, 0, 0, 1, 0), [-0.3, 0.11, 0.27]),
    "shear_y": (transform(1, 0, 0, lambda x, w, h: x, 1, 0), [-0.3, 0.11, 0.27]),
    "translate_x": (transform(1, 0, lambda x, w, h: x * w, 0, 1, 0), [-0.4, 0.003, 0.45]),
    "translate_y": (transform(1, 0, 0, 0, 1, lambda x, w, h: x * h), [-0.4, 0.003, 0.45]),
    "rotate": (lambda i, x, how: i.rotate(x, resample=how, fillcolor=(124, 116, 104)),
               [-27.3, 0, 3, 30]),
}


def low_contrast(width, height):
    """What stretching and equalizing act on: few levels, some of them often."""
    return synthetic(width, height).point([40 + i // 3 if i < 200 else 60 for i in range(256)] * 3)


def augment(folder):
    for size in [(31, 22), (1, 1), (2, 3), (64, 64)]:
        for kind, image in (("full", synthetic(*size)), ("low", low_contrast(*size))):
            done = [(name, x, 0, apply(image, x))
                    for name, (apply, values) in PIXELWISE.items() for x in values]
            done += [(name, x, i, apply(image, x, how))
                     for name, (apply, values) in TRANSFORMS.items() for x in values
                     for i, how in enumerate(FILTERS)]
            for name, x, i, result in done:
                file_name = "%s,%r,%d,%d,%d,%s,.rgb" % (name, x, *size, i, kind)
                with open(os.path.join(folder, file_name), "wb") as file:
                    file.write(result.tobytes())


def noise(mode, size):
    bands = len(Image.new(mode, (1, 1)).getbands())
    return Image.frombytes(mode, size, random.randbytes(size[0] * size[1] * bands))


def box(width, height):
    """Area from 0.08 to 1, logarithm of the ratio from 3/4 to 4/3; ten tries."""
    for _ in range(10):
        area = width * height * random.uniform(0.08, 1)
        ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            return random.randint(0, width - w), w, h
    ratio = min(max(width / height, 3 / 4), 4 / 3)
    w, h = min(width, round(height * ratio)), min(height, round(width / ratio))
    return (width - w) // 2, w, h


def boxes(count=200000):
    random.seed(1)
    draws = [box(500, 400) for _ in range(count)]
    print("area %.4f" % (sum(w * h for _, w, h in draws) / count / 200000))
    print("log(width / height) %.4f" % (sum(math.log(w / h) for _, w, h in draws) / count))
    print("below 0.31 of the area %.1f of 3000" %
          (sum(w * h < 0.31 * 200000 for _, w, h in draws) * 3000 / count))


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
    for tag in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = tag
        kinds["turned%d.jpg" % tag] = color, {"exif": exif.tobytes()}
        kinds["turned%d.png" % tag] = color, {"exif": exif.tobytes()}
    for name, (image, options) in kinds.items():
        path = os.path.join(folder, name)
        image.save(path, **options)
        with open(path + ".rgb", "wb") as file:
            file.write(ImageOps.exif_transpose(Image.open(path)).convert("RGB").tobytes())


if __name__ == "__main__":
    {"table": table, "resize": lambda: resize(sys.argv[2]),
     "augment": lambda: augment(sys.argv[2]),
     "boxes": boxes,
     "decode": lambda: decode(sys.argv[2])}[sys.argv[1]]()
