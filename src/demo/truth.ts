import { CtflowError } from '../common/errors.js';
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
  const truth = parseCounters(json).get('truth');
  if (truth) return truth;
  throw new CtflowError('CTFLOW_DEMO', 'nft does not show the counter of the demonstration', 'Check nft --version');
}

/** The named counters in nft's answer to `nft -j list counters` and the like. */
export function parseCounters(json: string): Map<string, Count> {
  const named = new Map<string, Count>();
  for (const counter of counters(json)) {
    const { name, packets, bytes } = counter ?? {};
    if (typeof name !== 'string' || typeof packets !== 'number' || typeof bytes !== 'number') continue;
    named.set(name, { packets, octets: bytes });
  }
  return named;
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
