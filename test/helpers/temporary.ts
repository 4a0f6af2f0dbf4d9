import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scope } from './kernel/scope.js';

/** A folder of its own that goes with the scope, a test for example. */
export function temporaryFolder(scope: Scope): string {
  const folder = mkdtempSync(join(tmpdir(), 'ctflow-'));
  scope.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A path in such a folder. */
export function temporaryPath(scope: Scope, name: string): string {
  return join(temporaryFolder(scope), name);
}
