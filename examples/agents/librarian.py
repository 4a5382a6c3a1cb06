"""Searches all documents: asks every shard at once and merges what they find.

search {q, limit}, popular {n}. A shard that does not answer within 2 s is named under missing; the others'
hits are there all the same. Where nothing is found it asks the spell checker what was meant.
SHARDS names all shards; after PATIENCE seconds at its start it serves without those that do not answer.
"""

import os
import threading
import time

from lib.peers import PeerError, ask_all, peer, peers
from lib.service import Service, number_of, text_of
from lib.words import terms

SHARD_SECONDS = 2.0
SPELL_SECONDS = 0.5
MAX_QUERIES = 1000

service = Service('shards visited', patience=float(os.environ.get('PATIENCE', '20')))
shards = peers('shard')
unplaced = sorted(set(os.environ.get('SHARDS', '').split()) - {shard.name for shard in shards})
lock = threading.Lock()
nodes = {}      # shard -> node, as it said last
queries = {}    # query -> how often
visits = {}     # shard -> documents it had at the last visit


@service.action
def search(body):
    """Finds documents on all nodes, the best first; missing names the shards that did not answer, and why."""
    query, limit = text_of(body, 'q'), number_of(body, 'limit', 10, 100)
    started = time.monotonic()
    answers, failures = ask_all(shards, 'search', {'q': query, 'limit': limit}, SHARD_SECONDS)
    hits = sorted((hit for _, answer in answers for hit in answer['hits']), key=lambda hit: (-hit['score'], hit['path']))
    note(query, answers)
    missing = [(shard.name, reason) for shard, reason in failures]
    missing += [(name, 'nobody could say where it runs when this agent started') for name in unplaced]
    result = {'q': query, 'hits': hits[:limit], 'found': sum(answer['found'] for _, answer in answers),
              'documents': sum(answer['documents'] for _, answer in answers),
              'shards': {'asked': len(answers) + len(missing), 'answered': len(answers)},
              'missing': [{'shard': name, 'node': nodes.get(name, 'unknown'), 'reason': reason} for name, reason in missing],
              'tookMs': round(1000 * (time.monotonic() - started), 1)}
    if not hits:
        result['didYouMean'] = suggest(query)
    return result


def note(query, answers):
    key = ' '.join(terms(query)) or query
    with lock:
        for shard, answer in answers:
            nodes[shard.name] = answer['node']
        if key in queries or len(queries) < MAX_QUERIES:
            queries[key] = queries.get(key, 0) + 1


def suggest(query):
    """What the spell checker would have written; nothing where it is away."""
    try:
        wrong = peer('spell-checker').call('check', {'text': query}, SPELL_SECONDS)['unknown']
    except PeerError:
        return []
    return sorted({candidate for candidates in wrong.values() for candidate in candidates})


@service.action
def popular(body):
    """Gives the n (10) queries asked most often."""
    n = number_of(body, 'n', 10, 100)
    return {'queries': sorted(queries.items(), key=lambda item: -item[1])[:n]}


@service.before_ready
def meet_shards():
    """Searches each shard once, so that the first caller finds all of them."""
    for shard in shards:
        nodes[shard.name] = shard.call('search', {'q': 'readme', 'limit': 1})['node']


@service.check
def check():
    answers, failures = ask_all(shards, 'search', {'q': 'readme', 'limit': 1}, SHARD_SECONDS)
    if not answers:
        raise PeerError(f'no shard answers: {", ".join(f"{shard.name}: {reason}" for shard, reason in failures)}')


@service.every(5)
def visit():
    """Asks each shard how much it holds."""
    answers, _ = ask_all(shards, 'stats', {}, SHARD_SECONDS)
    for shard, answer in answers:
        nodes[shard.name] = answer['node']
        visits[shard.name] = answer.get('documents', 0)
    return len(answers)


@service.details
def details():
    return {'documents': visits, 'queries': len(queries)}


service.run()
