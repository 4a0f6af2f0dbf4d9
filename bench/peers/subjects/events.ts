import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findProgram } from '../../../test/helpers/kernel/require.js';
import { CountingSink } from '../../host/counting-sink.js';
import { COLLECTOR_PORT } from '../../host/kernel-namespace.js';
import { ROOT } from '../../host/machine.js';
import type { MeasuredBackend } from '../../results/results.js';
import type { Case, Scene, Subject, Times } from '../../subject.js';
import { events } from '../../subjects/events.js';
import { readCase } from '../../workload/event-cases.js';
import { KernelTable } from '../../workload/kernel-table.js';
import { eventListeners, secondsScheduled } from '../output.js';

/** A program that runs for one operation. */
interface Exporting {
  readonly name: string;
  readonly backend: MeasuredBackend;
  readonly port: number;
  /** Operations before the one that is measured: until V8 has compiled what runs for days. */
  readonly warmUps: number;
  command(folder: string, port: number, sizes: Scene['sizes']): readonly string[];
  ready(folder: string): boolean;
  /** What makes it export the flows. */
  flows(table: KernelTable, folder: string, flows: number): Promise<void>;
}

const LOOK_MS = 5;
const PATIENCE_MS = 30_000;
/** Records of the last message, which ulogd2 keeps to itself until it is full. */
const KEPT_BACK = 64;
const DESTROY = 4;

/** Whether somebody listens to DESTROY events. */
const listens = (): boolean => eventListeners(readFileSync('/proc/net/netlink', 'latin1')) > 0;

const CTFLOW: Exporting = {
  name: 'event to record',
  backend: 'native',
  port: COLLECTOR_PORT,
  warmUps: 5,
  command(_, port, { mtu }) {
    const host = '127.0.0.1';
    // no second poll; what is measured is work, not waiting; each connection that ends has a record
    const flags = `--backend native --mtu ${mtu} --flow-poll-interval 24h --max-rate off --zero-delta-records`;
    const silent = '--options-interval 0s --stats-interval 0s --log-level error';
    const run = `run --collector udp://${host}:${port} ${flags} ${silent}`;
    return [process.execPath, join(ROOT, 'bin/ctflow.js'), ...run.split(' ')];
  },
  ready: listens,
  async flows(table, _, flows) {
    await table.end(flows);
  },
};

const ULOGD: Exporting = {
  name: 'ulogd2',
  backend: 'peer',
  warmUps: 0,
  port: COLLECTOR_PORT + 1,
  command(folder, port, { mtu }) {
    const file = join(folder, 'ulogd.conf');
    const plugins = ['inpflow_NFCT', 'output_IPFIX'].map(name => `plugin="${pluginFolder()}/ulogd_${name}.so"`);
    writeFileSync(
      file,
      `[global]
logfile="${join(folder, 'log')}"
${plugins.join('\n')}
stack=ct1:NFCT,ipfix1:IPFIX
[ct1]
event_mask=${DESTROY}
hash_enable=0
netlink_socket_buffer_size=${8 << 20}
netlink_socket_buffer_maxsize=${64 << 20}
[ipfix1]
oid=1
host=127.0.0.1
port=${port}
proto=udp
mtu=${mtu}
`,
    );
    return ['ulogd', '-c', file];
  },
  ready: listens,
  async flows(table, _, flows) {
    await table.end(flows);
  },
};

const SOFTFLOWD: Exporting = {
  name: 'softflowd',
  backend: 'peer',
  warmUps: 0,
  port: COLLECTOR_PORT + 2,
  command(folder, port, { connections }) {
    const flows = 'udp and dst net 127.0.0.0/8 and not dst host 127.0.0.1';
    const to = `-d -i lo -n 127.0.0.1:${port} -v 10 -m ${connections * 2}`;
    return ['softflowd', ...to.split(' '), '-c', join(folder, 'control'), '-p', join(folder, 'pid'), flows];
  },
  ready: folder => existsSync(join(folder, 'control')),
  async flows(table, folder, flows) {
    await table.count(1);
    const said = spawnSync(findProgram('softflowctl')!, ['-c', join(folder, 'control'), 'expire-all'], {
      encoding: 'utf8',
    });
    if (said.status !== 0) throw new Error(`softflowctl has failed: ${said.stderr}`);
    await table.end(flows);
  },
};

