"""A program that measures texts: it answers `measure`, and measures the documents while nobody asks."""

import os

from lib.documents import Passages
from lib.introduce import introduce
from lib.service import Service, text_of


def run_meter(measure_text, sample, expected):
    """Runs an agent around `measure_text(text) -> dict`; health measures `sample` and compares with `expected`."""
    service = Service('passages measured')
    passages = Passages(os.getpid())
    newest = {}

    @service.action
    def measure(body):
        """Measures a text."""
        return measure_text(text_of(body))

    @service.action
    def latest(_body):
        """Gives what the newest passage of the documents measured."""
        return {'latest': newest}

    @service.check
    def check():
        got = measure({'text': sample})
        if any(got.get(key) != value for key, value in expected.items()):
            raise ValueError(f'a known text measured {got}')

    @service.every(4)
    def work():
        path, text = passages.next()
        if path is None:
            return 1
        newest.update(path=path, **measure({'text': text}))
        return 1

    introduce(service)
    service.run()
