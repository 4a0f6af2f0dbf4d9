import type { Subject } from '../subject.js';
import { decode } from './decode.js';
import { dump } from './dump.js';
import { encode } from './encode.js';
import { enrich } from './enrich.js';
import { endToEnd } from './end-to-end.js';
import { events } from './events.js';
import { exportConntrack } from './export.js';
import { exportDeny } from './export-deny.js';
import { memory } from './memory.js';
import { nat } from './nat.js';
import { poll } from './poll.js';
import { startUp } from './start-up.js';
import { store } from './store.js';

/** Every subject, in the order of the data path. */
export const SUBJECTS: readonly Subject[] = [
  dump,
  decode,
  poll,
  store,
  encode,
  enrich,
  exportConntrack,
  exportDeny,
  endToEnd,
  events,
  nat,
  startUp,
  memory,
];
