"""What torchvision and timm make of draws, and what they draw themselves, for comparison. Exit
status 77: one of them is not installed.

transforms.py {crop,jitter,rand,mix,average} DIR
    writes DIR/results: one image, batch or average after the other, by the lines of DIR/draws
transforms.py {crop,jitter,rand,mix,erase} DIR
    writes DIR/statistics: a name, a mean and its standard error in each line
"""
import math
import os
import random
import sys
import warnings
from unittest import mock

sys.dont_write_bytecode = True
from pillow import low_contrast, synthetic

warnings.filterwarnings("ignore")
try:
    import numpy
    import torch
    import torchvision.transforms as transforms
    from PIL import Image
    from torchvision.transforms import functional, InterpolationMode
    if sys.argv[1] not in ("crop", "jitter"):
        import timm.data
        import timm.loss
        import timm.utils
        from timm.data import auto_augment, constants, mixup
        from timm.data.random_erasing import RandomErasing
        from timm.data.transforms_factory import transforms_imagenet_train
except ImportError as error:
    print("transforms.py: no module %s" % error.name, file=sys.stderr)
    sys.exit(77)

COUNT = 4000  # draws of a statistic
FILL = 124, 116, 104  # the mean of ImageNet
MODES = [InterpolationMode.BILINEAR, InterpolationMode.BICUBIC]


def draws(folder):
    with open(os.path.join(folder, "draws")) as file:
        return [[float(word) for word in line.split()] for line in file]


def results(folder):
    return open(os.path.join(folder, "results"), "wb")


def write_statistics(folder, samples):
    with open(os.path.join(folder, "statistics"), "w") as file:
        for name, values in samples:
            error = numpy.std(values) / math.sqrt(len(values))
            print(name, "%.17g %.17g" % (numpy.mean(values), error), file=file)


def moments(name, values):
    return [(name, values), (name + "_square", [x * x for x in values])]


def crop(folder):
    with results(folder) as file:
        for draw in draws(folder):
            width, height, x, y, w, h, size, flip, bicubic = map(int, draw)
            image = functional.resized_crop(synthetic(width, height), y, x, h, w, [size, size],
                                            MODES[bicubic])
            file.write((functional.hflip(image) if flip else image).tobytes())
    default, flip = transforms.RandomResizedCrop(224), transforms.RandomHorizontalFlip()
    samples = []
    for size in (500, 400), (300, 60), (1000, 10), (10, 1000):
        image = Image.new("RGB", size)
        boxes = [default.get_params(image, default.scale, default.ratio) for _ in range(COUNT)]
        samples += moments("area", [w * h / size[0] / size[1] for _, _, h, w in boxes])
        samples += moments("log_aspect", [math.log(w / h) for _, _, h, w in boxes])
        samples += [("left", [x for _, x, _, _ in boxes]), ("top", [y for y, _, _, _ in boxes])]
    pair = Image.frombytes("L", (2, 1), bytes([0, 1]))
    samples.append(("flipped", [flip(pair).getpixel((0, 0)) for _ in range(COUNT)]))
    write_statistics(folder, samples)


def jitter(folder):
    with results(folder) as file:
        for draw in draws(folder):
            width, height, order = int(draw[0]), int(draw[1]), torch.tensor(draw[2:6]).int()
            changes, how = draw[6:10], transforms.ColorJitter(*draw[10:14])
            limits = how.brightness, how.contrast, how.saturation, how.hue
            drawn = [order] + [x if limit else None for x, limit in zip(changes, limits)]
            how.get_params = lambda *_: drawn
            file.write(how(synthetic(width, height)).tobytes())
    how = transforms.ColorJitter(0.4, 0.4, 1.5, 0.1)
    drawn = [how.get_params(how.brightness, how.contrast, how.saturation, how.hue)
             for _ in range(COUNT)]
    samples = []
    for kind in range(4):
        samples += moments("change", [d[1 + kind] for d in drawn])
        samples += moments("place", [d[0].tolist().index(kind) for d in drawn])
    write_statistics(folder, samples)


RAND = ["AutoContrast", "Equalize", "Invert", "Rotate", "Posterize", "Solarize", "SolarizeAdd",
        "Color", "Contrast", "Brightness", "Sharpness", "ShearX", "ShearY", "TranslateX",
        "TranslateY"]


def rand_augment(increasing, bicubic, half):
    """As timm's training makes it: where the size and the mean come from is part of the matter."""
    spec = "rand-m9-mstd0.5" + ("-inc1" if increasing else "")
    mean = constants.IMAGENET_INCEPTION_MEAN if half else constants.IMAGENET_DEFAULT_MEAN
    chain = transforms_imagenet_train(16, auto_augment=spec, mean=mean,
                                      interpolation=["bilinear", "bicubic"][bicubic])
    return next(t for t in chain.transforms if isinstance(t, auto_augment.RandAugment))


def operation(augment, name):
    names = name, name + "Increasing", name + "Rel"
    found, = [op for op in augment.ops if op.name in names]
    return found


