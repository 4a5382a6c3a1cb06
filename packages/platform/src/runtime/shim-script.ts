/*
 * The shim: what stands between a daemon and a program, and outlives the daemon. ADR 0002 says why it is a shell.
 *
 * Its text is an argument, never a file: an upgrade cannot change what a waiting shell executes. It needs no daemon: it
 * writes the program's identity before the program's first instruction, waits for the program, and writes how it ended.
 *
 * Every file descriptor has one job. 1 and 2: the run file, opened for appending by the daemon; what the shell says there
 * by itself ("Killed") tells death by a signal from an exit code of 128 and more. 5: the read end of the output pipe, kept so
 * that a killed pump ends nothing and can be replaced. 6: its write end, the program's output.
 *
 * The program runs in the foreground: a shell's background children would have SIGINT and SIGQUIT ignored, and `wait`
 * returns early on a trap. Variables begin with MESH_SHIM, so that none of the program's is shadowed.
 */

/** Positional parameters of {@link SHIM_SCRIPT} before the program's chain of commands. */
export interface ShimParameters {
  /** Path of the run file; a shim whose file was taken away starts nothing. */
  readonly runFile: string;
  /** Who shall own the output pipe: the program's user, who else could not open /dev/stdout. Absent: whoever runs the shim. */
  readonly outputOwner?: number;
  readonly pump: PumpParameters;
}

/** Positional parameters of {@link PUMP_SCRIPT}. */
export interface PumpParameters {
  readonly dir: string;
  readonly segmentBytes: number;
  readonly maxSegments: number;
  /** Number of the segment to go on with, and how much it still takes. */
  readonly segment: number;
  readonly roomBytes: number;
  /** Whether space for that segment was reserved before. */
  readonly isReserved: boolean;
  /** What was dropped in this directory before. */
  readonly dropped: { readonly lines: number; readonly bytes: number; readonly uncounted: number };
  readonly tools: {
    readonly rm: string;
    readonly wc: string;
    readonly dd: string;
    readonly fallocate: string;
    readonly sleep: string;
  };
}

/**
 * Copies standard input into segments until everybody who could write has closed the pipe.
 *
 * Space for a whole segment is reserved first, so a full disk is met between segments: then output is read on and counted
 * instead of written, a chunk at a time, until there is space again. The program is never blocked by that.
 */
const PUMP_SCRIPT = `
trap '' HUP INT QUIT TERM USR1 USR2 PIPE ALRM
exec >/dev/null 2>&1
unset LD_PRELOAD LD_LIBRARY_PATH MESH_RUN_COOKIE MESH_SHIM
export LC_ALL=C
dir=$1 segment=$2 keep=$3 n=$4 room=$5 lines=$6 bytes=$7 uncounted=$8
rm=$9 wc=\${10} dd=\${11} fallocate=\${12} sleep=\${13} reserved=\${14}
dropping=
while :; do
  status=2
  # Where it cannot even be made, nothing was read yet.
  [ -e "$dir/$n.log" ] || true >"$dir/$n.log"
  [ -e "$dir/$n.log" ] && case $([ "$reserved" ] || "$fallocate" -n -l "$segment" "$dir/$n.log" 2>&1) in
  *'No space'* | *quota*) status=1 ;;
  *)
    if [ "$dropping" ]; then
      echo "
-- $lines lines ($bytes bytes) of output were dropped up to here: they could not be written --" >>"$dir/$n.log" && dropping=
    fi
    # dd writes what each read gave at once; head would hold a quiet program's lines back until they fill its buffer.
    block=4096
    [ "$room" -lt "$block" ] && block=$room
    reads=$((room / block))
    report=$("$dd" bs="$block" count="$reads" status=noxfer 2>&1 >>"$dir/$n.log")
    status=$?
    [ "$status" = 1 ] && uncounted=$((uncounted + 1))
    ;;
  esac
  reserved=
  size=$("$wc" -c <"$dir/$n.log")
  : "\${size:=0}"
  if [ "$status" = 0 ]; then
    # Fewer reads than asked for ("12+3 records in"): everybody has closed the pipe. A warning may stand before it.
    report=\${report%% records in*}
    [ $((\${report##*
})) -lt "$reads" ] && exit
    reserved=yes
  elif [ "$status" -lt 128 ]; then
    # Never waits for output, for there may be space again before there is output: that would be dropped for nothing.
    set -- $(
      exec 3>&1
      { "$dd" bs=65536 count=1 iflag=nonblock 2>/dev/null || echo none >&3; } | "$wc" -lc
    )
    if [ "$1" = none ]; then
      "$sleep" 0.5
    else
      [ "$2" = 0 ] && exit
      dropping=1 lines=$((lines + $1)) bytes=$((bytes + $2))
      echo "$lines $bytes $uncounted" 1<>"$dir/dropped"
    fi
    # Opened anew, for what dd made of it would end the next read at once.
    exec </proc/self/fd/0
  fi
  room=$((segment - size))
  # The last bytes would cost a dd for every line.
  if [ "$room" -le $((segment / 256)) ]; then
    n=$((n + 1)) room=$segment reserved=
    "$rm" -f "$dir/$((n - keep)).log"
  fi
done
`;

