import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../test/helpers/eventually.js';
import type { ProofCase } from '../case.js';
import { Scene } from '../scene.js';
import { found, holds, NOTHING_LOST, nothingLost } from './criteria.js';

const RELOADS = 10;
/** Milliseconds; a busy machine may take long. */
const PATIENCE = 120_000;

/** What the file says at each reload, of the destination that stays and of those that come and go. */
function settings(reload: number, folder: string): object {
  const name = (n: number): string => `file-${n}`;
  const to = (n: number): object => ({ flowCollectorAddr: `file://${join(folder, `${name(n)}.ipfix`)}` });
  // one comes and one goes each time, and each that has gone comes again
  const there = [reload % 3, (reload + 1) % 3];
  return {
    // in place, and with another session in turn: at the destination that stays
    activeFlowExportTimeout: `${1 + (reload % 2)}s`,
    collectorBuffer: reload % 4 < 2 ? '32MiB' : '16MiB',
    destinations: Object.fromEntries(there.map(n => [name(n), to(n)])),
  };
}

export const reloads: ProofCase = {
  name: 'reload',
  title: `SIGHUP ${RELOADS} times, with destinations added, removed and changed`,
  criterion: `${NOTHING_LOST} at the destination that stays`,
  async run(scope, size) {
    const folder = mkdtempSync(join(tmpdir(), 'ctflow-proof-reload-'));
    scope.teardown(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'ctflow.yaml');
    // JSON is YAML
    const write = (reload: number): void => writeFileSync(file, JSON.stringify(settings(reload, folder)));
    write(0);
    const scene = await Scene.open(scope, size, { state: true, exporter: ['--config', file] });
    const done = (): Record<string, unknown>[] =>
      scene.exporter.log().filter(({ msg }) => msg === 'settings are read again');
    scene.traffic.begin();
    for (let reload = 1; reload <= RELOADS; reload++) {
      await scene.traffic.reached(reload / (RELOADS + 1));
      write(reload);
      process.kill(scene.exporter.pid, 'SIGHUP');
      await eventually(`reload ${reload}`, () => done().length === reload, PATIENCE);
    }
    const all = done();
    const evidence = await scene.conclude();
    const changes = (key: string): number => all.flatMap(line => (line[key] as string[] | undefined) ?? []).length;
    const [added, removed, changed] = ['added', 'removed', 'changed'].map(changes);
    return found(
      evidence,
      [
        ...nothingLost(evidence),
        ...holds(added === RELOADS && removed === RELOADS, `${added} were added and ${removed} removed`),
        ...holds(changed > 0, 'no destination was changed'),
      ],
      { notes: [`${added} destinations added, ${removed} removed, ${changed} settings of others changed`] },
    );
  },
};
