"""Shortens a text to its most telling sentences: summarize {text, sentences}. SENTENCES sets how many.

The tokenizer cuts the text; a sentence counts as much as its terms are frequent in the whole (Luhn, 1958).
"""

import os

from lib.documents import Passages
from lib.peers import peer
from lib.service import Service, number_of, text_of
from lib.words import terms

SENTENCES = int(os.environ.get('SENTENCES', '3'))

service = Service('passages shortened')
passages = Passages(os.getpid())
newest = {}


@service.action
def summarize(body):
    """Gives the sentences that say most, in their order."""
    text, n = text_of(body), number_of(body, 'sentences', SENTENCES, 20)
    cut = peer('tokenizer').call('tokenize', {'text': text})
    counts = {}
    for term in cut['terms']:
        counts[term] = counts.get(term, 0) + 1
    scored = []
    for place, sentence in enumerate(cut['sentences']):
        own = terms(sentence)
        scored.append((sum(counts.get(term, 0) for term in own) / (len(own) + 4), place, sentence))
    best = sorted(sorted(scored, reverse=True)[:n], key=lambda item: item[1])
    return {'summary': [sentence for _, _, sentence in best], 'of': len(scored)}


@service.action
def latest(_body):
    """Gives the summary of the passage read last."""
    return {'latest': newest}


@service.check
@service.before_ready
def check():
    if summarize({'text': 'Ships need light. A lighthouse gives ships light. It rains.', 'sentences': 1})['of'] != 3:
        raise ValueError('a known text was cut wrong')


@service.every(5)
def work():
    path, text = passages.next()
    if path is None:
        return 1
    newest.update(path=path, **summarize({'text': text}))
    return 1


service.run()
