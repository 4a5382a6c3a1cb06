"""The documents as the shards know them."""

from lib.peers import PeerError, peers

MAX_DOCUMENTS = 2000


class Corpus:
    """Goes through the documents of all shards among the dependencies, round and round."""

    def __init__(self, keep=lambda path: True):
        self._keep, self._queue, self._owners = keep, [], {}
        self.listed = {}

    def relist(self):
        """Asks the shards what they have; of a shard that is away stands what it said last."""
        fresh = {}
        for shard in peers('shard'):
            try:
                entries = shard.call('documents', {'limit': 1000})['documents']
            except PeerError:
                entries = [entry for path, entry in self.listed.items() if self._owners[path].name == shard.name]
            for entry in entries:
                if self._keep(entry['path']) and len(fresh) < MAX_DOCUMENTS:
                    fresh[entry['path']] = entry
                    self._owners[entry['path']] = shard
        self.listed = fresh

    def next(self):
        """The next (path, text); (None, '') where no shard has any."""
        if not self._queue:
            self.relist()
            self._queue = sorted(self.listed, reverse=True)
        if not self._queue:
            return None, ''
        path = self._queue.pop()
        return path, self.read(path)

    def read(self, path):
        """The text of a document that a shard has listed; '' where it has none any more."""
        try:
            return self._owners[path].call('read', {'path': path})['text']
        except PeerError:
            return ''
