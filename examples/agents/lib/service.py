"""An agent: actions that others call, work of its own, and a health answer that says the truth.

    service = Service('passages read')

    @service.action
    def greet(body): return {'hello': body.get('name', 'you')}

    @service.check
    def check(): return greet({})

    @service.every(3)
    def work(): ...

    service.run()

Every action answers `POST /ACTION`. Each agent also has ping, health, stats and actions. The health answer
runs `check`, a small piece of what callers ask for, on the path that their calls take; it is 503 until
every agent that this one depends on has answered it.
"""

import os
import signal
import threading
import time

from lib.peers import PeerError, peers
from lib.server import BadRequest, serve


class Service:
    """One agent of the example fleet. `unit` names what `stats` counts.

    An agent with `patience` (seconds) that has waited so long for others goes on without them.
    """

    def __init__(self, unit, patience=float('inf')):
        self.unit = unit
        self.patience = patience
        self.name = os.environ.get('MESH_AGENT', 'agent')
        self.node = os.environ.get('MESH_NODE', 'here')
        self.port = None
        self._started = time.monotonic()
        self._actions = {function.__name__: function for function in (self.ping, self.health, self.stats, self.actions)}
        self._checks, self._details, self._first, self._last, self._timers = [], [], [], [], []
        self._waiting = 'starting'
        self._counts = {'work': 0, 'calls': 0, 'failed': 0}
        self._counting = threading.Lock()

    # What a program declares.

    def action(self, function):
        """Declares an action; its name is the function's. It gets the call's body and returns a dict."""
        self._actions[function.__name__.rstrip('_')] = function
        return function

    def check(self, function):
        """Declares what health runs each time; what it raises makes the answer 503."""
        self._checks.append(function)
        return function

    def details(self, function):
        """Declares what stats adds: a function that returns a dict."""
        self._details.append(function)
        return function

    def before_ready(self, function):
        """Declares a step that must succeed once before the agent is ready; it is tried until it does."""
        self._first.append(function)
        return function

    def on_stop(self, function):
        """Declares what runs when the agent is told to stop."""
        self._last.append(function)
        return function

    def every(self, seconds):
        """Declares periodic work, first done when the agent becomes ready. It returns how many pieces it did (None: 1)."""
        def declare(function):
            self._timers.append([0.0, seconds, function])
            return function
        return declare

    # What every agent answers.

    def ping(self, _body):
        """Says that the agent answers at all."""
        return {'pong': self.name, 'node': self.node}

    def health(self, _body):
        """Does a small piece of the agent's work, or says what it waits for."""
        if self._waiting:
            raise BadRequest(self._waiting, 503)
        for check in self._checks:
            try:
                check()
            except Exception as problem:
                raise BadRequest(f'{type(problem).__name__}: {problem}', 503) from problem
        return {'status': 'ok', 'agent': self.name, 'node': self.node}

    def stats(self, _body):
        """Counts what the agent has done since it started."""
        facts = {'agent': self.name, 'instance': os.environ.get('MESH_INSTANCE', ''), 'node': self.node,
                 'unit': self.unit, **self._counts, 'uptimeSeconds': round(time.monotonic() - self._started, 1)}
        for details in self._details:
            facts.update(details())
        return facts

    def actions(self, _body):
        """Lists the actions with the first line of what each says about itself."""
        return {'actions': {name: (function.__doc__ or '').strip().split('\n')[0]
                            for name, function in sorted(self._actions.items())}}

    # The life of the agent.

    def count(self, what, pieces=1):
        """Adds to one of the counters that stats shows."""
        with self._counting:
            self._counts[what] = self._counts.get(what, 0) + pieces

    def run(self):
        """Serves until SIGTERM or SIGINT, then exits with 0."""
        signal.signal(signal.SIGTERM, _stop)
        signal.signal(signal.SIGINT, _stop)
        try:
            host = os.environ.get('MESH_BIND', '127.0.0.1')
            self.port = serve(host, int(os.environ.get('MESH_PORT_HTTP', '0')), self._answer)
            log(f'{self.name} listens on {host}:{self.port}')
            self._meet()
            self._work()
        except SystemExit:
            pass
        for function in self._last:
            function()
        log(f'{self.name} stops after {self._counts["work"]} {self.unit}')
        os._exit(0)  # Threads that still talk to a peer must not hold the exit up.

    def _answer(self, action, body):
        function = self._actions.get(action)
        if function is None:
            return 404, {'error': f'{self.name} has no action {action!r}; it has {", ".join(sorted(self._actions))}'}
        try:
            result = function(body)
        except BadRequest as problem:
            return problem.status, {'error': str(problem)}
        except PeerError as problem:
            return 503, {'error': str(problem)}
        except Exception as problem:
            log(f'{action} broke: {type(problem).__name__}: {problem}')
            return 500, {'error': f'{action} broke: {type(problem).__name__}: {problem}'}
        if action not in ('health', 'ping', 'stats'):
            self.count('calls')
        return 200, result

    def _meet(self):
        """Calls every agent this one depends on, then the program's own first steps, until all have worked."""
        for target in peers():
            self._insist(f'waits for {target.name}', lambda target=target: target.call('ping'))
        for step in self._first:
            self._insist('prepares', step)
        self._waiting = ''
        log(f'{self.name} is ready after {time.monotonic() - self._started:.2f} s')

    def _insist(self, doing, step):
        pause = 0.1
        while True:
            self._waiting = doing
            try:
                step()
                return
            except (PeerError, OSError) as problem:
                if pause >= 1.0:
                    log(f'{doing}: {problem}')
                self._waiting = f'{doing}: {problem}'
            if time.monotonic() - self._started > self.patience:
                log(f'goes on without: {self._waiting}')
                return
            time.sleep(pause)
            pause = min(2 * pause, 1.0)

    def _work(self):
        while True:
            now = time.monotonic()
            for timer in self._timers:
                if timer[0] <= now:
                    timer[0] = now + timer[1]
                    self._do(timer[2])
            due = min((timer[0] for timer in self._timers), default=now + 60)
            time.sleep(max(0.0, due - time.monotonic()))

    def _do(self, function):
        try:
            done = function()
        except Exception as problem:
            self.count('failed')
            log(f'{function.__name__} failed: {type(problem).__name__}: {problem}')
        else:
            self.count('work', 1 if done is None else done)


def text_of(body, field='text'):
    """The text that a call must bring; BadRequest names what is missing."""
    value = body.get(field)
    if not isinstance(value, str) or not value.strip():
        raise BadRequest(f'give {field}: a text that is not empty')
    return value


def number_of(body, field, default, most):
    """A whole number from a call: from 1 to `most`, `default` where it is left out."""
    value = body.get(field, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise BadRequest(f'{field} must be a whole number from 1 to {most}')
    return value


def log(text):
    """Writes one line that shows at once."""
    print(text, flush=True)


def _stop(_signal, _frame):
    raise SystemExit
