import { runLoad, type LoadOptions } from './load.ts';

/** Serves a client process: tells its parent that it is ready, and measures when told to. */
export function serveLoad(call: () => Promise<void>): void {
  process.on('message', (options: LoadOptions) => {
    void runLoad(call, options).then((result) => process.send?.(result));
  });
  process.send?.('ready');
}
