import test from 'ava';
import { loadBackend } from '../../../src/backend/load.js';
import { JournaldSink } from '../../../src/common/log/journald.js';
import { loggerTo } from '../../../src/common/logger.js';
import { DatagramReceiver, journalFields } from '../../helpers/kernel/datagrams.js';
import { needs } from '../../helpers/kernel/require.js';
import { eventually } from '../../helpers/eventually.js';
import { temporaryPath } from '../../helpers/temporary.js';

function standardError(): { write(line: string): void; onRoom(dropped: number): void; text: string } {
  return {
    text: '',
    write(line) {
      this.text += line;
    },
    onRoom: () => {},
  };
}

const EAGAIN = 11;

test('an entry has MESSAGE, PRIORITY, SYSLOG_IDENTIFIER and a CTFLOW field for each of the line', t => {
  const sent: [string, Record<string, string>][] = [];
  const send = (address: string, bytes: Uint8Array): number => {
    sent.push([address, journalFields(bytes)]);
    return 0;
  };
  const log = loggerTo(new JournaldSink(() => send, standardError()), 'debug');
  log
    .child({ collector: 'udp://a:1' })
    .warn({ why: 'ECONNREFUSED', lostRecords: 3, some: { a: 'b c' } }, 'unreachable');
  log.debug({ statistics: { large: 1 } }, 'of\ntwo lines');
  log.error('CTFLOW_X: wrong');
  log.info('on');
  t.deepEqual(sent, [
    [
      '/run/systemd/journal/socket',
      {
        MESSAGE: 'unreachable collector=udp://a:1 why=ECONNREFUSED lostRecords=3 some={"a":"b c"}',
        PRIORITY: '4',
        SYSLOG_IDENTIFIER: 'ctflow',
        CTFLOW_COLLECTOR: 'udp://a:1',
        CTFLOW_WHY: 'ECONNREFUSED',
        CTFLOW_LOST_RECORDS: '3',
        CTFLOW_SOME: '{"a":"b c"}',
      },
    ],
    [
      '/run/systemd/journal/socket',
      { MESSAGE: 'of\ntwo lines', PRIORITY: '7', SYSLOG_IDENTIFIER: 'ctflow', CTFLOW_STATISTICS: '{"large":1}' },
    ],
    ['/run/systemd/journal/socket', { MESSAGE: 'CTFLOW_X: wrong', PRIORITY: '3', SYSLOG_IDENTIFIER: 'ctflow' }],
    ['/run/systemd/journal/socket', { MESSAGE: 'on', PRIORITY: '6', SYSLOG_IDENTIFIER: 'ctflow' }],
  ]);
});

test('what journald does not take goes to standard error, each line with its level in front', t => {
  for (const send of [undefined, () => EAGAIN]) {
    const to = standardError();
    const log = loggerTo(new JournaldSink(() => send, to), 'info');
    log.warn({ hint: 'Do this' }, 'wrong');
    log.info('of\ntwo lines');
    t.is(to.text, '<4>wrong hint="Do this"\n<6>of\n<6>two lines\n');
    to.onRoom(7);
    t.regex(to.text, /<4>log lines dropped: .* dropped=7\n$/);
  }
});

needs(test, ['native', 'linux'])('entries arrive at a path and at an abstract name, large ones as a file', async t => {
  const { sendUnixDatagram: send } = await loadBackend('native');
  const addresses = [temporaryPath(t, 'journal'), `@ctflow-${process.pid}-journal`];
  const receiver = await DatagramReceiver.open(t, ...addresses);
  for (const address of addresses) {
    const to = standardError();
    const log = loggerTo(new JournaldSink(() => send, to, address), 'info');
    log.info('small');
    log.info({ statistics: 'x'.repeat(1 << 20) }, 'large');
    t.is(to.text, '', 'nothing went elsewhere');
    await eventually('both arrive', () => receiver.texts(address).length === 2);
    const [small, large] = receiver.received.filter(one => one.address === address);
    t.deepEqual([small.file, large.file, small.pid], [false, true, process.pid]);
    t.is(journalFields(small.bytes)['MESSAGE'], 'small');
    t.is(journalFields(large.bytes)['CTFLOW_STATISTICS'].length, 1 << 20);
  }
});
