import { CtflowError } from '../errors.js';
import { runTool } from './tool.js';

/** Packets and IP-layer octets of both directions of all connections. */
export interface Count {
  readonly packets: number;
  readonly octets: number;
}

/** What the kernel counted by itself, without conntrack: the nft counter of ruleset.ts. */
export async function readTruth(): Promise<Count> {
  return parseTruth(await runTool(['nft', '-j', 'list', 'counter', 'inet', 'truth', 'truth']));
}

/**
 * Reads nft's answer.
 * @throws CtflowError CTFLOW_DEMO where the counter is not in it
 */
export function parseTruth(json: string): Count {
  const counter = counters(json).find(entry => entry?.name === 'truth');
  if (typeof counter?.packets !== 'number' || typeof counter.bytes !== 'number') {
    throw new CtflowError('CTFLOW_DEMO', 'nft does not show the counter of the demonstration', 'Check nft --version');
  }
  return { packets: counter.packets, octets: counter.bytes };
}

function counters(json: string): readonly (Counter | undefined)[] {
  try {
    const answer = JSON.parse(json) as { nftables?: { counter?: Counter }[] };
    return answer.nftables?.map(entry => entry.counter) ?? [];
  } catch {
    return []; // an nft that was built without JSON
  }
}

interface Counter {
  readonly name?: unknown;
  readonly packets?: unknown;
  readonly bytes?: unknown;
}
