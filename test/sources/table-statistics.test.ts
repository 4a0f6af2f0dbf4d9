import test from 'ava';
import { writeFileSync } from 'node:fs';
import { parseStatistics, procfsStatistics } from '../../src/sources/table-statistics.js';
import { temporaryPath } from '../helpers/temporary.js';

/** As ct_cpu_seq_show of Linux 6.1 writes it. */
const TEXT = `entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart
00000005  00000009 00000001 00000000 00000002 00000000 00000000 0000000a 00000003 00000004 00000005 00000006 00000007  00000000 00000000 00000000 00000008
00000005  00000000 ffffffff 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000  00000000 00000000 00000000 00000000
`;
/** As Linux 4.9 does. */
const OLD = `entries  searched found new invalid ignore delete delete_list insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart
0000000f  00000001 00000002 00000003 00000004 00000005 00000006 00000007 00000008 00000009 0000000a 0000000b 0000000c  0000000d 0000000e 0000000f 00000010
`;

test('the counters of each CPU are read by the names of their columns', t => {
  const [first, second] = parseStatistics(TEXT);
  t.deepEqual(first, {
    cpu: 0,
    found: 1,
    invalid: 2,
    insert: 3,
    insertFailed: 4,
    drop: 5,
    earlyDrop: 6,
    icmpError: 7,
    searchRestart: 8,
    clashResolve: 9,
    chainTooLong: 10,
  });
  t.is(second.cpu, 1);
  t.is(second.found, 2 ** 32 - 1);
  t.like(parseStatistics(OLD)[0], { found: 2, invalid: 4, searchRestart: 16, clashResolve: 0, chainTooLong: 0 });
});

test('entries and limit are those of the settings, and a file that is missing is an error', t => {
  const path = temporaryPath(t, 'nf_conntrack');
  writeFileSync(path, TEXT);
  const settings: Record<string, string> = { nf_conntrack_count: '5', nf_conntrack_max: '262144' };
  t.like(
    procfsStatistics(name => settings[name], path),
    { entries: 5, limit: 262_144 },
  );
  t.throws(() => procfsStatistics(() => undefined, '/nowhere'), { code: 'CTFLOW_PROCFS', message: /ENOENT/ });
});
