// Writes man/, the manual for man(1), from the commands and settings of dist/; `npm pack` does, and the packages of package.mjs.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './terminal.mjs';

const { ctflowProgram } = await import('../dist/cli/program.js');
const { entryOf } = await import('../dist/cli/reference/entries.js');
const { manPages } = await import('../dist/cli/reference/man-pages.js');

rmSync(join(root, 'man'), { recursive: true, force: true });
mkdirSync(join(root, 'man'));
for (const [name, text] of manPages(entryOf(ctflowProgram()))) writeFileSync(join(root, 'man', name), text);
