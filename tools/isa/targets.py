"""Compilers of vendors that need no device, and what they say of a kernel.

Each target takes the pipelines that tests/isa/pipelines lists and answers with facts of each:
{'registers', 'spills', 'scratch_bytes', 'shared_bytes', 'loop': listing.main_loop()} or {'error'}.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import listing

RADV = '/usr/share/vulkan/icd.d/radeon_icd.x86_64.json'
DEVICE_LIBS = '/usr/lib/x86_64-linux-gnu/amdgcn/bitcode'
PTX_LIBRARY = '/usr/lib/clc/nvptx64--nvidiacl.bc'
# Addresses of shared memory have 32 bits, as NVIDIA's own compiler has them.
SHORT_POINTERS = ['-mllvm', '--nvptx-short-ptr', '-Xclang', '-fcuda-short-ptr',
                  '-Wno-linker-warnings']
OPTIONS = ['-cl-std=CL1.2', '-cl-mad-enable']  # as backends/opencl has them


def last_number(pattern, text):
    found = re.findall(pattern, text)
    return int(found[-1]) if found else 0


def run(command, **environment):
    done = subprocess.run(command, capture_output=True, text=True, errors='replace', check=False,
                          timeout=300, env={**os.environ, **environment})
    return done.returncode, done.stdout + done.stderr


class Radv:
    """AMD's Vulkan driver of Mesa with a family that is not there: it compiles all the same."""
    api, machine = 'vulkan', 'amd'

    def __init__(self, family, device_class):
        self.name, self.family, self.device_class = f'radv-{family}', family, device_class

    def missing(self):
        return None if os.path.exists(RADV) else 'mesa-vulkan-drivers (its AMD driver)'

    def compile(self, program, folder, wanted):
        env = {'RADV_FORCE_FAMILY': self.family, 'VK_ICD_FILENAMES': RADV,
               'MESA_SHADER_CACHE_DISABLE': '1'}
        rc, out = run([program, 'vulkan', str(folder)], **env)
        lines = [json.loads(line) for line in out.splitlines() if line.startswith('{')]
        if rc or not lines:
            raise RuntimeError(f'{self.name}: pipelines exited with {rc}: {out.strip()[-200:]}')
        return [(line, self.facts(line, folder)) for line in lines if wanted(line)]

    def facts(self, line, folder):
        if 'error' in line or 'statistics' not in line:
            return {'error': line.get('error', 'the driver tells no statistics')}
        s = line['statistics']
        text = (folder / (line['name'] + '.txt')).read_text(errors='replace')
        return {'registers': s['VGPRs'], 'spills': s['Spilled VGPRs'] + s['Spilled SGPRs'],
                'scratch_bytes': s['Scratch size'], 'shared_bytes': s['LDS size'],
                'loop': listing.main_loop(text, self.machine)}


class Offline:
    """A compiler that takes OpenCL C on the command line, pipeline by pipeline."""
    api = 'opencl'

    def compile(self, program, folder, wanted):
        rc, out = run([program, 'opencl', str(folder)])
        if rc:
            raise RuntimeError(f'{self.name}: pipelines exited with {rc}: {out.strip()[-200:]}')
        lines = [json.loads(line) for line in out.splitlines()]
        # Kernels of opencl/ are for CPUs, which have no such compiler.
        lines = [line for line in lines if line['vulkan'] and wanted(line)]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(zip(lines, pool.map(lambda line: self.facts(line, folder), lines)))

    def defines(self, line):
        return [f'-D{name}={value}u' for name, value in line['tunables'].items()]


class Amdgcn(Offline):
    """clang with AMD's device libraries, as ROCm's OpenCL compiles."""
    machine = 'amd'

    def __init__(self, gpu, device_class):
        self.name, self.gpu, self.device_class = f'clang-{gpu}', gpu, device_class

    def missing(self):
        if not shutil.which('clang-15'):
            return 'clang-15'
        return None if os.path.isdir(DEVICE_LIBS) else 'rocm-device-libs'

    def facts(self, line, folder):
        source = folder / (line['name'] + '.cl')
        result = folder / (line['name'] + '.s')
        rc, out = run(['clang-15', '-x', 'cl', *OPTIONS, '-target', 'amdgcn-amd-amdhsa',
                       f'-mcpu={self.gpu}', '-O3', '--rocm-path=/usr',
                       f'--rocm-device-lib-path={DEVICE_LIBS}', *self.defines(line), '-S',
                       str(source), '-o', str(result)])
        if rc:
            return {'error': out.strip().splitlines()[-1][:200]}
        text = result.read_text()
        return {'registers': last_number(r'; NumVgprs: (\d+)', text),
                'spills': last_number(r'\.vgpr_spill_count:\s*(\d+)', text) +
                          last_number(r'\.sgpr_spill_count:\s*(\d+)', text),
                'scratch_bytes': last_number(r'; ScratchSize: (\d+)', text),
                'shared_bytes': last_number(r'; LDSByteSize: (\d+)', text),
                'loop': listing.main_loop(text, self.machine)}


