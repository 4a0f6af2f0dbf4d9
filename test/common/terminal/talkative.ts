/**
 * A program that has more to say than any reader without attention takes: `node talkative.js REPORT LINES`. REPORT gets
 * its process id and how many lines it has dropped. SIGTERM ends it with exit code 5.
 */
import { writeFileSync } from 'node:fs';
import { LineSink } from '../../../src/common/terminal/line-sink.js';
import { openOutput } from '../../../src/common/terminal/open-output.js';

const [report, lines] = process.argv.slice(2);
const sink = new LineSink(() => openOutput(2));
sink.onRoom = dropped => sink.write(`dropped ${dropped}\n`);
for (let i = 0; i < Number(lines); i++) sink.write(`line ${i} ${'x'.repeat(90)}\n`);
const running = setInterval(() => writeFileSync(report, `${process.pid} ${sink.dropped}`), 20);
process.on('SIGTERM', () => {
  clearInterval(running);
  void sink.close(200).then(() => (process.exitCode = 5));
});
