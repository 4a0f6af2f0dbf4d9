/** The decoder `netflow` from PyPI. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalAddress, ofFamily, type OracleRecord } from '../../../test/helpers/oracles/record.js';
import { PYTHON } from '../../../test/helpers/kernel/require.js';
import { PLAIN } from '../dialect.js';
import { BUILT, readLines } from './programs.js';
import type { Taker } from './taker.js';

const VERSION = '0.12.2';
const MODULES = join(BUILT, `python-netflow-${VERSION}`);

const SCRIPT = `
import ipaddress, json, sys
sys.path.insert(0, sys.argv[1])
import netflow
def text(name, value):
    if not isinstance(value, int) or not name.endswith('Address'):
        return str(value)
    return str(ipaddress.ip_address(value.to_bytes(16 if 'IPv6' in name else 4, 'big')))
stream = sys.stdin.buffer.read()
templates = {'netflow': {}, 'ipfix': {}}
while stream:
    length = int.from_bytes(stream[2:4], 'big')
    message, stream = stream[:length], stream[length:]
    try:
        for flow in netflow.parse_packet(message, templates).flows:
            print(json.dumps({name: text(name, value) for name, value in flow.data.items()}))
    except Exception as error:
        print(type(error).__name__, error, file=sys.stderr)
`;

/** Installs the module in a folder of its own. @returns why it cannot be had */
function install(): string | undefined {
  if (existsSync(MODULES)) return undefined;
  const args = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', MODULES, `netflow==${VERSION}`];
  const { status, stderr } = spawnSync('python3', args, { encoding: 'utf8' });
  return status === 0 ? undefined : (stderr?.trim().split('\n').at(-1) ?? 'python3 is not installed');
}

export const pythonNetflow: Taker = {
  name: 'netflow',
  dialect: { ...PLAIN, biflow: 'two-uniflows' },
  nat: true,
  run: 'the Python package of PyPI; it takes no strings of variable length',
  lacks: install,
  version: () => VERSION,
  async read(messages) {
    const records = await readLines<OracleRecord>(PYTHON, ['-c', SCRIPT, MODULES], messages);
    return records.map(record =>
      Object.fromEntries(
        Object.entries(record).map(([name, text]) => [
          name.endsWith('Address') ? ofFamily(name, text) : name,
          name.endsWith('Address') ? canonicalAddress(text) : text,
        ]),
      ),
    );
  },
};