class Nvptx(Offline):
    """clang to PTX, and NVIDIA's assembler from there. The loop is counted in PTX: no tool in
    Debian lists the machine code."""
    machine, device_class = 'ptx', 'desktop'

    def __init__(self, arch):
        self.name, self.arch = f'nvptx-{arch}', arch

    def assembler(self):
        return shutil.which('ptxas') or shutil.which('ptxas', path='/usr/local/cuda/bin')

    def missing(self):
        if not shutil.which('clang-15'):
            return 'clang-15'
        if not os.path.exists(PTX_LIBRARY):
            return 'libclc-15'
        return None if self.assembler() else 'ptxas of the CUDA toolkit'

    def facts(self, line, folder):
        base = str(folder / line['name'])
        rc, out = run(['clang-15', '-x', 'cl', *OPTIONS, '-target', 'nvptx64--nvidiacl',
                       f'-march={self.arch}', '-O3', *SHORT_POINTERS, '-Xclang', '-finclude-default-header',
                       '-Xclang', '-mlink-builtin-bitcode', '-Xclang', PTX_LIBRARY,
                       *self.defines(line), '-S', base + '.cl', '-o', base + '.ptx'])
        if rc == 0:
            rc, out = run([self.assembler(), '-v', f'-arch={self.arch}', base + '.ptx', '-o',
                           base + '.cubin'])
        if rc:
            return {'error': out.strip().splitlines()[-1][:200]}
        return {'registers': last_number(r'Used (\d+) registers', out),
                'spills': last_number(r'(\d+) bytes spill stores', out),
                'scratch_bytes': last_number(r'(\d+) bytes stack frame', out),
                'shared_bytes': last_number(r'(\d+) bytes smem', out),
                'loop': listing.main_loop(pathlib.Path(base + '.ptx').read_text(), self.machine)}


class Ocloc(Offline):
    """Intel's offline compiler."""
    machine, device_class = 'intel', 'intel'

    def __init__(self, gpu):
        self.name, self.gpu = f'ocloc-{gpu}', gpu

    def missing(self):
        return None if shutil.which('ocloc') else 'ocloc (package intel-opencl-icd)'

    def facts(self, line, folder):
        made = folder / (line['name'] + '.ocloc')
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        options = ' '.join(OPTIONS + self.defines(line))
        rc, out = run(['ocloc', 'compile', '-file', str(folder / (line['name'] + '.cl')), '-device',
                       self.gpu, '-out_dir', str(made), '-options', options],
                      IGC_ShaderDumpEnable='1', IGC_DumpToCustomDir=str(made))
        listings = sorted(made.glob('*_entry_*.asm'))
        text = listings[-1].read_text(errors='replace') if listings else ''
        shutil.rmtree(made)
        if rc or not text:
            return {'error': ' '.join(out.split())[-200:] or 'no listing'}
        return {'registers': last_number(r'numGRF=(\d+)', text),
                'spills': last_number(r'//\.spill GRF ref count (\d+)', text),
                'scratch_bytes': last_number(r'//\.spill size (\d+)', text),
                'shared_bytes': 0, 'loop': listing.main_loop(text, self.machine)}


def all_targets():
    return [Radv('polaris10', 'desktop'), Radv('vega10', 'desktop'), Radv('navi21', 'desktop'),
            Radv('gfx1100', 'desktop'), Amdgcn('gfx906', 'desktop'), Amdgcn('gfx1030', 'desktop'),
            Nvptx('sm_75'), Nvptx('sm_86'), Ocloc('tgllp'), Ocloc('dg2')]
