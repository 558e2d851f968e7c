/* How many heads published vision transformers have: checkpoints do not tell, and a width alone
 * does not settle it (384 channels are 6 heads in a ViT-S and 12 in that of MoCo v3). */
#include "build/config.h"

#include <stddef.h>

static const struct {
    int depth, dim, hidden, heads;
} known[] = {
    {12, 192, 768, 3},    /* ViT-Ti, DeiT-Ti */
    {7, 192, 768, 3},     /* the bundled vit_mini */
    {12, 384, 1536, 6},   /* ViT-S, DeiT-S, DINO, DINOv2 */
    {12, 512, 2048, 8},   /* DeiT III-M */
    {12, 768, 3072, 12},  /* ViT-B, CLIP, .. */
    {24, 1024, 4096, 16}, /* ViT-L */
    {32, 1280, 5120, 16}, /* ViT-H */
    {40, 1408, 6144, 16}, /* ViT-g */
    {48, 1664, 8192, 16}, /* ViT-bigG */
    {27, 1152, 4304, 16}, /* So400m */
    {40, 1536, 4096, 24}, /* DINOv2 giant, gated */
};

int gr_model_known_heads(const gr_model_config *c)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (c->depth == known[i].depth && c->dim == known[i].dim && c->hidden == known[i].hidden)
            return known[i].heads;
    return 0;
}
