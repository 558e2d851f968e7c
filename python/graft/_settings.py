"""Arguments that stand for settings of the library; written by tools/update-pages."""
from __future__ import annotations

import os
from typing import Literal, Mapping, Sequence, TypedDict, Union

Path = Union[str, os.PathLike]


class TrainSettings(TypedDict, total=False):
    """graft.settings("train")"""

    backbone: Path  # pretrained weights: .safetensors, its folder, or JAX .npz
    model: Path  # geometry of a run without pretrained weights
    heads: int  # attention heads of the backbone, where no file of it tells
    pool: Literal["cls", "avg"]  # the head sees the class token or the mean of patches
    projection: bool  # the head sees the projected feature of CLIP
    text_embeddings: Path  # start the head from this matrix [classes, width]
    class_names: Path  # start the head from CLIP's features of names, a class a line, or the data's own
    text_encoder: Path  # checkpoint with CLIP's text encoder
    vocabulary: Path  # of the text encoder: merges.txt or bpe_simple_vocab_16e6.txt.gz
    prompt: Path  # text of a class, {} its name
    logit_scale: float  # of cosines with texts; 0: plain products; -1: the checkpoint's
    method: Path  # see graft methods
    set: Union[Sequence[str], Mapping[str, object]]  # an option of a method; may be repeated
    weights: Literal["f32", "f16", "bf16", "int8"]  # frozen matrices on the device: fewer bits take less memory; arithmetic is f32
    init_adapter: Path  # start from the tensors of this adapter
    data: Path  # labelled images: a folder, a .tar or dsprites:orientation
    train_split: Path  # images to train on
    test_split: Path  # images to evaluate on; "": no evaluation
    shots: int  # train on so many images of each class, chosen by the seed
    image_size: int  # side of the input
    resize: Literal["squash", "crop"]  # both sides at once, or the short side, then the centre
    resize_to: int  # side after the resize, before the crop
    interpolation: Literal["bicubic", "bilinear", "bilinear-plain"]  # how images are resized
    normalization: Literal["imagenet", "half", "clip"]  # mean and deviation of the input
    exif: Literal["apply", "ignore"]  # turn images as their EXIF data says, or leave them as they lie in the file
    bad_images: Literal["fail", "skip"]  # images that cannot be read are an error, or left out once all have been tried
    max_pixels: int  # most pixels of an image file
    crop: Literal["none", "random", "random-resized"]  # in training: the centre, a random place, or a random part, resized
    crop_scale: Union[str, tuple[float, float]]  # part of the area that a random-resized crop takes
    crop_ratio: Union[str, tuple[float, float]]  # width / height of that part
    flip: bool  # flip images at random, left to right
    rand_augment: str  # random operations as timm writes them, such as rand-m9-mstd0.5-inc1
    color_jitter: Union[str, float, Sequence[float]]  # change brightness, contrast and saturation; the fourth: hue
    random_erasing: float  # fill a rectangle with noise
    mixup: float  # mix the images of a batch, by a part drawn from Beta(ALPHA, ALPHA)
    cutmix: float  # replace a rectangle by that of another image; with `augment.mixup`: either
    label_smoothing: float  # part of the target that all classes share
    no_shuffle: bool  # keep the order of the list
    drop_last: bool  # leave out the last partial batch of an epoch
    threads: int  # threads that decode images
    epochs: int  # passes over the images
    cooldown_epochs: int  # more epochs: at `min_lr` after a cosine
    lr: float  # learning rate
    batch_size: int  # images in a step
    optimizer: Literal["adamw", "sgd"]  # how tensors are updated
    weight_decay: float  # pull towards zero
    no_decay: Path  # comma list of name parts without decay; 1d: all vectors
    momentum: float  # of sgd
    schedule: Literal["constant", "cosine", "timm-cosine", "restarts"]  # learning rate after the warm-up
    lr_step: Literal["iteration", "epoch", "late-epoch"]  # how often it changes; late: an epoch behind
    warmup_epochs: float  # epochs in which the learning rate grows
    warmup_lr: float  # learning rate at the start
    min_lr: float  # learning rate at the end
    restart_epochs: float  # length of the first cosine of restarts
    restart_factor: float  # each next one is longer by this
    head_init: Literal["uniform", "zero", "truncated", "narrow", "kaiming"]  # how the classifier starts
    head_norm: bool  # batch norm without affine before the classifier
    ema: float  # evaluate and save an average over the steps; the checkpoint has both
    drop_path: float  # how often residual branches are dropped: from 0 in the first block up to this
    drop_kind: Literal["path", "element"]  # whole branches of an image, or single elements
    seed: int  # of start values, order and dropout
    eval_every: int  # epochs between evaluations
    patience: int  # end after so many evaluations in a row without a better accuracy
    max_steps: int  # stop after so many
    out: Path  # folder for adapter, metrics, checkpoint
    tensorboard: Path  # folder for the curves as an event file of TensorBoard
    resume: bool  # go on with the run in `out`, with its options
    accept_changes: bool  # go on with another backbone or other images than before
    checkpoint_every: int  # steps between checkpoints
    memory_budget: Union[int, str]  # device memory to use, such as 512M
    recompute: Literal["auto", "always", "never"]  # compute activations twice instead of keeping them: less memory, a third to a half more time; auto: where nothing else fits
    keep_features: Union[int, str]  # host memory for features before the first trained tensor: computed once where images are the same each time; 0: none
    profile: bool  # tell the time of each kernel


