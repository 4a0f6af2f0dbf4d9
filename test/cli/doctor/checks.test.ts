/** Every check fires: what is wrong, and what mends it. */
import test, { type ExecutionContext } from 'ava';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { checkClock, isSynchronised, watchClock } from '../../../src/cli/doctor/clock.js';
import { CHECKS } from '../../../src/cli/doctor/checks.js';
import { CtflowError } from '../../../src/common/errors.js';
import { FakeSource } from '../../helpers/fakes/fake-source.js';
import { QUIET_HOST } from '../../helpers/fakes/quiet-host.js';
import { needs } from '../../helpers/kernel/require.js';
import { temporaryPath } from '../../helpers/temporary.js';
import { Authority } from '../../helpers/tls/authority.js';
import { HEALTHY, NETFILTER, NETLINK_SOCKETS, NO_PROGRAMS, findingsOf, subjectWith, type Case } from './subject.js';

const without = (path: string): Record<string, string> =>
  Object.fromEntries(Object.entries(HEALTHY).filter(([name]) => name !== path));
const withFile = (path: string, text: string): Record<string, string> => ({ ...HEALTHY, [path]: text });
const ruleset = (...rules: object[]): NonNullable<Case['programs']> => ({
  ...NO_PROGRAMS,
  'nft -j -t list ruleset': JSON.stringify({
    nftables: rules.map(rule => ({ rule: { family: 'inet', table: 't', chain: 'c', handle: 7, ...rule } })),
  }),
});
const listener = (granted: number) => (() => ({ receiveBuffer: granted, close: () => {} })) as never;
const dump = (...script: ConstructorParameters<typeof FakeSource>[0]) => ({ openKernel: () => new FakeSource(script) });
const COUNTED = { counters: [1, 2, 3, 4], start: 5n } as const;

type Fires = [
  what: string,
  check: string,
  found: RegExp,
  mend: RegExp | undefined,
  wrong: Case | ((t: ExecutionContext) => Case | Promise<Case>),
];

