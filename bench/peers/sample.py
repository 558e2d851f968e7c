"""The protocol of bench/sample.h for peers in Python."""
import resource
import sys
import time


def serve(once, least):
    """Answers each line of the input with "wall cpu", seconds for one call of once()."""
    print("ready", flush=True)
    for _ in sys.stdin:
        wall, cpu, count = time.perf_counter(), time.process_time(), 0
        while True:
            once()
            count += 1
            now = time.perf_counter()
            if now - wall >= least:
                break
        print("%.9f %.9f" % ((now - wall) / count, (time.process_time() - cpu) / count), flush=True)


def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
