"""Keeps answers for a while and lets the least used go first: put {key, value, seconds}, get {key}, sweep.

The scheduler calls sweep; the store keeps how well the cache has done.
"""

import collections
import json
import threading
import time

from lib.peers import PeerError, peer, peers
from lib.server import BadRequest
from lib.service import Service, log, number_of, text_of

MAX_ENTRIES = 1000
MAX_VALUE_BYTES = 16 * 1024

service = Service('entries swept over')
lock = threading.Lock()
entries = collections.OrderedDict()  # key -> (value, ends at)
tally = {'hits': 0, 'misses': 0}


@service.action
def put(body):
    """Keeps a value for some seconds (60)."""
    key, seconds = text_of(body, 'key'), number_of(body, 'seconds', 60, 86400)
    if len(json.dumps(body.get('value'))) > MAX_VALUE_BYTES:
        raise BadRequest(f'a value may have {MAX_VALUE_BYTES} bytes')
    with lock:
        entries[key] = (body.get('value'), time.monotonic() + seconds)
        entries.move_to_end(key)
        while len(entries) > MAX_ENTRIES:
            entries.popitem(last=False)
    return {'key': key, 'seconds': seconds}


@service.action
def get(body):
    """Gives a value that is still good."""
    key = text_of(body, 'key')
    with lock:
        value, ends = entries.get(key, (None, 0.0))
        hit = ends > time.monotonic()
        tally['hits' if hit else 'misses'] += 1
        if hit:
            entries.move_to_end(key)
    return {'key': key, 'hit': hit, 'value': value if hit else None}


@service.action
def sweep(_body):
    """Drops what is no longer good."""
    now = time.monotonic()
    with lock:
        stale = [key for key, (_, ends) in entries.items() if ends <= now]
        for key in stale:
            del entries[key]
        return {'dropped': len(stale), 'kept': len(entries)}


@service.check
def check():
    put({'key': '.health', 'value': 1, 'seconds': 5})
    if not get({'key': '.health'})['hit']:
        raise ValueError('what was just put is not there')


@service.before_ready
def agree():
    tally.update(peer('store').call('get', {'key': f'{service.name}/tally'}).get('value') or {})
    for scheduler in peers('scheduler'):
        scheduler.call('schedule', {'name': service.name, 'address': f'127.0.0.1:{service.port}', 'action': 'sweep',
                                    'everySeconds': 30})


@service.every(5)
def work():
    kept = sweep({})['kept']
    try:
        peer('store').call('put', {'key': f'{service.name}/tally', 'value': tally})
    except PeerError as problem:
        log(f'the tally stays here only: {problem}')
    return max(1, kept)


@service.details
def details():
    return {'entries': len(entries), **tally}


service.run()
