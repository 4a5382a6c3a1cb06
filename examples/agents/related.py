"""Finds documents about the same things: related {path, n}, topics {n}. It asks for the keywords of each document."""

from lib.corpus import Corpus
from lib.peers import peer
from lib.server import BadRequest
from lib.service import Service, number_of, text_of

KEYWORDS = 12
MAX_TEXT = 6000

service = Service('documents placed')
corpus = Corpus()
placed = {}  # path -> {term: weight}


@service.action
def related(body):
    """Gives the n (5) documents that share most keywords with one."""
    path, n = text_of(body, 'path'), number_of(body, 'n', 5, 50)
    if path not in placed:
        raise BadRequest(f'{path!r} is not placed yet; {len(placed)} documents are')
    own = placed[path]
    rated = []
    for other, terms in list(placed.items()):
        shared = sorted(own.keys() & terms.keys())
        if other != path and shared:
            rated.append((len(shared) / len(own.keys() | terms.keys()), other, shared))
    return {'path': path, 'related': [{'path': other, 'likeness': round(value, 3), 'shared': shared}
                                      for value, other, shared in sorted(rated, reverse=True)[:n]]}


@service.action
def topics(body):
    """Gives the n (20) terms that stand out in most documents."""
    counts = {}
    for terms in list(placed.values()):
        for term in terms:
            counts[term] = counts.get(term, 0) + 1
    return {'topics': sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:number_of(body, 'n', 20, 200)]}


@service.check
def check():
    topics({'n': 1})


@service.before_ready
@service.every(5)
def work():
    """Places the next document."""
    path, text = corpus.next()
    for gone in [known for known in placed if known not in corpus.listed]:
        del placed[gone]
    if path is None:
        return 1
    if text.strip():
        found = peer('keywords').call('extract', {'text': text[:MAX_TEXT], 'n': KEYWORDS})['keywords']
        placed[path] = {entry['term']: entry['weight'] for entry in found}
    return 1


service.run()
