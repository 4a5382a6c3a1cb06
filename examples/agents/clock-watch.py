"""Tells the time and watches the clock: whether somebody set it, and how late this machine wakes its programs.

now, drift.
"""

import collections
import time

from lib.introduce import introduce
from lib.service import Service, log

JUMP_SECONDS = 0.5

service = Service('looks at the clock')
lateness = collections.deque(maxlen=300)
offset = time.time() - time.monotonic()
jumps = 0
expected = None


@service.action
def now(_body):
    """Gives wall clock, monotonic clock and the difference to when this agent started."""
    wall, steady = time.time(), time.monotonic()
    return {'time': round(wall, 3), 'monotonic': round(steady, 3), 'movedSeconds': round(wall - steady - offset, 6)}


@service.action
def drift(_body):
    """Says how often the clock was set, and how late wake-ups came."""
    late = sorted(lateness) or [0.0]
    return {'jumps': jumps, 'lateMsMedian': round(1000 * late[len(late) // 2], 2), 'lateMsWorst': round(1000 * late[-1], 2)}


@service.check
def check():
    if now({})['monotonic'] > time.monotonic() + 0.001:
        raise ValueError('the clock that never goes back did')


@service.every(2)
def look():
    """Compares both clocks, and when this turn came with when it was due."""
    global offset, jumps, expected
    steady = time.monotonic()
    if expected is not None:
        lateness.append(max(0.0, steady - expected))
    expected = steady + 2
    moved = time.time() - steady - offset
    if abs(moved) > JUMP_SECONDS:
        jumps += 1
        offset += moved
        log(f'the wall clock was set by {moved:+.3f} s')


introduce(service)
service.run()
