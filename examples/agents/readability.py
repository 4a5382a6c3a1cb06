"""Measures how easily a text reads (Flesch reading ease, 1948): measure {text}."""

import re

from lib.meter import run_meter
from lib.words import sentences, words

VOWELS = re.compile(r'[aeiouyäöüáéíóúàèêô]+')


def syllables(word):
    count = len(VOWELS.findall(word))
    return max(1, count - (word.endswith('e') and not word.endswith('le') and count > 1))


def measure(text):
    found, lines = words(text), sentences(text)
    if not found or not lines:
        return {'ease': 0.0, 'words': 0, 'sentences': 0}
    per_sentence = len(found) / len(lines)
    per_word = sum(map(syllables, found)) / len(found)
    return {'ease': round(206.835 - 1.015 * per_sentence - 84.6 * per_word, 1), 'words': len(found), 'sentences': len(lines)}


run_meter(measure, 'The cat sat. The dog ran.', {'words': 6, 'sentences': 2})
