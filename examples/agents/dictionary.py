"""Knows every word of the documents: in how many of them it stands.

known {words}, complete {prefix, n}, rarity {terms}. It reads the folder a few documents at a time.
"""

import bisect
import math

from lib import documents
from lib.introduce import introduce
from lib.server import BadRequest
from lib.service import Service, number_of, text_of
from lib.words import stem, words

MAX_WORDS = 50_000
DOCUMENTS_A_TURN = 4

service = Service('documents read')
counts = {}      # word -> documents that hold it
alphabet = []    # the same words in order, as far as somebody asked
pending, read_once, rounds = [], {}, 0


def list_of(body, field):
    value = body.get(field)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadRequest(f'give {field}: a list of words')
    return value[:5000]


@service.action
def known(body):
    """Says of each word in how many documents it stands."""
    return {'known': {word: counts.get(word.lower(), 0) for word in list_of(body, 'words')}, 'documents': len(read_once)}


@service.action
def complete(body):
    """Gives up to n (10) words that begin with prefix, the most frequent first."""
    prefix, n = text_of(body, 'prefix').lower(), number_of(body, 'n', 10, 100)
    if len(alphabet) < len(counts):
        alphabet[:] = sorted(counts)
    start = bisect.bisect_left(alphabet, prefix)
    end = bisect.bisect_left(alphabet, prefix + '\uffff')
    return {'words': sorted(alphabet[start:end], key=lambda word: -counts.get(word, 0))[:n]}


@service.action
def rarity(body):
    """Weighs each term: the fewer documents hold it, the more it says."""
    total = len(read_once) + 1
    return {'weights': {term: round(math.log(total / (1 + counts.get(term, 0))) + 1, 3) for term in list_of(body, 'terms')}}


@service.check
def check():
    rarity({'terms': ['word']})
    known({'words': ['word']})


@service.every(3)
def read_on():
    """Reads the next documents; when all are read, the ones that have changed, else one more of the known."""
    global pending, rounds
    if not pending:
        listed = {path: mtime for path, mtime, _ in documents.walk()}
        fresh = [path for path, mtime in listed.items() if read_once.get(path) != mtime]
        if not fresh and listed:
            rounds += 1
            fresh = [list(listed)[rounds % len(listed)]]
        pending = [(path, listed[path]) for path in fresh]
    turn, pending = pending[:DOCUMENTS_A_TURN], pending[DOCUMENTS_A_TURN:]
    for path, mtime in turn:
        learn(path, is_new=path not in read_once)
        read_once[path] = mtime
    return max(1, len(turn))


def learn(path, is_new):
    """Adds the words of a document; one that was read before adds only words that nobody had."""
    for word in {form for word in words(documents.read(path)) for form in (word, stem(word))}:
        if word in counts:
            counts[word] += is_new
        elif len(counts) < MAX_WORDS:
            counts[word] = 1


@service.details
def details():
    return {'documents': len(read_once), 'words': len(counts)}


introduce(service)
service.run()
