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

/** Reads nft's answer. */
export function parseTruth(json: string): Count {
  const answer = JSON.parse(json) as { nftables?: { counter?: { name?: string; packets?: number; bytes?: number } }[] };
  const counter = answer.nftables?.find(entry => entry.counter?.name === 'truth')?.counter;
  if (typeof counter?.packets !== 'number' || typeof counter.bytes !== 'number') {
    throw new CtflowError('CTFLOW_DEMO', 'nft does not show the counter of the demonstration', 'Check nft --version');
  }
  return { packets: counter.packets, octets: counter.bytes };
}
