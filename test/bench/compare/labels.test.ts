import test from 'ava';
import { labelsOf } from '../../../bench/compare/charts/labels.js';
import { benchmarkResult } from './runs.js';

const exported = (connections: number, mtu: number) =>
  benchmarkResult({ subject: 'export', case: 'export', parameters: { connections, gone: connections / 10, mtu } });

test('only the parameters that tell results apart are in their labels', t => {
  t.deepEqual(labelsOf([exported(2_000, 1400), exported(5_000, 1400)]), [
    'native ipv4, connections 2,000',
    'native ipv4, connections 5,000',
  ]);
  t.deepEqual(labelsOf([exported(2_000, 1400), exported(2_000, 512)]), [
    'native ipv4, mtu 1,400',
    'native ipv4, mtu 512',
  ]);
});

test('one result alone needs none', t => {
  t.deepEqual(labelsOf([exported(2_000, 512)]), ['native ipv4']);
});

test('two parameters that vary by themselves both stand in the label', t => {
  const results = [exported(2_000, 1400), exported(2_000, 512), exported(5_000, 1400), exported(5_000, 512)];
  t.is(new Set(labelsOf(results)).size, 4);
  t.is(labelsOf(results)[3], 'native ipv4, connections 5,000, mtu 512');
});
