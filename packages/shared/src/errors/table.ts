/** What a code means outside the process that threw it. */
export interface ErrorRow {
  /** HTTP status of the answer that carries it. */
  readonly http: number;
  /** Exit code of `mesh`: 1 failed, 2 usage, 3 auth, 4 unreachable, 5 invalid input, 6 not found. */
  readonly exit: 1 | 2 | 3 | 4 | 5 | 6;
  /** Whether the same request may succeed later, unchanged. */
  readonly retryable: boolean;
  /** One sentence for `docs/errors.md`: when it comes and what to do. */
  readonly doc: string;
}

const row = (http: number, exit: ErrorRow['exit'], retryable: boolean, doc: string): ErrorRow => ({
  http,
  exit,
  retryable,
  doc,
});

/** Every failure that can cross a process. Append only: a code is never renamed or reused. */
export const errorTable = {
  // General
  MESH_INTERNAL: row(
    500,
    1,
    false,
    'A bug or an unforeseen failure; the daemon log has the stack.',
  ),
  MESH_INPUT_INVALID: row(
    400,
    5,
    false,
    'Input does not fit its schema; `details.problems` lists each path and reason.',
  ),
  MESH_USAGE: row(400, 2, false, 'The command line is wrong; `--help` shows the form.'),
  MESH_AUTH_REQUIRED: row(
    401,
    3,
    false,
    'No valid bearer token was sent; it stands in the main node’s data directory.',
  ),
  MESH_AUTH_REFUSED: row(403, 3, false, 'The caller is known but may not do this.'),
  MESH_ROUTE_UNKNOWN: row(404, 6, false, 'The HTTP API has no such route.'),
  MESH_UNREACHABLE: row(503, 4, true, 'The main node does not answer; `mesh up` starts it.'),
  MESH_NOT_FOUND_HERE: row(
    404,
    4,
    false,
    'No mesh was found in this folder or above; `mesh up` makes one, `--dir` names one.',
  ),
  MESH_STOPPING: row(503, 4, true, 'The daemon is stopping and takes no new work.'),
  MESH_BUSY: row(429, 1, true, 'A bound was reached; try again later.'),
  MESH_EXPIRED: row(
    504,
    1,
    true,
    'The command ran out of time before it was executed; it did not run.',
  ),
  MESH_OUTCOME_UNKNOWN: row(
    504,
    1,
    false,
    'The command was sent and no answer came by its deadline; it may have run.',
  ),
  MESH_TOO_LARGE: row(413, 5, false, 'A message, body or file is over its bound (docs/limits.md).'),
  // Config and files
  MESH_CONFIG_INVALID: row(
    400,
    5,
    false,
    'A config file, variable or flag is wrong; every problem is listed with its path.',
  ),
  MESH_FILE_UNREADABLE: row(400, 5, false, 'A named file is missing or may not be read.'),
  MESH_STATE_TORN: row(
    500,
    1,
    false,
    'A state file on disk is damaged; the message names it and what was done instead.',
  ),
  MESH_FORMAT_NEWER: row(
    500,
    1,
    false,
    'State was written by a newer release; start that release or step back by one only.',
  ),
  MESH_LOCK_HELD: row(
    409,
    1,
    false,
    'Another daemon already works in this data directory; its pid is named.',
  ),
  MESH_PORT_TAKEN: row(409, 1, true, 'A port that was set is in use; the holder’s pid is named.'),
  // Wire and membership
  MESH_PEER_GONE: row(
    503,
    1,
    true,
    'The connection to the node is closed; nothing was executed after that.',
  ),
  MESH_HELLO_REFUSED: row(403, 3, false, 'A peer’s proof or protocol range was refused.'),
  MESH_NODE_UNKNOWN: row(
    404,
    6,
    false,
    'No node of that name is in this mesh; `mesh node list` shows them.',
  ),
  MESH_NODE_EXISTS: row(
    409,
    1,
    false,
    'The name belongs to another key; `mesh node re-key` moves it on purpose.',
  ),
  MESH_NODE_UNAVAILABLE: row(503, 1, true, 'The node is not alive, so the command was not sent.'),
  MESH_NODE_NOT_EMPTY: row(409, 1, false, 'The node still has agents placed on it.'),
  MESH_NODE_SELF: row(409, 1, false, 'The Main PC’s own node cannot be removed or revoked.'),
  MESH_JOIN_REFUSED: row(
    403,
    3,
    false,
    'The join token is wrong, expired or used up, or the node was revoked.',
  ),
  MESH_JOIN_CLOSED: row(
    403,
    3,
    false,
    'Nobody can join now; `mesh node invite` on the Main PC opens the door.',
  ),
  MESH_JOIN_PENDING: row(
    202,
    1,
    true,
    'The key waits for a person who compares fingerprints and accepts it.',
  ),
  MESH_KIND_UNKNOWN: row(
    400,
    1,
    false,
    'The peer does not know this kind of message; it runs an older release.',
  ),
  // Desired state
  MESH_FLEET_INVALID: row(
    400,
    5,
    false,
    'A fleet file is wrong; every problem is listed with file, path and reason.',
  ),
  MESH_FLEET_UNKNOWN: row(404, 6, false, 'No fleet of that name is applied.'),
  MESH_FIELD_NOT_SUPPORTED: row(
    400,
    5,
    false,
    'The field is known but this release does not support it yet.',
  ),
  MESH_AGENT_UNKNOWN: row(
    404,
    6,
    false,
    'No agent of that name is declared; `mesh agent list` shows them.',
  ),
  MESH_AGENT_NOT_READY: row(
    503,
    1,
    true,
    'No instance of the agent is ready; `mesh agent show NAME` says why.',
  ),
  MESH_ACTION_UNKNOWN: row(404, 6, false, 'The agent does not know this action.'),
  MESH_AGENT_FAILED: row(
    502,
    1,
    false,
    'The agent answered with an error of its own; the message is the agent’s.',
  ),
  MESH_AGENT_NOT_CALLABLE: row(
    400,
    5,
    false,
    'The agent declares no way to be called (`calls`) and has no SDK connected.',
  ),
  MESH_LINK_REFUSED: row(
    403,
    3,
    false,
    'A program’s hello on the agent link was refused: wrong token, or a newer connection took its place.',
  ),
  MESH_LINK_ABSENT: row(
    503,
    4,
    true,
    'The program was not started by a mesh (MESH_LINK is not set), or its worker node does not answer.',
  ),
  MESH_PLACEMENT_IMPOSSIBLE: row(
    409,
    1,
    true,
    'No node fits; `details.candidates` gives the reason per node.',
  ),
  MESH_PLAN_STALE: row(409, 1, true, 'The desired state changed since it was read; plan again.'),
  // Store
  MESH_STORE_UNAVAILABLE: row(
    503,
    4,
    true,
    'Redis is away: agents run on, changes are refused until it is back.',
  ),
  MESH_STORE_FORMAT: row(500, 1, false, 'The store holds a format this release cannot read.'),
  MESH_STORE_NOT_DURABLE: row(
    409,
    1,
    false,
    'The external Redis can lose acknowledged writes; the config must accept that loss by name.',
  ),
  MESH_STORE_DISK_FULL: row(
    507,
    1,
    true,
    'Too little disk is left for the store; changes are refused until space is freed.',
  ),
  MESH_TERM_LOST: row(
    409,
    1,
    false,
    'Another main node took over this mesh; this one ends itself.',
  ),
  MESH_REDIS_MISSING: row(
    500,
    1,
    false,
    'redis-server or valkey-server 7.0 was not found and could not be fetched.',
  ),
  MESH_PYTHON_MISSING: row(
    500,
    1,
    false,
    'The example’s agents need python3, which was not found and could not be fetched.',
  ),
  // Programs
  MESH_EXEC_MISSING: row(
    400,
    5,
    false,
    'The agent’s executable was not found; the searched PATH is named.',
  ),
  MESH_EXEC_DENIED: row(400, 5, false, 'The agent’s executable may not be executed.'),
  MESH_CWD_MISSING: row(400, 5, false, 'The agent’s working directory does not exist on the node.'),
  MESH_USER_UNKNOWN: row(
    400,
    5,
    false,
    'The agent’s user does not exist on the node, or the node may not switch to it.',
  ),
  MESH_ENV_FILE_MISSING: row(
    400,
    5,
    false,
    'The agent’s envFile is missing, unreadable or open to others on the node.',
  ),
  MESH_SPAWN_FAILED: row(500, 1, true, 'The operating system refused to start the program.'),
  MESH_ENV_INVALID: row(
    400,
    5,
    false,
    'A variable of the agent’s environment has a name or value that cannot be handed over; it is named.',
  ),
  MESH_RUN_EXISTS: row(
    409,
    1,
    true,
    'A run of that name is still there on this node; it must be ended and forgotten first.',
  ),
  // Added later
  MESH_STORE_FULL: row(
    507,
    1,
    true,
    'The store reached its memory bound (`redis.maxMemory`); changes are refused until something is removed.',
  ),
  MESH_STORE_WENT_BACK: row(
    409,
    1,
    false,
    'The store holds an older or another database than the one this main node worked with; it ends itself and starts anew on what is there.',
  ),
  MESH_DIR_TAKEN: row(
    409,
    1,
    false,
    'The folder belongs to another mesh, or runs a main node of its own; join in another folder, or with `--dir`.',
  ),
  MESH_NODE_REMOVED: row(
    403,
    3,
    false,
    'This node was removed from its mesh, or its key was revoked; its agents are stopped and it is not started again before it joins anew.',
  ),
} as const satisfies Record<string, ErrorRow>;

/** A code of the one table, `MESH_<AREA>_<PROBLEM>`. */
export type ErrorCode = keyof typeof errorTable;
