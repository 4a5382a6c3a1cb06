"""One part of the document index: the documents whose path hashes to SHARD of SHARDS.

search {q, limit}, documents {offset, limit}, read {path}. It follows the folder: what is new, changed or
gone shows within a few seconds, however large the folder is it spends at most 2 % of a core looking.
"""

import heapq
import math
import os
import threading
import time
import zlib

from lib import documents
from lib.introduce import introduce
from lib.server import BadRequest
from lib.service import Service, number_of, text_of
from lib.words import terms

SHARD, SHARDS = int(os.environ.get('SHARD', '0')), int(os.environ.get('SHARDS', '1'))
MAX_DOCUMENTS = 5000
LOOK_SECONDS = 3.0
LOOK_SHARE = 0.02
SNIPPET_CHARS = 200

service = Service('documents looked at')
lock = threading.Lock()
index = {}      # term -> {path: how often}
known = {}      # path -> (mtime, size, title, number of terms)
left_out = 0
look_again = 0.0


def is_mine(path):
    return zlib.crc32(path.encode()) % SHARDS == SHARD


def forget(path):
    known.pop(path, None)
    for term in [term for term, places in index.items() if places.pop(path, None) and not places]:
        del index[term]


def take(path, mtime, size):
    text = documents.read(path)
    title = documents.title_of(path, text)
    # A word of the title or the path says more than one of the text.
    found = terms(text) + 3 * terms(f'{title} {path}')
    counts = {}
    for term in found:
        counts[term] = counts.get(term, 0) + 1
    with lock:
        if path in known:
            forget(path)
        for term, count in counts.items():
            index.setdefault(term, {})[path] = count
        known[path] = (mtime, size, title, len(found))


@service.every(1)
def look():
    """Compares the folder with the index and reads what differs."""
    global look_again, left_out
    started = time.monotonic()
    if started < look_again:
        return 0
    seen, over = set(), 0
    for path, mtime, size in documents.walk(is_wanted=is_mine):
        if path not in known and len(known) >= MAX_DOCUMENTS:
            over += 1
            continue
        seen.add(path)
        if known.get(path, ())[:2] != (mtime, size):
            take(path, mtime, size)
    with lock:
        for path in [path for path in known if path not in seen]:
            forget(path)
    left_out = over
    look_again = time.monotonic() + max(LOOK_SECONDS, (time.monotonic() - started) / LOOK_SHARE)
    return max(1, len(seen))


def rank(query):
    """Scores by BM25 (Robertson and Zaragoza, 2009), with k1 = 1.2 and b = 0.75."""
    scores, total = {}, len(known)
    mean = sum(entry[3] for entry in known.values()) / max(total, 1) or 1
    for term in set(terms(query)):
        places = index.get(term, {})
        weight = math.log(1 + (total - len(places) + 0.5) / (len(places) + 0.5))
        for path, count in places.items():
            share = count * 2.2 / (count + 1.2 * (0.25 + 0.75 * known[path][3] / mean))
            scores[path] = scores.get(path, 0.0) + weight * share
    return scores


def snippet(path, query):
    """The line of the document that holds most of what is looked for."""
    wanted = set(terms(query))
    best, most = '', 0
    for line in documents.read(path).split('\n'):
        hits = len(wanted.intersection(terms(line)))
        if hits > most:
            best, most = line.strip(), hits
            if hits == len(wanted):
                break
    return best[:SNIPPET_CHARS]


@service.action
def search(body):
    """Finds documents: the best hits with score, title and the line that fits best."""
    query, limit = text_of(body, 'q'), number_of(body, 'limit', 10, 100)
    with lock:
        scores = rank(query)
        best = heapq.nlargest(limit, scores.items(), key=lambda item: item[1])
        titles = {path: known[path][2] for path, _ in best}
    hits = [{'path': path, 'title': titles[path], 'snippet': snippet(path, query), 'score': round(score, 3),
             'node': service.node, 'shard': service.name} for path, score in best]
    return {'hits': hits, 'found': len(scores), 'documents': len(known), 'node': service.node, 'shard': service.name}


@service.action
def documents_(body):
    """Lists this part's documents by path, from offset."""
    offset, limit = body.get('offset', 0), number_of(body, 'limit', 500, 1000)
    if not isinstance(offset, int) or offset < 0:
        raise BadRequest('offset must be a whole number from 0')
    with lock:
        page = sorted(known)[offset:offset + limit]
        listed = [{'path': path, 'bytes': known[path][1], 'mtimeMs': known[path][0] // 1_000_000, 'title': known[path][2]}
                  for path in page]
    return {'documents': listed, 'total': len(known), 'shard': service.name}


@service.action
def read(body):
    """Gives the text of one of this part's documents."""
    path = text_of(body, 'path')
    if path not in known:
        raise BadRequest(f'{service.name} has no document {path!r}')
    return {'path': path, 'text': documents.read(path)}


@service.check
def check():
    if known:
        title = next(iter(known.values()))[2]
        if terms(title) and not search({'q': title, 'limit': 1})['hits']:
            raise ValueError(f'a document of the index is not found by its title {title!r}')


@service.details
def details():
    return {'documents': len(known), 'terms': len(index), 'shard': f'{SHARD} of {SHARDS}', 'folder': documents.ROOT,
            'leftOut': left_out}


service.before_ready(look)
introduce(service)
service.run()
