"""Says what to read next: the newest documents with a line about each: list {n}, report."""

from lib import documents
from lib.peers import peer
from lib.service import Service, number_of

MAX_DOCUMENTS = 30
MAX_TEXT = 6000

service = Service('documents described')
entries = {}  # path -> {mtimeMs, title, line}
turn = 0


def describe(entry):
    text = documents.read(entry['path'])[:MAX_TEXT]
    lines = peer('headline').call('summarize', {'text': text, 'sentences': 1})['summary'] if text.strip() else []
    return {'mtimeMs': entry['mtimeMs'], 'title': entry['title'], 'line': lines[0] if lines else ''}


@service.action
def list_(body):
    """Gives the newest n (10) documents, each with its title and a sentence."""
    newest = sorted(entries.items(), key=lambda item: -item[1]['mtimeMs'])[:number_of(body, 'n', 10, MAX_DOCUMENTS)]
    return {'documents': [{'path': path, **entry} for path, entry in newest]}


@service.action
def report(_body):
    """Gives the list in words."""
    listed = list_({'n': 10})['documents']
    return {'title': f'{service.name}: the newest {len(listed)}', 'lines': [f'{entry["title"]}: {entry["line"]}' for entry in listed]}


@service.check
def check():
    list_({'n': 1})


@service.before_ready
@service.every(5)
def work():
    """Describes the next of the newest documents, a changed one first."""
    global turn
    newest = peer('freshness').call('newest', {'n': MAX_DOCUMENTS})['documents']
    paths = {entry['path'] for entry in newest}
    for gone in [known for known in entries if known not in paths]:
        entries.pop(gone)
    if not newest:
        return 1
    changed = [entry for entry in newest if entries.get(entry['path'], {}).get('mtimeMs') != entry['mtimeMs']]
    turn += 1
    entry = changed[0] if changed else newest[turn % len(newest)]
    entries[entry['path']] = describe(entry)
    return 1


service.run()
