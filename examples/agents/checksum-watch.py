"""Notices every document whose content has changed, by its checksum: changes {n}, checksum {path}, report.

What it knows is kept in the store, so that it also tells what changed while it was away.
"""

import collections
import hashlib
import time

from lib import documents
from lib.peers import PeerError, peer
from lib.service import Service, log, number_of, text_of

MAX_DOCUMENTS = 500
MAX_NOTES = 200
DOCUMENTS_A_TURN = 3

service = Service('checksums taken')
sums = {}
notes = collections.deque(maxlen=MAX_NOTES)
queue = []


def key():
    return f'{service.name}/sums'


def take(path):
    return hashlib.blake2b(documents.read(path).encode(), digest_size=8).hexdigest()


def note(path, what):
    notes.append({'path': path, 'what': what, 'time': round(time.time(), 3)})
    log(f'{path} is {what}')


@service.before_ready
def remember():
    sums.update(peer('store').call('get', {'key': key()}).get('value') or {})


@service.action
def changes(body):
    """Gives the newest n (20) changes."""
    n = number_of(body, 'n', 20, MAX_NOTES)
    return {'changes': list(notes)[-n:], 'documents': len(sums)}


@service.action
def checksum(body):
    """Gives the checksum that a document has now."""
    path = text_of(body, 'path')
    return {'path': path, 'checksum': take(path), 'known': sums.get(path)}


@service.action
def report(_body):
    """Gives the newest changes in words."""
    return {'title': f'{service.name}: {len(notes)} changes in {len(sums)} documents',
            'lines': [f'{entry["path"]} {entry["what"]}' for entry in changes({'n': 10})['changes']]}


@service.check
def check():
    if sums:
        checksum({'path': next(iter(sums))})


@service.every(3)
def work():
    """Takes the checksums of the next documents; after the last one it looks for new and gone ones."""
    global queue
    if not queue:
        queue = sorted(path for path, _, _ in documents.walk())[:MAX_DOCUMENTS]
        for path in [path for path in sums if path not in set(queue)]:
            del sums[path]
            note(path, 'gone')
        keep()
    turn, queue = queue[:DOCUMENTS_A_TURN], queue[DOCUMENTS_A_TURN:]
    for path in turn:
        value = take(path)
        if sums.get(path) != value:
            note(path, 'changed' if path in sums else 'new')
        sums[path] = value
    return max(1, len(turn))


def keep():
    try:
        peer('store').call('put', {'key': key(), 'value': sums})
    except PeerError as problem:
        log(f'the sums stay here only: {problem}')


service.run()
