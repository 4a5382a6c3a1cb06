"""A small HTTP/1.1 server: JSON in, JSON out, one thread per connection.

The standard library's http.server would do the same, but importing it takes twice as long as everything
else these agents import, and a fleet starts dozens of them at once.
"""

import json
import socket
import threading
import time

MAX_HEAD_BYTES = 16 * 1024
MAX_BODY_BYTES = 1024 * 1024
MAX_CONNECTIONS = 64
IDLE_SECONDS = 15.0

REASONS = {200: 'OK', 400: 'Bad Request', 404: 'Not Found', 411: 'Length Required', 413: 'Content Too Large',
           431: 'Request Header Fields Too Large', 500: 'Internal Server Error', 503: 'Service Unavailable'}


class BadRequest(Exception):
    """What the caller sent cannot be answered; the text says why."""

    def __init__(self, text, status=400):
        super().__init__(text)
        self.status = status


def serve(host, port, answer):
    """Listens at once, answers in background threads and returns the port (a free one for port 0).

    `answer(action, body)` gets the path without its slash and a dict; it returns (status, dict).
    """
    threading.stack_size(512 * 1024)
    listener = socket.create_server((host, port), backlog=64)
    threading.Thread(target=_accept, args=(listener, answer), daemon=True).start()
    return listener.getsockname()[1]


def _accept(listener, answer):
    free = threading.Semaphore(MAX_CONNECTIONS)
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            # The caller gave up while it waited, or descriptors ran out: the next one is served again.
            time.sleep(0.05)
            continue
        if not free.acquire(blocking=False):
            _refuse(connection)
            continue
        threading.Thread(target=_talk, args=(connection, answer, free), daemon=True).start()


def _refuse(connection):
    with connection:
        connection.setblocking(False)
        try:
            connection.send(_response(503, {'error': f'{MAX_CONNECTIONS} connections are open already'}, False))
        except OSError:
            pass


def _talk(connection, answer, free):
    try:
        with connection:
            connection.settimeout(IDLE_SECONDS)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection.makefile('rb') as stream:
                while _exchange(connection, stream, answer):
                    pass
    except OSError:
        pass  # The peer left or fell silent; there is nobody to tell.
    finally:
        free.release()


def _exchange(connection, stream, answer):
    """Answers one request; says whether the connection stays open."""
    try:
        request = _read_request(stream)
    except BadRequest as problem:
        connection.sendall(_response(problem.status, {'error': str(problem)}, False))
        return False
    if request is None:
        return False
    action, body, keep = request
    status, result = answer(action, body)
    connection.sendall(_response(status, result, keep))
    return keep


def _read_request(stream):
    first = stream.readline(MAX_HEAD_BYTES)
    if not first.strip():
        return None
    try:
        method, target, version = first.decode('latin-1').split()
    except ValueError:
        raise BadRequest('not an HTTP request') from None
    headers = _read_headers(stream, MAX_HEAD_BYTES - len(first))
    body = _read_body(stream, headers) if method == 'POST' else {}
    keep = version == 'HTTP/1.1' and headers.get('connection', '').lower() != 'close'
    return target.split('?')[0].strip('/'), body, keep


def _read_headers(stream, room):
    headers = {}
    while True:
        line = stream.readline(room + 1)
        room -= len(line)
        if room < 0:
            raise BadRequest(f'headers over {MAX_HEAD_BYTES} bytes', 431)
        if line in (b'\r\n', b'\n', b''):
            return headers
        name, _, value = line.decode('latin-1').partition(':')
        headers[name.strip().lower()] = value.strip()


def _read_body(stream, headers):
    if 'transfer-encoding' in headers:
        raise BadRequest('a body needs a content-length here', 411)
    length = headers.get('content-length', '0')
    if not length.isdigit():
        raise BadRequest(f'content-length {length!r} is no number')
    if int(length) > MAX_BODY_BYTES:
        raise BadRequest(f'body over {MAX_BODY_BYTES} bytes', 413)
    raw = stream.read(int(length))
    try:
        body = json.loads(raw) if raw.strip() else {}
    except ValueError as problem:
        raise BadRequest(f'the body is no JSON: {problem}') from None
    if not isinstance(body, dict):
        raise BadRequest('the body must be a JSON object')
    return body


def _response(status, result, keep):
    body = json.dumps(result, ensure_ascii=False).encode() + b'\n'
    head = (f'HTTP/1.1 {status} {REASONS.get(status, "Status")}\r\ncontent-type: application/json; charset=utf-8\r\n'
            f'content-length: {len(body)}\r\nconnection: {"keep-alive" if keep else "close"}\r\n\r\n')
    return head.encode() + body
