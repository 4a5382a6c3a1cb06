"""Puts together what several meters say of a text: facts {text}, report. It asks every meter it depends on."""

import os

from lib.documents import Passages
from lib.peers import PeerError, ask_all, peers
from lib.service import Service, text_of

KEEP = 0.95

service = Service('passages measured')
passages = Passages(os.getpid())
meters = peers()
means = {}


@service.action
def facts(body):
    """Gives each meter's measure of a text; a meter that is away is named under missing."""
    answers, failures = ask_all(meters, 'measure', {'text': text_of(body)}, 2.0)
    return {'facts': {meter.name: answer for meter, answer in answers}, 'missing': {meter.name: why for meter, why in failures}}


@service.action
def report(_body):
    """Gives the running mean of every number that was measured in the documents."""
    return {'title': f'{service.name}: how the documents read', 'lines': [f'{name}: {mean:.3f}' for name, mean in sorted(means.items())]}


@service.check
@service.before_ready
def check():
    missing = facts({'text': 'A clear and simple sentence is easy to read.'})['missing']
    if missing:
        raise PeerError(f'not measured: {missing}')


@service.every(5)
def work():
    path, text = passages.next()
    if path is None:
        return 1
    for meter, measured in facts({'text': text})['facts'].items():
        for name, value in measured.items():
            if isinstance(value, (int, float)):
                before = means.get(f'{meter} {name}', value)
                means[f'{meter} {name}'] = KEEP * before + (1 - KEEP) * value
    return 1


service.run()
