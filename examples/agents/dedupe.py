"""Finds passages that stand in more than one document, by shingles (Broder, 1997): pairs {n}, compare {a, b}, report."""

import zlib

from lib.corpus import Corpus
from lib.service import Service, number_of, text_of
from lib.words import words

SHINGLE_WORDS = 8
KEEP_ONE_IN = 4
MAX_SHINGLES = 2000

service = Service('documents compared')
corpus = Corpus()
prints = {}  # path -> set of shingle hashes


def shingles(text):
    """A steady sample of the hashes of all runs of eight words: the same in every document."""
    found = words(text)
    hashes = (zlib.crc32(' '.join(found[place:place + SHINGLE_WORDS]).encode()) for place in range(len(found) - SHINGLE_WORDS + 1))
    return set(sorted({value for value in hashes if value % KEEP_ONE_IN == 0})[:MAX_SHINGLES])


def likeness(a, b):
    return len(a & b) / len(a | b) if a and b else 0.0


@service.action
def compare(body):
    """Says how alike two texts are, from 0 to 1."""
    return {'likeness': round(likeness(shingles(text_of(body, 'a')), shingles(text_of(body, 'b'))), 3)}


@service.action
def pairs(body):
    """Gives the n (10) pairs of documents that share most."""
    n = number_of(body, 'n', 10, 100)
    places = {}
    for path, values in list(prints.items()):
        for value in values:
            places.setdefault(value, []).append(path)
    shared = {(a, b) for paths in places.values() if 1 < len(paths) < 20 for a in paths for b in paths if a < b}
    rated = sorted(((likeness(prints[a], prints[b]), a, b) for a, b in shared if a in prints and b in prints), reverse=True)[:n]
    return {'pairs': [{'a': a, 'b': b, 'likeness': round(value, 3)} for value, a, b in rated], 'documents': len(prints)}


@service.action
def report(_body):
    """Gives the pairs in words."""
    listed = pairs({'n': 10})['pairs']
    return {'title': f'{service.name}: {len(listed)} pairs share text',
            'lines': [f'{round(100 * pair["likeness"])} % {pair["a"]} = {pair["b"]}' for pair in listed]}


@service.check
def check():
    text = 'one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen'
    if likeness(shingles(text), shingles(text)) not in (0.0, 1.0):
        raise ValueError('a text is not like itself')


@service.before_ready
@service.every(4)
def work():
    """Takes the shingles of the next document."""
    path, text = corpus.next()
    for gone in [known for known in prints if known not in corpus.listed]:
        del prints[gone]
    if path is None:
        return 1
    prints[path] = shingles(text)
    return 1


service.run()
