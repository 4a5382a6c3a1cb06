"""Knows how old the documents are: newest {n}, oldest {n}, ages."""

import time

from lib.corpus import Corpus
from lib.service import Service, number_of

DAY_MS = 86_400_000
AGES = {'today': 1, 'this week': 7, 'this month': 31, 'this year': 366, 'older': float('inf')}

service = Service('documents dated')
corpus = Corpus()


def by_age():
    return sorted(corpus.listed.values(), key=lambda entry: -entry['mtimeMs'])


@service.action
def newest(body):
    """Gives the n (5) documents changed last."""
    return {'documents': by_age()[:number_of(body, 'n', 5, 100)]}


@service.action
def oldest(body):
    """Gives the n (5) documents untouched longest."""
    return {'documents': by_age()[::-1][:number_of(body, 'n', 5, 100)]}


@service.action
def ages(_body):
    """Counts the documents by age."""
    counts = dict.fromkeys(AGES, 0)
    for entry in by_age():
        days = (time.time() * 1000 - entry['mtimeMs']) / DAY_MS
        counts[next(name for name, most in AGES.items() if days < most)] += 1
    return {'ages': counts}


@service.check
def check():
    if sum(ages({})['ages'].values()) != len(corpus.listed):
        raise ValueError('a document has no age')


@service.before_ready
@service.every(5)
def work():
    """Asks the shards again what they have."""
    corpus.relist()
    return max(1, len(corpus.listed))


service.run()
