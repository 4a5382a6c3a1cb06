"""Calls to the agents that this agent depends on.

The mesh tells where they are: MESH_ADDR_<AGENT>_HTTP is `host:port` of each of them.
"""

import json
import os
import socket
import threading
import time

PREFIX, SUFFIX = 'MESH_ADDR_', '_HTTP'
MAX_ANSWER_BYTES = 4 * 1024 * 1024


class PeerError(Exception):
    """A call that brought no answer; the text is the reason."""


class Peer:
    """One agent that answers `POST /ACTION`."""

    def __init__(self, name, address):
        self.name = name
        self.host, _, port = address.rpartition(':')
        self.port = int(port)

    def call(self, action, body=None, timeout=2.0):
        """Calls an action and returns its answer, a dict; raises PeerError within `timeout` seconds."""
        ends = time.monotonic() + timeout
        try:
            status, answer = self._exchange(action, body or {}, ends)
        except TimeoutError:
            raise PeerError(f'no answer within {timeout:g} s') from None
        except OSError as problem:
            raise PeerError((problem.strerror or str(problem)).lower()) from None
        except ValueError as problem:
            raise PeerError(f'an answer that is no JSON over HTTP: {problem}') from None
        if status != 200:
            raise PeerError(f'answered {status}: {answer.get("error", answer)}')
        return answer

    def _exchange(self, action, body, ends):
        payload = json.dumps(body).encode()
        request = (f'POST /{action} HTTP/1.1\r\nhost: {self.host}:{self.port}\r\ncontent-type: application/json\r\n'
                   f'content-length: {len(payload)}\r\nconnection: close\r\n\r\n').encode() + payload
        with socket.create_connection((self.host, self.port), timeout=_left(ends)) as connection:
            connection.sendall(request)
            return _parse(_read_all(connection, ends))


def peers(word=''):
    """The agents this one depends on whose names contain `word`, by name."""
    found = []
    for key in sorted(os.environ):
        if key.startswith(PREFIX) and key.endswith(SUFFIX):
            name = key[len(PREFIX):-len(SUFFIX)].lower().replace('_', '-')
            if word in name:
                found.append(Peer(name, os.environ[key]))
    return found


def peer(word):
    """The first such agent; PeerError where there is none."""
    found = peers(word)
    if not found:
        wanted = word.upper().replace('-', '_')
        raise PeerError(f'this agent depends on no {word} ({PREFIX}...{wanted}...{SUFFIX} is not set)')
    return found[0]


def ask_all(targets, action, body=None, timeout=2.0):
    """Calls the same action of all targets at once: ([(peer, answer)], [(peer, reason)]), in `timeout` seconds."""
    answers, failures = {}, {}

    def ask(target):
        try:
            answers[target.name] = target.call(action, body, timeout)
        except PeerError as problem:
            failures[target.name] = str(problem)

    threads = [threading.Thread(target=ask, args=(target,), daemon=True) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ([(target, answers[target.name]) for target in targets if target.name in answers],
            [(target, failures.get(target.name, 'the call broke')) for target in targets if target.name not in answers])


def _left(ends):
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _read_all(connection, ends):
    chunks, size = [], 0
    while True:
        connection.settimeout(_left(ends))
        chunk = connection.recv(65536)
        if not chunk:
            return b''.join(chunks)
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise ValueError(f'over {MAX_ANSWER_BYTES} bytes')


def _parse(raw):
    head, gap, body = raw.partition(b'\r\n\r\n')
    parts = head.split(None, 2)
    if not gap or len(parts) < 2 or not parts[1].isdigit():
        raise ValueError('cut short')
    answer = json.loads(body)
    if not isinstance(answer, dict):
        raise ValueError('not an object')
    return int(parts[1]), answer
