"""Keeps messages until who they are for has taken them: send {to, text}, receive {to, n}, done {to, upTo}, boxes."""

import threading
import time

from lib.introduce import introduce
from lib.peers import PeerError, peer
from lib.server import BadRequest
from lib.service import Service, log, number_of, text_of

MAX_BOXES, MAX_MESSAGES = 100, 100

service = Service('boxes kept')
lock = threading.Lock()
boxes = {}  # who -> {next, messages}
changed = set()


def key(to):
    return f'{service.name}/{to}'


@service.action
def send(body):
    """Leaves a message; it is in the store before this answers."""
    to, text = text_of(body, 'to'), text_of(body)[:200]
    with lock:
        if to not in boxes and len(boxes) >= MAX_BOXES:
            raise BadRequest(f'{MAX_BOXES} boxes are in use', 503)
        box = boxes.setdefault(to, {'next': 1, 'messages': []})
        if len(box['messages']) >= MAX_MESSAGES:
            raise BadRequest(f'{to} has {MAX_MESSAGES} messages waiting', 503)
        message = {'number': box['next'], 'text': text, 'time': round(time.time(), 3)}
        after = {'next': box['next'] + 1, 'messages': [*box['messages'], message]}
        peer('store').call('put', {'key': key(to), 'value': after})
        boxes[to] = after
    return {'to': to, 'number': message['number']}


@service.action
def receive(body):
    """Gives the oldest n (10) messages; they stay until done."""
    n = number_of(body, 'n', 10, MAX_MESSAGES)
    return {'messages': boxes.get(text_of(body, 'to'), {'messages': []})['messages'][:n]}


@service.action
def done(body):
    """Drops a box's messages up to a number."""
    to, up_to = text_of(body, 'to'), body.get('upTo')
    if not isinstance(up_to, int):
        raise BadRequest('upTo must be the number of a message')
    with lock:
        if to not in boxes:
            return {'to': to, 'waiting': 0}
        box = boxes[to]
        box['messages'] = [message for message in box['messages'] if message['number'] > up_to]
        changed.add(to)
        return {'to': to, 'waiting': len(box['messages'])}


@service.action
def boxes_(_body):
    """Counts the messages that wait, by box."""
    return {'boxes': {to: len(box['messages']) for to, box in sorted(boxes.items())}}


@service.check
def check():
    receive({'to': '.health', 'n': 1})


@service.before_ready
def remember():
    store = peer('store')
    for found in store.call('keys', {'prefix': f'{service.name}/'})['keys'][:MAX_BOXES]:
        boxes[found.partition('/')[2]] = store.call('get', {'key': found})['value']


@service.every(4)
def work():
    """Leaves itself a note, takes it, and writes down which boxes were emptied."""
    note = send({'to': service.name, 'text': 'still here'})
    done({'to': service.name, 'upTo': note['number']})
    with lock:
        pending = list(changed)
    for to in pending:
        try:
            peer('store').call('put', {'key': key(to), 'value': boxes[to]})
            changed.discard(to)
        except PeerError as problem:
            log(f'{to} is not written down yet: {problem}')
    return len(boxes)


introduce(service)
service.run()
