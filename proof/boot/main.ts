/** `npm run proof:boot`: the systemd unit in a Debian that systemd has booted. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../bench/host/machine.js';
import { eventually } from '../../test/helpers/eventually.js';
import { findProgram } from '../../test/helpers/kernel/require.js';
import { Container } from './container.js';
import { DROP_INS, type DropIn, EVERYTHING } from './drop-ins.js';
import { BINDS, bootableRoot, dropIns } from './root.js';

const PATIENCE = 60_000;
let failed = 0;

/** What journald has of ctflow. */
interface Entry {
  readonly MESSAGE: string;
  readonly PRIORITY: string;
  readonly _TRANSPORT: string;
  readonly CTFLOW_UID?: string;
}

if (!findProgram('systemd-nspawn')) {
  console.error('systemd-nspawn is not installed: apt-get install systemd-container');
  process.exit(1);
}
const container = new Container(bootableRoot(), BINDS);
const ended = container.close.bind(container);
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void ended().then(() => process.exit(130)));

/** One line of the report. @param check throws where it does not hold; what it returns is said */
async function step(name: string, check: () => Promise<string>): Promise<void> {
  try {
    console.log(`✔ ${name}: ${await check()}`);
  } catch (error) {
    failed++;
    console.log(`✘ ${name}: ${(error as Error).message}`);
    const { output } = await container.shell(
      'systemctl status --no-pager -l ctflow; journalctl -u ctflow -n 30 -o cat',
    );
    console.log(output.replaceAll(/^/gm, '    '));
  }
}

async function property(name: string): Promise<string> {
  return (await container.run('systemctl', 'show', 'ctflow', '--value', '-p', name)).output.trim();
}

async function entries(): Promise<Entry[]> {
  const { output } = await container.shell('journalctl -u ctflow -o json --no-pager _SYSTEMD_UNIT=ctflow.service');
  return output
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line) as Entry);
}

const until = (what: string, ask: () => Promise<boolean>): Promise<boolean> => eventually(what, ask, PATIENCE);
const active = (): Promise<boolean> => property('ActiveState').then(state => state === 'active');
const said = async (text: string | RegExp): Promise<boolean> =>
  (await entries()).some(({ MESSAGE }) => (typeof text === 'string' ? MESSAGE.includes(text) : text.test(MESSAGE)));

function must(holds: boolean, why: string): void {
  if (!holds) throw new Error(why);
}

/** Datagrams of a hundred connections to nobody. */
const TRAFFIC = 'for port in $(seq 10000 10099); do echo x > /dev/udp/127.0.0.1/$port; done 2>/dev/null; true';

async function restartedBy(kill: string, restarts: number, why: RegExp): Promise<string> {
  const before = await property('MainPID');
  await container.run('systemctl', 'kill', '-s', kill, '--kill-whom=main', 'ctflow');
  await until('it is started again', async () => (await property('NRestarts')) === String(restarts));
  await until('it is ready again', active);
  const { output } = await container.shell('journalctl -b -o cat _PID=1');
  must(why.test(output), `systemd has not said ${why}`);
  return `process ${before} is now ${await property('MainPID')}, state restored: ${await said('found again')}`;
}

async function withDropIn(name: string, { environment, before, check }: DropIn): Promise<string> {
  const text = name === 'none' ? '' : readFileSync(join(ROOT, 'packaging/systemd/drop-ins', name), 'utf8');
  const variables = Object.entries(environment).map(([variable, value]) => `Environment=${variable}=${value}`);
  const folder = '/run/systemd/system/ctflow.service.d';
  const file = `${text}\n[Service]\n${variables.join('\n')}\n`;
  await container.shell(
    `mkdir -p ${folder}; rm -f ${folder}/*; cat > ${folder}/ctflow.conf <<'END'\n${file}END\n${before ?? ''}`,
  );
  await container.run('systemctl', 'daemon-reload');
  const { code, output } = await container.run('systemctl', 'restart', 'ctflow');
  must(code === 0, output);
  await until(check, async () => (await container.run('bash', '-c', check)).code === 0);
  return variables.map(variable => variable.replace('Environment=', '')).join(' ') || 'without another setting';
}

try {
  await step('boot', async () => {
    await container.booted();
    return (await container.run('systemctl', '--version')).output.split('\n')[0];
  });
  if (failed === 0) {
    await step('READY=1', async () => {
      await until('the unit is active', active);
      return property('StatusText');
    });
    await step('an ordinary user with CAP_NET_ADMIN', async () => {
      const status = (await container.shell(`cat /proc/$(systemctl show ctflow --value -p MainPID)/status`)).output;
      const [uid, capabilities] = [/^Uid:\s+(\d+)/m, /^CapEff:\s+0*(\w+)/m].map(one => one.exec(status)?.[1]);
      must(uid !== '0' && capabilities === '1000', status);
      return `uid ${uid}, effective capabilities 0x${capabilities}`;
    });
    await step('sysctl.d and modules-load.d', async () => {
      const names = ['acct', 'timestamp', 'events'].map(name => `net.netfilter.nf_conntrack_${name}`);
      const { output } = await container.run('sysctl', '-n', ...names);
      must(output === '1\n1\n1\n', output);
      return `${names.join(', ')} are 1`;
    });
    await step('journald', async () => {
      const start = (await entries()).find(({ MESSAGE }) => MESSAGE.startsWith('ctflow runs'));
      must(start?.['_TRANSPORT'] === 'journal' && start.PRIORITY === '6', JSON.stringify(start));
      return `by its own protocol, CTFLOW_UID=${start!.CTFLOW_UID}`;
    });
    await step('records', async () => {
      await container.run(
        'systemd-run',
        '--unit=collector',
        'sh',
        '-c',
        'exec ctflow collect --listen udp://127.0.0.1:4739 --format json >/run/collected',
      );
      await container.run('bash', '-c', TRAFFIC);
      const count = async (): Promise<number> => Number((await container.shell('wc -l </run/collected')).output);
      await until('records arrive', async () => (await count()) >= 100);
      return `${await count()} of a hundred connections`;
    });
    await step('reload', async () => {
      const { code, output } = await container.run('systemctl', 'reload', 'ctflow');
      must(code === 0, output);
      await until('it is active', active);
      return property('SubState');
    });
    await step('kill -9', () => restartedBy('KILL', 1, /ctflow.service: Main process exited, code=killed, status=9/));
    await step('watchdog', () => restartedBy('STOP', 2, /ctflow.service: Watchdog timeout/));
    await step('kill -9 at twenty moments of the start', async () => {
      for (let delay = 0; delay < 2; delay += 0.1) {
        await container.shell(`systemctl kill -s KILL --kill-whom=main ctflow; sleep ${0.2 + delay}`);
      }
      await until('it is ready', active);
      await until('it has its state', () => said('found again'));
      return `${await property('NRestarts')} restarts, ready`;
    });
    await step('stop', async () => {
      await container.run('systemctl', 'stop', 'ctflow');
      must((await property('Result')) === 'success', `Result=${await property('Result')}`);
      const last = (await entries()).at(-1)!.MESSAGE;
      must(last.startsWith('stopped'), last);
      return last.split('\n').slice(1, 3).join(' ').replaceAll(/\s+/g, ' ').trim();
    });
    await step('events of all kinds and denied packets, without a drop-in', () => withDropIn('none', EVERYTHING));
    for (const name of dropIns()) await step(`drop-in ${name}`, () => withDropIn(name, DROP_INS[name]));
  }
} finally {
  await container.close();
}
console.log(failed === 0 ? 'all of it holds' : `${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
