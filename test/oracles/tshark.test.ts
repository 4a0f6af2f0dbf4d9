import test from 'ava';
import { needs } from '../helpers/kernel/require.js';
import { readWithTshark } from '../helpers/oracles/tshark.js';
import {
  ENTERPRISES,
  FLOW_KEYS,
  FLOW_KEYS_READING,
  message,
  ORPHAN,
  readings,
  STANDARD,
  statistics,
  STATISTICS_READING,
} from './literal.js';

const tshark = needs(test, ['tshark']);

tshark('tshark reads every element of the profile standard by name', async t => {
  const reading = await readWithTshark([message(STANDARD)]);
  t.deepEqual(reading.unknown, []);
  t.deepEqual(reading.records, readings(STANDARD));
  t.deepEqual(reading.complaints, []);
});

tshark('a port by which tshark guesses another use of UDP is no complaint', async t => {
  const { complaints, records } = await readWithTshark([message(STANDARD)], 33_455);
  t.deepEqual(records, readings(STANDARD));
  t.deepEqual(complaints, []);
});

tshark('tshark reads options data', async t => {
  t.deepEqual((await readWithTshark([statistics()])).records, [STATISTICS_READING]);
  t.deepEqual((await readWithTshark([FLOW_KEYS])).records, [FLOW_KEYS_READING]);
});

tshark('tshark names the fields it does not know', async t => {
  const { unknown, complaints } = await readWithTshark([message(ENTERPRISES)]);
  t.is(unknown.length, 2);
  t.regex(unknown[0], /netfilter.* Type 4:.* 00 00 00 63/);
  t.regex(unknown[1], /Antrea.* Type 136:/);
  t.deepEqual(complaints, []);
});

tshark('tshark reports a set without its template', async t => {
  const { complaints, records } = await readWithTshark([ORPHAN]);
  t.is(complaints.length, 1);
  t.deepEqual(records, []);
});

tshark('tshark reports a truncated message', async t => {
  const whole = message(STANDARD);
  const { complaints } = await readWithTshark([whole.subarray(0, whole.length - 9)]);
  t.true(complaints.length > 0);
});

tshark('tshark reports a sequence number that is not the number of records before', async t => {
  const lost = await readWithTshark([message(STANDARD, 0), message(STANDARD, STANDARD.length + 2)]);
  t.is(lost.complaints.length, 1);
  const whole = await readWithTshark([message(STANDARD, 0), message(STANDARD, STANDARD.length)]);
  t.deepEqual(whole.complaints, []);
});
