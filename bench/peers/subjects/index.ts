import type { Subject } from '../../subject.js';
import { peersEvents } from './events.js';
import { peersExport } from './export.js';
import { peersMerge } from './merge.js';
import { peersPoll } from './poll.js';

/** What is compared with other programs, in the order of the data path. */
export const PEER_SUBJECTS: readonly Subject[] = [peersPoll, peersMerge, peersExport, peersEvents];
