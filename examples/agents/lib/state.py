"""Where an agent keeps what must survive its restart."""

import os
import tempfile


def state_folder():
    """A folder of this agent's own, made if it is missing: below STATE_DIR, else below the temporary folder."""
    above = os.environ.get('STATE_DIR') or os.path.join(tempfile.gettempdir(), f'home-lab-{os.getuid()}')
    folder = os.path.join(above, os.environ.get('MESH_AGENT', 'agent'))
    os.makedirs(folder, mode=0o700, exist_ok=True)
    if os.stat(folder).st_uid != os.getuid():
        raise PermissionError(f'{folder} belongs to somebody else')
    return folder
