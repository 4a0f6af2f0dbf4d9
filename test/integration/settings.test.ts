/** What `ctflow` says of the kernel's settings, and what it sets. */
import test from 'ava';
import { BACKENDS, ctflow, RunningCommand } from '../helpers/kernel/command.js';
import { listConnections } from '../helpers/kernel/conntrack-list.js';
import { eventually } from '../helpers/eventually.js';
import { PrivateNamespace } from '../helpers/kernel/namespace.js';
import { needs } from '../helpers/kernel/require.js';
import { Traffic } from '../helpers/kernel/traffic.js';

const RULES = `table inet tracking {
  chain on { type filter hook output priority 0; ct state invalid counter; }
}`;
const COLLECTOR = ['--collector', 'udp://127.0.0.1:4739'];

/** Takes what is exported, so that nothing is left at the end. */
async function collectorIn(namespace: PrivateNamespace): Promise<Traffic> {
  const traffic = new Traffic(namespace);
  await traffic.do('udpListen', { host: '127.0.0.1', port: 4739 });
  return traffic;
}

for (const { name: backend, needs: wanted } of BACKENDS) {
  const rigged = needs(test.serial, ['namespace', ...wanted]);
  const flags = ['--backend', backend];

  rigged(`${backend}: where conntrack is not active, run and dump show how to activate it`, async t => {
    const namespace = await PrivateNamespace.create(t);
    const exporter = new RunningCommand(namespace, ['run', ...COLLECTOR, ...flags]);
    await eventually('the exporter says so', () => exporter.messages().includes('conntrack is not active'));
    t.true(exporter.log().some(({ hint }) => /ct state/.test(String(hint))));
    t.is((await exporter.stop()).code, 0);
    const { stderr } = await ctflow(namespace, ['dump', ...flags]);
    t.regex(stderr, /conntrack is not active/);
  });

  rigged(`${backend}: with accounting and timestamps off, run names both settings`, async t => {
    const namespace = await PrivateNamespace.create(t);
    await namespace.nft(RULES);
    await namespace.sysctl('nf_conntrack_acct', 0);
    await namespace.sysctl('nf_conntrack_timestamp', 0);
    await collectorIn(namespace);
    const exporter = new RunningCommand(namespace, ['run', ...COLLECTOR, ...flags]);
    await eventually('the exporter runs', () => exporter.messages().includes('ctflow runs'));
    const hints = exporter.log().map(({ hint }) => String(hint));
    t.true(hints.some(hint => hint.includes('net.netfilter.nf_conntrack_acct=1')));
    t.true(hints.some(hint => hint.includes('net.netfilter.nf_conntrack_timestamp=1')));
    t.is((await exporter.stop()).code, 0);
  });

  needs(test.serial, ['namespace', 'conntrack', ...wanted])(
    `${backend}: --setup-sysctl sets both, and connections have counters and a start from then on`,
    async t => {
      const namespace = await PrivateNamespace.create(t);
      await namespace.nft(RULES);
      await namespace.sysctl('nf_conntrack_acct', 0);
      await namespace.sysctl('nf_conntrack_timestamp', 0);
      const traffic = await collectorIn(namespace);
      const exporter = new RunningCommand(namespace, ['run', ...COLLECTOR, ...flags, '--setup-sysctl']);
      await eventually('the exporter runs', () => exporter.messages().includes('ctflow runs'));
      const { port } = await traffic.do('udpListen', { host: '127.0.0.1' });
      await traffic.do('udpSend', { host: '127.0.0.1', port, packets: 2, size: 8, answered: false });
      const listed = (await listConnections(namespace)).find(({ original }) => original.dport === String(port))!;
      t.is(listed.original.packets, '2');
      t.is(typeof listed.start, 'number');
      t.is((await exporter.stop()).code, 0);
    },
  );
}
