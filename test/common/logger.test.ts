import test from 'ava';
import { forPeople, loggerTo } from '../../src/common/logger.js';

function sink(): { write(line: string): void; onRoom(dropped: number): void; lines: string[] } {
  const lines: string[] = [];
  return { write: line => void lines.push(line), onRoom: () => {}, lines };
}

test('a program gets JSON with the names of the levels', t => {
  const to = sink();
  const log = loggerTo(to, 'info');
  log.child({ collector: 'udp://a:1' }).warn({ why: 'ECONNREFUSED' }, 'unreachable');
  log.debug('not shown');
  const lines = to.lines.map(line => JSON.parse(line) as Record<string, unknown>);
  t.is(lines.length, 1);
  const { time, ...rest } = lines[0];
  t.regex(String(time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  t.deepEqual(rest, { level: 'warn', collector: 'udp://a:1', why: 'ECONNREFUSED', msg: 'unreachable' });
});

test('a person gets time, level, message and fields on one line', t => {
  const to = sink();
  loggerTo(to, 'info', forPeople()).error({ why: 'ECONNREFUSED' }, 'unreachable');
  t.is(to.lines.length, 1);
  // oxlint-disable-next-line no-control-regex
  const plain = to.lines[0].replaceAll(/\x1b\[\d+m/g, '');
  t.regex(plain, /^\[\d\d:\d\d:\d\d\] ERROR: unreachable \{"why":"ECONNREFUSED"\}\n$/);
});

test('how many lines were dropped is said as soon as there is room', t => {
  const to = sink();
  loggerTo(to, 'info');
  to.onRoom(12);
  const { level, dropped, msg } = JSON.parse(to.lines[0]) as Record<string, unknown>;
  t.deepEqual([level, dropped], ['warn', 12]);
  t.regex(String(msg), /dropped/);
});
