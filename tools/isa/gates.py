"""What a compiled kernel must keep to. docs/portability.md has the reasons and the figures."""

BINDINGS = 4             # storage buffers that Vulkan 1.1 promises to one shader
SHARED_BYTES = 32 << 10  # of a work-group: what desktops have at least
PHONE_BYTES = 16 << 10   # what Vulkan promises
MULTIPLIES = {'matmul', 'matmul_direct', 'matmul_tile', 'conv2d', 'conv2d_grad_w', 'dft'}

# The bits of gr_device_class that targets stand for.
CLASSES = {'desktop': 1 << 2, 'intel': 1 << 3, 'phone': 1 << 4}

# Rows of products for a class of devices: the least share of multiply-adds in their main loop, and
# the most bytes of shared memory for each, on targets of the class.
PRODUCTS = {('tile8x8', 'desktop'): (0.85, 1.0), ('tile8x8large', 'desktop'): (0.85, 1.0),
            ('tile4x8', 'intel'): (0.75, 1.5)}


def concerns(target, line):
    """Whether devices of the target's class may get the pipeline."""
    return not line['classes'] or line['classes'] & CLASSES[target.device_class]


def product_faults(target, line, loop):
    gate = PRODUCTS.get((line['row'], target.device_class))
    if not gate:
        return
    share, shared_bytes = gate
    if loop.get('fma_share', 0) < share:
        yield (f"{100 * loop.get('fma_share', 0):.0f} % multiply-adds in the main loop, "
               f"{100 * share:.0f} % wanted")
    if loop.get('shared_bytes_per_fma', 0) > shared_bytes:
        yield (f"{loop['shared_bytes_per_fma']:.2f} bytes of shared memory for a multiply-add, "
               f"at most {shared_bytes:.2f} wanted")


def faults(target, line, facts):
    """The gates that a pipeline breaks, one line each."""
    if 'error' in facts:
        return [f"does not compile: {facts['error']}"]
    if not concerns(target, line):
        return []
    found = []
    if facts['spills'] or facts['scratch_bytes']:
        found.append(f"{facts['spills']} spills, {facts['scratch_bytes']} bytes of scratch memory")
    most = PHONE_BYTES if line['classes'] & CLASSES['phone'] else SHARED_BYTES
    if facts['shared_bytes'] > most:
        found.append(f"{facts['shared_bytes']} bytes of shared memory, at most {most} wanted")
    if line['bindings'] > BINDINGS:
        found.append(f"{line['bindings']} storage buffers, Vulkan promises {BINDINGS}")
    if line['kernel'] in MULTIPLIES and not facts['loop'].get('fma'):
        found.append('no loop with multiply-adds: is the kernel empty?')
    return found + list(product_faults(target, line, facts['loop']))
