import test from 'ava';
import { conntrackStatistics, faultNames } from '../../proof/truth.js';

test("sums conntrack's hexadecimal statistics over the processors", t => {
  const text = `entries  clashres found new insert_failed drop
0000000a  00000000 00000001 00000000 0000000f 00000000
0000000a  00000000 00000002 00000000 00000001 00000002
`;
  const statistics = conntrackStatistics(text);
  t.is(statistics.get('insert_failed'), 16);
  t.is(statistics.get('drop'), 2);
  t.is(statistics.get('found'), 3);
});

test('the reasons for a void run are listed', t => {
  const faults = {
    insertFailed: 2,
    drop: 0,
    earlyDrop: 0,
    chainTooLong: 0,
    clashes: 0,
    retransmissions: 1,
    uncountedSyns: 0,
    witness: 0,
    late: 0,
  };
  t.deepEqual(faultNames(faults), ['insertFailed 2', 'retransmissions 1']);
});
