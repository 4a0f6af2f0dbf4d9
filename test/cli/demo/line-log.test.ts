import test from 'ava';
import { FlowBoard } from '../../../src/cli/demo/flow-board.js';
import { LineLog } from '../../../src/cli/demo/line-log.js';
import { tcpRecord } from './records.js';

test('the header once, then new flows and totals, and no escape sequences', t => {
  let text = '';
  const log = new LineLog(more => (text += more));
  const board = new FlowBoard();
  const show = (elapsed: number) =>
    log.show({
      mode: 'live',
      backend: 'fallback',
      elapsed,
      duration: 5000,
      connections: board.connections,
      records: board.records,
      ...board.total(),
      top: board.top(200),
      fresh: board.takeFresh(),
    });
  board.add(tcpRecord(1));
  show(1001);
  board.add(tcpRecord(1));
  board.add(tcpRecord(2));
  show(2003);
  const lines = text.split('\n');
  t.is(lines.filter(line => line.startsWith('proto')).length, 1);
  t.is(lines.filter(line => line.includes('192.0.2.10:40001')).length, 1);
  t.is(lines.filter(line => line.includes('192.0.2.10:40002')).length, 1);
  t.is(lines.at(-2), '[2 s] 2 connections in 3 IPFIX flow records: 9 packets, 600 B');
  t.false(text.includes('\x1b'));
});
