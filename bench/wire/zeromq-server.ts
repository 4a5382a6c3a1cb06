/** A plain zeromq.js echo, a message a call, without encryption: what the wire is measured against. */
import { Router } from './plain-zeromq.ts';

const router = new Router();
await router.bind('tcp://127.0.0.1:0');
process.send?.(router.lastEndpoint);
for await (const message of router) await router.send(message);
