import { spawn } from 'node:child_process';
import type { Element } from '../../../src/ipfix/element.js';
import { collect } from '../kernel/namespace.js';
import { PYTHON } from '../kernel/require.js';
import { canonicalAddress, type OracleRecord } from './record.js';

const SCRIPT = `
import datetime, io, json, sys
import ipfix.ie, ipfix.reader
ipfix.ie.use_iana_default()
ipfix.ie.use_5103_default()
for spec in sys.argv[1:]:
    ipfix.ie.for_spec(spec)
def text(value):
    if isinstance(value, datetime.datetime):
        epoch = datetime.datetime(1970, 1, 1)
        return str((value - epoch) // datetime.timedelta(milliseconds=1))
    return value.hex() if isinstance(value, bytes) else str(value)
stream = io.BytesIO(sys.stdin.buffer.read())
for record in ipfix.reader.from_stream(stream).namedict_iterator():
    print(json.dumps({name: text(value) for name, value in record.items()}))
`;

/** What was read last: who waits for records asks again and again, and mostly nothing has come. */
let last: { readonly stream: Uint8Array; readonly specs: string; readonly records: OracleRecord[] } | undefined;

/**
 * Reads a stream of IPFIX messages, one after another as in a file or on TCP, with Debian's python3-ipfix. An element it
 * does not know is called `_ipfix_ENTERPRISE_ID`.
 * @param taught elements of enterprises that it does not know
 */
export async function readWithPython(stream: Uint8Array, taught: readonly Element[] = []): Promise<OracleRecord[]> {
  const specs = taught.map(({ name, enterprise, id, type }) => `${name}(${enterprise}/${id})<${type}>`);
  if (last?.specs === specs.join() && Buffer.compare(last.stream, stream) === 0) return last.records;
  const child = spawn(PYTHON, ['-c', SCRIPT, ...specs]);
  const { code, stdout, stderr } = await collect(child, { input: stream });
  if (code !== 0) throw new Error(`python3-ipfix: exit ${code}\n${stderr}`);
  const records = stdout
    .split('\n')
    .filter(line => line)
    .map(line => {
      const record = JSON.parse(line) as OracleRecord;
      for (const name in record) if (name.endsWith('IPv6Address')) record[name] = canonicalAddress(record[name]);
      return record;
    });
  last = { stream, specs: specs.join(), records };
  return records;
}