/** From the end of a flow to its record at the collector, the CPU of the exporter alone. */
export const peersEvents: Subject = {
  ...events,
  name: 'peers-events',
  summary: 'flows that end, to records: ctflow and ulogd2 by DESTROY events, softflowd by packets (one a flow)',
  async cases(scene: Scene): Promise<Case[]> {
    const table = await KernelTable.open(scene.family);
    const cases = [await readCase(scene, table, 'destroy'), await exportingCase(scene, CTFLOW, table)];
    if (scene.family === 'ipv6') return closing(cases, table); // ulogd2's IPFIX has IPv4 alone
    for (const exporting of [ULOGD, SOFTFLOWD]) {
      if (scene.peers?.includes(exporting.name)) cases.push(await exportingCase(scene, exporting, table));
    }
    return closing(cases, table);
  },
};

/** The last case closes the table. */
function closing(cases: Case[], table: KernelTable): Case[] {
  const last = cases.at(-1)!;
  const close = async (): Promise<void> => {
    await last.close!();
    await table.close();
  };
  return [...cases.slice(0, -1), { ...last, close }];
}

async function exportingCase({ family, sizes }: Scene, exporting: Exporting, table: KernelTable): Promise<Case> {
  const { connections, mtu } = sizes;
  const sink = await CountingSink.open(family, exporting.port);
  let folder = '';
  let child: ChildProcess | undefined;
  let before = 0;
  const cpu = (): number =>
    readdirSync(`/proc/${child!.pid}/task`)
      .map(task => secondsScheduled(readFileSync(`/proc/${child!.pid}/task/${task}/schedstat`, 'latin1')))
      .reduce((sum, seconds) => sum + seconds, 0);
  const end = async (): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true });
  };
  const arrived = async (): Promise<number> => (await sink.counts()).records - before;
  const begin = async (): Promise<void> => {
    await table.begin(connections);
    before = (await sink.counts()).records;
  };
  const run = async (): Promise<void> => {
    await exporting.flows(table, folder, connections);
    await until(`${exporting.name} has exported`, async () => (await arrived()) >= connections - KEPT_BACK);
  };
  return {
    name: exporting.name,
    backend: exporting.backend,
    parameters: { connections, mtu },
    items: connections,
    async prepare() {
      folder = mkdtempSync(join(tmpdir(), 'ctflow-peer-'));
      const [program, ...args] = exporting.command(folder, exporting.port, sizes);
      child = spawn(program.includes('/') ? program : findProgram(program)!, args, { stdio: 'ignore' });
      await until(`${exporting.name} is ready`, () => exporting.ready(folder));
      for (let i = 0; i < exporting.warmUps; i++) {
        await begin();
        await run();
        // none is left for the next operation
        await sink.arrived(before + connections);
      }
      await begin();
    },
    async operation(): Promise<Times> {
      const used = cpu();
      const began = performance.now();
      await run();
      return { wall: (performance.now() - began) / 1e3, cpu: cpu() - used };
    },
    async check() {
      const records = await arrived();
      await end();
      return records < connections - KEPT_BACK ? `${records} of ${connections} records arrived` : undefined;
    },
    async close() {
      await end();
      await sink.close();
    },
  };
}

async function until(what: string, reached: () => boolean | Promise<boolean>): Promise<void> {
  for (let waited = 0; !(await reached()); waited += LOOK_MS) {
    if (waited > PATIENCE_MS) throw new Error(`it has taken too long until ${what}`);
    await sleep(LOOK_MS);
  }
}

/** Debian has it in the folder of the machine's libraries. */
function pluginFolder(): string {
  const folders = ['/usr/lib/x86_64-linux-gnu/ulogd', '/usr/lib/aarch64-linux-gnu/ulogd', '/usr/lib/ulogd'];
  return folders.find(folder => existsSync(folder)) ?? folders[0];
}
