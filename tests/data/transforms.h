/* Runs transforms.py with any Python that has torchvision and timm, and compares with what it
 * wrote. */
#ifndef TESTS_DATA_TRANSFORMS_H
#define TESTS_DATA_TRANSFORMS_H

#include "data/random.h"
#include "support.h"

/* Closes the file "draws" unless it is NULL, and runs the script, which writes the files "results"
 * and "statistics". Without torchvision or what else it needs the test is skipped, and says so. */
void run_transforms(fixture *f, const char *what, FILE *draws);

/* The key of the draw with this number. */
gr_random_key key_of(int number);

/* The next results, which are the draw's with this number, must be these; floats to within
 * `tolerance`. */
void compare_image(FILE *results, const gr_image *found, int number);
void compare_floats(FILE *results, const float *found, size_t count, float tolerance, int number);

/* Nothing is left to compare. Closes the file. */
void compare_end(FILE *file);

/* What a statistic is taken of. */
typedef struct sample {
    double sum, squares, fourths;
    int count;
} sample;
void sample_add(sample *s, double value);

/* The next statistic must have this name, and be the mean of such a sample to within 4.5 standard
 * errors of the difference: once in 150000 comparisons it is not by chance, and draws are fixed.
 * compare_moments: and the next one that of its squares. */
void compare_mean(FILE *statistics, const char *name, const sample *found);
void compare_moments(FILE *statistics, const char *name, const sample *found);

#endif
