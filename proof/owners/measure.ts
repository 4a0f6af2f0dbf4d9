import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cgroups } from '../../test/helpers/kernel/cgroups.js';
import { RunningCommand } from '../../test/helpers/kernel/command.js';
import { eventually } from '../../test/helpers/eventually.js';
import { PrivateNamespace } from '../../test/helpers/kernel/namespace.js';
import { PYTHON } from '../../test/helpers/kernel/require.js';
import type { EndingScope } from '../../test/helpers/kernel/scope.js';
import { temporaryFolder } from '../../test/helpers/temporary.js';
import { CollectedFiles } from '../collected-files.js';
import { CROWD } from './crowd.js';

export interface Wanted {
  readonly connections: number;
  readonly processes: number;
  readonly cgroups: number;
  /** Milliseconds between two polls. */
  readonly poll: number;
  readonly seed: number;
}

/** What is said of the ends of connections, by their last records; wrong counts all records. */
export interface Verdicts {
  readonly right: number;
  readonly unknown: number;
  readonly wrong: number;
}

export interface Measured {
  /** Connections that were made. */
  readonly made: number;
  /** Of these, that lived longer than a poll. */
  readonly long: number;
  /** Of those that did, and of the others: of their sources and destinations. */
  readonly ofLong: Readonly<Record<Side, Verdicts>>;
  readonly ofShort: Readonly<Record<Side, Verdicts>>;
  /** Records of connections that the crowd does not know of. */
  readonly strange: number;
  /** Of ctflow's statistics. */
  readonly looks: number;
  readonly sockets: number;
  /** Milliseconds of CPU. */
  readonly cpu: number;
}

export type Side = 'source' | 'destination';
const SIDES = ['source', 'destination'] as const;
const SERVERS = 5;
const FIRST_SERVER = 7000;
const FIELDS =
  'flowId,flowStartMilliseconds,flowEndMilliseconds,sourceTransportPort,destinationTransportPort,' +
  'sourceUserName=32473/1,sourceSocketCgroup=32473/2,sourceCommand=32473/3,' +
  'destinationUserName=32473/4,destinationSocketCgroup=32473/5,destinationCommand=32473/6';

/** A connection as whoever made it saw it; milliseconds since 1970. */
interface Made {
  readonly port: number;
  readonly server: number;
  readonly user: number;
  readonly began: number;
  readonly connected: number;
  readonly ended: number;
}

/** A record as `ctflow collect` prints it. */
type Printed = Readonly<Record<string, string | number | undefined>>;

/** Has a crowd make connections, exports them, and compares the owners in records with those who made them. */
export async function measure(scope: EndingScope, wanted: Wanted): Promise<Measured> {
  const cgroups = Cgroups.create(scope, 'crowd');
  const clients = Array.from({ length: wanted.cgroups }, (_, i) => cgroups.make(`client${i}.service`));
  const servers = Array.from({ length: SERVERS }, (_, i) => cgroups.make(`server${i}.service`));
  const namespace = await PrivateNamespace.create(scope);
  await namespace.track();
  // ports are used again at once, also after an orderly end
  await namespace.sysctl('ipv4/tcp_tw_reuse', 1);
  const folder = temporaryFolder(scope);
  const files = new CollectedFiles(folder);
  const what = ['--owners', '--fields', FIELDS, '--collector', files.endpoint, '--control', 'off'];
  const when = ['--flow-poll-interval', `${wanted.poll}ms`, '--stats-interval', '0s'];
  const exporter = new RunningCommand(namespace, ['run', ...what, ...when]);
  await eventually('ctflow runs', () => exporter.stderr.includes('"msg":"ctflow runs"'));
  const texts = [wanted.connections, clients.map(one => one.folder), servers.map(one => one.folder)];
  const args = [...texts, wanted.processes, wanted.poll, wanted.seed].map(one => JSON.stringify(one));
  const crowd = namespace.spawn(PYTHON, ['-c', CROWD, ...args]);
  let said = '';
  crowd.stdout.on('data', chunk => (said += chunk));
  crowd.stderr.pipe(process.stderr);
  await eventually('the crowd has done', () => said.endsWith('over\n'));
  // one more poll, and its looks
  await new Promise(resolve => setTimeout(resolve, 2 * wanted.poll));
  const { stderr } = await exporter.stop('SIGINT');
  crowd.stdin.end('\n');
  await once(crowd, 'exit');
  const made = said
    .trim()
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line) as Made);
  const records = join(folder, 'records.json');
  files.readInto(records);
  const printed = readFileSync(records, 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Printed);
  const stopped = JSON.parse(stderr.trim().split('\n').at(-1)!) as Stopped;
  const cgroupOf = (one: Made, side: Side): string =>
    side === 'source' ? clients[(one.user - 2000) % clients.length].path : servers[one.server - FIRST_SERVER].path;
  return { ...judge(made, printed, cgroupOf, wanted.poll), ...stopped.owners };
}

