"""Gathers the reports of the agents it depends on into one, and says what is new in it: report, news, markdown."""

import collections
import time

from lib.peers import ask_all, peers
from lib.service import Service, log

MAX_NEWS = 100
MAX_LINES = 50

service = Service('reports gathered')
sources = peers()
newest = {}  # source -> {title, lines}
news = collections.deque(maxlen=MAX_NEWS)


@service.action
def report(_body):
    """Gives the titles of all sources and the first lines of each."""
    lines = [line for entry in newest.values() for line in (entry['title'], *(f'  {line}' for line in entry['lines']))]
    return {'title': f'{service.name}: {len(newest)} of {len(sources)} sources', 'lines': lines[:MAX_LINES]}


@service.action
def news_(_body):
    """Gives the titles that changed, the newest last."""
    return {'news': list(news)}


@service.action
def markdown(_body):
    """Gives all of it as a page."""
    parts = [f'# {service.name}\n']
    for entry in newest.values():
        parts += [f'## {entry["title"]}\n', *(f'- {line}' for line in entry['lines']), '']
    return {'markdown': '\n'.join(parts)}


@service.check
def check():
    report({})


@service.before_ready
@service.every(5)
def gather():
    """Asks every source; what a source said stays until it says something else."""
    answers, failures = ask_all(sources, 'report')
    for source, answer in answers:
        if newest.get(source.name, {}).get('title') != answer['title']:
            news.append({'time': round(time.time(), 3), 'source': source.name, 'title': answer['title']})
            log(answer['title'])
        newest[source.name] = {'title': answer['title'], 'lines': answer['lines']}
    if failures and len(newest) < len(sources):
        raise OSError(', '.join(f'{source.name}: {reason}' for source, reason in failures))
    return len(answers)


service.run()
