import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';

/** A path in a folder of its own that is removed after the test. */
export function temporaryPath(t: ExecutionContext, name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'ctflow-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return join(folder, name);
}
