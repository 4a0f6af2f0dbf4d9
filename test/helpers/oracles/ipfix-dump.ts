import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Element } from '../../../src/ipfix/element.js';
import { PATH } from '../kernel/require.js';
import { withFolder } from './folder.js';
import { canonicalAddress, type OracleRecord } from './record.js';

const FIELD = /^\t\(\d+(?:\/\d+)?\)(?: \(S\))?\s*(\S+) : (.*)$/; // a long name leaves no space
const MAC = /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/i;
const DATE = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/;

/**
 * Reads a stream of IPFIX messages, one after another as in a file or on TCP, with libfixbuf's ipfixDump.
 * @param taught elements of enterprises that libfixbuf does not know
 * @param tolerated complaints that are no error
 */
export async function readWithIpfixDump(
  stream: Uint8Array,
  taught: readonly Element[] = [],
  tolerated?: RegExp,
): Promise<OracleRecord[]> {
  return withFolder(async folder => {
    const file = join(folder, 'messages.ipfix');
    const elements = join(folder, 'elements.xml');
    await Promise.all([writeFile(file, stream), writeFile(elements, registry(taught))]);
    const { stdout, stderr } = await promisify(execFile)('ipfixDump', ['-d', '-e', elements, '-i', file], {
      env: { ...process.env, PATH, LC_ALL: 'C', TZ: 'UTC' },
      maxBuffer: 1 << 30,
    });
    const complaints = stderr.split('\n').filter(line => line !== '' && !tolerated?.test(line));
    if (complaints.length > 0) throw new Error(`ipfixDump: ${complaints.join('\n')}`);
    const records: OracleRecord[] = [];
    for (const line of stdout.split('\n')) {
      if (line.startsWith('--- data record')) records.push({});
      const match = FIELD.exec(line);
      if (match) records.at(-1)![match[1]] = value(match[2]);
    }
    return records;
  });
}

function value(text: string): string {
  if (DATE.test(text)) return String(Date.parse(`${text.replace(' ', 'T')}Z`));
  if (text.startsWith('(len: ')) return text.slice(text.indexOf(')') + 2);
  if (MAC.test(text)) return text;
  return /^[0-9a-f:]*:[0-9a-f:.]+$/i.test(text) ? canonicalAddress(text) : text;
}

/** The form in which libfixbuf reads IANA's registry, with the enterprise number in CERT's name space. */
function registry(elements: readonly Element[]): string {
  const records = elements.map(
    ({ name, enterprise, id, type }) =>
      `<record><name>${name}</name><dataType>${type}</dataType><cert:enterpriseId>${enterprise}</cert:enterpriseId>` +
      `<elementId>${id}</elementId></record>`,
  );
  return `<registry xmlns="http://www.iana.org/assignments" xmlns:cert="http://www.cert.org/ipfix" id="taught">
    <registry id="taught-information-elements">${records.join('\n')}</registry></registry>`;
}
