"""NumPy arrays and PIL images as the library takes them: in place, or refused with the remedy."""
from __future__ import annotations

import os
from typing import Any, Optional, Sequence, Union

import numpy

from graft._graft import ffi
from graft.errors import ShapeError


def _shape_text(shape: Sequence[Optional[int]]) -> str:
    return "[" + ", ".join("any" if size is None else str(size) for size in shape) + "]"


def array(name: str, value: Any, dtype: Any, shape: Sequence[Optional[int]],
          writable: bool = False) -> numpy.ndarray:
    """`value`, which must be an array of that type and shape (None: any size), one element after the
    other."""
    dtype = numpy.dtype(dtype)
    if not isinstance(value, numpy.ndarray):
        raise TypeError(f"{name}: expected a NumPy array of {dtype}, found {type(value).__name__}; "
                        f"numpy.asarray(x, numpy.{dtype}) makes one")
    if value.dtype != dtype:
        raise ShapeError(f"{name}: expected elements of {dtype}, found {value.dtype}; "
                         f"x.astype(numpy.{dtype}) converts them")
    if len(value.shape) != len(shape) or any(want not in (None, size)
                                             for want, size in zip(shape, value.shape)):
        raise ShapeError(f"{name}: expected shape {_shape_text(shape)}, found "
                         f"{_shape_text(value.shape)}")
    if not value.flags.c_contiguous:
        raise ShapeError(f"{name}: not contiguous; numpy.ascontiguousarray(x) makes a copy that is")
    if writable and not value.flags.writeable:
        raise ShapeError(f"{name}: read-only; x.copy() makes an array that can be written to")
    return value


def pointer(value: numpy.ndarray, kind: str) -> Any:
    """The array's elements; the result keeps the array alive."""
    return ffi.from_buffer(kind, value)


def is_path(value: Any) -> bool:
    return isinstance(value, (str, os.PathLike))


def path(value: Union[str, os.PathLike[str], None]) -> Any:
    """A path as the library takes it; NULL for None."""
    return ffi.NULL if value is None else ffi.new("char[]", os.fsencode(value))


def is_normalized(images: Any) -> bool:
    """Whether these are network input already, in the place of images to be resized."""
    return isinstance(images, numpy.ndarray) and images.dtype.kind == "f"


def _rows(index: int, image: Any) -> numpy.ndarray:
    if hasattr(image, "convert") and hasattr(image, "getbands"):  # PIL, which need not be there
        image = numpy.asarray(image if image.mode in ("RGB", "RGBA") else image.convert("RGB"))
    if not isinstance(image, numpy.ndarray):
        raise TypeError(f"image {index}: expected a NumPy array or a PIL image, found "
                        f"{type(image).__name__}")
    if image.dtype != numpy.uint8:
        raise ShapeError(f"image {index}: expected elements of uint8, found {image.dtype}")
    if image.ndim != 3 or image.shape[2] not in (3, 4):
        raise ShapeError(f"image {index}: expected shape [height, width, 3 or 4], found "
                         f"{_shape_text(image.shape)}")
    if (0 in image.shape or image.strides[2] != 1 or image.strides[1] != image.shape[2]
            or image.strides[0] < image.shape[1] * image.shape[2]):
        raise ShapeError(f"image {index}: pixels of a row do not follow one another; "
                         "numpy.ascontiguousarray(x) makes a copy whose do")
    return image


def pixels(images: Any) -> tuple[Any, int, list[Any]]:
    """graft_pixels of one image or several, their number, and what must be kept meanwhile. Rows may be
    apart, so that a part of an array is taken where it lies."""
    if isinstance(images, numpy.ndarray) and images.ndim == 4:
        images = list(images)
    elif not isinstance(images, (list, tuple)):
        images = [images]
    rows = [_rows(index, image) for index, image in enumerate(images)]
    out = ffi.new("graft_pixels[]", max(len(rows), 1))
    for one, image in zip(out, rows):
        one.data = ffi.cast("const uint8_t *", image.ctypes.data)
        one.height, one.width, one.channels = image.shape
        one.row_bytes = image.strides[0]
    return out, len(rows), rows
