#!/usr/bin/env python3
"""Writes the C code of graft._graft, by cffi, from the public headers: nothing is declared twice.

usage: bindings.py OUT.c INCLUDE_DIR COMPILER..

The preprocessor makes plain declarations of the headers, the C compiler holds the code that cffi
makes of these against the headers again.
"""
import pathlib
import subprocess
import sys
import tempfile

import cffi

# What the preprocessor leaves nothing of, and what the library calls in Python.
MORE = """
#define GRAFT_VERSION_MAJOR ...
#define GRAFT_VERSION_MINOR ...
#define GRAFT_VERSION_PATCH ...
#define GRAFT_MAX_RANK ...

void free(void *memory);

extern "Python" {
    void gr_py_message(void *user, graft_log_level level, const char *text);
    bool gr_py_progress(void *user, const graft_train_progress *progress);
    bool gr_py_search_progress(void *user, const graft_search_progress *progress);
    bool gr_py_step(void *user, const graft_step_result *result);
    bool gr_py_evaluated(void *user, uint64_t images);
    graft_status gr_py_next(void *user, uint64_t step, graft_batch *batch);
    void gr_py_prediction(void *user, const char *image, const int *classes,
                          const float *probabilities, int k);
}
"""


def declarations(include, compiler):
    """The public headers without macros, and without the headers of C, whose types cffi knows."""
    with tempfile.TemporaryDirectory() as empty:
        for name in ('stdbool', 'stddef', 'stdint'):
            pathlib.Path(empty, name + '.h').touch()
        return subprocess.run([*compiler, '-E', '-P', '-nostdinc', '-U__GNUC__', '-U__clang__',
                               '-I' + empty, '-I' + include, str(pathlib.Path(include, 'graft/graft.h'))],
                              check=True, stdout=subprocess.PIPE, text=True).stdout


def main():
    out, include, *compiler = sys.argv[1:]
    ffi = cffi.FFI()
    ffi.cdef(declarations(include, compiler))
    ffi.cdef(MORE)
    ffi.set_source('graft._graft', '#include <graft/graft.h>\n#include <stdlib.h>\n')
    ffi.emit_c_code(out)


main()
