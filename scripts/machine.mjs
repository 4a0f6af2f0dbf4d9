// What the machine has and lacks: programs of the system, a Rust that can build the crates, and Debian's packages of both.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { root, run, say } from './terminal.mjs';

/** Programs that the demonstration runs, those of benchmarks and those of the tests, each with its Debian package. */
const DEMO = { unshare: 'util-linux', perl: 'perl-base' };
const BENCHMARKS = { ...DEMO, valgrind: 'valgrind' };
const TESTS = {
  ...BENCHMARKS,
  nsenter: 'util-linux',
  setpriv: 'util-linux',
  ip: 'iproute2',
  ping: 'iputils-ping',
  nft: 'nftables',
  conntrack: 'conntrack',
  chromium: 'chromium',
  openssl: 'openssl',
  tshark: 'tshark',
  nfcapd: 'nfdump',
  nfacctd: 'pmacct',
  ipfixDump: 'libfixbuf-tools',
  ipfix2csv: 'python3-ipfix',
  'systemd-notify': 'systemd',
  tmux: 'tmux',
  man: 'man-db',
  zsh: 'zsh',
  fish: 'fish',
  ethtool: 'ethtool',
  'ovs-appctl': 'openvswitch-common',
};

/** Programs of packages that would start a service: they are unpacked into UNPACKED, and not installed. */
const SERVICES = { prometheus: 'prometheus', promtool: 'prometheus', 'ovs-vsctl': 'openvswitch-switch' };
const UNPACKED = join(root, 'build/debian');

/** npm puts its own folders first, where a program of the same name may lie; an ordinary user's path lacks the last ones. */
export const PATH = [
  ...process.env.PATH.split(delimiter).filter(folder => !folder.endsWith(join('node_modules', '.bin'))),
  '/usr/local/sbin',
  '/usr/sbin',
  '/sbin',
  join(UNPACKED, 'usr/bin'),
];

function has(program) {
  return PATH.some(folder => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const output = (program, ...args) =>
  spawnSync(program, args, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } }).stdout?.trim() ?? '';

/** Why there is no cargo that is new enough, or undefined where there is one. */
function withoutCargo() {
  const [, found] = /^cargo (\d+\.\d+)/.exec(output('cargo', '--version')) ?? [];
  if (!found) return 'cargo is not installed';
  const [, wanted] = /^rust-version = "(.*)"/m.exec(readFileSync(join(root, 'Cargo.toml'), 'utf8')) ?? [];
  const older = wanted && found.localeCompare(wanted, 'en', { numeric: true }) < 0;
  return older ? `Rust ${wanted} or newer is needed, and this is ${found}` : undefined;
}

/** cargo links with cc, which wants the C library's development files. */
const links = () => output('cc', '-print-file-name=crt1.o').includes('/');

/** Why the crates cannot be built here, or undefined where they can. */
export function withoutRust() {
  if (process.platform !== 'linux') return 'the native module speaks netlink, and this is not Linux';
  return withoutCargo() ?? (links() ? undefined : 'a C linker (cc) is not installed');
}

/** Why the native module is not built, or undefined where it is. */
export function withoutNative() {
  return process.env.CTFLOW_BACKEND === 'fallback' ? 'CTFLOW_BACKEND is fallback' : withoutRust();
}

const PROGRAMS = { package: DEMO, all: BENCHMARKS, tests: TESTS };

/** The Debian packages that a purpose (of setup.mjs) would use and that are not installed. */
export function missingPackages(purpose) {
  if (process.platform !== 'linux') return [];
  const programs = { ...PROGRAMS[purpose], ...(purpose === 'tests' && SERVICES) };
  const missing = Object.entries(programs).flatMap(([program, name]) => (has(program) ? [] : [name]));
  if (process.env.CTFLOW_BACKEND !== 'fallback' && !withoutCargo() && !links()) missing.push('gcc', 'libc6-dev');
  return [...new Set(missing)];
}

/** Installs them where that is allowed, or says how; says so where it fails. Nothing stops the way on. */
export async function installPackages(packages) {
  if (packages.length === 0) return;
  const names = packages.join(' ');
  if (!has('apt-get')) return say(`not installed (names of Debian's packages): ${names}; going on without`);
  const byHand = `going on without; to install: ${process.getuid() === 0 ? '' : 'sudo '}apt-get install ${names}`;
  if (process.env.CTFLOW_SETUP === 'no') return say(`CTFLOW_SETUP=no: system packages are not installed; ${byHand}`);
  const sudo = process.getuid() === 0 ? [] : ['sudo', '-n'];
  if (sudo.length > 0 && spawnSync('sudo', ['-n', 'true']).status !== 0) {
    return say(`system packages are missing, and this user may not install them; ${byHand}`);
  }
  say(`installing the system packages ${names} with apt-get (CTFLOW_SETUP=no prevents it)`);
  // a source that does not answer at once is asked again, and another apt that is at work is waited for
  const apt = [...sudo, 'env', 'DEBIAN_FRONTEND=noninteractive', 'LC_ALL=C', 'apt-get', '-o', 'Acquire::Retries=3'];
  const lock = ['-o', `DPkg::Lock::Timeout=${process.env.CI ? 600 : 60}`];
  await run('reading the lists of packages', [...apt, 'update']);
  const known = packages.filter(name => /Candidate: [^(]/.test(output('apt-cache', 'policy', name)));
  const unknown = packages.filter(name => !known.includes(name));
  if (unknown.length > 0) say(`the lists of packages here lack ${unknown.join(' ')}`);
  const services = Object.values(SERVICES);
  for (const name of known.filter(name => services.includes(name))) await unpack(name);
  const installed = known.filter(name => !services.includes(name));
  const install = [...apt, ...lock, 'install', '-y', '--no-install-recommends', ...installed];
  if (installed.length > 0 && !(await run('installing system packages', install)).ok) {
    say(`apt-get could not install them; ${byHand}`);
  }
}

/** Its files alone, without what a package does when it is installed. */
async function unpack(name) {
  mkdirSync(UNPACKED, { recursive: true });
  const fetch = ['env', '-C', UNPACKED, 'apt-get', '-o', 'Acquire::Retries=3', 'download', name];
  let { ok } = await run(`fetching ${name}`, fetch);
  for (const file of readdirSync(UNPACKED).filter(file => file.endsWith('.deb'))) {
    const path = join(UNPACKED, file);
    ok &&= (await run(`unpacking ${name}`, ['dpkg-deb', '-x', path, UNPACKED])).ok;
    rmSync(path);
  }
  if (!ok) say(`${name} could not be unpacked; going on without`);
}
