"""Cuts text into words and sentences, and learns the words of the documents while nobody asks.

tokenize {text}, vocabulary {n}.
"""

import os

from lib.documents import Passages
from lib.service import Service, number_of, text_of
from lib.introduce import introduce
from lib.words import COMMON, sentences, terms, words

MAX_VOCABULARY = 20_000

service = Service('passages read')
passages = Passages(os.getpid())
seen = {}


@service.action
def tokenize(body):
    """Gives the words, terms (without common words) and sentences of a text."""
    text = text_of(body)
    return {'words': words(text), 'terms': terms(text), 'sentences': sentences(text)}


@service.action
def vocabulary(body):
    """Gives the n (20) words met most often so far."""
    n = number_of(body, 'n', 20, 1000)
    return {'size': len(seen), 'top': sorted(seen.items(), key=lambda item: -item[1])[:n]}


@service.check
def check():
    if tokenize({'text': 'Two words. One more.'})['words'] != ['two', 'words', 'one', 'more']:
        raise ValueError('a known sentence came out wrong')


@service.every(4)
def learn():
    """Counts the words of the next passage."""
    path, text = passages.next()
    for word in words(text):
        if word not in COMMON and (word in seen or len(seen) < MAX_VOCABULARY):
            seen[word] = seen.get(word, 0) + 1
    return 1


introduce(service)
service.run()
