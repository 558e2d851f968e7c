/* How many heads published vision transformers have: checkpoints do not tell, and a width alone
 * does not settle it (384 channels are 6 heads in a ViT-S and 12 in that of MoCo v3). */
#include "build/config.h"

#include <stddef.h>

static const struct {
    int depth, dim, hidden, heads;
    bool gated;
} known[] = {
    {12, 192, 768, 3, false},    /* ViT-Ti, DeiT-Ti */
    {7, 192, 768, 3, false},     /* the bundled vit_mini */
    {12, 384, 1536, 6, false},   /* ViT-S, DeiT-S, DINO, DINOv2, DINOv3 */
    {12, 512, 2048, 8, false},   /* DeiT III-M */
    {12, 768, 3072, 12, false},  /* ViT-B, CLIP, BEiT, .. */
    {24, 1024, 4096, 16, false}, /* ViT-L */
    {32, 1280, 5120, 16, false}, /* ViT-H */
    {40, 1408, 6144, 16, false}, /* ViT-g, EVA */
    {48, 1664, 8192, 16, false}, /* ViT-bigG */
    {27, 1152, 4304, 16, false}, /* So400m */
    {40, 1536, 4096, 24, true},  /* DINOv2 giant */
    {12, 384, 1536, 6, true},    /* DINOv3 S+ */
    {32, 1280, 5120, 20, true},  /* DINOv3 H+ */
    {40, 4096, 8192, 32, true},  /* DINOv3 7B */
    {12, 192, 512, 3, true},     /* EVA02-Ti .. */
    {12, 384, 1024, 6, true},    /* S */
    {12, 768, 2048, 12, true},   /* B */
    {24, 1024, 2730, 16, true},  /* L */
};

int gr_model_known_heads(const gr_model_config *c)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (c->depth == known[i].depth && c->dim == known[i].dim && c->hidden == known[i].hidden &&
            c->swiglu == known[i].gated)
            return known[i].heads;
    return 0;
}
