import { parentPort, workerData } from 'node:worker_threads';
import type { WatchOptions } from './facts.js';
import { watchCluster } from './watch-cluster.js';

/** Watches on a thread of its own: the client's code and the objects of a cluster stay out of the exporter. */

await watchCluster(workerData as WatchOptions, parentPort!);
