"""Turns the links of the link checker round: to {path}, lonely {limit}."""

from lib.peers import peer
from lib.service import Service, number_of, text_of

service = Service('links turned round')
sources = {}  # path -> paths that lead to it
known = set()


@service.action
def to(body):
    """Gives the documents that lead to one."""
    path = text_of(body, 'path')
    return {'path': path, 'from': sorted(sources.get(path, ()))}


@service.action
def lonely(body):
    """Gives up to limit (50) documents that lead somewhere while nothing leads to them."""
    limit = number_of(body, 'limit', 50, 1000)
    return {'documents': sorted(known - sources.keys())[:limit]}


@service.check
def check():
    lonely({'limit': 1})


@service.before_ready
@service.every(5)
def work():
    """Takes the links as they are now."""
    global sources, known
    turned, leading = {}, set()
    listed = peer('link-checker').call('links')['links']
    for link in listed:
        turned.setdefault(link['to'], set()).add(link['from'])
        leading.add(link['from'])
    sources, known = turned, leading
    return max(1, len(listed))


service.run()
