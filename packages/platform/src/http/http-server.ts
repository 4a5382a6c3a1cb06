import assert from 'node:assert/strict';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { MeshError, type Clock, type Component, type Logger, type Metrics } from '@meshwork/shared';
import { bindPort } from './bind-port.ts';
import { buildApp } from './build-app.ts';
import { createHttpMetrics } from './http-metrics.ts';
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from './http-limits.ts';
import type { Route } from './route.ts';

/** What one HTTP server serves, to whom, and within which bounds. */
export interface HttpServerOptions {
  /** `main` or `worker`: part of the metrics' names. */
  readonly daemon: string;
  /** Default loopback only. */
  readonly host?: string;
  readonly port: number;
  /** A port that was set is taken or refused, never replaced by a free one. */
  readonly portWasSet: boolean;
  /** Data folder that remembers which free port was taken. */
  readonly dataDir: string;
  readonly routes: readonly Route[];
  /** What non-public routes ask for. */
  readonly token: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly limits?: Partial<HttpLimits>;
}

/** A running server. */
export interface HttpServer extends Component {
  /** Where it listens, once started. */
  address(): { readonly host: string; readonly port: number };
}

/**
 * An HTTP server over one table of routes.
 *
 * Every failure answers `{error: {code, message, details?, retryable}}` with the status of the error table. `stop` refuses new
 * requests with MESH_STOPPING, lets running ones finish until its signal aborts, and ends event streams at once.
 */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { host = '127.0.0.1', logger } = options;
  const limits = { ...DEFAULT_HTTP_LIMITS, ...options.limits };
  const stopping = new AbortController();
  const { seconds } = createHttpMetrics(options.metrics, options.daemon);
  let app: FastifyInstance | undefined;
  let server: Server | undefined;

  return {
    name: 'http',
    async start() {
      const made = buildApp({ ...options, limits, stopping: stopping.signal, seconds });
      app = made.app;
      server = made.server;
      const listening = server;
      await app.ready();
      const wish = { name: 'http', port: options.port, wasSet: options.portWasSet };
      const port = await bindPort(options.dataDir, wish, (candidate) =>
        listen(listening, host, candidate),
      );
      logger.info({ host, port }, 'http api listens');
    },
    async stop(signal) {
      stopping.abort(new MeshError('MESH_STOPPING', 'the daemon is stopping'));
      if (app === undefined || server === undefined || !server.listening) return;
      const ending = server;
      const cut = (): void => ending.closeAllConnections();
      signal.addEventListener('abort', cut, { once: true });
      const closed = new Promise<void>((resolve) => ending.close(() => resolve()));
      ending.closeIdleConnections();
      if (signal.aborted) cut();
      await closed;
      signal.removeEventListener('abort', cut);
      await app.close();
    },
    address() {
      const bound = server?.address();
      assert(
        typeof bound === 'object' && bound !== null,
        'the http server listens only after start',
      );
      return { host: bound.address, port: bound.port };
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const onListening = (): void => {
      server.off('error', onError);
      resolve((server.address() as AddressInfo).port);
    };
    const onError = (error: Error): void => {
      server.off('listening', onListening);
      reject(error);
    };
    server.once('error', onError).once('listening', onListening).listen({ host, port });
  });
}
