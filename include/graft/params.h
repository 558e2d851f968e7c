/* What training, evaluation and search are told alike: enumerations, and how images become input.
 *
 * Enumerators keep their values, and tables of settings (settings.h) name them in their order.
 * Where an enumeration begins with .._DEFAULT, 0 leaves the choice to what the model was trained
 * with.
 */
#ifndef GRAFT_PARAMS_H
#define GRAFT_PARAMS_H

#include <graft/export.h>
#include <stdbool.h>
#include <stdint.h>

/* ---- Small structs ----------------------------------------------------------------------------
 */

typedef struct graft_range {
    double min, max;
} graft_range;

enum { GRAFT_INT_LIST_MAX = 48 };

/* Whole numbers, such as one for each block. */
typedef struct graft_int_list {
    int count;
    int at[GRAFT_INT_LIST_MAX];
} graft_int_list;

/* The owner of a struct with such a field owns array and texts. */
typedef struct graft_text_list {
    const char *const *items;
    int count;
} graft_text_list;

/* ---- Files that are written -------------------------------------------------------------------
 */

/* Numbers of a model: halves round to the nearest. */
typedef enum graft_number_type {
    GRAFT_NUMBER_F32,
    GRAFT_NUMBER_F16, /* a value beyond its range is GRAFT_ERR_NUMERIC */
    GRAFT_NUMBER_BF16,
} graft_number_type;

/* Whose names tensors have. */
typedef enum graft_tensor_names {
    GRAFT_TENSOR_NAMES_AS_READ, /* the backbone's, or timm's where that cannot be */
    GRAFT_TENSOR_NAMES_TIMM,
    GRAFT_TENSOR_NAMES_TRANSFORMERS,
} graft_tensor_names;

/* ---- Input: how images become network input ---------------------------------------------------
 */

typedef enum graft_interpolation {
    GRAFT_INTERPOLATION_DEFAULT,
    GRAFT_INTERPOLATION_BICUBIC,        /* Keys' cubic, a = -0.5, antialiased as Pillow's */
    GRAFT_INTERPOLATION_BILINEAR,       /* antialiased */
    GRAFT_INTERPOLATION_BILINEAR_PLAIN, /* between the nearest pixels: tf.image.resize */
} graft_interpolation;

typedef enum graft_resize {
    GRAFT_RESIZE_DEFAULT,
    GRAFT_RESIZE_SQUASH, /* both sides at once, whatever the aspect */
    GRAFT_RESIZE_CROP,   /* the short side; a square is cut out of the longer one */
} graft_resize;

/* Mean and deviation of each channel. */
typedef enum graft_normalization {
    GRAFT_NORMALIZATION_DEFAULT,
    GRAFT_NORMALIZATION_IMAGENET,
    GRAFT_NORMALIZATION_HALF, /* 0.5 and 0.5: -1 to 1 */
    GRAFT_NORMALIZATION_CLIP, /* CLIP's own */
} graft_normalization;

typedef enum graft_exif {
    GRAFT_EXIF_DEFAULT,
    GRAFT_EXIF_APPLY,  /* images are turned as their EXIF data says */
    GRAFT_EXIF_IGNORE, /* they stay as they lie in the file */
} graft_exif;

/* What becomes of images that cannot be read. */
typedef enum graft_bad_images {
    GRAFT_BAD_IMAGES_FAIL, /* an error; of all files the first bytes are looked at before training
                            */
    GRAFT_BAD_IMAGES_SKIP, /* left out with a warning, once all have been decoded before training */
} graft_bad_images;

typedef struct graft_input_params {
    int image_size; /* pixels, square; 0: as the backbone was trained */
    int resize_to;  /* pixels, before the crop to image_size; 0: image_size */
    graft_interpolation interpolation;
    graft_resize resize;
    graft_normalization normalization;
    int threads; /* decoding threads; 0: as many as fit the machine */
    graft_exif exif;
    graft_bad_images bad_images;
    uint64_t max_pixels; /* of an image file; 0: 2^22, and 2^8 for each byte of it, to 2^27 */
} graft_input_params;

/* ---- Augmentation: what training does to images at random -------------------------------------
 */

typedef enum graft_crop {
    GRAFT_CROP_NONE,           /* the centre of the resized image */
    GRAFT_CROP_RANDOM,         /* a random place of it */
    GRAFT_CROP_RANDOM_RESIZED, /* a random part of the image, resized (Szegedy et al., "Going deeper
                                * with convolutions", 2014, section 6) */
} graft_crop;

/* RandAugment (Cubuk et al., arXiv 1909.13719), with operations and magnitudes of timm's. */
typedef struct graft_rand_augment {
    int count;          /* operations drawn for each image, up to 16; 0: off */
    double probability; /* of each of them to be done */
    double magnitude;   /* 0 to 10 */
    double deviation;   /* of the magnitude, normal, cut to 0 .. 10 */
    bool increasing; /* all operations change more with the magnitude; else posterize and solarize
                      * change less, and factors go from 0.1 to 1.9 */
} graft_rand_augment;

