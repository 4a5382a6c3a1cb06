"""Numbers what happens in the lab and keeps the newest of it on disk.

append {source, text}, tail {n}. The head number outlives this agent's folder: it is kept in the store too.
"""

import json
import os
import threading
import time

from lib.peers import peer
from lib.service import Service, number_of, text_of
from lib.state import state_folder

MAX_LINES = 2000
MAX_FILE_BYTES = 1024 * 1024

service = Service('events checked')
path = os.path.join(state_folder(), 'events.jsonl')
lock = threading.Lock()
events = []
head = 0


def load():
    """Takes up what an earlier run wrote; a line cut short by a crash ends it."""
    with open(path, 'ab+') as opened:
        opened.seek(0)
        for line in opened:
            try:
                events.append(json.loads(line))
            except ValueError:
                break
    del events[:-MAX_LINES]


@service.before_ready
def agree():
    """Goes on behind the higher of both numbers, that of the file and that of the store."""
    global head
    known = peer('store').call('get', {'key': 'event-log/head'}).get('value', 0)
    head = max(known, events[-1]['number'] if events else 0)
    append({'source': service.name, 'text': 'the log goes on'})
    tell_store()


def tell_store():
    peer('store').call('put', {'key': 'event-log/head', 'value': head})


def write(lines, mode):
    with open(path, mode) as file:
        file.write(''.join(json.dumps(event) + '\n' for event in lines))
        return file.tell()


@service.action
def append(body):
    """Notes one event and gives it its number."""
    global head
    source, text = text_of(body, 'source'), text_of(body)[:1000]
    with lock:
        head += 1
        event = {'number': head, 'time': round(time.time(), 3), 'source': source, 'text': text}
        events.append(event)
        del events[:-MAX_LINES]
        if write([event], 'a') > MAX_FILE_BYTES:
            write(events[-MAX_LINES // 2:], 'w')
    return {'number': event['number']}


@service.action
def tail(body):
    """Gives the newest n events (10), the newest last."""
    n = number_of(body, 'n', 10, 500)
    with lock:
        return {'events': events[-n:], 'head': head}


@service.check
def check():
    if tail({'n': 1})['events'][-1]['number'] != head:
        raise ValueError('the newest event does not carry the newest number')


@service.every(5)
def verify():
    """Looks whether the numbers of the newest events are without a gap, and tells the store where they stand."""
    newest = tail({'n': 100})['events']
    if any(later['number'] != earlier['number'] + 1 for earlier, later in zip(newest, newest[1:])):
        raise ValueError('a number is missing')
    tell_store()
    return len(newest)


load()
service.run()