/** Number of parameters in front of the program's chain of commands. */
const OWN_PARAMETERS = 16;

/** Starts the pump and the program, waits, records. Its one line per fact is read by `parseRunFile`. */
export const SHIM_SCRIPT = `
trap : HUP INT QUIT TERM USR1 USR2 PIPE ALRM
unset MESH_SHIM OLDPWD
read -r MESH_SHIM_STAT </proc/self/stat
echo "shim $MESH_SHIM_STAT"
[ "$1" -ef /proc/self/fd/1 ] || exit 1
exec 5<<END
END
if [ -p /proc/self/fd/5 ]; then
  exec 6>/proc/self/fd/5
else
  command -p mkfifo -m 600 "$1.pipe" || exit 1
  exec 7<>"$1.pipe" 6>"$1.pipe" 5<"$1.pipe" 7>&-
  command -p rm -f "$1.pipe"
fi
{
  read -r MESH_SHIM_STAT </proc/self/stat
  echo "pump $MESH_SHIM_STAT"
  shift 2
  ${PUMP_SCRIPT}
} <&5 5<&- 6>&- &
(
  read -r MESH_SHIM_STAT </proc/self/stat && echo "main $MESH_SHIM_STAT" || exit 125
  [ "$2" ] && command -p chown "$2" /proc/self/fd/6
  shift ${OWN_PARAMETERS}
  unset SHLVL
  exec "$@" >&6 2>&6 5<&- 6>&-
)
echo "exit $?"
`;

/** A pump that is started later: `$1` is where the shim keeps the read end of the output pipe. */
export const LATER_PUMP_SCRIPT = `
read -r MESH_SHIM_STAT </proc/self/stat
echo "pump $MESH_SHIM_STAT"
exec <"$1"
shift
${PUMP_SCRIPT}
`;

/** The arguments of `/bin/sh` for one run; the script itself travels in the variable MESH_SHIM, so that `ps` stays readable. */
export function toShimArguments(parameters: ShimParameters, chain: readonly string[]): string[] {
  return [
    '-c',
    'eval "$MESH_SHIM"',
    'mesh-shim',
    parameters.runFile,
    String(parameters.outputOwner ?? ''),
    ...toPumpParameters(parameters.pump),
    ...chain,
  ];
}

/** The positional parameters of the pump, in its order. */
export function toPumpParameters(pump: PumpParameters): string[] {
  const { dropped, tools } = pump;
  return [
    pump.dir,
    pump.segmentBytes,
    pump.maxSegments,
    pump.segment,
    pump.roomBytes,
    dropped.lines,
    dropped.bytes,
    dropped.uncounted,
    tools.rm,
    tools.wc,
    tools.dd,
    tools.fallocate,
    tools.sleep,
    pump.isReserved ? 'yes' : '',
  ].map(String);
}
