"""A model of a training step on a GPU: each command takes the longest of what its multiply-adds,
its bytes and its longest chain of dependent tiles take, and something to be started.

The rate of a matrix product is that of its main loop in the machine code for the device:
multiply-adds against the instructions beside them, and against the bytes from shared memory. Two
factors stand for what no listing shows (stalls, barriers, clocks): ISSUE and SHARED were fitted to
cycle-level simulations of two kernels on two kinds of NVIDIA's units (four points, within 6 %).
"""
import math

ISSUE, SHARED = 0.95, 0.65


class Device:
    def __init__(self, name, device_class, targets, tflops, units, shared_per_fma, gbytes,
                 usable=0.85, command_us=3.0, tile_us=2.5):
        """shared_per_fma: bytes that shared memory delivers in the time of a multiply-add on all
        lanes of a unit; tile_us: a tile of k alone on a unit, from load to sum."""
        self.name, self.device_class, self.targets = name, device_class, targets
        self.peak = tflops * 1e12 / 2  # multiply-adds
        self.units, self.shared_per_fma = units, shared_per_fma
        self.bandwidth = gbytes * 1e9 * usable
        self.command_s, self.tile_s = command_us * 1e-6, tile_us * 1e-6

    def share(self, loop):
        """Of the peak, in the main loop of a product."""
        share = ISSUE * loop['fma_share']
        if loop['shared_bytes_per_fma']:
            share = min(share, SHARED * self.shared_per_fma / loop['shared_bytes_per_fma'])
        return share


# Peaks and bandwidths as the vendors state them. No Adreno here: nothing lists its code.
DEVICES = [
    Device('RTX 3060', 'desktop', ['nvptx-sm_86'], 12.7, 28, 1.0, 360, command_us=3, tile_us=2.3),
    Device('H200', 'desktop', ['nvptx-sm_86'], 67, 132, 1.0, 4800, 0.80, 3, 2.5),
    Device('RX 6600', 'desktop', ['radv-navi21', 'clang-gfx1030'], 8.9, 28, 2.0, 224,
           command_us=5, tile_us=2.6),
    Device('Arc A380', 'intel', ['ocloc-dg2'], 4.4, 8, 1.0, 186, 0.80, 10, 3.5),
]


def is_product(command):
    return command.get('kernel', '').startswith('matmul') and command['work'] > 0


def bytes_of(command):
    """What is moved. Operands of products may be views of larger values: by their sizes."""
    if not is_product(command):
        return sum(command['sizes'])
    m, n, k = command['params'][:3]
    batch = max(1, round(command['work'] / (m * n * k)))
    return 4 * batch * (m * k + k * n + m * n)


def tile_of(command):
    t = command['tunables']
    return t.get('TILE_M', 32), t.get('TILE_N', 32), t.get('TILE_K', 16)


def seconds_of(device, command, loops):
    memory = bytes_of(command) / device.bandwidth
    if not is_product(command):
        return memory, memory
    m, n, k = command['params'][:3]
    tile_m, tile_n, tile_k = tile_of(command)
    padded = (math.ceil(m / tile_m) * tile_m * math.ceil(n / tile_n) * tile_n *
              math.ceil(k / tile_k) * tile_k) / (m * n * k)
    compute = command['work'] * padded / (device.peak * device.share(loops[command['pipeline']]))
    groups = math.prod(command['grid'])
    chain = math.ceil(k / tile_k) * device.tile_s if groups < 4 * device.units else 0.0
    return max(compute, memory, chain), compute


def kind_of(command):
    if not is_product(command):
        return 'other'
    m, n, k = command['params'][:3]
    if min(m, n, k) <= 32:
        return 'narrow'
    return 'attention' if command['work'] > 1.5 * m * n * k else 'large'


def predict(device, commands, loops):
    """{kind: seconds} of a step: 'large', 'attention', 'narrow', 'other', 'start'."""
    total = {'large': 0.0, 'attention': 0.0, 'narrow': 0.0, 'other': 0.0,
             'start': device.command_s * len(commands)}
    for command in commands:
        total[kind_of(command)] += seconds_of(device, command, loops)[0]
    return total
