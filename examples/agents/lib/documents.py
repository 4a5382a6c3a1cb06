"""The folder of documents that the fleet works on: DOCUMENTS, or the clone this file stands in."""

import os

ENDINGS = ('.md', '.txt', '.rst', '.adoc', '.org')
SKIPPED = frozenset(('node_modules', '__pycache__', 'dist', 'build', 'coverage', 'target'))
MAX_ENTRIES = 200_000
MAX_TEXT_BYTES = 256 * 1024
MAX_PASSAGE_CHARS = 1500

ROOT = os.path.realpath(os.environ.get('DOCUMENTS') or os.path.join(os.path.dirname(__file__), '..', '..', '..'))


def walk(endings=ENDINGS, is_wanted=lambda path: True):
    """Yields (path, mtime in ns, bytes) of each wanted document; hidden and generated folders are left out."""
    folders, seen = [''], 0
    while folders:
        folder = folders.pop()
        try:
            entries = list(os.scandir(os.path.join(ROOT, folder)))
        except OSError:
            continue  # Gone or closed to us between listing and looking: the next walk sees it as it is.
        for entry in entries:
            seen += 1
            if seen > MAX_ENTRIES:
                return
            if entry.name.startswith('.') or entry.name in SKIPPED:
                continue
            path = f'{folder}/{entry.name}' if folder else entry.name
            try:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(path)
                elif entry.name.lower().endswith(endings) and is_wanted(path) and entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    yield path, status.st_mtime_ns, status.st_size
            except OSError:
                continue


def read(path):
    """The first 256 KiB of a document as text; '' where it is gone."""
    try:
        with open(os.path.join(ROOT, path), 'rb') as file:
            return file.read(MAX_TEXT_BYTES).decode('utf-8', 'replace')
    except OSError:
        return ''


def title_of(path, text):
    """The first heading, or the file's name."""
    for line in text[:4000].split('\n'):
        if line.startswith('#') and line.strip('# '):
            return line.strip('# ')[:120]
    return path.rpartition('/')[2]


class Passages:
    """All documents, a passage at a time, round and round."""

    def __init__(self, start=0):
        self._paths, self._passages, self._start = [], [], start

    def next(self):
        """The next (path, passage), or (None, '') where the folder holds no text."""
        for _ in range(50):
            if self._passages:
                return self._path, self._passages.pop()
            if not self._paths:
                self._paths = sorted((path for path, _, _ in walk()), reverse=True)
                if not self._paths:
                    return None, ''
                for _ in range(self._start % len(self._paths)):
                    self._paths.insert(0, self._paths.pop())
                self._start = 0
            self._path = self._paths.pop()
            parts = (part.strip()[:MAX_PASSAGE_CHARS] for part in read(self._path).split('\n\n'))
            self._passages = [part for part in parts if len(part) > 40][::-1]
        return None, ''
