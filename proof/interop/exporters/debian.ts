/** Exporters that Debian has. */
import { collect } from '../../../test/helpers/kernel/namespace.js';
import { eventually } from '../../../test/helpers/eventually.js';
import { packageVersion, without } from '../takers/programs.js';
import type { Exporter } from './exporter.js';
import { failed, PORT, stage } from './stage.js';
import { trafficCapture } from './traffic-capture.js';

export const softflowd: Exporter = {
  name: 'softflowd',
  run: 'softflowd, which reads a capture',
  lacks: () => without('namespace', 'softflowd'),
  version: () => packageVersion('softflowd'),
  async send(scope) {
    const { namespace, capture, file } = await stage(scope);
    const packets = await file('traffic.pcap', trafficCapture());
    const ended = await namespace.finish('softflowd', ['-d', '-v', '10', '-n', `127.0.0.1:${PORT}`, '-r', packets]);
    if (ended.code !== 0) throw failed('softflowd', ended);
    return capture.everything();
  },
};

export const nfprobe: Exporter = {
  name: 'nfprobe',
  run: 'pmacctd of pmacct with its plugin nfprobe, which reads a capture',
  lacks: () => without('namespace', 'pmacctd'),
  version: () => packageVersion('pmacct'),
  async send(scope) {
    const { namespace, capture, file } = await stage(scope);
    const settings = {
      daemonize: 'false',
      pcap_savefile: await file('traffic.pcap', trafficCapture()),
      plugins: 'nfprobe',
      nfprobe_receiver: `127.0.0.1:${PORT}`,
      nfprobe_version: 10,
      aggregate: 'src_host,dst_host,src_port,dst_port,proto,tos,tcpflags',
    };
    const lines = Object.entries(settings).map(([key, value]) => `${key}: ${value}\n`);
    const child = namespace.spawn('pmacctd', ['-f', await file('pmacctd.conf', lines.join(''))]);
    const finished = collect(child);
    await eventually('its messages', async () => (await capture.parts()).length > 0 || child.exitCode !== null);
    child.kill('SIGINT');
    await finished;
    return capture.everything();
  },
};

export const ulogd: Exporter = {
  name: 'ulogd2',
  run: 'ulogd, with conntrack as its input',
  lacks: () => without('namespace', 'ulogd', 'conntrack'),
  version: () => packageVersion('ulogd2'),
  async send(scope) {
    const { namespace, traffic, capture, file } = await stage(scope);
    await namespace.track();
    const plugins = '/usr/lib/x86_64-linux-gnu/ulogd';
    const config = await file(
      'ulogd.conf',
      `[global]
logfile="stdout"
loglevel=3
plugin="${plugins}/ulogd_inpflow_NFCT.so"
plugin="${plugins}/ulogd_output_IPFIX.so"
stack=ct1:NFCT,ipfix1:IPFIX
[ct1]
hash_enable=0
event_mask=0x00000004
[ipfix1]
oid=7
host="127.0.0.1"
port="${PORT}"
proto="udp"
send_template="once"
`,
    );
    const child = namespace.spawn('ulogd', ['-c', config]);
    const finished = collect(child);
    const { port } = await traffic.do('udpListen', { host: '127.0.0.1', answer: 222 });
    await eventually('its messages', async () => {
      await traffic.do('udpSend', { host: '127.0.0.1', port, packets: 3, size: 111, answered: true });
      await namespace.run('conntrack', ['-D', '-p', 'udp']);
      return (await capture.parts()).length > 1 || child.exitCode !== null;
    });
    child.kill('SIGTERM');
    const ended = await finished;
    const messages = await capture.everything();
    if (messages.length === 0) throw failed('ulogd', ended);
    return messages;
  },
};
