import type { Backend } from '../../../src/backend/backend.js';
import { FlowBatcher } from '../../../src/destination/batchers/flow-batcher.js';
import { createProfile, type Profile } from '../../../src/ipfix/profile.js';
import { EVENT_NEW } from '../../../src/row/layout.generated.js';
import { changed } from '../builders/connections.js';
import { nanoseconds, type Facts } from '../builders/rows.js';
import { Decoder, valuesOf } from '../builders/wire.js';
import { NatRig, type NatRigOptions } from './nat-rig.js';
import { SessionRig } from './session-rig.js';

export const MILLISECONDS = { instance: 1, time: 'milliseconds' } as const;
export const profileOf = (nat: { instance: number; time: 'milliseconds' | 'nanoseconds' } = MILLISECONDS): Profile =>
  createProfile('nat', 'reverse', false, undefined, 'none', {}, nat);

/** What a collector gets of a connection from its NEW to its end. */
export function exportTranslated(
  backend: Backend,
  facts: Facts,
  { profile = profileOf(), ...options }: NatRigOptions & { profile?: Profile } = {},
) {
  const nat = new NatRig(options);
  const session = new SessionRig(backend, { limit: 1_400, unreliable: false, profile });
  const batcher = new FlowBatcher(
    { store: nat.log.events, extras: {} },
    {
      activeFlowExportTimeout: 3_600_000,
      idleFlowExportTimeout: 3_600_000,
      staleConnectionTimeout: 3_600_000,
      endedQueue: 3,
      zeroDeltas: profile.zeroDeltas === 'ends' ? 'ends' : 'none',
    },
    session.session,
  );
  const start = nat.wall + 1_000;
  nat.poll([]);
  nat.advance(2_000);
  const { timeout: _, ...one } = { ...facts, start: nanoseconds(start) };
  nat.receive({ ...changed(EVENT_NEW, one), eventTime: nanoseconds(start) + 1_234_567n });
  nat.advance(2_000);
  nat.destroy({ ...one, stop: nanoseconds(nat.wall) - 1n });
  batcher.export(100);
  const messages = session.transport.take();
  const records = new Decoder('tcp').decode(messages).map(valuesOf);
  return { records, messages, start, stop: nat.wall, batcher, nat };
}
