/** `npm run proof:package`: the .deb in a bare Debian, installed, used, upgraded and purged; what is in the .rpm. */
import { execFileSync, spawnSync, type ChildProcess } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ROOT } from '../../bench/host/machine.js';
import { eventually } from '../../test/helpers/eventually.js';
import { debianRoot } from '../boot/debian.js';
import { BareRoot } from './bare-root.js';

const PATIENCE = 60_000;
const SETTINGS = '/etc/ctflow/ctflow.yaml';
/** As systemd sets them for the unit. */
const STATE = '/var/lib/private/ctflow';
const USER = '61184';
const EDITED = ['udp://192.0.2.10:4739', 'udp://127.0.0.1:4739'] as const;
/** What the collector and the count beside it need; nothing of it is ctflow's. */
const DEBIAN = ['nftables', 'nfdump'];
const RULES = `table inet t {
  counter up {}
  counter down {}
  counter datagrams {}
  chain out {
    type filter hook output priority 0
    ct state new
    tcp dport 8080 counter name up
    tcp sport 8080 counter name down
    udp dport 9000 counter name datagrams
  }
}`;
/** Twenty connections over TCP, and one over UDP. */
const TRAFFIC = `use IO::Socket::INET;
my $server = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 8080, Listen => 50) or die;
my $silent = IO::Socket::INET->new(Proto => "udp", LocalAddr => "127.0.0.1", LocalPort => 9000) or die;
for my $i (1 .. 20) {
  my $client = IO::Socket::INET->new(PeerAddr => "127.0.0.1:8080") or die;
  my $accepted = $server->accept;
  print $client "x" x ($i * 100); $client->flush; read $accepted, my $octets, $i * 100;
  print $accepted "y" x ($i * 3000); $accepted->flush; read $client, $octets, $i * 3000;
}
my $datagrams = IO::Socket::INET->new(Proto => "udp", PeerAddr => "127.0.0.1:9000") or die;
$datagrams->send("z" x 100) for 1 .. 50;`;

let failed = 0;
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
const [major, minor, patch] = version.split('.').map(Number);
const next = `${major}.${minor}.${patch + 1}`;

async function step(name: string, check: () => string | Promise<string>): Promise<void> {
  try {
    console.log(`✔ ${name}: ${await check()}`);
  } catch (error) {
    failed++;
    console.log(`✘ ${name}: ${(error as Error).message}`);
  }
}

function must(holds: boolean, why: string): void {
  if (!holds) throw new Error(why);
}

/** @returns the files by the ends of their names */
function build(version: string): Record<'deb' | 'rpm', string> {
  const script = join(ROOT, 'scripts/package.mjs');
  const { status, stderr } = spawnSync(process.execPath, [script, '--version', version], { encoding: 'utf8' });
  must(status === 0, stderr);
  const made = [...stderr.matchAll(/created package: (\S+\.(deb|rpm))/g)];
  return Object.fromEntries(made.map(([, path, end]) => [end, path])) as Record<'deb' | 'rpm', string>;
}

/** @param deb a copy is in the root's /root */
function install(root: BareRoot, deb: string): string {
  return root.run('apt-get', 'install', '-y', `/root/${basename(deb)}`);
}

/** The unit's command line, started as systemd would: the same user, capability and variables. */
function startUnit(root: BareRoot): ChildProcess {
  const unit = root.read('usr/lib/systemd/system/ctflow.service');
  const command = /^ExecStart=(.*)$/m.exec(unit)![1].split(' ');
  const state = /^Environment=(CTFLOW_STATE=.*)$/m.exec(unit)![1].replace('%S', '/var/lib');
  root.shell(`mkdir -p -m 700 /var/lib/private; install -d -m 700 -o ${USER} -g ${USER} ${STATE} /run/ctflow
    ln -sfn private/ctflow /var/lib/ctflow; chmod 755 /var/lib/private`);
  const user = [`--reuid=${USER}`, `--regid=${USER}`, '--clear-groups', '--no-new-privs'];
  const capability = ['--inh-caps=-all,+net_admin', '--ambient-caps=+net_admin', '--bounding-set=-all,+net_admin'];
  return root.start('env', state, 'RUNTIME_DIRECTORY=/run/ctflow', 'setpriv', ...user, ...capability, ...command);
}

const counted = (root: BareRoot, counter: string): string =>
  /packets \d+ bytes \d+/.exec(root.run('nft', 'list', 'counter', 'inet', 't', counter))![0];

/** Packets and octets of both directions that nfdump has of a port. */
function collected(root: BareRoot, filter: string): { records: number; orig: string; reply: string } {
  const format = 'fmt:%ipkt %ibyt %opkt %obyt';
  const lines = root.run('nfdump', '-q', '-N', '-R', '/root/flows', '-o', format, filter).trim().split('\n');
  const rows = lines.map(line => line.trim().split(/\s+/).map(Number)).filter(row => row.length === 4);
  const sum = (column: number): number => rows.reduce((all, row) => all + row[column], 0);
  const both = (packets: number, octets: number): string => `packets ${sum(packets)} bytes ${sum(octets)}`;
  return { records: rows.length, orig: both(0, 1), reply: both(2, 3) };
}

