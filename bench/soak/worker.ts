/** One long run in a process of its own: reads a job from standard input and answers on standard output. */
import { text } from 'node:stream/consumers';
import { loadBackend } from '../../src/backend/load.js';
import type { SoakJob } from './options.js';
import { soak } from './soak.js';

const { kind, options } = JSON.parse(await text(process.stdin)) as SoakJob;
process.stdout.write(JSON.stringify(await soak(kind, await loadBackend(options.backend), options)));
