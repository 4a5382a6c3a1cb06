"""Measures this machine from /proc: KIND is load, memory or network. now, history {n}, roll, report.

It samples by itself and closes an average when the scheduler (if it depends on one) says so.
"""

import collections
import os
import time

from lib.peers import PeerError, peer, peers
from lib.service import Service, log, number_of

KIND = os.environ.get('KIND', 'load')

service = Service('samples')
samples = collections.deque(maxlen=150)
averages = collections.deque(maxlen=60)
since_roll = []


def load():
    with open('/proc/loadavg') as file:
        one, five, _, running, _ = file.read().split()
    return {'load1': float(one), 'load5': float(five), 'programs': int(running.split('/')[1])}


def memory():
    with open('/proc/meminfo') as file:
        kib = {line.split(':')[0]: int(line.split()[1]) for line in file}
    return {'availableMiB': kib['MemAvailable'] // 1024, 'usedRatio': round(1 - kib['MemAvailable'] / kib['MemTotal'], 4)}


def network():
    received = sent = 0
    with open('/proc/net/dev') as file:
        for line in file.readlines()[2:]:
            numbers = line.split(':')[1].split()
            received, sent = received + int(numbers[0]), sent + int(numbers[8])
    return {'receivedMiB': round(received / 2**20, 3), 'sentMiB': round(sent / 2**20, 3)}


measure = {'load': load, 'memory': memory, 'network': network}[KIND]


@service.action
def now(_body):
    """Measures now."""
    return {'kind': KIND, 'time': round(time.time(), 3), **measure()}


@service.action
def history(body):
    """Gives the newest n (30) samples."""
    return {'samples': list(samples)[-number_of(body, 'n', 30, 150):]}


@service.action
def roll(_body):
    """Closes an average over the samples since the last one."""
    taken, since_roll[:] = list(since_roll), []
    if taken:
        averages.append({name: round(sum(sample[name] for sample in taken) / len(taken), 4) for name in measure()})
    return {'average': averages[-1] if averages else {}, 'samples': len(taken)}


@service.action
def report(_body):
    """Gives the newest average in words."""
    newest = averages[-1] if averages else measure()
    return {'title': f'{service.name} on {service.node}', 'lines': [f'{name}: {value}' for name, value in newest.items()]}


@service.check
def check():
    now({})


@service.before_ready
def agree():
    """Asks the scheduler to be called, or a clock for the time, whichever it depends on."""
    for scheduler in peers('scheduler'):
        entry = {'name': service.name, 'address': f'127.0.0.1:{service.port}', 'action': 'roll', 'everySeconds': 30}
        scheduler.call('schedule', entry)
    for clock in peers('clock'):
        if abs(clock.call('now')['time'] - time.time()) > 5:
            raise PeerError(f'{clock.name} is more than 5 s away from here')


@service.every(2)
def sample():
    taken = now({})
    samples.append(taken)
    since_roll.append(taken)
    del since_roll[:-150]


@service.every(60)
def renew():
    try:
        agree()
    except PeerError as problem:
        log(f'not agreed: {problem}')
    return 0


service.run()
