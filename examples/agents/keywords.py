"""Finds what a text is about: extract {text, n}. Terms come from the tokenizer, their weights from the dictionary."""

import os

from lib.documents import Passages
from lib.peers import peer
from lib.service import Service, number_of, text_of

service = Service('passages read')
passages = Passages(os.getpid())
newest = {}


@service.action
def extract(body):
    """Gives the n (5) terms that stand out in a text, with their weights."""
    text, n = text_of(body), number_of(body, 'n', 5, 50)
    found = peer('tokenizer').call('tokenize', {'text': text})['terms']
    counts = {}
    for term in found:
        counts[term] = counts.get(term, 0) + 1
    weights = peer('dictionary').call('rarity', {'terms': list(counts)})['weights']
    best = sorted(counts, key=lambda term: -counts[term] * weights.get(term, 0))[:n]
    return {'keywords': [{'term': term, 'weight': round(counts[term] * weights.get(term, 0), 3)} for term in best]}


@service.action
def latest(_body):
    """Gives the keywords of the passage read last."""
    return {'latest': newest}


@service.check
@service.before_ready
def check():
    if not extract({'text': 'The lighthouse keeper keeps the lighthouse.'})['keywords']:
        raise ValueError('a known text has no keywords')


@service.every(5)
def work():
    path, text = passages.next()
    if path is None:
        return 1
    newest.update(path=path, keywords=extract({'text': text})['keywords'])
    return 1


service.run()
