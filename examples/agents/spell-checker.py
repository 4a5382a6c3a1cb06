"""Finds words that no document knows, and the known words they may have been meant to be: check {text}."""

import os

from lib.documents import Passages
from lib.peers import peer
from lib.service import Service, text_of
from lib.words import words

LETTERS = 'abcdefghijklmnopqrstuvwxyz'
MAX_UNKNOWN = 10

service = Service('passages checked')
passages = Passages(os.getpid())
newest = {}


def known(candidates):
    return peer('dictionary').call('known', {'words': sorted(candidates)})['known']


def near(word):
    """All words one slip away: a letter left out, added, swapped or mistaken."""
    cuts = [(word[:place], word[place:]) for place in range(len(word) + 1)]
    return {start + letter + end[skip:] for start, end in cuts for letter in ('', *LETTERS) for skip in (0, 1) if end or skip == 0} | {
        start + end[1] + end[0] + end[2:] for start, end in cuts if len(end) > 1}


def unknown_words(text):
    found = {word for word in words(text) if word.isalpha() and len(word) > 3}
    return sorted(word for word, count in known(found).items() if not count)[:MAX_UNKNOWN]


@service.action
def check(body):
    """Gives each unknown word with the known words nearest to it, the most frequent first."""
    result = {}
    for word in unknown_words(text_of(body)):
        counts = {candidate: count for candidate, count in known(near(word)).items() if count}
        result[word] = sorted(counts, key=lambda candidate: -counts[candidate])[:5]
    return {'unknown': result}


@service.check
@service.before_ready
def is_well():
    check({'text': 'word'})


@service.every(5)
def work():
    """Looks for words in the next passage that stand in no document the dictionary has read."""
    path, text = passages.next()
    if path is None:
        return 1
    newest.update(path=path, unknown=unknown_words(text))
    return 1


@service.details
def details():
    return {'latest': dict(newest)}


service.run()
