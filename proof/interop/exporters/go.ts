import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../../bench/host/machine.js';
import { buildGo, GO_PEERS } from '../../../bench/peers/go.js';
import { without } from '../takers/programs.js';
import type { Exporter } from './exporter.js';
import { failed, PORT, stage } from './stage.js';

/** The exporter of the Go module vmware/go-ipfix. */
export const goIpfixExporter: Exporter = {
  name: 'go-ipfix',
  run: 'its exporter, with an element of each type',
  lacks: () => without('namespace') ?? buildGo(GO_PEERS),
  version: () => /go-ipfix (v\S+)/.exec(readFileSync(join(ROOT, 'bench/peers/go/go.mod'), 'utf8'))![1],
  async send(scope) {
    const { namespace, capture } = await stage(scope);
    const ended = await namespace.finish(GO_PEERS, ['export', `127.0.0.1:${PORT}`]);
    if (ended.code !== 0) throw failed('go-ipfix', ended);
    return capture.everything();
  },
};
