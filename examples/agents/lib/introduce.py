"""How an agent makes itself known to the log or the store that it depends on."""

import os
import time

from lib.peers import peers


def introduce(service):
    """Adds the step: an entry in each event log and each store among the dependencies, before the agent is ready."""

    @service.before_ready
    def introduce_to_peers():
        for log in peers('event-log'):
            log.call('append', {'source': service.name, 'text': f'starts on {service.node}'})
        for store in peers('store'):
            entry = {'instance': os.environ.get('MESH_INSTANCE', ''), 'port': service.port, 'since': round(time.time(), 3)}
            store.call('put', {'key': f'agents/{service.name}', 'value': entry})