interface Stopped {
  readonly owners: { readonly looks: number; readonly sockets: number; readonly cpu: number };
}

/** An owner as a record has it, and as it should be. */
interface Owner {
  readonly user: string;
  readonly cgroup: string;
  readonly command: string;
}

function judge(
  made: readonly Made[],
  printed: readonly Printed[],
  cgroupOf: (one: Made, side: Side) => string,
  poll: number,
): Omit<Measured, 'looks' | 'sockets' | 'cpu'> {
  const byPorts = new Map<string, Made[]>();
  for (const one of made) {
    const key = `${one.port} ${one.server}`;
    byPorts.set(key, [...(byPorts.get(key) ?? []), one]);
  }
  const records = new Map<Made, Printed[]>();
  let strange = 0;
  for (const record of printed) {
    if (record['sourceTransportPort'] === undefined) continue;
    const start = Date.parse(String(record['flowStartMilliseconds']));
    const ports = `${record['sourceTransportPort']} ${record['destinationTransportPort']}`;
    const one = byPorts.get(ports)?.find(({ began, connected }) => start >= began - 2 && start <= connected + 2);
    if (one) records.set(one, [...(records.get(one) ?? []), record]);
    else strange++;
  }
  const none = (): Record<Side, Record<keyof Verdicts, number>> => ({
    source: { right: 0, unknown: 0, wrong: 0 },
    destination: { right: 0, unknown: 0, wrong: 0 },
  });
  const [ofLong, ofShort] = [none(), none()];
  for (const one of made) {
    const sums = one.ended - one.connected > poll ? ofLong : ofShort;
    for (const side of SIDES) {
      const expected: Owner =
        side === 'source'
          ? { user: String(one.user), cgroup: cgroupOf(one, side), command: `client${one.user - 2000}` }
          : { user: String(3000 + one.server - FIRST_SERVER), cgroup: cgroupOf(one, side), command: 'server' };
      const owners = (records.get(one) ?? []).map(record => ownerIn(record, side));
      const isWrong = owners.some(owner => owner && !isSame(owner, expected));
      sums[side][isWrong ? 'wrong' : owners.at(-1) ? 'right' : 'unknown']++;
    }
  }
  const long = made.filter(({ ended, connected }) => ended - connected > poll).length;
  return { made: made.length, long, ofLong, ofShort, strange };
}

function ownerIn(record: Printed, side: Side): Owner | undefined {
  const first = side === 'source' ? 1 : 4;
  const [user, cgroup, command] = [0, 1, 2].map(i => {
    const octets = record[`32473/${first + i}`];
    return octets === undefined ? undefined : Buffer.from(String(octets), 'hex').toString();
  });
  return user === undefined ? undefined : { user, cgroup: cgroup!, command: command! };
}

/** The program may have closed the socket when it was looked for, or not be known. */
function isSame(owner: Owner, expected: Owner): boolean {
  const command = owner.command === '' || owner.command === expected.command;
  return owner.user === expected.user && owner.cgroup === expected.cgroup && command;
}
