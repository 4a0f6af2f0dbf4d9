import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Capture } from '../../../test/helpers/kernel/capture.js';
import { PrivateNamespace, type Finished } from '../../../test/helpers/kernel/namespace.js';
import type { Scope } from '../../../test/helpers/kernel/scope.js';
import { Traffic } from '../../../test/helpers/kernel/traffic.js';

/** Where exporters send to. */
export const PORT = 4739;

/** A namespace in which an exporter runs, and whatever it sends is kept. */
export interface Stage {
  readonly namespace: PrivateNamespace;
  readonly traffic: Traffic;
  readonly capture: Capture;
  /** A file in a folder of its own. */
  file(name: string, content: string | Buffer): Promise<string>;
}

export async function stage(scope: Scope): Promise<Stage> {
  const namespace = await PrivateNamespace.create(scope);
  const folder = await mkdtemp(join(tmpdir(), 'ctflow-interop-'));
  namespace.atEnd(() => rm(folder, { recursive: true, force: true }));
  const traffic = new Traffic(namespace);
  const file = async (name: string, content: string | Buffer): Promise<string> => {
    await writeFile(join(folder, name), content);
    return join(folder, name);
  };
  return { namespace, traffic, capture: await Capture.udp(traffic, PORT), file };
}

export function failed(program: string, { code, stderr, stdout }: Finished): Error {
  return new Error(`${program}: exit ${code}\n${stderr || stdout}`);
}
