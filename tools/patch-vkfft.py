#!/usr/bin/env python3
"""Writes a copy of the installed vkFFT.h that works as C11 with this machine's glslang.

usage: patch-vkfft.py [--output FILE] [--include DIR]... COMPILER...

COMPILER is the C compiler's command, which is asked where the header is. Without --output only
checks that every edit fits. Each edit says what is wrong and how often it must be found: another
version of VkFFT, for which the edits were not made, is refused.
"""
import argparse
import pathlib
import re
import subprocess
import sys

# (what is wrong, times, text, replacement)
EDITS = [
    ('an empty initialiser of a handle is not C11', 3,
     'VkCommandBuffer commandBuffer = {};',
     'VkCommandBuffer commandBuffer = VK_NULL_HANDLE;'),
    ('glslang has more limits by now than the list that is given by position', 2,
     '&default_resource,',
     'glslang_default_resource(),'),
    ('the declaration of that function is missing', 1,
     '#include <glslang/Include/glslang_c_interface.h>',
     '#include <glslang/Include/glslang_c_interface.h>\n'
     '#include <glslang/Public/resource_limits_c.h>'),
    ('descriptors cannot begin inside of a buffer: a place for the offset', 1,
     '\tVkDeviceMemory tempBufferDeviceMemory;//Filled at app creation\n',
     '\tVkDeviceMemory tempBufferDeviceMemory;//Filled at app creation\n'
     '\tVkDeviceSize bindingOffset;\n'),
    ('descriptors cannot begin inside of a buffer: use of the offset', 2,
     '\t\t\t\t\tvkUpdateDescriptorSets(app->configuration.device[0], 1, &writeDescriptorSet, 0, 0);',
     '\t\t\t\t\tif (app->configuration.buffer && descriptorBufferInfo.buffer == '
     'app->configuration.buffer[0])\n'
     '\t\t\t\t\t\tdescriptorBufferInfo.offset += app->configuration.bindingOffset;\n'
     '\t\t\t\t\tvkUpdateDescriptorSets(app->configuration.device[0], 1, &writeDescriptorSet, 0, 0);'),
]


def find_header(compiler, includes):
    """Asks the compiler for the files that vkFFT.h draws in, and picks itself."""
    options = ['-DVKFFT_BACKEND=0', '-M', '-x', 'c', '-'] + ['-I' + i for i in includes]
    run = subprocess.run(compiler + options, input='#include <vkFFT.h>\n', text=True,
                         capture_output=True)
    for name in re.split(r'[\s\\]+', run.stdout):
        if pathlib.Path(name).name == 'vkFFT.h':
            return pathlib.Path(name)
    sys.exit('vkFFT.h: the compiler cannot include it: ' + run.stderr.strip().split('\n')[0])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--output')
    parser.add_argument('--include', action='append', default=[])
    parser.add_argument('compiler', nargs='+')
    args = parser.parse_args()
    header = find_header(args.compiler, args.include)
    text = header.read_text()
    for what, times, old, new in EDITS:
        found = text.count(old)
        if found != times:
            sys.exit(f'{header}: {what}: expected {times} places to edit, found {found}')
        text = text.replace(old, new)
    if args.output:
        pathlib.Path(args.output).write_text(text)


main()
