import test from 'ava';
import { parseCounters, parseTruth } from '../../src/demo/truth.js';

test("reads nft's counter by its name", t => {
  const json = `{"nftables": [{"metainfo": {"version": "1.0.6"}},
    {"counter": {"family": "inet", "name": "other", "table": "truth", "handle": 4, "packets": 1, "bytes": 2}},
    {"counter": {"family": "inet", "name": "truth", "table": "truth", "handle": 5, "packets": 368, "bytes": 4627860}}]}`;
  t.deepEqual(parseTruth(json), { packets: 368, octets: 4_627_860 });
  t.deepEqual(parseCounters(json).get('other'), { packets: 1, octets: 2 });
});

test('an answer without the counter is an error, not a count of zero', t => {
  t.throws(() => parseTruth('{"nftables": [{"metainfo": {}}]}'), { code: 'CTFLOW_DEMO' });
  t.throws(() => parseTruth('{}'), { code: 'CTFLOW_DEMO' });
  t.throws(() => parseTruth(''), { code: 'CTFLOW_DEMO' });
});
