import test from 'ava';
import { readCgroupPath } from '../../../src/inventory/owners/cgroup-path.js';

const ID = '4c7f'.repeat(16);
const UID = '0d5ce04e-1f5a-4c55-9e8c-2f1f6f0a7b11';

/** As systemd, container engines and the kubelet write them. */
const CASES: readonly [path: string, unit: string, container: string, podUid: string][] = [
  ['', '', '', ''],
  ['/', '', '', ''],
  ['/init.scope', 'init.scope', '', ''],
  ['/system.slice/cron.service', 'cron.service', '', ''],
  ['/system.slice/system-getty.slice/getty@tty1.service', 'getty@tty1.service', '', ''],
  ['/system.slice/ssh.socket', 'ssh.socket', '', ''],
  ['/user.slice/user-1000.slice/session-3.scope', 'session-3.scope', '', ''],
  ['/user.slice/user-1000.slice/user@1000.service/app.slice/web.service', 'user@1000.service', '', ''],
  ['/system.slice/_cpu.service/x', 'cpu.service', '', ''],
  [`/system.slice/docker-${ID}.scope`, `docker-${ID}.scope`, ID, ''],
  [`/docker/${ID}`, '', ID, ''],
  [`/machine.slice/libpod-${ID}.scope/container`, `libpod-${ID}.scope`, ID, ''],
  [`/machine.slice/libpod-conmon-${ID}.scope`, `libpod-conmon-${ID}.scope`, '', ''],
  [
    `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${UID.replaceAll('-', '_')}.slice/cri-containerd-${ID}.scope`,
    `cri-containerd-${ID}.scope`,
    ID,
    UID,
  ],
  [`/kubepods.slice/kubepods-pod${UID.replaceAll('-', '_')}.slice/crio-${ID}.scope`, `crio-${ID}.scope`, ID, UID],
  [`/kubepods/besteffort/pod${UID}/${ID}`, '', ID, UID],
  [`/kubepods/pod${'ab'.repeat(16)}/${ID}`, '', ID, 'ab'.repeat(16)],
  // a container in one: the inner one has the socket
  [`/docker/${ID}/docker/${'ab'.repeat(32)}`, '', 'ab'.repeat(32), ''],
  ['/own-x/cron.service', '', '', ''],
  [`/docker/${ID.slice(1)}`, '', '', ''],
  ['/podium/web', '', '', ''],
];

for (const [path, unit, container, podUid] of CASES)
  test(`the unit, container and Pod of the cgroup '${path}'`, t => {
    t.deepEqual(readCgroupPath(path), { unit, container, podUid });
  });
