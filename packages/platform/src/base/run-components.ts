import type { Clock, Component, Logger } from '@meshwork/shared';

/** What a group of components needs, and how long one may outstay the deadline of `stop`. */
export interface RunComponentsOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** After the deadline each component still gets this long to release what it holds. Default 1,000 ms. */
  readonly releaseMs?: number;
}

/**
 * Makes several components one: started in order, rolled back in reverse when one fails, stopped in reverse.
 *
 * All stops share the one signal given to `stop`. A component that fails to stop, or outstays the deadline, is logged and
 * left; the others are still stopped. `stop` during `start` aborts the start and then stops what had started.
 */
export function runComponents(
  components: readonly Component[],
  options: RunComponentsOptions,
): Component {
  const { clock, logger, releaseMs = 1_000 } = options;
  const started: Component[] = [];
  const stopAsked = new AbortController();
  let starting: Promise<void> = Promise.resolve();
  let stopping: Promise<void> | undefined;

  async function startAll(signal: AbortSignal): Promise<void> {
    for (const component of components) {
      try {
        signal.throwIfAborted();
        await component.start(signal);
        started.push(component);
        logger.debug({ component: component.name }, 'component started');
      } catch (error) {
        logger.error({ component: component.name, err: error }, 'component did not start');
        // Their start is what failed, so there is nothing worth draining: the deadline has already passed.
        await stopAll(AbortSignal.abort(new Error('rolled back')));
        throw error;
      }
    }
  }

  async function stopAll(signal: AbortSignal): Promise<void> {
    for (let component = started.pop(); component; component = started.pop()) {
      try {
        await withinDeadline(component.stop(signal), signal);
        logger.debug({ component: component.name }, 'component stopped');
      } catch (error) {
        logger.error({ component: component.name, err: error }, 'component did not stop cleanly');
      }
    }
  }

  async function withinDeadline(stop: Promise<void>, signal: AbortSignal): Promise<void> {
    const done = new AbortController();
    try {
      await Promise.race([stop, outstayed(signal, done.signal)]);
    } finally {
      done.abort();
    }
  }

  async function outstayed(signal: AbortSignal, done: AbortSignal): Promise<void> {
    try {
      await aborted(signal, done);
      await clock.sleep(releaseMs, done);
    } catch {
      return;
    }
    throw new Error(`still not stopped ${releaseMs} ms after the deadline`);
  }

  return {
    name: options.name,
    start(signal) {
      starting = startAll(AbortSignal.any([signal, stopAsked.signal]));
      return starting;
    },
    stop(signal) {
      stopping ??= (async () => {
        stopAsked.abort(new Error(`${options.name} is stopping`));
        await starting.catch(() => {});
        await stopAll(signal);
      })();
      return stopping;
    },
  };
}

/** Resolves when `signal` aborts, rejects when `done` does first. */
function aborted(signal: AbortSignal, done: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true, signal: done });
    done.addEventListener('abort', () => reject(new Error('done')), { once: true });
  });
}
