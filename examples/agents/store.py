"""Keeps keys and values on disk, in a file that only grows until it is worth rewriting.

put {key, value}, get {key}, delete {key}, keys {prefix}. An answered put is on the disk.
"""

import json
import os
import threading

from lib.server import BadRequest
from lib.service import Service, text_of
from lib.state import state_folder

MAX_KEYS = 10_000
MAX_VALUE_BYTES = 256 * 1024
REWRITE_BYTES = 4 * 1024 * 1024

service = Service('entries verified on disk')
path = os.path.join(state_folder(), 'store.jsonl')
lock = threading.Lock()
places = {}  # key -> (offset, length) of its newest line
turn = iter(())


def load():
    """Reads the file once; a line that a crash cut short is dropped, with what would follow it."""
    good = 0
    with open(path, 'ab+') as opened:
        opened.seek(0)
        for line in opened:
            try:
                entry = json.loads(line)
                place = (good, len(line))
            except ValueError:
                break
            good += len(line)
            remember(entry, place)
        opened.truncate(good)


def remember(entry, place):
    if 'value' in entry:
        places[entry['key']] = place
    else:
        places.pop(entry['key'], None)


def append(entry):
    line = json.dumps(entry).encode() + b'\n'
    offset = file.seek(0, os.SEEK_END)
    file.write(line)
    file.flush()
    os.fsync(file.fileno())
    remember(entry, (offset, len(line)))


def fetch(key):
    offset, length = places[key]
    return json.loads(os.pread(file.fileno(), length, offset))


def rewrite():
    """Writes only what is valid into a new file and takes that one."""
    global file
    entries = [fetch(key) for key in places]
    with open(path + '.new', 'wb') as new:
        for entry in entries:
            new.write(json.dumps(entry).encode() + b'\n')
        new.flush()
        os.fsync(new.fileno())
    os.replace(path + '.new', path)
    file.close()
    places.clear()
    load()
    file = open(path, 'ab+')


@service.action
def put(body):
    """Keeps a value under a key."""
    key = text_of(body, 'key')
    if 'value' not in body or len(json.dumps(body['value'])) > MAX_VALUE_BYTES:
        raise BadRequest(f'give value: any JSON up to {MAX_VALUE_BYTES} bytes')
    with lock:
        if key not in places and len(places) >= MAX_KEYS:
            raise BadRequest(f'{MAX_KEYS} keys are kept already')
        append({'key': key, 'value': body['value']})
        if file.tell() > REWRITE_BYTES:
            rewrite()
    return {'key': key, 'kept': True}


@service.action
def get(body):
    """Gives the value of a key; found says whether there is one."""
    key = text_of(body, 'key')
    with lock:
        return {'key': key, 'found': True, 'value': fetch(key)['value']} if key in places else {'key': key, 'found': False}


@service.action
def delete(body):
    """Forgets a key."""
    key = text_of(body, 'key')
    with lock:
        known = key in places
        if known:
            append({'key': key})
    return {'key': key, 'deleted': known}


@service.action
def keys(body):
    """Lists the keys that begin with prefix, at most 1000."""
    prefix = body.get('prefix', '')
    with lock:
        return {'keys': sorted(key for key in places if key.startswith(prefix))[:1000]}


@service.check
def check():
    put({'key': '.health', 'value': service.port})
    if get({'key': '.health'}).get('value') != service.port:
        raise ValueError('what was put did not come back')


@service.every(3)
def verify():
    """Reads the next entry back from the disk."""
    global turn
    with lock:
        key = next(turn, None)
        if key is None:
            turn = iter(list(places))
            key = next(turn, None)
        if key in places and fetch(key)['key'] != key:
            raise ValueError(f'{path} holds another entry where {key!r} should be')


@service.details
def details():
    return {'keys': len(places), 'file': path}


load()
file = open(path, 'ab+')
service.run()
