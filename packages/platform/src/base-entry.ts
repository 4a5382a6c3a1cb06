/*
 * What a command needs to find daemons and read their files, without the libraries that daemons run on: importing those costs
 * more than most commands do (docs/adr/0030).
 */
export { readLock, type LockHolder } from './base/directory-lock.ts';
export { createStateFile, type StateFile } from './base/state-file.ts';
export { writeFileDurable } from './base/write-file-durable.ts';
