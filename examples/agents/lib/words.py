"""Words and sentences of a text, and how many words are one and the same."""

import re

WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
SENTENCE = re.compile(r'[^.!?\n]+(?:[.!?]+|\n\s*\n|\n|$)')

COMMON = frozenset('''a about after all also an and any are as at be because been before being between both but by can could did
do does each for from had has have how if in into is it its just like may more most must no not of on one only or other our
out over same she should so some such than that the their them then there these they this those through to too under until up
use very was we were what when where which while who why will with would you your'''.split())


def words(text):
    """The words of a text in order, in lower case."""
    return [match.group().lower() for match in WORD.finditer(text)]


def stem(word):
    """Makes one word of singular and plural: what is indexed and what is looked for."""
    if len(word) > 4 and word.endswith('ies'):
        return word[:-3] + 'y'
    if len(word) > 3 and word.endswith('s') and not word.endswith(('ss', 'us', 'is')):
        return word[:-1]
    return word


def terms(text):
    """The words that say something, as they are indexed."""
    return [stem(word) for word in words(text) if word not in COMMON and len(word) > 1]


def sentences(text):
    """The sentences of a text; a line end closes one too, as documents have headings and lists."""
    found = (match.group().strip(' \t\n#*->|') for match in SENTENCE.finditer(text))
    return [sentence for sentence in found if sentence]
