/** Measures an operation that allocates 1,000 arrays of 8,000 bytes, and prints what it seems to allocate. */
import { measureMemory } from '../../../bench/memory/measure-memory.js';
import type { Case } from '../../../bench/subject.js';

const kept: Float64Array[] = [];
const known: Case = {
  name: 'known',
  backend: 'both',
  parameters: {},
  items: 1000,
  operation() {
    for (let i = 0; i < 1000; i++) kept[i & 15] = new Float64Array(1000);
  },
};

process.stdout.write(JSON.stringify(await measureMemory(known)));
