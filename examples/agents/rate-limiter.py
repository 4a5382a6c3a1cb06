"""Lets each caller do so much a second, no more (token bucket): take {key, tokens}, limits {key, perSecond, burst}."""

import threading
import time

from lib.peers import peer
from lib.server import BadRequest
from lib.service import Service, number_of, text_of

PER_SECOND, BURST = 5.0, 10.0
MAX_KEYS = 5000

service = Service('buckets refilled')
lock = threading.Lock()
buckets = {}  # key -> [tokens, seen at, per second, burst]
refused = 0


def bucket(key):
    now = time.monotonic()
    entry = buckets.get(key)
    if entry is None:
        if len(buckets) >= MAX_KEYS:
            raise BadRequest(f'{MAX_KEYS} keys are watched already', 503)
        entry = buckets[key] = [BURST, now, PER_SECOND, BURST]
    entry[0] = min(entry[3], entry[0] + (now - entry[1]) * entry[2])
    entry[1] = now
    return entry


@service.action
def take(body):
    """Takes tokens (1) from a key's bucket, or says when they will be there."""
    global refused
    key, tokens = text_of(body, 'key'), number_of(body, 'tokens', 1, 1000)
    with lock:
        entry = bucket(key)
        if entry[0] >= tokens:
            entry[0] -= tokens
            return {'allowed': True, 'left': round(entry[0], 2)}
        refused += 1
        return {'allowed': False, 'retryAfterSeconds': round((tokens - entry[0]) / entry[2], 3)}


@service.action
def limits(body):
    """Sets what a key may do: perSecond and burst."""
    key, pace, burst = text_of(body, 'key'), body.get('perSecond', PER_SECOND), body.get('burst', BURST)
    if not all(isinstance(value, (int, float)) and 0 < value <= 10_000 for value in (pace, burst)):
        raise BadRequest('perSecond and burst must be over 0 and at most 10000')
    with lock:
        bucket(key)[2:] = [pace, burst]
    return {'key': key, 'perSecond': pace, 'burst': burst}


@service.check
def check():
    take({'key': '.health'})


@service.before_ready
def ask_the_time():
    if peer('clock').call('drift')['jumps'] < 0:
        raise ValueError('a clock cannot have jumped less than never')


@service.every(3)
def sweep():
    """Refills every bucket and forgets the full ones that nobody used for a minute."""
    with lock:
        for key, entry in list(buckets.items()):
            idle = time.monotonic() - entry[1]
            if idle > 60 and entry[0] + idle * entry[2] >= entry[3]:
                del buckets[key]
    take({'key': '.sweep'})
    return max(1, len(buckets))


@service.details
def details():
    return {'keys': len(buckets), 'refused': refused}


service.run()
