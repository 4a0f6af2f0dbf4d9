/** `--exclude-self`: what ctflow sends to its collectors is not exported, without a rule of nft. */
import test from 'ava';
import { BACKENDS, startExporter } from '../helpers/kernel/command.js';
import { PrivateNamespace } from '../helpers/kernel/namespace.js';
import { needs } from '../helpers/kernel/require.js';
import { Traffic } from '../helpers/kernel/traffic.js';

for (const { name, needs: wanted } of BACKENDS) {
  needs(test.serial, ['namespace', 'conntrack', ...wanted])(
    `${name}: the exporter's own connections are left out, UDP and TCP, refused ones too; with off they are not`,
    async t => {
      for (const which of ['on', 'off']) {
        const namespace = await PrivateNamespace.create(t);
        await namespace.track();
        const traffic = new Traffic(namespace);
        const { port: udp } = await traffic.do('udpListen', { host: '127.0.0.1', answer: 0 });
        const { port: tcp } = await traffic.do('tcpListen', { host: '127.0.0.1', answer: 0 });
        const collectors = [`udp://127.0.0.1:${udp}`, `tcp://127.0.0.1:${tcp}`, 'tcp://127.0.0.1:9'];
        const flags = `--exclude-self ${which} --flow-poll-interval 100ms --active-flow-export-timeout 100ms --reconnect-interval 100ms`;
        const exporter = await startExporter(namespace, name, collectors, flags);
        await traffic.do('udpSend', {
          host: '127.0.0.1',
          port: udp,
          from: 6001,
          packets: 1,
          size: 11,
          answered: false,
        });
        await new Promise(resolve => setTimeout(resolve, 1_500));
        await exporter.stop(); // one collector is not there: what it did not get makes the exit code 1
        const { store } = exporter.log().at(-1) as { store: { added: number; own: number } };
        if (which === 'on') {
          t.is(store.added, 1, 'the other connection alone');
          t.true(store.own > 0);
        } else t.true(store.added > 1);
      }
    },
  );
}
