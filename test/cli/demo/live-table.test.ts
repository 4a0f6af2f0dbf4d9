import test from 'ava';
import { FlowBoard } from '../../../src/cli/demo/flow-board.js';
import { frame } from '../../../src/cli/demo/live-table.js';
import type { Snapshot } from '../../../src/cli/demo/stage.js';
import { record, tcpRecord } from './records.js';

const NAT = { postNATDestinationIPv4Address: '198.51.100.21', postNAPTDestinationTransportPort: 8080 };

function snapshot(fill: (board: FlowBoard) => void): Snapshot {
  const board = new FlowBoard();
  fill(board);
  return {
    mode: 'live',
    backend: 'native',
    elapsed: 7040,
    duration: 15_000,
    connections: board.connections,
    records: board.records,
    ...board.total(),
    top: board.top(200),
    fresh: board.takeFresh(),
  };
}

const many = snapshot(board => {
  for (let id = 1; id <= 90; id++) board.add(tcpRecord(id, id % 3 === 0 ? NAT : {}));
});
const texts = (of: Snapshot, width: number, height: number) => frame(of, width, height).map(line => line.text);

test('never more lines than the terminal has, never a line wider', t => {
  for (const width of [20, 79, 93, 100, 160]) {
    for (const height of [0, 1, 5, 6, 7, 24, 30, 40, 200]) {
      const lines = texts(many, width, height);
      t.true(lines.length <= height, `${lines.length} lines of ${height}`);
      t.true(
        lines.every(line => line.length <= width),
        `${width} columns`,
      );
    }
  }
});

test('flows without a row are counted, also where a row takes two lines', t => {
  for (const [width, height] of [
    [100, 30],
    [160, 40],
  ]) {
    const lines = texts(many, width, height);
    const shown = lines.filter(line => line.startsWith('tcp ')).length;
    t.is(lines.at(-1), `… and ${90 - shown} more`);
    t.true(shown > 10);
  }
  t.false(texts(many, 160, 200).some(line => line.includes(' more')));
});

test('NAT has a column where there is room, else a line below, and the address is whole', t => {
  const one = snapshot(board => board.add(tcpRecord(1, NAT)));
  const wide = texts(one, 160, 40);
  t.regex(wide[4], /^tcp +192\.0\.2\.10:40001 +→ 198\.51\.100\.20:80 +to 198\.51\.100\.21:8080 /);
  const narrow = texts(one, 100, 40);
  t.regex(narrow[4], /^tcp +192\.0\.2\.10:40001 +→ 198\.51\.100\.20:80 +1 +2 +100 B +100 B active +1$/);
  t.regex(narrow[5], /^ +↳ to 198\.51\.100\.21:8080$/);
  t.regex(texts(one, 80, 40)[4], /^tcp +192\.0\.2\.10:40001 +→ 198\.51\.100\.20:80 +100 B +100 B active +1$/);
});

test('columns are wide enough for the longest address', t => {
  const long = '2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff';
  const lines = texts(
    snapshot(board => {
      board.add(tcpRecord(1));
      board.add(
        record({
          flowId: 2,
          protocolIdentifier: 6,
          sourceIPv6Address: long,
          destinationIPv6Address: long,
          sourceTransportPort: 1,
          destinationTransportPort: 2,
          flowEndReason: 2,
        }),
      );
    }),
    160,
    40,
  );
  t.regex(lines[5], new RegExp(`\\[${long}\\]:1 +→ \\[${long}\\]:2 `));
  t.is(lines[4].indexOf('→'), lines[5].indexOf('→'));
});

test('rows are in order of protocol and destination, ports as numbers', t => {
  const lines = texts(
    snapshot(board => {
      for (const port of [443, 80, 8080]) board.add(tcpRecord(port, { destinationTransportPort: port }));
      board.add(tcpRecord(1, { protocolIdentifier: 1, destinationTransportPort: undefined }));
    }),
    100,
    40,
  );
  const order = lines.slice(4).map(line => / → (\S+)/.exec(line)?.[1]);
  t.deepEqual(order, ['198.51.100.20', '198.51.100.20:80', '198.51.100.20:443', '198.51.100.20:8080']);
});

test('the title has the place, the backend and the progress; a recording has no fixed length', t => {
  const [title, totals] = texts(many, 100, 10);
  t.regex(title, /^ctflow demo · Linux \S+ · native backend · 7 s of 15 s$/);
  t.is(totals, '90 connections in 90 IPFIX flow records: 270 packets, 18.0 kB');
  const { duration: _, ...open } = many;
  t.is(texts({ ...open, mode: 'replay' }, 100, 10)[0], 'ctflow demo · a recording · native backend · 7 s');
});