def rand(folder):
    with results(folder) as file:
        for draw in draws(folder):
            width, height, op, increasing, negative, bicubic, half, low = map(int, draw[:8])
            augment = rand_augment(increasing, bicubic, half)
            assert len(augment.ops) == len(RAND)
            op = operation(augment, RAND[op])
            op.prob, op.magnitude, op.magnitude_std = 1.0, draw[8], 0
            image = (low_contrast if low else synthetic)(width, height)
            with mock.patch("random.random", lambda: 0.75 if negative else 0.25):
                file.write(op(image).tobytes())
    image, augment = synthetic(16, 16), rand_augment(True, True, False)
    start = numpy.asarray(image, float)
    after = [numpy.asarray(augment(image), float) for _ in range(8 * COUNT)]
    write_statistics(folder, [
        ("same", [float((start == x).all()) for x in after]),
        ("black", [float((x == 0).all()) for x in after]),
        ("uncovered", [(x == FILL).all(2).mean() for x in after]),
        ("corner", [float((x[0, 0] == FILL).all()) for x in after])] +
        moments("mean", [x.mean() for x in after]) +
        moments("difference", [abs(start - x).mean() for x in after]))


def smoothed_targets(labels, classes, smoothing):
    """What the loss of smoothed labels pulls towards: the gradient is the softmax less that."""
    logits = torch.zeros(len(labels), classes, requires_grad=True)
    timm.loss.LabelSmoothingCrossEntropy(smoothing)(logits, labels).backward()
    return logits.softmax(1) - len(labels) * logits.grad


def mix(folder):
    batch = torch.from_numpy(numpy.fromfile(os.path.join(folder, "batch"), numpy.float32))
    with results(folder) as file:
        for draw in draws(folder):
            classes, x, y, w, h = map(int, draw[:5])
            keep, smoothing, labels = draw[5], draw[6], torch.tensor(draw[7:]).long()
            size = math.isqrt(len(batch) // 3 // len(labels))
            mixing = timm.data.Mixup(0.8, 1.0, label_smoothing=smoothing, num_classes=classes)
            mixing._params_per_batch = lambda: (0.5, True) if w else (keep, False)
            with mock.patch.object(mixup, "rand_bbox", lambda *_, **__: (y, y + h, x, x + w)):
                images, targets = mixing(batch.clone().view(-1, 3, size, size), labels)
            for values in images, targets, smoothed_targets(labels, classes, smoothing):
                file.write(values.detach().numpy().astype(numpy.float32).tobytes())
    mixing, mixed, cut = timm.data.Mixup(0.8, 1.0), [], []
    for _ in range(5 * COUNT):
        keep, is_cut = mixing._params_per_batch()
        if is_cut:
            (top, _, left, right), keep = mixup.cutmix_bbox_and_lam((1, 3, 224, 224), keep)
            cut.append((keep - 0.68, left, right - left, top))
        else:
            mixed.append(keep - 0.5)
    cuts = [0] * len(mixed) + [1] * len(cut)
    write_statistics(folder, [("cut", cuts)] + moments("mixup", mixed) + [
        pair for i, name in enumerate(["cutmix", "left", "width", "top"])
        for pair in moments(name, [c[i] for c in cut])])


def erase(folder):
    size, clean = 32, 9.0
    erasing = RandomErasing(0.25, mode="pixel", max_count=1, device="cpu")
    boxes, noise, products = [], [], []
    for _ in range(4 * COUNT):
        image = erasing(torch.full((3, size, size), clean))
        changed = (image != clean).numpy()
        if changed.any():
            rows, columns = changed[0].any(1).nonzero()[0], changed[0].any(0).nonzero()[0]
            boxes.append((columns[0], rows[0], len(columns), len(rows)))
            noise += image.numpy()[changed].tolist()
            products += (image[0] * image[1]).numpy()[changed[0]].tolist()
    write_statistics(folder, [("erased", [1] * len(boxes) + [0] * (4 * COUNT - len(boxes)))] +
                     moments("area", [w * h for _, _, w, h in boxes]) +
                     moments("log_aspect", [math.log(w / h) for _, _, w, h in boxes]) +
                     moments("left", [b[0] for b in boxes]) +
                     moments("top", [b[1] for b in boxes]) +
                     moments("noise", noise) + [("of_two_channels", products)])


def average(folder):
    (decay, count), = draws(folder)
    values = numpy.fromfile(os.path.join(folder, "values"), numpy.float32)
    values = torch.from_numpy(values).view(-1, int(count))
    model = torch.nn.Module()
    model.values = torch.nn.Parameter(values[0].clone())
    kept = timm.utils.ModelEmaV2(model, decay)
    with results(folder) as file:
        for step in values[1:]:
            model.values.data.copy_(step)
            kept.update(model)
            file.write(kept.module.values.detach().numpy().tobytes())


if __name__ == "__main__":
    torch.set_num_threads(1)
    for seed in random.seed, numpy.random.seed, torch.manual_seed:
        seed(1)
    {"crop": crop, "jitter": jitter, "rand": rand, "mix": mix, "erase": erase,
     "average": average}[sys.argv[1]](sys.argv[2])
