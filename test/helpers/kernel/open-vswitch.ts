import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '../eventually.js';
import { temporaryFolder } from '../temporary.js';
import type { PrivateNamespace } from './namespace.js';
import type { Scope } from './scope.js';

/** What scripts/machine.mjs has unpacked, and where Debian has it. */
const ROOTS = [fileURLToPath(new URL('../../../debian', import.meta.url)), '/'];
const SWITCH = 'usr/lib/openvswitch-switch/ovs-vswitchd';
const SCHEMA = 'usr/share/openvswitch/vswitch.ovsschema';

/** What tests of Open vSwitch need of the machine; its devices are root's. */
export const OPEN_VSWITCH = ['root', 'namespace', 'ovsdb-server', 'ovs-appctl', 'ovs-vsctl', 'ovs-ofctl', 'ethtool'];

/** Open vSwitch with its userspace datapath, in a namespace; it ends with the namespace. */
export class OpenVswitch {
  /** Where its sockets are: OVS_RUNDIR. */
  readonly folder: string;
  readonly #namespace: PrivateNamespace;

  private constructor(namespace: PrivateNamespace, folder: string) {
    this.#namespace = namespace;
    this.folder = folder;
  }

  static async start(scope: Scope, namespace: PrivateNamespace): Promise<OpenVswitch> {
    const folder = temporaryFolder(scope);
    const instance = new OpenVswitch(namespace, folder);
    const files = ROOTS.find(root => existsSync(join(root, SWITCH)))!;
    const database = join(folder, 'conf.db');
    await instance.run('ovsdb-tool', ['create', database, join(files, SCHEMA)]);
    const remote = `unix:${join(folder, 'db.sock')}`;
    namespace.spawn('ovsdb-server', [`--remote=p${remote}`, '--pidfile', database], instance.env);
    await eventually('the database listens', () => existsSync(join(folder, 'db.sock')));
    await instance.run('ovs-vsctl', ['--no-wait', 'init']);
    namespace.spawn(join(files, SWITCH), ['--disable-system', '--pidfile', remote], instance.env);
    return instance;
  }

  get env(): NodeJS.ProcessEnv {
    const { folder } = this;
    return { OVS_RUNDIR: folder, OVS_LOGDIR: folder, OVS_DBDIR: folder, OVS_SYSCONFDIR: folder };
  }

  /** One of its programs, to its end. @returns what it prints */
  run(program: string, args: readonly string[]): Promise<string> {
    return this.#namespace.run(program, args, { env: this.env });
  }

  /** A bridge of the userspace datapath that tracks all IPv4 and IPv6 of these ports in a zone. */
  async bridge(ports: readonly string[], zone: number): Promise<void> {
    const add = ['--', 'set', 'bridge', 'br0', 'datapath_type=netdev', 'fail_mode=secure'];
    const each = ports.flatMap(port => ['--', 'add-port', 'br0', port]);
    await this.run('ovs-vsctl', ['--timeout=60', 'add-br', 'br0', ...add, ...each]);
    for (const flow of [
      'priority=0,actions=normal',
      // neighbour discovery is no connection
      ...[135, 136].map(type => `priority=20,icmp6,icmp_type=${type},actions=normal`),
      ...['ip', 'ipv6'].flatMap(family => [
        `priority=10,${family},ct_state=-trk,actions=ct(table=1,zone=${zone})`,
        `table=1,${family},ct_state=+trk+new,actions=ct(commit,zone=${zone}),normal`,
        `table=1,${family},ct_state=+trk+est,actions=normal`,
      ]),
    ])
      await this.run('ovs-ofctl', ['add-flow', 'br0', flow]);
  }
}
