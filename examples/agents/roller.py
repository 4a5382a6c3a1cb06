"""Rolls up what the gauges measure into minima, means and maxima: summary, report."""

from lib.peers import PeerError, ask_all, peers
from lib.service import Service

service = Service('samples rolled up')
gauges = peers('watch')
rolled = {}  # 'gauge number' -> [least, sum, most, count]


@service.action
def summary(_body):
    """Gives least, mean and most of every number so far."""
    return {'numbers': {name: {'least': least, 'mean': round(total / count, 4), 'most': most, 'samples': count}
                        for name, (least, total, most, count) in sorted(rolled.items())}}


@service.action
def report(_body):
    """Gives the summary in words."""
    lines = [f'{name}: {entry["least"]} / {entry["mean"]} / {entry["most"]}' for name, entry in summary({})['numbers'].items()]
    return {'title': f'{service.name}: least / mean / most', 'lines': lines}


@service.check
def check():
    summary({})


@service.before_ready
def meet():
    _, failures = ask_all(gauges, 'now')
    if failures:
        raise PeerError(', '.join(f'{gauge.name}: {reason}' for gauge, reason in failures))


@service.every(4)
def work():
    """Takes one sample of each gauge."""
    answers, _ = ask_all(gauges, 'now')
    for gauge, sample in answers:
        for name, value in sample.items():
            if name != 'time' and isinstance(value, (int, float)):
                entry = rolled.setdefault(f'{gauge.name} {name}', [value, 0, value, 0])
                entry[:] = [min(entry[0], value), entry[1] + value, max(entry[2], value), entry[3] + 1]
    return len(answers)


service.run()
