import test from 'ava';
import { Ledger } from '../../proof/ledger.js';
import { endedUnwatched } from '../../proof/witness.js';

const ledger = new Ledger();
ledger.add({ flowId: 'half', packetDeltaCount: 2, octetDeltaCount: 20, packetTotalCount: 2, octetTotalCount: 20 });
ledger.add({ flowId: 'whole', packetDeltaCount: 5, octetDeltaCount: 50, packetTotalCount: 5, octetTotalCount: 50 });

const ended = (flowId: string, stop: number) => ({ flowId, stop, totals: [5, 50, 0, 0] });
const UNWATCHED = [{ from: 100, to: 200 }];

test('what was not told of connections that ended while nobody listened adds up', t => {
  const all = [ended('half', 150), ended('whole', 150), ended('never told', 150)];
  t.deepEqual(endedUnwatched(all, UNWATCHED, ledger), { connections: 1, packets: 3 + 5, octets: 30 + 50 });
});

test('what ended while an exporter listened is no excuse', t => {
  const all = [ended('half', 99), ended('never told', 201)];
  t.deepEqual(endedUnwatched(all, UNWATCHED, ledger), { connections: 0, packets: 0, octets: 0 });
});
