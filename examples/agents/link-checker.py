"""Follows the local links of all Markdown documents: broken {limit}, links {path}, report."""

import os
import re

from lib import documents
from lib.corpus import Corpus
from lib.service import Service, number_of

LINK = re.compile(r'\[[^\]\n]*\]\(([^()\s]+)(?:\s"[^"]*")?\)')
CODE = re.compile(r'```.*?```|`[^`\n]*`', re.DOTALL)
ELSEWHERE = re.compile(r'[a-z][a-z0-9+.-]*:|//|#', re.IGNORECASE)

service = Service('documents checked')
corpus = Corpus(keep=lambda path: path.endswith('.md'))
targets = {}  # path -> [(target, path it leads to, whether that is there)]


def follow(path, text):
    found = []
    for match in LINK.finditer(CODE.sub('', text)):
        target = match[1]
        if ELSEWHERE.match(target):
            continue
        bare = target.split('#')[0]
        to = os.path.normpath(os.path.join('' if bare.startswith('/') else os.path.dirname(path), bare.lstrip('/')))
        found.append((target, to, os.path.exists(os.path.join(documents.ROOT, to))))
    return found


@service.action
def broken(body):
    """Gives up to limit (50) links that lead nowhere."""
    limit = number_of(body, 'limit', 50, 1000)
    listed = [{'path': path, 'link': target} for path, found in sorted(targets.items()) for target, _, there in found if not there]
    return {'broken': listed[:limit], 'total': len(listed), 'links': sum(map(len, targets.values()))}


@service.action
def links(body):
    """Gives which document leads to which; path limits it to one."""
    only = body.get('path')
    return {'links': [{'from': path, 'to': to} for path, found in sorted(targets.items()) if only in (None, path)
                      for _, to, there in found if there][:5000]}


@service.action
def report(_body):
    """Gives the broken links in words."""
    listed = broken({'limit': 10})
    return {'title': f'{service.name}: {listed["total"]} of {listed["links"]} links lead nowhere',
            'lines': [f'{entry["path"]}: {entry["link"]}' for entry in listed['broken']]}


@service.check
def check():
    if follow('a/b.md', '[up](../a/b.md) [out](https://example.org) `[code](x)`')[0][1] != 'a/b.md':
        raise ValueError('a known link was followed wrong')


@service.before_ready
@service.every(4)
def work():
    """Follows the links of the next document."""
    path, text = corpus.next()
    for gone in [known for known in targets if known not in corpus.listed]:
        del targets[gone]
    if path is None:
        return 1
    targets[path] = follow(path, text)
    return 1


service.run()
