/** A flight recorder on a disk of 6 MiB, the argument, that is filled and has room again. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RecorderRig, shown } from '../../helpers/rigs/recorder-rig.js';

const [, , disk] = process.argv;
const directory = join(disk, 'record');
const filler = join(disk, 'filler');
writeFileSync(filler, Buffer.alloc(3 << 20));
const rig = await RecorderRig.open(directory, { size: 64 << 20, rate: 1 << 30 });
rig.destroy(1);
await rig.written();
const many = Array.from({ length: 5000 }, (_, i) => i);
for (let turn = 0; turn < 100 && rig.recorder.stats().errors === 0; turn++) {
  // in a dump, too: the segment must not end within it
  rig.recorder.wantDump();
  await rig.dump(many, many);
  await rig.written();
}
rig.destroy(7);
await rig.written();
await rig.recorder.write('command').catch(() => {});
const full = rig.recorder.stats();
rmSync(filler);
rig.now.time += 60_000;
rig.destroy(2);
rig.recorder.wantDump();
await rig.dump([3]);
await rig.written();
const { path } = await rig.recorder.write('command');
const lines = await shown(path);
await rig.recorder.close();
process.stdout.write(JSON.stringify({ full, later: rig.recorder.stats(), lines }));
