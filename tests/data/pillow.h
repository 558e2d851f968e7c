/* Runs pillow.py with any Python that has Pillow. */
#ifndef TESTS_DATA_PILLOW_H
#define TESTS_DATA_PILLOW_H

#include "python.h"

/* Writes into the fixture's folder. Without Pillow the test is skipped, and says so. */
static inline void run_pillow(fixture *f, const char *what)
{
    run_python(f, "data/pillow.py", what, "Pillow (python3-pil)");
}

#endif
