import { Session } from 'node:inspector/promises';

/**
 * Bytes between two samples, on average: at so few, nearly every allocation is one. Objects that the compiler has put together
 * into one allocation count once.
 */
const INTERVAL = 1;

/** What the protocol has, and @types/node has not. */
interface SampledProfile {
  readonly samples: readonly unknown[];
}

/** How many objects JavaScript allocates in an operation, by V8's sampling heap profiler. */
export async function sampledAllocations(operation: () => unknown): Promise<number> {
  const session = new Session();
  session.connect();
  try {
    await session.post('HeapProfiler.startSampling', {
      samplingInterval: INTERVAL,
      // also what was collected again
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    });
    await operation();
    const { profile } = await session.post('HeapProfiler.stopSampling');
    return (profile as unknown as SampledProfile).samples.length;
  } finally {
    session.disconnect();
  }
}