async function exportOnce(root: BareRoot): Promise<string> {
  root.shell(`mkdir -p /root/flows; nft '${RULES}'
    sed -n 's/^-net\\.netfilter\\.\\(\\w*\\) = /\\1 /p' /usr/lib/sysctl.d/ctflow.conf | while read name value; do
      echo $value > /proc/sys/net/netfilter/$name
    done`);
  const collector = root.start('nfcapd', '-b', '127.0.0.1', '-p', '4739', '-w', '/root/flows', '-t', '3600');
  const log: string[] = [];
  collector.stderr!.on('data', (chunk: Buffer) => log.push(String(chunk)));
  await eventually('nfcapd listens', () => root.run('cat', '/proc/net/udp').includes(':1283 '), PATIENCE).catch(() => {
    throw new Error(`nfcapd does not listen\n${log.join('')}`);
  });
  const ctflow = startUnit(root);
  let said = '';
  ctflow.stderr!.on('data', (chunk: Buffer) => (said += String(chunk)));
  try {
    await eventually('ctflow runs', () => said.includes('"msg":"ctflow runs'), PATIENCE).catch(() => {
      throw new Error(`ctflow does not run\n${said}`);
    });
    root.run('perl', '-e', TRAFFIC);
  } finally {
    await root.end(ctflow);
    await root.end(collector);
  }
  must(ctflow.exitCode === 0, `exit ${ctflow.exitCode}\n${said}`);
  must(said.includes('"backend":"native"'), said);
  const [tcp, udp] = [collected(root, 'dst port 8080'), collected(root, 'dst port 9000')];
  const kernel = [counted(root, 'up'), counted(root, 'down'), counted(root, 'datagrams')];
  const seen = [tcp.orig, tcp.reply, udp.orig];
  must(!kernel[0].startsWith('packets 0'), 'no traffic was counted');
  must(kernel.join() === seen.join(), `the kernel counted ${kernel.join(', ')}; nfdump has ${seen.join(', ')}`);
  return `${tcp.records + udp.records} records; both have ${kernel.join(', ')}`;
}

/** Changes one line of the settings. */
function edit(root: BareRoot): string {
  const before = root.read(SETTINGS);
  const after = before.replace(...EDITED);
  writeFileSync(join(root.path, SETTINGS), after);
  const lines = before.split('\n');
  const changed = after.split('\n').filter((line, i) => line !== lines[i]);
  must(changed.length === 1, `${changed.length} lines are changed`);
  return `${changed[0].trim()}; ${root.run('ctflow', 'config', 'check').trim()}`;
}

let first: Record<'deb' | 'rpm', string> | undefined;
let second: Record<'deb' | 'rpm', string> | undefined;
await step('npm run package', () => {
  second = build(next);
  first = build(version);
  return `${basename(first.deb)}, ${basename(first.rpm)}, and ${basename(second.deb)} for the upgrade`;
});
if (first && second) {
  const [{ deb, rpm }, { deb: newer }] = [first, second];
  const root = await BareRoot.open(debianRoot('bare', DEBIAN), join(ROOT, 'build/package/root'));
  try {
    mkdirSync(join(root.path, 'root/flows'), { recursive: true });
    for (const path of [deb, newer]) copyFileSync(path, join(root.path, 'root', basename(path)));
    must(spawnSync('chroot', [root.path, 'node', '--version']).status !== 0, 'this Debian has Node');
    const before = root.files();
    await step('apt install', () => {
      install(root, deb);
      const [name, backend, node] = root.run('ctflow', 'version').split('\n');
      must(backend.startsWith('backend native') && name === `ctflow ${version}`, name + backend);
      return [name, backend, node].join(', ');
    });
    await step('one edited line', () => edit(root));
    await step('records in nfcapd', () => exportOnce(root));
    await step('upgrade', () => {
      const settings = root.read(SETTINGS);
      install(root, newer);
      const [name] = root.run('ctflow', 'version').split('\n');
      must(name === `ctflow ${next}`, name);
      must(root.read(SETTINGS) === settings, 'the settings are changed');
      return `${name}, the settings are as they were edited`;
    });
    await step('purge', () => {
      must(
        root.files().some(path => path.startsWith(`${STATE}/state`)),
        'there was no state file',
      );
      root.run('apt-get', 'purge', '-y', 'ctflow');
      const after = root.files().filter(path => !path.startsWith('/root/flows/'));
      const left = after.filter(path => !before.includes(path));
      const lost = before.filter(path => !after.includes(path));
      must(left.length + lost.length === 0, `left: ${left.join(' ')}; lost: ${lost.join(' ')}`);
      return `the same ${after.length} files and folders as before`;
    });
  } finally {
    await root.close();
  }
  await step('rpm', () => {
    const path = join(ROOT, 'build/package/rpm-root');
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path, { recursive: true });
    const say = (...args: string[]): string =>
      execFileSync('rpm', ['--root', path, ...args], { encoding: 'utf8', stdio: 'pipe' });
    // no distribution of rpm's is here: neither what it depends on nor what its scripts call
    say('--install', '--nodeps', '--noscripts', '--ignorearch', rpm);
    const differs = spawnSync('rpm', ['--root', path, '--verify', '--nodeps', '--noscripts', 'ctflow'], {
      encoding: 'utf8',
    }).stdout;
    must(differs === '', differs);
    const { stdout, stderr } = spawnSync(
      join(path, 'usr/lib/ctflow/node'),
      [join(path, 'usr/lib/ctflow/bin/ctflow.js'), 'version'],
      { encoding: 'utf8' },
    );
    must(stdout.includes('backend native'), stdout + stderr);
    say('--erase', '--nodeps', '--noscripts', 'ctflow');
    return `Debian's rpm installs, verifies and erases it, and what it holds runs here: ${stdout.split('\n')[1]}`;
  });
}
console.log(failed === 0 ? 'all of it holds' : `${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
