"""Completes what somebody begins to type: complete {q}. Words come from the dictionary, topics from the keywords."""

import os

from lib.documents import Passages
from lib.peers import peer
from lib.service import Service, number_of, text_of

MAX_TOPICS = 500

service = Service('passages read for topics')
passages = Passages(os.getpid())
topics = {}  # term -> how often it stood out


@service.action
def complete(body):
    """Gives up to n (8) ways to end the last word, topics of the documents first."""
    query, n = text_of(body, 'q').lower(), number_of(body, 'n', 8, 50)
    start, _, last = query.rpartition(' ')
    if not last:
        return {'q': query, 'completions': []}
    own = sorted((term for term in topics if term.startswith(last)), key=lambda term: -topics[term])
    known = peer('dictionary').call('complete', {'prefix': last, 'n': n})['words']
    endings = list(dict.fromkeys([*own, *known]))[:n]
    return {'q': query, 'completions': [f'{start} {ending}'.strip() for ending in endings]}


@service.check
@service.before_ready
def check():
    complete({'q': 'a'})


@service.every(5)
def work():
    path, text = passages.next()
    if path is None:
        return 1
    for entry in peer('keywords').call('extract', {'text': text})['keywords']:
        if entry['term'] in topics or len(topics) < MAX_TOPICS:
            topics[entry['term']] = topics.get(entry['term'], 0) + 1
    return 1


service.run()
