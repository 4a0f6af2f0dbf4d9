import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from '../../bench/host/machine.js';

const PACKAGES = ['systemd', 'systemd-sysv', 'dbus', 'libstdc++6', 'iproute2', 'nftables', 'procps', 'kmod', 'openssl'];
const SUITE = 'bookworm';
/** Where the container has this checkout and this Node. */
export const BINDS = { [ROOT.replace(/\/$/, '')]: '/usr/lib/ctflow', [dirname(process.execPath)]: '/usr/lib/node' };
const FILES: Readonly<Record<string, string>> = {
  'usr/bin/ctflow': '#!/bin/sh\nexec /usr/lib/node/node /usr/lib/ctflow/bin/ctflow.js "$@"\n',
  'etc/ctflow/ctflow.yaml': 'flowPollInterval: 1s\nflowCollectorAddr: udp://127.0.0.1:4739\n',
  // conntrack sees nothing where no rule asks for it
  'etc/nftables.conf':
    'table inet t { chain out { type filter hook output priority 0; udp dport 4739 accept; ct state new counter; }; }\n',
  // so that nobody waits long here
  'etc/systemd/system/ctflow.service.d/quick.conf': '[Service]\nWatchdogSec=8s\nRestartSec=200ms\n',
};

/**
 * A Debian with systemd, and ctflow as its packages would install it.
 * @returns the folder; @throws where neither mmdebstrap nor debootstrap can make it
 */
export function bootableRoot(): string {
  const folder = join(ROOT, 'build/boot');
  const root = join(folder, 'root');
  if (!existsSync(join(folder, 'complete'))) {
    if (readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${folder}/`))
      throw new Error(`something is mounted below ${folder}; unmount it first`);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const program = ['mmdebstrap', 'debootstrap'].find(name => spawnSync(name, ['--version']).status === 0);
    if (!program) throw new Error('neither mmdebstrap nor debootstrap is installed');
    // what it mounts is gone with it, however it ends
    const apart = ['--mount', '--propagation', 'private', program];
    const include = `--include=${PACKAGES.join(',')}`;
    execFileSync('unshare', [...apart, '--variant=minbase', include, SUITE, root], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    writeFileSync(join(folder, 'complete'), '');
  }
  install(root);
  return root;
}

function install(root: string): void {
  const at = (path: string): string => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    return join(root, path);
  };
  rmSync(at('etc/systemd/system/ctflow.service.d'), { recursive: true, force: true });
  for (const [path, text] of Object.entries(FILES))
    writeFileSync(at(path), text, { mode: path.includes('bin/') ? 0o755 : 0o644 });
  const packaging = join(ROOT, 'packaging');
  cpSync(join(packaging, 'systemd/ctflow.service'), at('usr/lib/systemd/system/ctflow.service'));
  for (const folder of ['sysctl.d', 'modules-load.d'])
    cpSync(join(packaging, folder, 'ctflow.conf'), at(`usr/lib/${folder}/ctflow.conf`));
  const wanted = at('etc/systemd/system/multi-user.target.wants/ctflow.service');
  for (const unit of ['ctflow', 'nftables']) {
    const link = join(dirname(wanted), `${unit}.service`);
    rmSync(link, { force: true });
    symlinkSync(`/usr/lib/systemd/system/${unit}.service`, link);
  }
}

/** The drop-ins of the package, by name. */
export function dropIns(): string[] {
  return readdirSync(join(ROOT, 'packaging/systemd/drop-ins'));
}
