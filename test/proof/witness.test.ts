import test from 'ava';
import { Ledger } from '../../proof/ledger.js';
import { lackingOf } from '../../proof/witness.js';

const record = (flowId: string, packets: number, second: number) => ({
  flowId,
  exportTime: new Date(second * 1000).toISOString(),
  packetDeltaCount: packets,
  octetDeltaCount: packets * 10,
  packetTotalCount: packets,
  octetTotalCount: packets * 10,
});

const ledger = new Ledger();
ledger.add(record('half', 2, 12));
ledger.add(record('whole', 5, 14));
ledger.add(record('exported by the next run', 5, 30));

const ended = (flowId: string) => ({ flowId, totals: [5, 50, 0, 0] });

test('what was not received of the ends within a span adds up', t => {
  const all = [ended('half'), ended('whole'), ended('never exported')];
  t.deepEqual(lackingOf(all, [{ from: 0, to: 3 }], ledger), { connections: 1, packets: 3 + 5, octets: 30 + 50 });
});

test('connections that ended before or after the span are not counted', t => {
  const all = [ended('half'), ended('whole'), ended('never exported')];
  t.deepEqual(lackingOf(all, [{ from: 1, to: 2 }], ledger), { connections: 0, packets: 0, octets: 0 });
});
