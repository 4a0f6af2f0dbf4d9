import test from 'ava';
import { OversizeLog } from '../../src/destination/oversize-log.js';
import { listeningLogger } from '../helpers/fakes/listening-logger.js';

test('records that no packet holds are logged once for each template, with what to do', t => {
  const { log, lines } = listeningLogger();
  const oversize = new OversizeLog(log);
  const look = (...templates: string[]): void =>
    oversize.look(
      { ...COUNTS, oversize: ++count, oversizeTemplates: Object.fromEntries(templates.map(name => [name, 1])) },
      228,
    );
  let count = 0;
  look('antrea 512 (IPv4, ports)');
  look('antrea 512 (IPv4, ports)');
  look('antrea 512 (IPv4, ports)', 'antrea 513 (IPv6, ports)');
  t.deepEqual(
    lines.map(({ template, limit }) => [template, limit]),
    [
      ['antrea 512 (IPv4, ports)', 228],
      ['antrea 513 (IPv6, ports)', 228],
    ],
  );
  t.regex(String(lines[0]['msg']), /larger than a message may be.*larger --mtu/);
});

const COUNTS = { records: 0, optionsRecords: 0, messages: 0, octets: 0, retiredTemplates: 0 };
