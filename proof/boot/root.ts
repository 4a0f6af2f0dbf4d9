import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from '../../bench/host/machine.js';
import { debianRoot } from './debian.js';

const PACKAGES = ['systemd', 'systemd-sysv', 'dbus', 'libstdc++6', 'iproute2', 'nftables', 'procps', 'kmod', 'openssl'];
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
  const root = debianRoot('boot', PACKAGES);
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
