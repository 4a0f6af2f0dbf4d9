import type { Backend } from '../../../src/backend/backend.js';
import { FlowBatcher } from '../../../src/destination/batchers/flow-batcher.js';
import type { Biflow } from '../../../src/ipfix/profile-standard.js';
import { createProfile, type Profile } from '../../../src/ipfix/profile.js';
import { EVENT_NEW } from '../../../src/row/layout.generated.js';
import { changed } from '../builders/connections.js';
import { nanoseconds, type Facts } from '../builders/rows.js';
import { Decoder, valuesOf } from '../builders/wire.js';
import { NatRig, type NatRigOptions } from './nat-rig.js';
import { SessionRig } from './session-rig.js';

export const MILLISECONDS = { instance: 1, time: 'milliseconds' } as const;
export const profileOf = ({ biflow = 'reverse', ...nat }: Partial<NatChoices> = {}): Profile =>
  createProfile('nat', biflow, false, undefined, 'none', {}, { ...MILLISECONDS, ...nat });

interface NatChoices {
  instance: number;
  time: 'milliseconds' | 'nanoseconds';
  biflow: Biflow;
}

/** What a collector gets of connections from their NEW to their end. */
export function exportTranslated(
  backend: Backend,
  facts: Facts | readonly Facts[],
  { profile = profileOf(), ...options }: NatRigOptions & { profile?: Profile } = {},
) {
  const connections = Array.isArray(facts) ? (facts as readonly Facts[]) : [facts as Facts];
  const waiting = 3 * connections.length;
  const nat = new NatRig({ room: waiting + 1, ...options });
  const session = new SessionRig(backend, { limit: 1_400, unreliable: false, profile });
  const batcher = new FlowBatcher(
    { store: nat.log.events, extras: {} },
    {
      activeFlowExportTimeout: 3_600_000,
      idleFlowExportTimeout: 3_600_000,
      staleConnectionTimeout: 3_600_000,
      endedQueue: waiting,
      zeroDeltas: profile.zeroDeltas === 'ends' ? 'ends' : 'none',
    },
    session.session,
  );
  const start = nat.wall + 1_000;
  nat.poll([]);
  nat.advance(2_000);
  const begun = connections.map(({ timeout: _, ...one }) => ({ ...one, start: nanoseconds(start) }));
  nat.receive(...begun.map(one => ({ ...changed(EVENT_NEW, one), eventTime: nanoseconds(start) + 1_234_567n })));
  nat.advance(2_000);
  nat.destroy(...begun.map(one => ({ ...one, stop: nanoseconds(nat.wall) - 1n })));
  batcher.export(100);
  const messages = session.transport.take();
  const records = new Decoder('tcp').decode(messages).map(valuesOf);
  return { records, messages, start, stop: nat.wall, batcher, nat };
}
