"""Calls others when it is time: schedule {name, address, action, everySeconds}, cancel {name}, entries.

Who wants to be called says so again now and then; an entry that failed ten times in a row is dropped.
"""

import threading
import time

from lib.introduce import introduce
from lib.peers import Peer, PeerError
from lib.server import BadRequest
from lib.service import Service, log, text_of

MAX_ENTRIES = 200
MAX_FAILURES = 10

service = Service('ticks')
lock = threading.Lock()
table = {}  # name -> {peer, action, every, due, failures, fired}


@service.action
def schedule(body):
    """Enters or renews a periodic call."""
    name, address, action, every = text_of(body, 'name'), text_of(body, 'address'), text_of(body, 'action'), body.get('everySeconds')
    if not isinstance(every, (int, float)) or not 1 <= every <= 86400:
        raise BadRequest('everySeconds must be from 1 to 86400')
    if not address.rpartition(':')[2].isdigit():
        raise BadRequest('address must be host:port')
    with lock:
        if name not in table and len(table) >= MAX_ENTRIES:
            raise BadRequest(f'{MAX_ENTRIES} entries are there already')
        entry = table.setdefault(name, {'due': time.monotonic() + every, 'fired': 0})
        entry.update(peer=Peer(name, address), action=action, every=every, failures=0)
    return {'name': name, 'inSeconds': round(entry['due'] - time.monotonic(), 1)}


@service.action
def cancel(body):
    """Drops an entry."""
    return {'canceled': table.pop(text_of(body, 'name'), None) is not None}


@service.action
def entries(_body):
    """Lists what is scheduled."""
    return {'entries': [{'name': name, 'action': entry['action'], 'everySeconds': entry['every'], 'fired': entry['fired'],
                         'failures': entry['failures']} for name, entry in sorted(table.items())]}


@service.check
def check():
    schedule({'name': '.health', 'address': f'127.0.0.1:{service.port}', 'action': 'ping', 'everySeconds': 86400})
    cancel({'name': '.health'})


@service.every(1)
def tick():
    """Calls whoever is due."""
    now = time.monotonic()
    for name, entry in list(table.items()):
        if entry['due'] > now:
            continue
        entry['due'] = now + entry['every']
        try:
            entry['peer'].call(entry['action'], {'from': service.name}, 1.0)
            entry['fired'] += 1
            entry['failures'] = 0
        except PeerError as problem:
            entry['failures'] += 1
            if entry['failures'] >= MAX_FAILURES:
                table.pop(name, None)
                log(f'{name} is dropped: {problem}')


introduce(service)
service.run()