class SearchSettings(TypedDict, total=False):
    """graft.settings("search")"""

    backbone: Path  # pretrained weights of a plain vision transformer
    heads: int  # attention heads of the backbone, where no file of it tells
    data: Path  # labelled images: a folder, a .tar or dsprites:orientation
    supernet_split: Path  # images that the supernet is trained on
    val_split: Path  # images that sub-networks are measured on
    train_split: Path  # images that the result is trained on
    test_split: Path  # images that the result is evaluated on; "": none
    image_size: int  # side of the input
    resize: Literal["squash", "crop"]  # both sides at once, or the short side, then the centre
    resize_to: int  # side after the resize, before the crop
    interpolation: Literal["bicubic", "bilinear", "bilinear-plain"]  # how images are resized
    normalization: Literal["imagenet", "half", "clip"]  # mean and deviation of the input
    exif: Literal["apply", "ignore"]  # turn images as their EXIF data says, or leave them as they lie in the file
    bad_images: Literal["fail", "skip"]  # images that cannot be read are an error, or left out once all have been tried
    max_pixels: int  # most pixels of an image file
    crop: Literal["none", "random", "random-resized"]  # in training: the centre, a random place, or a random part, resized
    crop_scale: Union[str, tuple[float, float]]  # part of the area that a random-resized crop takes
    crop_ratio: Union[str, tuple[float, float]]  # width / height of that part
    flip: bool  # flip images at random, left to right
    rand_augment: str  # random operations as timm writes them, such as rand-m9-mstd0.5-inc1
    color_jitter: Union[str, float, Sequence[float]]  # change brightness, contrast and saturation; the fourth: hue
    random_erasing: float  # fill a rectangle with noise
    mixup: float  # mix the images of a batch, by a part drawn from Beta(ALPHA, ALPHA)
    cutmix: float  # replace a rectangle by that of another image; with `augment.mixup`: either
    label_smoothing: float  # part of the target that all classes share
    no_shuffle: bool  # keep the order of the list
    drop_last: bool  # leave out the last partial batch of an epoch
    threads: int  # threads that decode images
    supernet_epochs: int  # passes over the images for the supernet
    supernet_lr: float  # its learning rate
    epochs: int  # passes over the images for the result
    lr: float  # its learning rate
    dropout: float  # in each module
    batch_size: int  # images in a step
    optimizer: Literal["adamw", "sgd"]  # how tensors are updated
    weight_decay: float  # pull towards zero
    no_decay: Path  # comma list of name parts without decay; 1d: all vectors
    momentum: float  # of sgd
    schedule: Literal["constant", "cosine", "timm-cosine", "restarts"]  # learning rate after the warm-up
    lr_step: Literal["iteration", "epoch", "late-epoch"]  # how often it changes; late: an epoch behind
    warmup_epochs: float  # epochs in which the learning rate grows
    warmup_lr: float  # learning rate at the start
    min_lr: float  # learning rate at the end
    restart_epochs: float  # length of the first cosine of restarts
    restart_factor: float  # each next one is longer by this
    head_init: Literal["uniform", "zero", "truncated", "narrow", "kaiming"]  # how the classifier starts
    head_norm: bool  # batch norm without affine before the classifier
    ema: float  # evaluate and save an average over the steps; the checkpoint has both
    drop_path: float  # how often residual branches are dropped: from 0 in the first block up to this
    drop_kind: Literal["path", "element"]  # whole branches of an image, or single elements
    seed: int  # of start values, order and dropout
    eval_every: int  # epochs between evaluations
    limit: int  # trainable parameters of the result without its head; 0: any
    widths: Union[str, Sequence[int]]  # that a module may have
    depths: Union[str, Sequence[int]]  # numbers of first blocks that may have a module, such as 3,6,9,12; 0: quarters of all
    generations: int  # of the evolution
    population: int  # sub-networks in a generation
    parents: int  # best ones that the next descend from
    mutations: int  # sub-networks of a generation that are mutations
    crossovers: int  # and those that are crossovers; the rest is drawn at random
    mutation_rate: float  # of each module, and of each of its widths
    depth_rate: float  # of the depth of a module that mutates
    out: Path  # folder of the search
    resume: bool  # go on with the search in `out`; needs the same options
    memory_budget: Union[int, str]  # device memory to use, such as 512M


class ModelSettings(TypedDict, total=False):
    """graft.settings("model")"""

    heads: int  # attention heads of the backbone, where no file of it tells
    weights: Literal["f32", "f16", "bf16", "int8"]  # frozen matrices on the device: fewer bits take less memory; arithmetic is f32
    accept_changes: bool  # take the adapter although it was trained on another backbone
    batch_size: int  # most images at once
    image_size: int  # side of the input
    resize: Literal["squash", "crop"]  # both sides at once, or the short side, then the centre
    resize_to: int  # side after the resize, before the crop
    interpolation: Literal["bicubic", "bilinear", "bilinear-plain"]  # how images are resized
    normalization: Literal["imagenet", "half", "clip"]  # mean and deviation of the input
    exif: Literal["apply", "ignore"]  # turn images as their EXIF data says, or leave them as they lie in the file
    max_pixels: int  # most pixels of an image file
    threads: int  # threads that decode images
    bad_images: Literal["fail", "skip"]  # images that cannot be read are an error, or left out once all have been tried

