"""Lists the pictures of the folder with their size, read from the files' heads: list {limit}, look {path}."""

import os
import re
import struct

from lib import documents
from lib.introduce import introduce
from lib.server import BadRequest
from lib.service import Service, number_of, text_of

ENDINGS = ('.png', '.jpg', '.jpeg', '.gif', '.svg')
HEAD_BYTES = 64 * 1024
MAX_PICTURES = 5000
DOT = bytes.fromhex('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489')

service = Service('files looked at')
pictures = {}
queue = []


def size_of(head):
    """(width, height) of a picture, or None where the head says nothing."""
    if head.startswith(b'\x89PNG\r\n\x1a\n') and len(head) >= 24:
        return struct.unpack('>II', head[16:24])
    if head[:6] in (b'GIF87a', b'GIF89a'):
        return struct.unpack('<HH', head[6:10])
    if head.startswith(b'\xff\xd8'):
        return jpeg_size(head)
    match = re.search(rb'<svg[^>]*\bviewBox="[\d.+-]+[ ,]+[\d.+-]+[ ,]+([\d.]+)[ ,]+([\d.]+)"', head)
    return (round(float(match[1])), round(float(match[2]))) if match else None


def jpeg_size(head):
    place = 2
    while place + 9 < len(head) and head[place] == 0xFF:
        if 0xC0 <= head[place + 1] <= 0xCF and head[place + 1] not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack('>HH', head[place + 5:place + 9])
            return width, height
        place += 2 + struct.unpack('>H', head[place + 2:place + 4])[0]
    return None


def describe(path):
    with open(os.path.join(documents.ROOT, path), 'rb') as file:
        head = file.read(HEAD_BYTES)
    size = size_of(head)
    return {'path': path, 'width': size[0] if size else None, 'height': size[1] if size else None}


@service.action
def look(body):
    """Gives the size of one picture."""
    path = text_of(body, 'path')
    if path not in pictures:
        raise BadRequest(f'{path!r} is none of the {len(pictures)} pictures known')
    return describe(path)


@service.action
def list_(body):
    """Gives up to limit (50) pictures."""
    return {'pictures': [pictures[path] for path in sorted(pictures)][:number_of(body, 'limit', 50, 1000)], 'total': len(pictures)}


@service.check
def check():
    if size_of(DOT) != (1, 1):
        raise ValueError('a picture of one dot is measured wrong')


@service.every(4)
def work():
    """Looks at the next pictures; between two rounds it looks which there are, and counts the documents it passed."""
    global queue
    if not queue:
        found = [path for path, _, _ in documents.walk(ENDINGS + documents.ENDINGS)]
        queue = [path for path in found if path.lower().endswith(ENDINGS)][:MAX_PICTURES]
        for gone in [known for known in pictures if known not in set(queue)]:
            del pictures[gone]
        return max(1, len(found))
    turn, queue = queue[:10], queue[10:]
    for path in turn:
        pictures[path] = describe(path)
    return max(1, len(turn))


introduce(service)
service.run()
