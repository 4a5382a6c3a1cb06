"""Collects every match of PATTERN in the documents of its shards: find {contains, limit}, report.

PATTERN is a regular expression; its first group, or else the whole match, is what is collected.
"""

import os
import re

from lib.corpus import Corpus
from lib.service import Service, number_of

MAX_MATCHES = 5000
MAX_PER_DOCUMENT = 200

pattern = re.compile(os.environ['PATTERN'], re.MULTILINE)
service = Service('documents searched')
corpus = Corpus()
found = {}  # path -> [(line number, text)]


def matches(text):
    result = []
    for match in pattern.finditer(text):
        result.append((text.count('\n', 0, match.start()) + 1, (match[1] if pattern.groups else match[0]).strip()[:200]))
        if len(result) == MAX_PER_DOCUMENT:
            break
    return result


@service.action
def find(body):
    """Gives up to limit (50) matches that contain a text, with path and line."""
    contains, limit = str(body.get('contains', '')).lower(), number_of(body, 'limit', 50, 1000)
    hits = [{'path': path, 'line': line, 'text': text} for path, lines in sorted(found.items()) for line, text in lines
            if contains in text.lower()]
    return {'matches': hits[:limit], 'total': len(hits)}


@service.action
def report(_body):
    """Gives how many there are and the first of them, in words."""
    listed = find({'limit': 10})
    lines = [f'{hit["path"]}:{hit["line"]} {hit["text"]}' for hit in listed['matches']]
    return {'title': f'{service.name}: {listed["total"]} in {len(found)} documents', 'lines': lines}


@service.check
def check():
    find({'limit': 1})


@service.before_ready
@service.every(4)
def work():
    """Searches the next document."""
    path, text = corpus.next()
    for gone in [known for known in found if known not in corpus.listed]:
        del found[gone]
    if path is None:
        return 1
    others = sum(len(lines) for known, lines in found.items() if known != path)
    lines = matches(text)[:MAX_MATCHES - others]
    if lines:
        found[path] = lines
    else:
        found.pop(path, None)
    return 1


service.run()
