import test from 'ava';
import { Ledger } from '../../proof/ledger.js';
import { backlog, lackingOf } from '../../proof/witness.js';

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
ledger.add(record('told by the next exporter', 5, 30));

const ended = (flowId: string, stop: number) => ({ flowId, stop, totals: [5, 50, 0, 0] });
const TIMES = [{ from: 11_000, to: 20_000 }];

test('what was not told of connections that ended within some times adds up', t => {
  const all = [ended('half', 11_000), ended('whole', 15_000), ended('never told', 19_999)];
  t.deepEqual(lackingOf(all, TIMES, ledger), { connections: 1, packets: 3 + 5, octets: 30 + 50 });
});

test('what ended at another time is not in it', t => {
  const all = [ended('half', 10_999), ended('never told', 20_000)];
  t.deepEqual(lackingOf(all, TIMES, ledger), { connections: 0, packets: 0, octets: 0 });
});

test('an exporter that told of ends three seconds late had those of the last three seconds in hand when it was killed', t => {
  const all = [ended('half', 11_500), ended('whole', 11_000), ended('told by the next exporter', 15_000)];
  t.deepEqual(backlog(all, { from: 0, to: 20_000 }, ledger), { from: 20_000 - 3_000 - 2_000, to: 20_000 });
  t.is(backlog(all, { from: 18_000, to: 20_000 }, ledger).from, 18_000, 'not before it began');
});