const FIRES: readonly Fires[] = [
  [
    'error: ovs-vswitchd is not there',
    'open-vswitch',
    /^ovs-vswitchd is not there: .*ovs-vswitchd\.pid \(ENOENT\)$/,
    /^systemctl start openvswitch-switch$/,
    t => {
      process.env['OVS_RUNDIR'] = temporaryPath(t, 'none');
      t.teardown(() => void delete process.env['OVS_RUNDIR']);
      return { line: '--source ovs', kind: 'ovs' };
    },
  ],
  [
    'error: settings contradict',
    'settings',
    /--netns needs --source kernel/,
    /ctflow config check/,
    { line: '--collector udp://a:1 --source procfs --netns x' },
  ],
  ['warning: no destination', 'settings', /no destination/, /ctflow doctor --collector/, {}],
  [
    'error: the inventory is wrong',
    'settings',
    /^--inventory: .+:1:7: node is 17\. It must be/,
    /ctflow config check/,
    t => {
      const inventory = temporaryPath(t, 'inventory.yaml');
      writeFileSync(inventory, 'node: 17\n');
      return { line: `--collector udp://a:1 --inventory ${inventory}` };
    },
  ],
  ['error: not Linux', 'kernel', /darwin has no conntrack/, /replay:/, { platform: 'darwin' }],
  [
    'error: no module',
    'modules',
    /nf_conntrack is not in the kernel/,
    /^modprobe nf_conntrack$/,
    { files: without(`${NETFILTER}max`) },
  ],
  [
    'error: no NFLOG',
    'modules',
    /nfnetlink_log is not in the kernel/,
    /^modprobe nfnetlink_log$/,
    { line: '--nflog-group 5', files: without('/proc/net/netfilter/nf_log') },
  ],
  [
    'error: no CAP_NET_ADMIN',
    'capabilities',
    /missing: CAP_NET_ADMIN, CAP_BPF; needed/,
    /--ambient-caps \+net_admin,\+bpf/,
    { files: withFile('/proc/self/status', 'CapEff:\t0000000000000000\n') },
  ],
  [
    'warning: no CAP_BPF',
    'capabilities',
    /missing: CAP_BPF;/,
    /setpriv/,
    { files: withFile('/proc/self/status', 'CapEff:\t0000000000001000\n') },
  ],
  [
    'error: not active',
    'conntrack',
    /not active in this network namespace: no rule uses it/,
    /ct state new/,
    { files: withFile(`${NETFILTER}count`, '0') },
  ],
  [
    'error: no hook',
    'conntrack',
    /its hooks are not registered/,
    /ct state new/,
    {
      files: withFile(`${NETFILTER}count`, '0'),
      programs: { ...NO_PROGRAMS, 'nft list hooks': 'family ip { hook input { 0 chain inet t c [nf_tables] } }' },
    },
  ],
  [
    'warning: nft is absent',
    'conntrack',
    /could not be seen \(rules of nft: nft is not installed\)/,
    /apt install nftables/,
    { files: withFile(`${NETFILTER}count`, '0'), programs: {} },
  ],
  [
    'error: not in the kernel',
    'conntrack',
    /nf_conntrack is not loaded/,
    /modprobe/,
    { files: without(`${NETFILTER}count`) },
  ],
  [
    'error: off',
    'acct',
    /accounting is off/,
    /^sysctl -w net.netfilter.nf_conntrack_acct=1$/,
    { files: withFile(`${NETFILTER}acct`, '0') },
  ],
  ['warning: off', 'timestamp', /timestamps are off/, /timestamp=1/, { files: withFile(`${NETFILTER}timestamp`, '0') }],
  [
    'error: off with a state file',
    'timestamp',
    /--state does not start without/,
    /timestamp=1/,
    { files: withFile(`${NETFILTER}timestamp`, '0'), line: '--state /x' },
  ],
  ['warning: automatic', 'events', /events are automatic/, /events=1/, { files: withFile(`${NETFILTER}events`, '2') }],
  ['warning: unreadable', 'events', /cannot be read/, /modprobe/, { files: without(`${NETFILTER}events`) }],
  [
    'warning: from before',
    'entries',
    /of 3 entries, 2 have no counters and 1 no start time/,
    /conntrack -F/,
    { backend: dump({ connections: [COUNTED, {}, { start: 5n }] }) },
  ],
  [
    'error: no ctnetlink',
    'entries',
    /the table cannot be read: no such subsystem/,
    /^modprobe nf_conntrack_netlink$/,
    { backend: dump({ fails: new CtflowError('CTFLOW_KERNEL_SETTING', 'no such subsystem', '') }) },
  ],
  [
    'error: not allowed',
    'entries',
    /the table cannot be read: denied/,
    /sudo/,
    { backend: dump({ fails: new CtflowError('CTFLOW_PERMISSION', 'denied', '') }) },
  ],
  [
    'warning: filling',
    'table',
    /800 of 1000 entries \(80 %\)/,
    /nf_conntrack_max=2000/,
    { files: withFile(`${NETFILTER}count`, '800') },
  ],
  [
    'error: full',
    'table',
    /950 of 1000 entries \(95 %\)/,
    /nf_conntrack_max=2000/,
    { files: withFile(`${NETFILTER}count`, '950') },
  ],
  [
    'warning: drops',
    'statistics',
    /drop 17, early_drop 2, .*the table was full/,
    /nf_conntrack_max=2000/,
    {
      files: withFile(
        '/proc/net/stat/nf_conntrack',
        'entries drop early_drop insert_failed search_restart\n1 10 2 0 0\n1 1 0 0 0\n',
      ),
    },
  ],
  [
    'warning: clashes',
    'statistics',
    /insert_failed 255, .*clashing/,
    /conntrack -S/,
    {
      files: withFile(
        '/proc/net/stat/nf_conntrack',
        'entries drop early_drop insert_failed search_restart\n1 0 0 ff 0\n',
      ),
    },
  ],
  [
    'warning: little granted',
    'receive-buffer',
    /--event-buffer 32MiB: 212992 bytes granted, net.core.rmem_max is 212992/,
    /rmem_max=33554432/,
    { backend: { openEvents: listener(425_984) } },
  ],
  [
    'error: no socket',
    'receive-buffer',
    /cannot be opened: CTFLOW_PERMISSION: denied/,
    /sudo/,
    {
      backend: {
        openEvents: () => {
          throw new CtflowError('CTFLOW_PERMISSION', 'denied', 'x');
        },
      },
    },
  ],
  [
    'warning: no counter',
    'flowtables',
    /flowtable inet t f has no counter/,
    /^nft 'add flowtable inet t f \{ hook ingress priority filter; flags offload; counter; \}'$/,
    {
      programs: {
        ...NO_PROGRAMS,
        'nft list flowtables':
          'table inet t {\n\tflowtable f {\n\t\thook ingress priority filter\n\t\tdevices = { eth0 }\n\t\tflags offload\n\t}\n}\n',
      },
    },
  ],
  ['warning: nft is absent', 'flowtables', /not all could be seen/, /apt install nftables/, { programs: {} }],
  [
    'warning: nft',
    'notrack',
    /hides its traffic from conntrack \(notrack\): nft rule inet t c handle 7/,
    /^nft delete rule inet t c handle 7$/,
    { programs: ruleset({ expr: [{ notrack: null }] }) },
  ],
  [
    'warning: iptables',
    'notrack',
    /iptables -t raw -A PREROUTING -p udp -j CT --notrack/,
    /^iptables -t raw -D PREROUTING -p udp -j CT --notrack$/,
    {
      programs: {
        ...NO_PROGRAMS,
        'iptables-save ': '',
        'iptables-save': '*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p udp -j CT --notrack\nCOMMIT\n',
      },
    },
  ],
  [
    'warning: iptables-save is absent',
    'notrack',
    /not all could be seen \(rules of iptables \(IPv4\)/,
    /apt install iptables/,
    { programs: ruleset({ expr: [{ xt: { type: 'target', name: 'CT' } }] }) },
  ],
  [
    'warning: taken',
    'nflog-groups',
    /group 5 is read by process 77 \(ulogd\)/,
    /ps -fp 77/,
    {
      line: '--nflog-group 5,6',
      files: {
        ...HEALTHY,
        '/proc/net/netfilter/nfnetlink_log': '    5 4294963198     0 2 65535    100  1\n',
        '/proc/net/netlink': NETLINK_SOCKETS,
        '/proc/77/comm': 'ulogd\n',
      },
      holders: { 4240: 76, 4242: 77 },
    },
  ],
  [
    'warning: taken by who cannot be seen',
    'nflog-groups',
    /group 5 is read by netlink port 4294963198/,
    /ss -f netlink -p \| grep 4294963198/,
    {
      line: '--nflog-group 5',
      files: {
        ...HEALTHY,
        '/proc/net/netfilter/nfnetlink_log': '    5 4294963198     0 2 65535    100  1\n',
        '/proc/net/netlink': NETLINK_SOCKETS,
      },
    },
  ],
  [
    'error: no rule logs',
    'nflog-rules',
    /no rule logs to group 6/,
    /log group 6/,
    { line: '--nflog-group 5,6', programs: ruleset({ expr: [{ log: { group: 5 } }] }) },
  ],
  [
    'error: nobody listens',
    'collector',
    /tcp:\/\/[\d.]+:\d+: ECONNREFUSED: nobody listens there/,
    /ss -lntp/,
    async () => ({ line: `--collector tcp://${QUIET_HOST}:${await freePort()}` }),
  ],
  [
    'error: expired',
    'certificates',
    /has expired on /,
    /^openssl x509/,
    () => {
      const authority = new Authority('a');
      const { tlsCertificate, tlsKey } = authority.issue({ names: ['DNS:a'], expired: true });
      return {
        line: `--collector tls://a:1 --tls-ca ${authority.tlsCa} --tls-certificate ${tlsCertificate} --tls-key ${tlsKey}`,
      };
    },
  ],
  [
    'error: no file',
    'certificates',
    /'\/nowhere' cannot be used: ENOENT/,
    undefined,
    { line: '--collector tls://a:1 --tls-ca /nowhere' },
  ],
  ['warning: jumps', 'clock', /the clock jumped by -3600000 ms/, /set-ntp/, { clockMoved: () => -3_600_000 }],
  [
    'warning: not a state file',
    'state-file',
    /is not used: it is not a state file of ctflow/,
    /^mv /,
    t => {
      const path = temporaryPath(t, 'state');
      writeFileSync(path, 'x'.repeat(100));
      return { line: `--state ${path}`, backend: { lockFile: () => true } };
    },
  ],
  [
    'error: no file',
    'state-file',
    /is not a regular file/,
    /ls -ld/,
    t => {
      const path = temporaryPath(t, 'state');
      mkdirSync(path);
      return { line: `--state ${path}` };
    },
  ],
];

for (const [what, name, found, mend, wrong] of FIRES) {
  const register = needs(test, name === 'certificates' ? ['openssl'] : []);
  register(`${name} fires, ${what}`, async t => {
    const findings = await findingsOf(name, subjectWith(typeof wrong === 'function' ? await wrong(t) : wrong));
    const fired = findings.find(finding => found.test(finding.found));
    t.truthy(fired, JSON.stringify(findings));
    t.is(fired!.status, what.split(':')[0] as 'error');
    if (mend) t.regex(fired!.command ?? '', mend);
  });
}

test('a clock that is not synchronised is a warning; where perl is missing it is not known', async t => {
  const asked: string[] = [];
  const host = (output: string | undefined) => ({
    run: (program: string, args: readonly string[]) => {
      asked.push([program, ...args].join(' '));
      return Promise.resolve(output === undefined ? { failure: 'absent' } : { output });
    },
  });
  const facts = { now: Date.now(), moved: 0, built: 0 };
  const found = async (output?: string, arch = 'x64') =>
    checkClock({ ...facts, synchronised: await isSynchronised(host(output), arch) });
  t.like(await found('5'), { status: 'warning', command: 'timedatectl set-ntp true' });
  t.regex((await found('5')).found, /not synchronised/);
  t.regex((await found('0')).found, /, synchronised$/);
  t.regex((await found()).found, /is not known/);
  t.regex((await found('0', 'mips')).found, /is not known/);
  t.is(asked[0], 'perl -e print syscall(159, my $timex = "\\0" x 256)');
});

test('a clock before the build is an error', t => {
  const facts = { now: Date.UTC(2001, 0, 1), moved: 0, synchronised: true, built: Date.UTC(1985, 9, 26) };
  t.like(checkClock(facts), { status: 'error', command: 'timedatectl set-ntp true' });
  t.regex(checkClock(facts).found, /the clock says 2001-01-01T00:00:00 UTC, which is before ctflow was built/);
  t.like(checkClock({ ...facts, now: Date.UTC(2026, 0, 1), built: Date.UTC(2026, 0, 5) }), { status: 'error' });
  let [wall, monotonic] = [1000, 0];
  const moved = watchClock(
    () => wall,
    () => monotonic,
  );
  [wall, monotonic] = [5000, 1000];
  t.is(moved(), 3000);
});

test('every check is made to fire', t => {
  t.deepEqual(
    CHECKS.map(({ name }) => name).filter(name => !FIRES.some(([, fires]) => fires === name)),
    [],
  );
});

test('on a host that lacks nothing every check is ok', async t => {
  const server = createServer(socket => socket.resume()).listen(0, QUIET_HOST);
  await once(server, 'listening');
  t.teardown(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const subject = subjectWith({
    line: `--collector tcp://${QUIET_HOST}:${port} --nflog-group 5 --state ${temporaryPath(t, 'state')}`,
    programs: ruleset({ expr: [{ log: { group: 5 } }] }),
    backend: { ...dump({ connections: [COUNTED] }), openEvents: listener(1 << 30), lockFile: () => true },
  });
  for (const { name } of CHECKS)
    for (const { status, found } of await findingsOf(name, subject)) t.is(status, 'ok', `${name}: ${found}`);
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, QUIET_HOST);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}
