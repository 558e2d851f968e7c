/* The options of subcommands that run a trained model. */
#ifndef CLI_MODEL_OPTIONS_H
#define CLI_MODEL_OPTIONS_H

#include "command.h"

/* Begins the options of such a subcommand. */
typedef struct cli_model_options {
    cli_common common;
    const char *device;
    graft_model_params params;
} cli_model_options;

#define CLI_MODEL_FIELD(field) offsetof(cli_model_options, field)

#define CLI_MODEL_OPTIONS                                                                          \
    {"backbone", 'b', CLI_TEXT, CLI_MODEL_FIELD(params.backbone),                                  \
     "FILE",     0,   0,        "pretrained weights: .safetensors, its folder, or JAX .npz"},      \
        {"adapter",                                                                                \
         'a',                                                                                      \
         CLI_TEXT,                                                                                 \
         CLI_MODEL_FIELD(params.adapter),                                                          \
         "FILE",                                                                                   \
         0,                                                                                        \
         0,                                                                                        \
         "made by graft train",                                                                    \
         "none, the backbone's own head"},                                                         \
        {"device",                                                                                 \
         0,                                                                                        \
         CLI_TEXT,                                                                                 \
         CLI_MODEL_FIELD(device),                                                                  \
         "BACKEND:INDEX|auto",                                                                     \
         0,                                                                                        \
         0,                                                                                        \
         "see graft devices",                                                                      \
         "$GRAFT_DEVICE, else auto"},                                                              \
        {"batch-size",          0,   CLI_INT, CLI_MODEL_FIELD(params.batch_size), "N", 0, 1048576, \
         "most images at once", "32"},                                                             \
        {"image-size", 0, CLI_INT, CLI_MODEL_FIELD(params.input.image_size),                       \
         "PIXELS",     0, 16384,   "side of the input",                                            \
         "as trained"},                                                                            \
        {"resize",      0, CLI_TEXT, CLI_MODEL_FIELD(params.input.resize),                         \
         "squash|crop", 0, 0,        "both sides at once, or the short side, then the centre",     \
         "as trained"},                                                                            \
        {"resize-to", 0, CLI_INT, CLI_MODEL_FIELD(params.input.resize_to),                         \
         "PIXELS",    0, 8192,    "side after the resize, before the crop",                        \
         "as trained"},                                                                            \
        {"interpolation",                                                                          \
         0,                                                                                        \
         CLI_TEXT,                                                                                 \
         CLI_MODEL_FIELD(params.input.interpolation),                                              \
         "bicubic|bilinear|bilinear-plain",                                                        \
         0,                                                                                        \
         0,                                                                                        \
         "how images are resized",                                                                 \
         "as trained"},                                                                            \
        {"normalization",      0, CLI_TEXT, CLI_MODEL_FIELD(params.input.normalization),           \
         "imagenet|half|clip", 0, 0,        "mean and deviation of the input",                     \
         "as trained"},                                                                            \
    {                                                                                              \
        "threads", 'j', CLI_INT, CLI_MODEL_FIELD(params.input.threads), "N", 0, 64,                \
            "threads that decode images", "as many as fit the machine"                             \
    }

/* Opens device and model; on failure both are NULL. */
graft_status cli_open_model(cli *c, const cli_model_options *options, graft_device **device,
                            graft_model **model);

#endif
