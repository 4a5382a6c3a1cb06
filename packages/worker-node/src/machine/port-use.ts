import { createServer } from 'node:net';

/** Whether a TCP port of this machine can be listened on, on every address. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      // A port that this account may not bind is somebody else's business: the agent will say so itself.
      if (error.code === 'EADDRINUSE') resolve(false);
      else if (error.code === 'EACCES') resolve(true);
      else reject(error);
    });
    server.listen({ port, host: '0.0.0.0', exclusive: true }, () => {
      server.close(() => resolve(true));
    });
  });
}