/* As torchvision's ColorJitter. */
typedef struct graft_color_jitter {
    double brightness, contrast, saturation; /* factors from max(0, 1 - x) to 1 + x; 0: off */
    double hue;                              /* from -x to x of the circle, [0, 0.5]; 0: off */
} graft_color_jitter;

typedef struct graft_augment_params {
    graft_crop crop;
    graft_range crop_scale; /* RANDOM_RESIZED: part of the area, in (0, 1] */
    graft_range crop_ratio; /* and its width / height, uniform in the logarithm, 0.01 to 100 */
    bool flip;              /* horizontally, with probability 1/2 */
    graft_rand_augment rand_augment;
    graft_color_jitter color_jitter;
    double random_erasing;  /* probability of a rectangle of noise */
    double mixup, cutmix;   /* alpha of the mixing of a batch's images; 0: off */
    double label_smoothing; /* part of the target that all classes share, [0, 1) */
} graft_augment_params;

/* ---- Updates ----------------------------------------------------------------------------------
 */

typedef enum graft_optimizer {
    GRAFT_OPTIMIZER_ADAMW, /* Loshchilov and Hutter, arXiv 1711.05101 */
    GRAFT_OPTIMIZER_SGD,   /* with momentum; weight decay is added to the gradient, as in torch */
} graft_optimizer;

/* The learning rate over the epochs, after a linear warm-up. */
typedef enum graft_schedule {
    GRAFT_SCHEDULE_CONSTANT,    /* lr */
    GRAFT_SCHEDULE_COSINE,      /* half a cosine from lr to min_lr, from the warm-up's end on */
    GRAFT_SCHEDULE_TIMM_COSINE, /* the same from epoch 0 on; the warm-up hides its beginning, so
                                 * that the rate falls short of lr */
    GRAFT_SCHEDULE_RESTARTS,    /* cosines from lr to min_lr, the first `restart_epochs` long, each
                                 * next one `restart_factor` times the one before (Loshchilov and
                                 * Hutter, arXiv 1608.03983) */
} graft_schedule;

/* How often the learning rate is read off its schedule. */
typedef enum graft_lr_step {
    GRAFT_LR_STEP_ITERATION,
    GRAFT_LR_STEP_EPOCH,      /* epoch e is trained with the schedule's value at e */
    GRAFT_LR_STEP_LATE_EPOCH, /* epoch e >= 1 with its value at e - 1: it is read after each epoch
                               */
} graft_lr_step;

/* ---- The network ------------------------------------------------------------------------------
 */

/* What the head sees of a ViT. */
typedef enum graft_pool {
    GRAFT_POOL_DEFAULT, /* as the backbone tells */
    GRAFT_POOL_CLS,     /* the class token */
    GRAFT_POOL_AVG,     /* the mean of the patches */
    GRAFT_POOL_TOKENS,  /* every token, normed, the class token first: features of a graft_model
                           alone */
} graft_pool;

/* How frozen matrices lie in device memory; arithmetic is f32 all the same. */
typedef enum graft_weights {
    GRAFT_WEIGHTS_F32,
    GRAFT_WEIGHTS_F16,  /* IEEE half */
    GRAFT_WEIGHTS_BF16, /* bfloat16 */
    GRAFT_WEIGHTS_INT8, /* signed bytes, and a scale for each output channel */
} graft_weights;

/* Whether training computes the activations of a block twice instead of keeping them for the
 * gradients: less memory, for a third to a half more time. */
typedef enum graft_recompute {
    GRAFT_RECOMPUTE_AUTO, /* where nothing else fits the memory: one image at a time, or the whole
                           * batch that `head_norm` needs */
    GRAFT_RECOMPUTE_ALWAYS,
    GRAFT_RECOMPUTE_NEVER,
} graft_recompute;

/* How the head's weight [C, D] and bias [C] start. */
typedef enum graft_head_init {
    GRAFT_HEAD_INIT_UNIFORM,   /* both uniform in +-1/sqrt(D): torch's Linear; Convpass */
    GRAFT_HEAD_INIT_ZERO,      /* RLRR */
    GRAFT_HEAD_INIT_TRUNCATED, /* truncated normal of deviation 0.02, bias 0: timm; SSF */
    GRAFT_HEAD_INIT_NARROW,    /* truncated normal of deviation 0.01, bias uniform: AdaptFormer */
    GRAFT_HEAD_INIT_KAIMING,   /* normal of deviation sqrt(2/C), bias -ln 99: VPT, FreqFit */
} graft_head_init;

/* What drop_path drops of a residual branch. */
typedef enum graft_drop_kind {
    GRAFT_DROP_PATH,    /* the whole branch of an image */
    GRAFT_DROP_ELEMENT, /* single elements */
} graft_drop_kind;

#endif
