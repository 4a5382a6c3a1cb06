"""Gives out named locks for a time: lock {name, holder, seconds}, unlock {name, token}, held."""

import threading
import time

from lib.peers import peer
from lib.server import BadRequest
from lib.service import Service, number_of, text_of

MAX_LOCKS = 1000

service = Service('locks watched')
guard = threading.Lock()
locks = {}  # name -> (holder, token, ends at)
granted = 0


@service.action
def lock(body):
    """Takes a lock for some seconds (30), or says who has it; tokens only ever grow."""
    global granted
    name, holder, seconds = text_of(body, 'name'), text_of(body, 'holder'), number_of(body, 'seconds', 30, 3600)
    now = time.monotonic()
    with guard:
        owner, _, ends = locks.get(name, ('', 0, 0.0))
        if ends > now and owner != holder:
            return {'granted': False, 'holder': owner, 'forSeconds': round(ends - now, 2)}
        if name not in locks and len(locks) >= MAX_LOCKS:
            raise BadRequest(f'{MAX_LOCKS} locks are held already', 503)
        granted += 1
        locks[name] = (holder, granted, now + seconds)
        return {'granted': True, 'token': granted}


@service.action
def unlock(body):
    """Gives a lock back; only its newest token does."""
    name = text_of(body, 'name')
    with guard:
        held = name in locks and locks[name][1] == body.get('token')
        if held:
            del locks[name]
    return {'released': held}


@service.action
def held(_body):
    """Lists who holds what."""
    now = time.monotonic()
    return {'locks': {name: {'holder': holder, 'forSeconds': round(ends - now, 2)}
                      for name, (holder, _, ends) in sorted(locks.items()) if ends > now}}


@service.check
def check():
    taken = lock({'name': '.health', 'holder': service.name})
    if not unlock({'name': '.health', 'token': taken.get('token')})['released']:
        raise ValueError('a lock that was just taken could not be given back')


@service.before_ready
def ask_the_time():
    peer('clock').call('now')


@service.every(3)
def work():
    """Forgets the locks whose time is over."""
    now = time.monotonic()
    with guard:
        for name in [name for name, (_, _, ends) in locks.items() if ends <= now]:
            del locks[name]
    check()
    return max(1, len(locks))


service.run()
