#include "train/augmentation.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

/* Up to `most` numbers with commas; returns how many, 0 when the text is anything else. */
static int read_numbers(const char *text, int most, double *out)
{
    for (int count = 0; count < most;) {
        char *end;
        out[count++] = strtod(text, &end);
        if (end == text || (*end && *end != ','))
            return 0;
        if (!*end)
            return count;
        text = end + 1;
    }
    return 0;
}

static graft_status read_pair(graft_log *log, const char *option, const char *text, double out[2])
{
    if (text && read_numbers(text, 2, out) == 2)
        return GRAFT_OK;
    return gr_fail(log, GRAFT_ERR_ARGUMENT, "--%s %s: expected two numbers LEAST,MOST", option,
                   text ? text : "");
}

static graft_status resolve_crop(graft_log *log, const graft_augment_params *s, gr_crop_params *out)
{
    if (!s->crop || !*s->crop || strcmp(s->crop, "none") == 0)
        return GRAFT_OK;
    if (strcmp(s->crop, "random") == 0) {
        out->kind = GR_CROP_RANDOM;
        return GRAFT_OK;
    }
    if (strcmp(s->crop, "random-resized") != 0)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "crop '%s': expected none, random or random-resized", s->crop);
    out->kind = GR_CROP_RANDOM_RESIZED;
    GR_TRY(read_pair(log, "crop-scale", s->crop_scale, out->scale));
    return read_pair(log, "crop-ratio", s->crop_ratio, out->ratio);
}

static graft_status resolve_jitter(graft_log *log, const graft_augment_params *s, gr_jitter *out)
{
    double x[4] = {0};
    if (!s->color_jitter || !*s->color_jitter)
        return GRAFT_OK;
    int count = read_numbers(s->color_jitter, 4, x);
    if (count == 1)
        x[1] = x[2] = x[0];
    else if (count < 3)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "--color-jitter %s: expected one number, or three or four with commas",
                       s->color_jitter);
    *out = (gr_jitter){x[0], x[1], x[2], x[3]};
    return GRAFT_OK;
}

/* One part of "rand-m9-mstd0.5-inc1": a key and its number. */
static bool read_part(const char *part, size_t length, gr_rand_augment *out)
{
    size_t letters = strspn(part, "abcdefghijklmnopqrstuvwxyz");
    char *end;
    double value = strtod(part + letters, &end);
    if (letters == length)
        return length == 4 && strncmp(part, "rand", 4) == 0;
    if (end != part + length)
        return false;
    if (letters == 1 && *part == 'm')
        out->magnitude = value;
    else if (letters == 4 && strncmp(part, "mstd", 4) == 0)
        out->deviation = value;
    else if (letters == 1 && *part == 'n')
        out->count = value >= 1 && value <= GR_RAND_COUNT_MAX ? (int)value : -1;
    else if (letters == 1 && *part == 'p')
        out->probability = value;
    else if (letters == 3 && strncmp(part, "inc", 3) == 0)
        out->increasing = value != 0.0;
    else
        return false;
    return true;
}

static graft_status resolve_rand(graft_log *log, const graft_augment_params *s,
                                 gr_rand_augment *out)
{
    if (!s->rand_augment || !*s->rand_augment)
        return GRAFT_OK;
    *out = (gr_rand_augment){.count = 2, .probability = 0.5, .magnitude = GR_RAND_MAGNITUDE_MAX};
    for (const char *at = s->rand_augment; *at; at += *at == '-') {
        size_t length = strcspn(at, "-");
        if (!read_part(at, length, out))
            return gr_fail(log, GRAFT_ERR_ARGUMENT,
                           "--rand-augment %s: '%.*s' is unknown; expected parts such as "
                           "rand-m9-mstd0.5-n2-p0.5-inc1",
                           s->rand_augment, (int)length, at);
        at += length;
    }
    return GRAFT_OK;
}

static graft_status resolve_mix(graft_log *log, const graft_augment_params *s, gr_mix *out)
{
    if (!(s->mixup >= 0.0 && s->mixup <= 100.0 && s->cutmix >= 0.0 && s->cutmix <= 100.0))
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "mixup %g, cutmix %g: expected 0 to 100", s->mixup,
                       s->cutmix);
    if (!(s->label_smoothing >= 0.0 && s->label_smoothing < 1.0))
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "label smoothing %g: expected 0 to less than 1",
                       s->label_smoothing);
    *out = (gr_mix){s->mixup, s->cutmix, s->label_smoothing};
    return GRAFT_OK;
}

graft_status gr_augmentation_resolve(graft_log *log, const graft_augment_params *s,
                                     gr_augment *augment, gr_mix *mix)
{
    *augment = (gr_augment){.flip = s->flip, .erase = s->random_erasing};
    GR_TRY(resolve_crop(log, s, &augment->crop));
    GR_TRY(resolve_rand(log, s, &augment->rand));
    GR_TRY(resolve_jitter(log, s, &augment->jitter));
    return resolve_mix(log, s, mix);
}
