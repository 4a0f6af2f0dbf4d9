import test from 'ava';
import { parseCounters } from '../helpers/kernel/nft-truth.js';

test("reads nft's counters by their names", t => {
  const json = `{"nftables": [{"metainfo": {"version": "1.0.6"}},
    {"counter": {"family": "inet", "name": "other", "table": "truth", "handle": 4, "packets": 1, "bytes": 2}},
    {"counter": {"family": "inet", "name": "truth", "table": "truth", "handle": 5, "packets": 368, "bytes": 4627860}}]}`;
  t.deepEqual(parseCounters(json).get('truth'), { packets: 368, octets: 4_627_860 });
  t.deepEqual(parseCounters(json).get('other'), { packets: 1, octets: 2 });
});

test('an answer without a counter is not a count of zero', t => {
  for (const json of ['{"nftables": [{"metainfo": {}}]}', '{}', '']) t.is(parseCounters(json).get('truth'), undefined);
});
