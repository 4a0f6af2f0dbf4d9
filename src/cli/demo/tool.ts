import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** npm puts these in front of all others, and in them may be another `nft` (of @vercel/nft). */
const NPM_FOLDER = join('node_modules', '.bin');

/** The search path for programs of the system, with the directories that the shell of an ordinary user often lacks. */
export const TOOL_PATH = [
  ...(process.env['PATH'] ?? '').split(delimiter).filter(folder => folder && !folder.endsWith(NPM_FOLDER)),
  '/usr/local/sbin',
  '/usr/sbin',
  '/sbin',
].join(delimiter);

/** The whole path of a program, undefined where it is not installed. */
export function findTool(name: string): string | undefined {
  return TOOL_PATH.split(delimiter)
    .map(folder => join(folder, name))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Runs a program to its end and gives what it printed on stdout.
 * @throws Error with the program's own words when it cannot be started or does not end with 0
 */
export function runTool(command: readonly string[], input = ''): Promise<string> {
  const [file, ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env: { ...process.env, PATH: TOOL_PATH, LC_ALL: 'C' } });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    child.stdin.on('error', () => {}).end(input); // a program that ends without reading says so by its exit code
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(out);
      else reject(new Error(err.trim() || `${file} ended with ${signal ?? code}`));
    });
  });
}
